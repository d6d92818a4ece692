"""The process around one node: its log, its signals, and what its supervisor hears of it.

    SIGTERM, SIGINT   stop, cleanly; the second time at once
    SIGHUP            read the settings anew (`reload.py`)
    SIGUSR1           log everything for a quarter of an hour
    SIGUSR2           log what the settings say again
    SIGQUIT           write where each thread stands, and end: what the unit's watchdog sends

Rules kept here:
- READY is said when the doors are open, not when the network has a leader: a node that waits for
  the others' nodes has started, and to end it for that would keep the network from rising.
- The watchdog is fed after a turn of the node's one loop that was asked for and has ended, never
  by a timer: a loop that hangs starves it.
"""

from __future__ import annotations

import faulthandler
import os
import signal
from functools import partial
from pathlib import Path

import trio

from govchaind.api.access import make_access
from govchaind.api.health import reasons_not_ready
from govchaind.backup.keeping import Keeping, Kept
from govchaind.base.errors import GovchaindError, InvalidSetting, StoreReplaced
from govchaind.config import CONFIG_FILE, Config, load_config
from govchaind.identity import Identity
from govchaind.ledger.genesis import Genesis
from govchaind.node import Running, load, run_node
from govchaind.production import production
from govchaind.reload import compare, put_in_force
from govchaind.runtime.log_level import LogLevel
from govchaind.runtime.supervisor import Supervisor, status_line, supervisor_of
from govchaind.runtime.system import (
    WorkerThreads,
    calm_collector,
    favour_worker_threads,
    first_known,
    software_version,
    watch_signals,
)
from govchaind.runtime.telemetry import Telemetry, is_journal, log_to, standard_error

STANDARD_ERROR = 2
LOUD_LEVEL = "debug"
LOUD_SECONDS = 15 * 60.0
STATUS_SECONDS = 5.0  # between looks at what the status line says


