"""Wires one node. `run_node` is the same call in production and in a simulation.

Rules it keeps:
- Nothing is saved at shutdown that is not saved while running: being killed is the same path.
- The edge (HTTP) ends first, then leadership is handed over, then the core ends; storage last.
- A store that is new (but for the very first), older than its guard file, or without one comes back
  under another store id: it takes part again only once it has been re-admitted.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import trio

from govchaind.api.access import make_access
from govchaind.api.context import ApiLimits, Context
from govchaind.api.expiries import watch_expiries
from govchaind.api.outlook import watch_outlook
from govchaind.api.server import serve_api, serve_metrics
from govchaind.base.crypto import verify
from govchaind.base.errors import Fatal, InvalidSetting
from govchaind.base.keyvalue import WriteBatch
from govchaind.base.types import PublicKey, StoreId
from govchaind.config import CONFIG_FILE, Config, load_config, split_address
from govchaind.identity import NEXT_FOLDER, STORE_ID_BYTES, Identity, load_identity
from govchaind.ledger.genesis import Genesis, read_genesis
from govchaind.raft.messages import Timing
from govchaind.replica.events import CertificateAwaited, Guard
from govchaind.replica.replica import Replica
from govchaind.replica.store import behind_guard, put_store_id, store_batch, stored_store_id
from govchaind.runtime.carried import make_carrier, make_shelf
from govchaind.runtime.drive import Drive
from govchaind.runtime.environment import Environment, ListenHttp
from govchaind.runtime.gate import Gate
from govchaind.runtime.guard import remembered, unborn
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.link import Self
from govchaind.runtime.mesh import Mesh
from govchaind.runtime.noticeboard import NoticeBoard
from govchaind.runtime.signing import Signing, make_signings
from govchaind.runtime.snapshots import Snapshots
from govchaind.runtime.system import (
    first_known,
    software_version,
)
from govchaind.runtime.telemetry import Telemetry
from govchaind.runtime.traces import Traces
from govchaind.runtime.verify_store import check_newest

HAND_OVER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a node that listens: what its process watches, and may change at run time."""

    context: Context
    drive: Drive
    mesh: Mesh
    signings: Sequence[Signing]
    snapshots: Snapshots


Attend: TypeAlias = Callable[[Running], Awaitable[None]]
"""Watches a running node until it is cancelled, as the core ends."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running node listens."""

    peer: str
    api: str
    metrics: str | None
    delivery: str | None = None


async def open_store(
    genesis: Genesis, identity: Identity, environment: Environment, telemetry: Telemetry
) -> tuple[StoreId, Guard | None]:
    """Make the store if there is none, judge it, and settle under which id it takes part.

    Raises StorageCorrupt, or InvalidSetting for another chain's store.
    """
    storage = environment.storage
    guard = remembered(environment.guard_read())
    with closing(storage.snapshot()) as snapshot:
        store = stored_store_id(snapshot)
        behind = None if store is None or guard is None else behind_guard(snapshot, guard)
    if store is None:
        # The id it was announced with, but only if the guard file says that it never lived: a
        # missing file may have been lost together with the store.
        first = guard == unborn(identity.first_store)
        store = identity.first_store if first else environment.entropy(STORE_ID_BYTES)
        await storage.write(store_batch(genesis, store, guard))
        telemetry.event("store.made", store=store.hex(), first=first)
    elif behind is not None:
        store = environment.entropy(STORE_ID_BYTES)
        batch = WriteBatch()
        put_store_id(batch, store, guard)
        await storage.write(batch)
        telemetry.event("store.set_back", problem=behind, store=store.hex())
    telemetry.event("store.checked", newest_blocks=check_newest(storage, genesis))
    return store, guard


def _make_replica(
    config: Config,
    genesis: Genesis,
    identity: Identity,
    environment: Environment,
    store: StoreId,
    guard: Guard | None,
    randomness: random.Random,
) -> Replica:
    """Make the protocol's state machine over what is durable."""
    snapshot = environment.storage.snapshot()
    try:
        return Replica(
            name=identity.name,
            store=store,
            genesis=genesis,
            signer=identity.signer,
            further_signers=[each.signer for each in identity.held()[1:]],
            verify=verify,
            timing=Timing(
                heartbeat=config.raft.heartbeat_seconds,
                election_min=config.raft.election_timeout_seconds_min,
                election_max=config.raft.election_timeout_seconds_max,
                broken_link_jitter=config.raft.broken_link_jitter_seconds,
            ),
            random=randomness,
            reader=snapshot,
            now=trio.current_time(),
            wall_ms=environment.wall_milliseconds(),
            guard=guard,
        )
    finally:
        snapshot.close()


