"""Joins by snapshot where that is sooner than blocks: when to, how far it is, and how it ends.

    follow blocks ──far behind, or nothing comes──▶ fetch ──whole──▶ StoreReplaced ──▶ start again
         ▲                                            │
         └──────────────── given up, with the cause ──┘

Rules it keeps:
- The second store is this task's alone until it is whole; the node's own is not touched. What is
  fetched is written with its marks, a few MiB at a time, so a killed node goes on where it was.
- A snapshot is of use only so far above everything that the own log holds, and is dropped else.
- Blocks are always the other way: after a try that was given up they are taken, and the next try
  waits; after some tries in a row, for long. They have most of the time, whatever others say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import trio

from govchaind.base.encoding import encode
from govchaind.base.errors import Invalid, StorageCorrupt, StorageFull, StoreReplaced
from govchaind.base.keyspace import Table, named_key
from govchaind.base.keyvalue import WriteBatch
from govchaind.base.types import Hash, Height, NodeId, Seconds
from govchaind.ledger.genesis import Genesis
from govchaind.replica.events import Status
from govchaind.replica.joining import Joining
from govchaind.replica.questions import ASKED_OF_ONE_MAX
from govchaind.replica.snapshot_messages import SnapshotChunk, SnapshotMessage
from govchaind.replica.store import APPLIED, BEGINS_LATER, FORMAT_KEY, GENESIS
from govchaind.runtime.environment import SnapshotDoors, Storage
from govchaind.runtime.telemetry import Telemetry

LOOK_SECONDS = 1.0  # between looks at how far this node is behind
TURN_SECONDS = 0.25  # at most between two turns of a try, if nothing comes
FIRST_SECONDS = 0.5  # after the first link, an empty store waits for what others say
FIRST_LOOKS_MAX = 6
STALLED_SECONDS = 30.0  # nothing applied so long though others are ahead: they lack the blocks
STALLED_BLOCKS = 64  # and so many are lacking: an hour at rest
PROGRESS_SECONDS = 5.0
WRITE_BYTES = 32 * 1024 * 1024  # what is fetched is written when it is so much …
WRITE_SECONDS = 2.0  # … or has waited so long
WAITING_MAX = 64  # answers that wait to be judged; more were not asked for
WAITING_OF_ONE_MAX = 2 * ASKED_OF_ONE_MAX  # … of one peer, late ones among them
OTHERS_FIRST = 3  # each try begins so many peers further: all of the last may have been silent
NEW_SHARE = 10  # with less than a tenth of the blocks a node has little history to lose
TRIES_MAX = 3  # in a row, with a short pause; then a long one
PAUSE_SECONDS = 10.0
LONG_PAUSE_SECONDS = 600.0
BLOCKS_SHARE = 3  # and at least so many times what the try took: blocks are held back meanwhile

WHOLE = named_key(Table.META, b"joined")  # the height, once the second store is whole

Send = Callable[[NodeId, SnapshotMessage], None]


class Joiner:
    """One per node that may join by snapshot."""

    def __init__(
        self,
        *,
        genesis: Genesis,
        doors: SnapshotDoors,
        status: Callable[[], Status],
        linked: Callable[[], Sequence[NodeId]],
        send: Send,
        hold: Callable[[bool], None],
        own: Callable[[], tuple[Height, Hash]],
        telemetry: Telemetry,
        behind_blocks: int,
        new_blocks: int,
    ) -> None:
        """Make it; it does nothing before `run`.

        Args:
            own: says how many heights are applied here, and the root of the tree over them.
            behind_blocks: so far behind a snapshot is fetched; 0: never.
            new_blocks: the same while this node holds less than a tenth of the blocks.
        """
        self._genesis = genesis
        self._doors = doors
        self._status = status
        self._linked = linked
        self._send = send
        self._hold = hold
        self._own = own
        self._telemetry = telemetry
        self._behind_blocks = behind_blocks
        self._new_blocks = new_blocks
        self._answers: deque[tuple[NodeId, SnapshotMessage]] = deque()
        self._arrived = trio.Event()
        self._try: Joining | None = None
        self._tries = 0
        self._not_before: Seconds = 0.0
        self._moved: tuple[Height, Seconds] = (-1, 0.0)
        telemetry.metrics.snapshot_share.set_function(lambda: self.share or 0.0)

    @property
    def share(self) -> float | None:
        """How much of a snapshot is here, of 1; None while none is being fetched."""
        return None if self._try is None else self._try.share

    @property
    def height(self) -> Height:
        """The height of the snapshot that is being fetched; 0 if none is."""
        return 0 if self._try is None else self._try.height

    def heard(self, peer: NodeId, message: SnapshotMessage) -> None:
        """Take an answer, unless too many wait; never waits. No peer takes the others' places."""
        if self._try is None or len(self._answers) >= WAITING_MAX:
            return
        if sum(1 for other, _ in self._answers if other == peer) < WAITING_OF_ONE_MAX:
            self._answers.append((peer, message))
            self._arrived.set()

    def _in_turn(self) -> Sequence[NodeId]:
        """Return who can be asked; each try begins with others."""
        linked = self._linked()
        first = OTHERS_FIRST * self._tries % max(1, len(linked))
        return [*linked[first:], *linked[:first]]

    async def run(self) -> None:
        """Look, and join when it is due, until cancelled. Raises StoreReplaced."""
        if not (self._behind_blocks or self._new_blocks):
            return
        if self._status().height == 0 or self._doors.begun():
            await self._hear_first()
        while True:
            due = self._due(trio.current_time())
            if due is not None:
                await self._join(*due)
            await trio.sleep(LOOK_SECONDS)

    async def _hear_first(self) -> None:
        """Take no blocks before others have said how far they are: it would be in vain."""
        self._hold(True)
        for _ in range(FIRST_LOOKS_MAX):
            linked = bool(self._linked())
            await trio.sleep(FIRST_SECONDS)
            if linked:
                break
        if self._due(trio.current_time()) is None:
            self._hold(False)

    def _due(self, now: Seconds) -> tuple[str, Height] | None:
        """Say why a snapshot is to be fetched now, and the least height of use; or None.

        How far others are is only what they say. So what is fetched must itself be so far ahead:
        else one that lies about its head would have this node give its history away.
        """
        status = self._status()
        have = max(status.height, status.last_height)
        if have > self._moved[0]:
            self._moved = have, now
        if now < self._not_before or not self._linked() or status.role == "leader":
            return None
        if self._doors.begun():
            return "an earlier life of this node has begun to", have + 1
        behind = status.seen - have
        new = have * NEW_SHARE < status.seen
        if self._behind_blocks and behind >= self._behind_blocks:
            return f"it is {behind} blocks behind", have + self._behind_blocks
        if self._new_blocks and new and behind >= self._new_blocks:
            return f"it is {behind} blocks behind", have + self._new_blocks
        if behind >= STALLED_BLOCKS and now - self._moved[1] > STALLED_SECONDS:
            return f"no linked node has given block {have + 1}", have + STALLED_BLOCKS
        return None

    async def _join(self, cause: str, least: Height) -> None:
        """Try to fetch a snapshot. Raises StoreReplaced when one is whole; StorageCorrupt of the
        own store, not of the second one, which nobody needs."""
        reason, began, own = "", trio.current_time(), self._own()
        self._hold(True)
        try:
            storage = self._doors.open()
            try:
                reason = await self._fetch(storage, cause, least, own)
            finally:
                storage.close()
        except (StorageFull, StorageCorrupt, Invalid) as error:
            reason = error.message
        finally:
            self._try = None
            self._answers.clear()
            self._hold(False)
        if not reason:
            raise StoreReplaced("a snapshot is whole; the node starts again on it")
        self._doors.discard()
        self._tries += 1
        pause = PAUSE_SECONDS if self._tries % TRIES_MAX else LONG_PAUSE_SECONDS
        pause = max(pause, BLOCKS_SHARE * (trio.current_time() - began))
        self._not_before = trio.current_time() + pause
        self._telemetry.event("snapshot.given_up", reason=reason, again_seconds=round(pause, 1))

    async def _fetch(
        self, storage: Storage, cause: str, least: Height, own: tuple[Height, Hash]
    ) -> str:
        """Fetch a snapshot into the second store; return why not, or "" when it is whole."""
        now = trio.current_time()
        snapshot = storage.snapshot()
        try:
            joining = Joining(self._genesis, snapshot, now, least=least, own=own)
        finally:
            snapshot.close()
        if joining.head is not None and joining.height < least:
            return f"this node has come beyond height {joining.height} meanwhile"
        self._try = joining
        self._telemetry.event(
            "snapshot.begun", reason=cause, resumed=joining.resumed, height=joining.height,
            share=round(joining.share, 4),
        )  # fmt: skip
        told = written = now
        while not joining.done:
            now = trio.current_time()
            for peer, question in joining.turn(now, self._in_turn()):
                self._send(peer, question)
            self._tell(joining)
            if joining.given_up is not None:
                return joining.given_up
            await self._wait()
            self._judge(joining)
            late = trio.current_time() - written >= WRITE_SECONDS
            if joining.batch.bytes >= WRITE_BYTES or late:
                await self._write(storage, joining)
                written = trio.current_time()
            if trio.current_time() - told >= PROGRESS_SECONDS:
                told = trio.current_time()
                self._progress(joining)
        self._tell(joining)
        await self._write(storage, joining)
        await self._finish(storage, joining)
        self._progress(joining)
        return ""

    async def _wait(self) -> None:
        if not self._answers:
            self._arrived = trio.Event()
            with trio.move_on_after(TURN_SECONDS):
                await self._arrived.wait()
        else:
            await trio.lowlevel.checkpoint()

    def _judge(self, joining: Joining) -> None:
        """Judge one answer: a chunk takes some milliseconds, and others want the loop too."""
        if self._answers:
            peer, message = self._answers.popleft()
            size = len(message.body) if isinstance(message, SnapshotChunk) else 0
            self._telemetry.metrics.snapshot_bytes.labels(way="received").inc(size)
            joining.heard(trio.current_time(), peer, message)

    async def _write(self, storage: Storage, joining: Joining) -> None:
        batch, joining.batch = joining.batch, WriteBatch()
        if batch:
            await storage.write(batch)

    async def _finish(self, storage: Storage, joining: Joining) -> None:
        """Write the last rows: after them the second store is whole."""
        snapshot = storage.snapshot()
        try:
            batch = joining.finish(snapshot)
        finally:
            snapshot.close()
        batch.put(FORMAT_KEY, encode(BEGINS_LATER))
        batch.put(GENESIS, self._genesis.bytes)
        batch.put(APPLIED, encode(joining.height))
        batch.put(WHOLE, encode(joining.height))
        await storage.write(batch)

    def _tell(self, joining: Joining) -> None:
        for left in joining.left:
            self._telemetry.event(
                "snapshot.peer_left", peer=left.peer, reason=left.reason, for_good=left.for_good
            )
        joining.left.clear()

    def _progress(self, joining: Joining) -> None:
        self._telemetry.event(
            "snapshot.progress", height=joining.height, share=round(joining.share, 4),
            entries=joining.entries, bytes=joining.bytes, chunks=joining.chunks,
        )  # fmt: skip