class Daemon:
    """One per process: a running node and those who talk to its process."""

    def __init__(
        self,
        *,
        config: Config,
        settings_file: Path,
        level: LogLevel,
        telemetry: Telemetry,
        supervisor: Supervisor,
    ) -> None:
        self._config = config
        self._settings_file = settings_file
        self._level = level
        self._telemetry = telemetry
        self._supervisor = supervisor
        self._running: Running | None = None
        self._open = trio.Event()
        self._level_changed = trio.Event()

    # --- the supervisor -------------------------------------------------------------------------

    async def attend(self, running: Running) -> None:
        """Tell the supervisor how a node is, from its doors' opening to the end of its core."""
        self._running = running
        running.context.log = self
        async with trio.open_nursery() as nursery:
            await running.drive.wait_turn()
            await self._supervisor.say("READY=1", self._status())
            self._open.set()
            nursery.start_soon(self._tell_status)
            nursery.start_soon(self._tell_stop, running)
            nursery.start_soon(self._supervisor.feed, running.drive.wait_turn)
            nursery.start_soon(self._keep_room, running)

    async def _keep_room(self, running: Running) -> None:
        """Archive and remove old blocks, if the settings say how much is kept."""
        settings, context = self._config.storage, running.context
        folder = settings.archive_directory
        kept = Kept(
            settings.keep_blocks,
            settings.keep_days,
            None if folder is None else Path(folder),
            settings.archived_at,
        )
        threads = WorkerThreads("archive", 1)
        try:
            keeping = Keeping(
                storage=context.storage,
                genesis=context.genesis,
                kept=kept,
                threads=threads,
                prune=running.drive.let_prune,
                report=self._telemetry.event,
            )
            await keeping.run()
        finally:
            threads.close()

    async def _tell_stop(self, running: Running) -> None:
        await running.context.stopping.wait()
        await self._supervisor.say("STOPPING=1", self._status())

    async def _tell_status(self) -> None:
        told = ""
        while True:
            status = self._status()
            if status != told and self._supervisor.mention(status):
                told = status
            await trio.sleep(STATUS_SECONDS)

    def _status(self) -> str:
        """Return the status line: what `systemctl status` shows, and /readyz knows in full."""
        if self._running is None:
            return status_line("starting")
        context = self._running.context
        status = context.board.status
        reasons = [reason.english for reason in reasons_not_ready(context, status)]
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        ready = f"not ready: {reasons[0]}{more}" if reasons else "ready"
        links = len(context.links())
        return status_line(f"{status.role} at height {status.height}, links {links}; {ready}")

    # --- signals --------------------------------------------------------------------------------

    async def watch_requests(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Do what signals ask for, besides stopping, until cancelled."""
        wanted = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._wait_for_end)
            with trio.open_signal_receiver(*wanted) as signals:
                task_status.started()
                async for number in signals:
                    if number == signal.SIGUSR1:
                        self.change(LOUD_LEVEL, LOUD_SECONDS)
                    elif number == signal.SIGUSR2:
                        self._log_as_set("asked for")
                    else:
                        await self._open.wait()
                        await self._reload()

    # --- the log --------------------------------------------------------------------------------

    def change(self, level: str, seconds: float) -> None:
        """Show events of this level and above, for so long."""
        self._level.change(level, trio.current_time() + seconds)
        self._telemetry.event("log.level_changed", shown=level, seconds=seconds, reason="asked for")
        self._level_changed.set()

    def as_set(self) -> str:
        """Show what the settings say, at once; return their level."""
        self._log_as_set("asked for")
        return self._level.setting

    async def _wait_for_end(self) -> None:
        while True:
            self._level_changed = trio.Event()
            if self._level.ends is None:
                await self._level_changed.wait()
                continue
            with trio.move_on_at(self._level.ends):
                await self._level_changed.wait()
            if self._level.end_at(trio.current_time()):
                self._told_level("its time is over")

    def _log_as_set(self, reason: str) -> None:
        if self._level.end():
            self._told_level(reason)

    def _told_level(self, reason: str) -> None:
        self._telemetry.event("log.level_changed", shown=self._level.setting, reason=reason)

    async def _reload(self) -> None:
        running = self._running
        if running is None:
            return
        await self._supervisor.reloading()
        try:
            found = compare(self._config, load_config(self._settings_file))
            access = make_access(found.config.api)
        except InvalidSetting as error:
            self._telemetry.event("settings.refused", problem=error.message)
        else:
            self._config = found.config
            put_in_force(found.config, running, self._level, access)
            self._telemetry.event("settings.reloaded", changed=list(found.changed))
            if found.need_restart:
                self._telemetry.event("settings.need_restart", settings=list(found.need_restart))
        await self._supervisor.say("READY=1", self._status())


async def _main(
    config: Config,
    identity: Identity,
    genesis: Genesis,
    settings_file: Path,
    supervisor: Supervisor,
) -> None:
    stream, level = standard_error(), LogLevel(config.log.level)
    sink = log_to(
        stream,
        form=config.log.format,
        level=level,
        node=identity.name,
        journal=is_journal(stream, os.environ.get("JOURNAL_STREAM")),
    )
    telemetry = Telemetry(version=software_version(), sink=sink)
    daemon = Daemon(
        config=config,
        settings_file=settings_file,
        level=level,
        telemetry=telemetry,
        supervisor=supervisor,
    )
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(watch_signals, stop)
        await nursery.start(daemon.watch_requests)
        try:
            telemetry.metrics.watch_process()
            while not await _live(daemon, config, identity, genesis, telemetry, stop):
                telemetry.event("node.starts_again", reason="a snapshot is whole")
        except GovchaindError as error:
            telemetry.event("node.failed", code=error.code, problem=error.message)
            raise
        finally:
            nursery.cancel_scope.cancel()


async def _live(
    daemon: Daemon,
    config: Config,
    identity: Identity,
    genesis: Genesis,
    telemetry: Telemetry,
    stop: trio.Event,
) -> bool:
    """Run the node; return False if it is to be started again on another store."""
    try:
        async with production(config, identity, telemetry) as environment:
            run = partial(run_node, config, genesis, identity, environment, telemetry)
            await run(stop=stop, attend=daemon.attend)
    except StoreReplaced:
        return False
    return True


def run(directory: Path) -> None:
    """Run the node of a directory until SIGTERM or SIGINT. Raises GovchaindError."""
    config, identity, genesis = load(directory)
    supervisor = supervisor_of(os.environ, os.getpid())
    favour_worker_threads()
    calm_collector()
    faulthandler.register(signal.SIGQUIT, file=STANDARD_ERROR, chain=True)
    try:
        trio.run(_main, config, identity, genesis, directory / CONFIG_FILE, supervisor)
    except BaseExceptionGroup as group:
        known = first_known(group)
        if known is None:
            raise
        raise known from group
    finally:
        supervisor.close()