def _make_board(replica: Replica, inbox: Inbox, telemetry: Telemetry) -> NoticeBoard:
    now = replica.status(trio.current_time())
    board = NoticeBoard(
        lambda: replica.status(trio.current_time()),
        height=now.height,
        certified=now.certified,
        certificate_awaited=lambda: inbox.put_own(CertificateAwaited()),
    )
    telemetry.metrics.watch(lambda: board.status)
    return board


def _make_drive(
    config: Config,
    environment: Environment,
    replica: Replica,
    inbox: Inbox,
    board: NoticeBoard,
    mesh: Mesh,
    telemetry: Telemetry,
    signings: Mapping[PublicKey, Signing],
) -> Drive:
    return Drive(
        replica=replica,
        storage=environment.storage,
        inbox=inbox,
        board=board,
        peers=mesh,
        telemetry=telemetry,
        wall_milliseconds=environment.wall_milliseconds,
        guard_write=environment.guard_write,
        want_signature=lambda wanted: signings[wanted.key].want(wanted),
        reserve_bytes=config.storage.reserve_bytes,
        traces=_make_traces(config, environment, board, telemetry),
    )


def _make_traces(
    config: Config, environment: Environment, board: NoticeBoard, telemetry: Telemetry
) -> Traces | None:
    if environment.traces is None:
        return None
    return Traces(
        node=board.status.node,
        door=environment.traces,
        ratio=config.trace.ratio,
        entropy=environment.entropy,
        telemetry=telemetry,
    )


def _api_limits(config: Config) -> ApiLimits:
    return ApiLimits(
        body_bytes_max=config.api.body_bytes_max,
        connections_max=config.api.connections_max,
        wait_seconds_max=config.api.wait_seconds_max,
        event_streams_max=config.api.event_streams_max,
        grace_seconds=config.shutdown.grace_seconds,
    )


def _own(genesis: Genesis, identity: Identity, store: StoreId, signing: Signing | None) -> Self:
    """Return what this node says of itself in a greeting, under one pair of its keys."""
    return Self(
        chain_id=genesis.chain_id,
        node=identity.name,
        store=store,
        software=software_version(),
        tls_key=identity.tls_public,
        signer=identity.signer,
        sign_hello=None if signing is None else signing.hello,
    )


