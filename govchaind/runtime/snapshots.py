"""A node's part in snapshots: what comes from peers goes to who serves or to who joins."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Protocol

import trio

from govchaind.base.types import Hash, Height, NodeId
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.results import load_frontier
from govchaind.replica.events import Hold
from govchaind.replica.snapshot_messages import (
    UNHELD,
    SnapshotMessage,
    SnapshotRefusal,
    WantChunk,
    WantSnapshot,
)
from govchaind.replica.store import applied_height
from govchaind.runtime.codec import WANT_SNAPSHOT, frame_of
from govchaind.runtime.environment import Environment, SnapshotDoors, Storage, Threads
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.joining import Joiner
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.mesh import Mesh
from govchaind.runtime.noticeboard import NoticeBoard
from govchaind.runtime.snapshot_server import SnapshotServer
from govchaind.runtime.store_exchange import StorageSettings, second_directory
from govchaind.runtime.store_files import DATA_FILE
from govchaind.runtime.telemetry import Telemetry

SCRATCH_DIRECTORY = "snapshots-served"


class SnapshotSettings(Protocol):
    """The section of a node's settings that is meant here."""

    @property
    def behind_blocks(self) -> int: ...

    @property
    def new_blocks(self) -> int: ...

    @property
    def serve(self) -> bool: ...

    @property
    def keep_ready(self) -> bool: ...

    @property
    def bytes_per_second_max(self) -> int: ...


class Snapshots:
    """One per node: serves others, and joins where it must."""

    def __init__(
        self,
        settings: SnapshotSettings,
        environment: Environment,
        genesis: Genesis,
        board: NoticeBoard,
        mesh: Mesh,
        inbox: Inbox,
        telemetry: Telemetry,
    ) -> None:
        doors = environment.snapshots
        self.server: SnapshotServer | None = None
        self.joiner: Joiner | None = None
        self._mesh = mesh
        if doors is None:
            return
        if settings.serve:
            self.server = SnapshotServer(
                storage=environment.storage,
                threads=doors.threads,
                directory=doors.scratch,
                send=self._send,
                telemetry=telemetry,
                bytes_per_second_max=settings.bytes_per_second_max,
                keep_ready=settings.keep_ready,
            )
        self.joiner = Joiner(
            genesis=genesis,
            doors=doors,
            status=lambda: board.status,
            linked=partial(mesh.linked, knowing=WANT_SNAPSHOT),
            send=self._send,
            own=partial(heights_in, environment.storage),
            hold=lambda held: inbox.put_own(Hold(held)),
            telemetry=telemetry,
            behind_blocks=settings.behind_blocks,
            new_blocks=settings.new_blocks,
        )
        inbox.aside = self._take

    def _send(self, peer: NodeId, message: SnapshotMessage) -> None:
        self._mesh.send(peer, frame_of(message))

    def _take(self, peer: NodeId, message: SnapshotMessage) -> None:
        if not isinstance(message, WantSnapshot | WantChunk):
            if self.joiner is not None:
                self.joiner.heard(peer, message)
        elif self.server is not None:
            self.server.ask(peer, message)
        else:
            self._send(peer, SnapshotRefusal(message.height, UNHELD))

    async def run(self) -> None:
        """Serve and join until cancelled. Raises StoreReplaced, and Fatal errors of the store."""
        async with trio.open_nursery() as nursery:
            if self.server is not None:
                nursery.start_soon(self.server.run)
            if self.joiner is not None:
                nursery.start_soon(self.joiner.run)


def heights_in(storage: Storage) -> tuple[Height, Hash]:
    """Return how many heights a store has applied, and the root of the tree over them."""
    snapshot = storage.snapshot()
    try:
        applied = applied_height(snapshot)
        return applied, load_frontier(snapshot, applied).root()
    finally:
        snapshot.close()


def make_doors(
    data_directory: Path, store: Path, settings: StorageSettings, threads: Threads
) -> SnapshotDoors:
    """Return production's doors. `store`: the folder of the node's own store."""
    second = second_directory(store)
    return SnapshotDoors(
        begun=(second / DATA_FILE).exists,
        open=partial(LmdbStorage, second, map_bytes_max=settings.map_bytes_max),
        discard=partial(shutil.rmtree, second, ignore_errors=True),
        scratch=data_directory / SCRATCH_DIRECTORY,
        threads=threads,
    )
