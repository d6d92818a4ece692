"""Answers nodes that join by snapshot: what is there, why to believe it, and chunk by chunk.

Rules it keeps:
- Consensus never waits: one question is answered at a time, all bytes together keep to
  `bytes_per_second_max`, and a peer that asks more than a few at a time is not answered.
- At most SNAPSHOTS_KEPT heights are laid out at once, and one is being laid out; then there is a
  pause, so that nobody keeps a node busy by asking for one height after another.
- Which height is its own choice where the other has none: one that others fetch already, while it
  is not old, so that all peers are asked for the same.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path

import trio

from govchaind.base.errors import Fatal, GovchaindError
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import (
    SNAPSHOT_ASKED_ALL_MAX,
    SNAPSHOT_ASKED_MAX,
    SNAPSHOT_STEPS_BYTES_MAX,
    SNAPSHOTS_KEPT,
)
from govchaind.base.merkle import AppendTree
from govchaind.base.types import Hash, Height, NodeId
from govchaind.ledger.beginning import beginning
from govchaind.ledger.block import read_block
from govchaind.ledger.results import read_result, stored_subtree
from govchaind.ledger.snapshot_chunk import is_place
from govchaind.ledger.snapshot_head import encode_step, make_head, step_height, stored_steps
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.trust import ConfigurationBlock, of_their_time
from govchaind.replica.marker import first_height
from govchaind.replica.memberships import Memberships
from govchaind.replica.snapshot_messages import (
    BUSY,
    PREPARING,
    UNHELD,
    SnapshotChunk,
    SnapshotMessage,
    SnapshotOffer,
    SnapshotRefusal,
    WantChunk,
    WantSnapshot,
)
from govchaind.replica.store import StoredLog, View, log_block, membership_in
from govchaind.replica.stored_certificates import certificate_at, last_certified
from govchaind.runtime.carrier import Pace
from govchaind.runtime.environment import Storage, Threads
from govchaind.runtime.snapshot_layout import Layout
from govchaind.runtime.telemetry import Telemetry

FRESH_HEIGHTS = 4096  # a layout so far behind the newest certified height is still offered
PAUSE_SECONDS = 30.0  # between two heights that others have laid out, and at least …
PAUSE_SHARE = 10  # … so many times what the last one took: nobody keeps a node busy with it
FAILED_MAX = 64  # heights remembered that could not be laid out
READY_LOOK_SECONDS = 30.0  # between looks at whether what is kept ready is old
Send = Callable[[NodeId, SnapshotMessage], None]


class SnapshotServer:
    """One per node that serves."""

    def __init__(
        self,
        *,
        storage: Storage,
        threads: Threads,
        directory: Path,
        send: Send,
        telemetry: Telemetry,
        bytes_per_second_max: float,
        keep_ready: bool = False,
    ) -> None:
        """`keep_ready`: whether a state is laid out before anybody asks, and anew when old."""
        self._storage = storage
        self._threads = threads
        self._directory = directory
        self._send = send
        self._telemetry = telemetry
        self._pace = Pace(bytes_per_second_max)
        self._keep_ready = keep_ready
        self._questions: deque[tuple[NodeId, WantSnapshot | WantChunk]] = deque()
        self._asked: Counter[NodeId] = Counter()
        self._arrived = trio.Event()
        self._layouts: dict[Height, Layout] = {}
        self._making: Height = 0
        self._failed: dict[Height, str] = {}
        self._make = trio.Event()
        self._not_before = 0.0

    def ask(self, peer: NodeId, question: WantSnapshot | WantChunk) -> None:
        """Take a question, unless too many wait; never waits."""
        if self._asked[peer] >= SNAPSHOT_ASKED_MAX or len(self._questions) >= (
            SNAPSHOT_ASKED_ALL_MAX
        ):
            self._count("dropped")
            return
        self._asked[peer] += 1
        self._questions.append((peer, question))
        self._arrived.set()

    async def run(self) -> None:
        """Answer until cancelled. Raises Fatal: the store is not what was written."""
        self._clear()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._lay_out_on)
            if self._keep_ready:
                nursery.start_soon(self._prepare_on)
            while True:
                while not self._questions:
                    self._arrived = trio.Event()
                    await self._arrived.wait()
                peer, question = self._questions.popleft()
                self._asked[peer] -= 1
                try:
                    reply = await self._answer(question)
                except Fatal:
                    raise
                except (GovchaindError, OSError):
                    reply = SnapshotRefusal(question.height, UNHELD)
                size = len(reply.body) if isinstance(reply, SnapshotChunk) else 0
                await self._pace.take(size)
                self._telemetry.metrics.snapshot_bytes.labels(way="sent").inc(size)
                self._count("refused" if isinstance(reply, SnapshotRefusal) else "answered")
                self._send(peer, reply)

    def _clear(self) -> None:
        """Remove what an earlier life has left."""
        if self._directory.is_dir():
            for left in self._directory.iterdir():
                if left.name.isdigit():
                    Layout(self._directory, int(left.name), self._threads).remove()

    async def _answer(self, question: WantSnapshot | WantChunk) -> SnapshotMessage:
        if isinstance(question, WantSnapshot):
            return self._offer(question)
        if not is_place(question.depth, question.path):
            return SnapshotRefusal(question.height, UNHELD)
        layout = self._layouts.get(question.height)
        if layout is None:
            return SnapshotRefusal(question.height, self._prepare(question.height))
        self._layouts[question.height] = self._layouts.pop(question.height)  # used last
        parting, body = await layout.answer(question.depth, question.path)
        return SnapshotChunk(question.height, question.depth, question.path, parting, body)

    # --- the head ---------------------------------------------------------------------------------

    def _offer(self, question: WantSnapshot) -> SnapshotMessage:
        snapshot = self._storage.snapshot()
        try:
            height = question.height or self._choose(snapshot, question.era)
            if not height:
                return SnapshotRefusal(0, UNHELD)
            code = self._prepare(height)
            if code == UNHELD:
                return SnapshotRefusal(height, code)
            certificate = certificate_at(snapshot, height)
            if certificate is None:
                return SnapshotRefusal(height, UNHELD)
            steps, whole = steps_between(snapshot, question.era, height)
            head, consistency = b"", list[Hash]()
            if whole:
                block = log_block(snapshot, height)
                head = make_head(snapshot, height, block, certificate)
                tree = AppendTree(height, stored_subtree(snapshot))
                consistency = tree.consistency_proof(min(question.seen, height))
            return SnapshotOffer(height, steps, head, consistency)
        finally:
            snapshot.close()

    def _choose(self, reader: KeyValueReader, era: Height = 0) -> Height:
        """Return the height to offer: one that is laid out or being laid out, or the newest.

        `era`: who asks knows a change of membership there, and can judge only what is above it.
        """
        certified = last_certified(reader)
        known = max([*self._layouts, self._making], default=0)
        if known > era and certified - known <= FRESH_HEIGHTS:
            return known
        memberships, least = _memberships(reader), max(first_height(reader), era + 1)
        for height in reversed(StateTree().checkpoints(reader)):
            if height < least:
                break
            fits = height <= certified and height not in self._failed
            if fits and memberships.recovery_over(height) is None:
                return height
        return 0

    # --- laying out -------------------------------------------------------------------------------

    def _prepare(self, height: Height) -> str:
        """Have a height laid out if it can be; return what is said meanwhile, "" if it is there."""
        if height in self._layouts:
            return ""
        if height in self._failed or self._root(height) is None:
            return UNHELD
        if self._making not in (0, height) or trio.current_time() < self._not_before:
            return BUSY
        if not self._making:
            self._making = height
            self._make.set()
        return PREPARING

    async def _prepare_on(self) -> None:
        """Have the newest checkpoint laid out whenever the newest layout is old."""
        while True:
            snapshot = self._storage.snapshot()
            try:
                height = self._choose(snapshot)
            finally:
                snapshot.close()
            if height:
                self._prepare(height)
            await trio.sleep(READY_LOOK_SECONDS)

    def _root(self, height: Height) -> Hash | None:
        snapshot = self._storage.snapshot()
        try:
            if not first_height(snapshot) <= height <= last_certified(snapshot):
                return None
            if _memberships(snapshot).recovery_over(height) is not None:
                return None  # others certified it than those whose turn it was: see recovery.py
            return read_result(snapshot, height).state_root
        except GovchaindError as error:
            if isinstance(error, Fatal):
                raise
            return None
        finally:
            snapshot.close()

    async def _lay_out_on(self) -> None:
        while True:
            await self._make.wait()
            height, self._make = self._making, trio.Event()
            root = self._root(height)
            layout = Layout(self._directory, height, self._threads)
            began = trio.current_time()
            try:
                if root is not None:
                    await layout.make(self._storage, root)
            except Fatal:
                raise
            except (GovchaindError, OSError) as error:
                layout.remove()
                self._failed[height] = reason = str(error)
                while len(self._failed) > FAILED_MAX:
                    del self._failed[min(self._failed)]
                self._telemetry.event("snapshot.not_laid_out", height=height, reason=reason)
            else:
                self._keep(layout)
                seconds = round(trio.current_time() - began, 3)
                self._telemetry.event(
                    "snapshot.laid_out", height=height, entries=layout.entries,
                    bytes=layout.bytes, seconds=seconds,
                )  # fmt: skip
            self._making = 0
            if len(self._layouts) >= SNAPSHOTS_KEPT or self._failed:
                now = trio.current_time()
                self._not_before = now + max(PAUSE_SECONDS, PAUSE_SHARE * (now - began))

    def _keep(self, layout: Layout) -> None:
        """Keep a new layout in place of the one that nobody has asked for the longest."""
        self._layouts[layout.height] = layout
        while len(self._layouts) > SNAPSHOTS_KEPT:
            self._layouts.pop(next(iter(self._layouts))).remove()

    def _count(self, result: str) -> None:
        self._telemetry.metrics.snapshot_questions.labels(result=result).inc()


def steps_between(reader: KeyValueReader, era: Height, height: Height) -> tuple[list[bytes], bool]:
    """Return changes of membership above `era` and below `height`, and whether these are all."""
    steps = [raw for raw in stored_steps(reader) if step_height(raw) > era]
    first = max(era, beginning(reader) - 1) + 1
    rows = reader.scan(
        height_key(Table.MEMBERSHIP, max(1, first)), height_key(Table.MEMBERSHIP, height)
    )
    blocks: list[ConfigurationBlock] = []
    for key, value in rows:
        at = int.from_bytes(key[1:9], "big")
        certificate = certificate_at(reader, at)
        if certificate is not None:
            membership, record = membership_in(value)
            header = read_block(log_block(reader, at)).header
            blocks.append(ConfigurationBlock(header, membership, certificate, record))
    steps += [encode_step(block) for block in of_their_time(blocks)]
    size = 0
    for count, raw in enumerate(steps):
        size += len(raw)
        if size > SNAPSHOT_STEPS_BYTES_MAX and count:
            return steps[:count], False
    return steps, True


def _memberships(reader: KeyValueReader) -> Memberships:
    return Memberships(StoredLog(View(reader), lambda _: None).memberships())
