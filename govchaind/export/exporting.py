"""The sink that is a folder of Parquet files: whole parts, and a manifest that is replaced.

Rules it keeps:
- A part is written beside (`.unfinished`), synced, renamed into its place at once, and then the
  manifest names it. A crash in between leaves a part that no manifest names; the next run removes
  it, and nothing else that it has not made itself.
- Closing puts out what is whole: only a height under way is written again.
- One export at a time writes to a folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import trio

from govchaind.backup.part import Tip
from govchaind.base.errors import Conflict, Refused
from govchaind.base.types import Height
from govchaind.bridge.changes import Created, Register, changes_of
from govchaind.bridge.feed import Verified
from govchaind.exit_pack.tables import load_pyarrow
from govchaind.export.layout import GENESIS, PART, part_name
from govchaind.export.manifest import Manifest, Part, read_manifest, write_manifest
from govchaind.export.part import PartWriter
from govchaind.ledger.genesis import Genesis
from govchaind.runtime.store_files import FULL_ERRNOS
from govchaind.runtime.system import sync_folder

UNFINISHED = ".unfinished"
PART_HEIGHTS = 10_000


class ExportSink:
    """A folder that this process alone writes to.

    Args:
        since: the first height to write, for a folder that is new; those before are verified only.
        part_heights: how many heights one part has at most.
    """

    def __init__(
        self, folder: Path, *, since: Height | None = None, part_heights: int = PART_HEIGHTS
    ) -> None:
        """Raises InvalidSetting: pyarrow is missing."""
        load_pyarrow()
        self._folder = folder
        self._since = since
        self._part_heights = part_heights
        self._lock: int | None = None
        self._writer: PartWriter | None = None
        self._manifest: Manifest | None = None
        self._genesis: Genesis | None = None
        self._registers: dict[str, Register] = {}
        self._tip: Tip | None = None

    @property
    def name(self) -> str:
        return str(self._folder)

    async def open(self, genesis: Genesis) -> Tip | None:
        return await trio.to_thread.run_sync(self._open, genesis)

    async def write(self, verified: Verified) -> int:
        return await trio.to_thread.run_sync(self._write, verified)

    async def close(self) -> None:
        await trio.to_thread.run_sync(self._close)

    def _open(self, genesis: Genesis) -> Tip | None:
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise Conflict(
                f"another export is being written to {self._folder}",
                code="export-under-way",
                remedy="Let it end, or name another folder.",
            ) from None
        self._lock = lock
        manifest = read_manifest(self._folder)
        self._check(manifest, genesis)
        self._clear(0 if manifest is None else manifest.tip.height)
        (self._folder / GENESIS).write_bytes(genesis.bytes)
        self._genesis, self._manifest = genesis, manifest
        self._registers = {} if manifest is None else dict(manifest.registers)
        self._tip = None if manifest is None else manifest.tip
        return self._tip

    def _check(self, manifest: Manifest | None, genesis: Genesis) -> None:
        if manifest is None:
            others = [one for one in self._folder.iterdir() if not _ours(one)]
            if others:
                raise Conflict(
                    f"{self._folder} holds something else than an export",
                    code="already-there",
                    remedy="Name a folder that is not there yet, or the one of an export.",
                )
            return
        if manifest.chain_id != genesis.chain_id:
            raise Conflict(
                f"{self._folder} is an export of chain {manifest.chain_id.hex()}",
                code="other-chain",
                remedy="Name another folder.",
            )
        if self._since not in (None, manifest.since):
            raise Conflict(
                f"{self._folder} begins at height {manifest.since}, not at {self._since}",
                code="already-there",
                remedy="Leave --since out, or name another folder.",
            )

    def _clear(self, height: Height) -> None:
        """Remove what one that was killed has left: above the manifest's height, or unfinished."""
        shutil.rmtree(self._folder / UNFINISHED, ignore_errors=True)
        for one in self._folder.iterdir():
            named = PART.fullmatch(one.name)
            if named is not None and int(named[1]) > height:
                shutil.rmtree(one)

    def _write(self, verified: Verified) -> int:
        if verified.height < (self._since or 1) and self._manifest is None:
            for change in changes_of(verified):
                if isinstance(change, Created):
                    self._registers[change.register.name] = change.register
            self._tip = verified.tip
            return 0
        try:
            if self._writer is None:
                self._writer = PartWriter(self._folder / UNFINISHED, self._registers)
            writer = self._writer
            count = writer.add(verified)
            self._tip = verified.tip
            if writer.is_wide or writer.last - writer.first + 1 >= self._part_heights:
                self._put_out()
        except OSError as error:
            self._abandon()
            raise self._full(error) from error
        except BaseException:
            self._abandon()
            raise
        return count

    def _put_out(self) -> None:
        """End the part under way and put it in its place, then say so in the manifest."""
        writer, self._writer = self._writer, None
        if writer is None or self._tip is None or self._genesis is None:
            return
        files = writer.end()
        for folder, _, _ in os.walk(self._folder / UNFINISHED):
            sync_folder(Path(folder))
        (self._folder / UNFINISHED).rename(self._folder / part_name(writer.first, writer.last))
        sync_folder(self._folder)
        before = () if self._manifest is None else self._manifest.parts
        since = writer.first if self._manifest is None else self._manifest.since
        parts = (*before, Part(writer.first, writer.last, files))
        self._manifest = Manifest(
            self._genesis.chain_id, since, self._tip, dict(self._registers), parts
        )
        write_manifest(self._folder, self._manifest)

    def _abandon(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abandon()

    def _close(self) -> None:
        try:
            self._put_out()
        except OSError as error:
            self._abandon()
            raise self._full(error) from error
        finally:
            lock, self._lock = self._lock, None
            if lock is not None:  # else what is there is another's
                shutil.rmtree(self._folder / UNFINISHED, ignore_errors=True)
                os.close(lock)

    def _full(self, error: OSError) -> OSError | Refused:
        if error.errno not in FULL_ERRNOS:
            return error
        return Refused(
            f"no room for the export: {error.strerror}",
            code="export-no-room",
            remedy="Make room and run the command again: it goes on after the last whole part.",
        )


def _ours(path: Path) -> bool:
    return (
        PART.fullmatch(path.name) is not None
        or path.name in (UNFINISHED, GENESIS)
        or path.name.startswith(".manifest.json")
    )