async def run_node(
    config: Config,
    genesis: Genesis,
    identity: Identity,
    environment: Environment,
    telemetry: Telemetry,
    *,
    stop: trio.Event | None = None,
    attend: Attend | None = None,
    task_status: trio.TaskStatus[Addresses] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run one node until `stop` is set or the task is cancelled. Raises the Fatal that ended it."""
    store, guard = await open_store(genesis, identity, environment, telemetry)
    randomness = random.Random(environment.entropy(32))
    replica = _make_replica(config, genesis, identity, environment, store, guard, randomness)
    inbox, listen = Inbox(), environment.listen_http
    held, known_signed = identity.held(), replica.attestations.known_signed
    keys = [each.signer for each in held]
    signings = make_signings(keys, environment, inbox, telemetry, known_signed)
    selves = [_own(genesis, each, store, signings.get(each.attestation_public)) for each in held]
    gate = Gate(environment.threads, known=replica.known, workers=config.node.verify_threads)
    mesh = Mesh(
        own=selves[0],
        following=selves[1:],
        network=environment.network,
        inbox=inbox,
        gate=gate,
        telemetry=telemetry,
        jitter=randomness,
        members=replica.members(),
        further_addresses=config.peer.dial,
    )
    board = _make_board(replica, inbox, telemetry)
    drive = _make_drive(config, environment, replica, inbox, board, mesh, telemetry, signings)
    failures, stopping = list[Fatal](), trio.Event() if stop is None else stop

    def failed(error: Fatal) -> None:
        failures.append(error)
        stopping.set()

    snapshots = Snapshots(config.snapshot, environment, genesis, board, mesh, inbox, telemetry)
    delivery, members = config.delivery, replica.members
    context = Context(
        name=identity.name,
        version=software_version(),
        genesis=genesis,
        storage=environment.storage,
        gate=gate,
        inbox=inbox,
        board=board,
        members=members,
        links=mesh.linked,
        pooled=replica.pool.has,
        metrics=telemetry.metrics,
        failed=failed,
        report=lambda name, values: telemetry.event(name, **values),
        wall_milliseconds=environment.wall_milliseconds,
        limits=_api_limits(config),
        access=make_access(config.api),
        carrier=make_carrier(delivery, environment, genesis, identity.name, members, telemetry),
        shelf=make_shelf(delivery, environment, telemetry),
        traces=drive.traces,
        growth=drive.growth,
        signers=[signing.state for signing in signings.values()],
        joining=snapshots.joiner,
    )
    running = Running(context, drive, mesh, tuple(signings.values()), snapshots)
    await _run_parts(config, listen, running, telemetry, gate, stopping, attend, task_status)
    if failures:
        raise failures[0]


async def _run_parts(
    config: Config,
    listen: ListenHttp,
    running: Running,
    telemetry: Telemetry,
    gate: Gate,
    stopping: trio.Event,
    attend: Attend | None,
    task_status: trio.TaskStatus[Addresses],
) -> None:
    """Run core and edge; end the edge first."""
    context, drive, mesh = running.context, running.drive, running.mesh
    try:
        async with trio.open_nursery() as core:
            peer = await core.start(mesh.run, config.peer.listen)
            core.start_soon(gate.run)
            core.start_soon(drive.run)
            for signing in running.signings:
                core.start_soon(signing.run)
            core.start_soon(running.snapshots.run)
            if context.traces is not None:
                core.start_soon(context.traces.run)
            if context.shelf is not None:
                core.start_soon(context.shelf.run)
            box = None
            if context.carrier is not None:
                box = await core.start(context.carrier.run, config.delivery.listen)
            async with trio.open_nursery() as edge:
                edge.start_soon(watch_outlook, context)
                edge.start_soon(watch_expiries, context)
                host, port = split_address(config.api.listen)
                serve = partial(
                    serve_api, context, host=host, port=port, stop=stopping, listen=listen
                )
                api = await edge.start(serve)
                metrics = None
                if config.metrics.enabled:
                    host, port = split_address(config.metrics.listen)
                    show = partial(serve_metrics, telemetry.metrics.text, context.report)
                    serve = partial(show, host=host, port=port, stop=stopping, listen=listen)
                    metrics = await edge.start(serve)
                listens = Addresses(peer, api, metrics, box)
                telemetry.event("node.started", **asdict(listens))
                task_status.started(listens)
                if attend is not None:
                    core.start_soon(attend, running)
                await stopping.wait()
                telemetry.event("node.stopping")
            await drive.hand_over(HAND_OVER_SECONDS)
            core.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        fatal = first_known(group)
        if fatal is None:
            raise
        raise fatal from group
    telemetry.event("node.stopped")


def load(directory: Path) -> tuple[Config, Identity, Genesis]:
    """Read a node directory. Raises InvalidSetting."""
    config = load_config(directory / CONFIG_FILE)
    elsewhere = config.attestation.signer is not None
    identity = load_identity(config.data_directory, key_elsewhere=elsewhere)
    if (config.data_directory / NEXT_FOLDER).exists():
        elsewhere = config.attestation.next_signer is not None
        following = load_identity(config.data_directory / NEXT_FOLDER, key_elsewhere=elsewhere)
        identity = replace(identity, following=following)
    if config.node.name is not None and config.node.name != identity.name:
        raise InvalidSetting(
            f"node.name is {config.node.name} but the keys are those of {identity.name}",
            remedy="Point data_directory at the right node's files, or correct node.name.",
        )
    try:
        data = identity.genesis_path.read_bytes()
    except OSError as error:
        raise InvalidSetting(
            f"cannot read {identity.genesis_path}: {error.strerror}",
            remedy="Copy the network's genesis.bin into the node's data directory.",
        ) from None
    return config, identity, read_genesis(data)
