"""Fetching a snapshot from several peers, as a pure state machine: it asks, judges and remembers.

Rules it keeps:
- It believes genesis and what is certified from there, and leaves no history that it holds itself
  for another: what it joins at must continue its own tree of heights. A peer whose answer does
  not hold is asked nothing more, and told of; a silent one is left alone for a while.
- What holds goes into `batch`, with a mark; whoever drives this makes it durable. A restart goes on
  from the marks, and a mark is trusted because this node wrote it: the store checks its rows.
- It stops by itself: done, or given up with the cause. Blocks are always the other way.

Left out: whom it asks for which place (`questions.py`), when to join (`runtime/joining.py`), and
how the filled store takes the old one's place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govchaind.base.encoding import encode, read
from govchaind.base.errors import Invalid, InvalidProof
from govchaind.base.keyspace import Table, named_key
from govchaind.base.keyvalue import KeyValueReader, WriteBatch, prefix_end
from govchaind.base.limits import FRAME_BYTES_MAX
from govchaind.base.merkle import SUITE_1, check_consistency
from govchaind.base.types import Hash, Height, NodeId, Seconds
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.snapshot_chunk import Place, judge_chunk, judge_parting
from govchaind.ledger.snapshot_head import (
    BEFORE_CHANGE,
    STEPS_BYTES_MAX,
    SnapshotHead,
    Standing,
    head_rows,
    judge_head,
)
from govchaind.ledger.tree_record import DEPTH_KEYS, Inner
from govchaind.replica.questions import ANSWER_SECONDS, Questions, Spot
from govchaind.replica.snapshot_messages import (
    PREPARING,
    UNHELD,
    SnapshotChunk,
    SnapshotMessage,
    SnapshotOffer,
    SnapshotRefusal,
    WantChunk,
    WantSnapshot,
)
from govchaind.replica.try_time import TryTime

AGAIN_SECONDS = 0.5  # after "not yet"

MARKS = named_key(Table.META, b"join/")
_HEAD = MARKS + b"head"
_STEPS = MARKS + b"steps"
_AT = MARKS + b"at/"


@dataclass(slots=True)
class Left:
    """A peer that is asked nothing more, or not for a while, and why."""

    peer: NodeId
    reason: str
    for_good: bool


class Joining:
    """One try to join by snapshot."""

    def __init__(
        self,
        genesis: Genesis,
        reader: KeyValueReader,
        now: Seconds,
        *,
        least: Height = 1,
        own: tuple[Height, Hash] = (0, SUITE_1.empty()),
    ) -> None:
        """Begin, or go on from what `reader` shows of an earlier life. Raises StorageCorrupt.

        Args:
            least: the lowest height that is worth joining at.
            own: the heights that this node has applied, and the root of the tree over them.
        """
        self._least = least
        self._own = own
        self.batch = WriteBatch()  # what holds and is not yet durable
        self.left: list[Left] = []  # since it was last looked at
        self.given_up: str | None = None
        self.head: SnapshotHead | None = None
        self.entries = 0
        self.chunks = 0
        self.bytes = 0
        self.resumed = False
        self._standing = Standing(genesis)
        self._questions = Questions()
        self._liars: set[NodeId] = set()
        self._unable: set[NodeId] = set()  # have no snapshot to give
        self._head_asked: tuple[NodeId, Seconds] | None = None
        self._partings: dict[Spot, bytes] = {}
        self._counts: dict[Spot, int] = {}  # entries of chunks that are here
        self._share = 0.0  # of all places, by their depth
        self._asked_last = now
        self._time = TryTime(now)
        self._resume(reader)

    # --- what is known ----------------------------------------------------------------------------

    @property
    def height(self) -> Height:
        """The height of the snapshot; 0 while none is chosen."""
        return 0 if self.head is None else self.head.height

    @property
    def share(self) -> float:
        """How much is here, of 1: by places, whose number of entries is about even."""
        return min(1.0, self._share)

    @property
    def done(self) -> bool:
        """Whether the whole state is here; it may not yet be durable."""
        return self.head is not None and not self._questions

    def blamed(self) -> set[NodeId]:
        """Return the peers whose answers did not hold."""
        return set(self._liars)

    # --- what is asked ----------------------------------------------------------------------------

    def turn(self, now: Seconds, linked: Iterable[NodeId]) -> list[tuple[NodeId, SnapshotMessage]]:
        """Return what is to be asked now. `linked`: the peers that can be asked, best first."""
        if self.done or self.given_up is not None:
            return []
        present = [peer for peer in linked if peer not in self._liars]
        self._expire(now, set(present))
        usable = [peer for peer in present if self._usable(peer)]
        if usable:
            self._asked_last = now
        elif present and self.head is None:
            self.given_up = "no linked node gives a snapshot"
        elif present and now - self._asked_last > AGAIN_SECONDS:
            self.given_up = f"no linked node can give height {self.height} any more"
        if self.given_up is None and self._time.over(now):
            self.given_up = self._time.reason(now, alone=not present)
        if self.given_up is not None:
            return []
        return self._ask_head(now, usable) if self.head is None else self._ask_chunks(now, usable)

    def _usable(self, peer: NodeId) -> bool:
        """Say whether a peer may be asked, now or after a while."""
        known = self._questions.peer(peer)
        if known.mute:
            return False
        return peer not in self._unable if self.head is None else known.unheld != self.height

    def _ask_head(self, now: Seconds, usable: list[NodeId]) -> list[tuple[NodeId, SnapshotMessage]]:
        if self._head_asked is not None:
            return []
        for peer in usable:
            if self._questions.peer(peer).not_before <= now:
                self._head_asked = peer, now + ANSWER_SECONDS
                return [(peer, WantSnapshot(0, self._standing.era, self._own[0]))]
        return []

    def _ask_chunks(
        self, now: Seconds, usable: list[NodeId]
    ) -> list[tuple[NodeId, SnapshotMessage]]:
        asked = self._questions.ask(now, usable)
        return [(peer, WantChunk(self.height, place.depth, place.path)) for peer, place in asked]

    def _expire(self, now: Seconds, present: set[NodeId]) -> None:
        """Give questions back that were not answered in time, or whose peer has gone."""
        silent = self._questions.expire(now, present)
        if self._head_asked is not None:
            peer, until = self._head_asked
            if now >= until or peer not in present:
                self._head_asked = None
                if self._questions.peer(peer).silent(now, linked=peer in present):
                    silent.append(peer)
        for peer in silent:
            reason = "gave no answer in time" if peer in present else "its link ended"
            self.left.append(Left(peer, reason, for_good=False))

    # --- what is answered -------------------------------------------------------------------------

    def heard(self, now: Seconds, peer: NodeId, message: SnapshotMessage) -> None:
        """Judge an answer. What was not asked for is left aside."""
        if self.done or self.given_up is not None or peer in self._liars:
            return
        try:
            match message:
                case SnapshotOffer():
                    self._take_offer(now, peer, message)
                case SnapshotChunk():
                    self._take_chunk(now, peer, message)
                case SnapshotRefusal():
                    self._take_refusal(now, peer, message)
                case _:
                    return
        except Invalid as error:
            self._blame(peer, error.message)

    def _blame(self, peer: NodeId, reason: str) -> None:
        """Ask a peer nothing more whose answer does not hold; others have its questions."""
        self._liars.add(peer)
        self.left.append(Left(peer, reason, for_good=True))
        if self._head_asked is not None and self._head_asked[0] == peer:
            self._head_asked = None
        self._questions.take_back(peer)

    def _held(self, now: Seconds, peer: NodeId, count: int = 0) -> None:
        self._time.came(now, count)
        self._questions.peer(peer).silences = 0

    def _take_offer(self, now: Seconds, peer: NodeId, offer: SnapshotOffer) -> None:
        if self._head_asked is None or self._head_asked[0] != peer or self.head is not None:
            return
        self._head_asked = None
        for step in offer.steps:
            self._standing.take(step)
            self._held(now, peer)
        if not offer.head:
            if not offer.steps:
                raise Invalid("offers neither a snapshot nor a change of membership")
            return
        try:
            head = judge_head(offer.head, self._standing)
        except InvalidProof as error:
            if error.code != BEFORE_CHANGE or offer.steps:
                raise  # else others have told of changes that this one's snapshot is older than
            self._cannot(peer, error.message)
            return
        if head.height < self._least:
            least = self._least
            self._cannot(peer, f"offers height {head.height}, where {least} is the least of use")
            return
        size, root = self._own
        log_root = head.certificate.read.log_root
        check_consistency(size, head.height, offer.consistency, root, log_root)
        self._begin(head)
        self._held(now, peer)
        self.batch.put(_HEAD, offer.head)
        self.batch.put(_STEPS, encode([step.raw for step in self._standing.steps]))

    def _cannot(self, peer: NodeId, reason: str) -> None:
        """Ask a peer no more for a snapshot: what it has to give is of no use here."""
        self._unable.add(peer)
        self.left.append(Left(peer, reason, for_good=False))

    def _begin(self, head: SnapshotHead) -> None:
        self.head = head
        self._questions.open.append(Place(0, b"", head.state_root))

    def _take_chunk(self, now: Seconds, peer: NodeId, message: SnapshotChunk) -> None:
        spot = message.depth, message.path
        place = self._questions.place(peer, spot)
        if place is None or message.height != self.height:
            return
        self.bytes += len(message.body)
        if message.parting:
            below = judge_parting(message.body, place)
            self._partings[spot] = message.body
            self.batch.put(_mark(spot), encode([0, message.body]))
            self._questions.open.extendleft(reversed(below))  # deep before wide: less is open
            self._share += (16 - len(below)) * 16.0 ** -(place.depth + 1)
        else:
            chunk = judge_chunk(message.body, place, self.height)
            self.batch.changes.update(chunk.rows.changes)
            self.batch.bytes += chunk.rows.bytes
            self.batch.put(_mark(spot), encode([chunk.entries, None]))
            self._count(spot, chunk.entries)
        self._held(now, peer, len(message.body))
        self._questions.answered(now, peer, place)

    def _count(self, spot: Spot, entries: int) -> None:
        self._counts[spot] = entries
        self.entries += entries
        self.chunks += 1
        self._share += 16.0 ** -spot[0]

    def _take_refusal(self, now: Seconds, peer: NodeId, refusal: SnapshotRefusal) -> None:
        if self._head_asked is not None and self._head_asked[0] == peer:
            self._head_asked = None
            if refusal.code == UNHELD:
                self._unable.add(peer)
        elif refusal.height != self.height:
            return
        self._questions.take_back(peer)
        known = self._questions.peer(peer)
        if refusal.code == PREPARING:
            self._time.prepared = now
        if refusal.code == UNHELD and refusal.height == self.height != 0:
            known.unheld = self.height
            self.left.append(Left(peer, f"cannot give height {self.height}", for_good=False))
        else:
            known.not_before = now + AGAIN_SECONDS

    # --- over a restart, and at the end -----------------------------------------------------------

    def _resume(self, reader: KeyValueReader) -> None:
        data = reader.get(_HEAD)
        if data is None:
            return
        for step in read(reader.get(_STEPS) or b"\x80", list[bytes], bytes_max=STEPS_BYTES_MAX):
            self._standing.take(step)
        self.resumed = True
        self._begin(judge_head(data, self._standing))
        marks: dict[Spot, tuple[int, bytes | None]] = {}
        for key, value in reader.scan(_AT, prefix_end(_AT)):
            spot = key[len(_AT)], key[len(_AT) + 1 :]
            marks[spot] = read(value, tuple[int, bytes | None], bytes_max=FRAME_BYTES_MAX)
        waiting: list[Place] = []
        open_places = self._questions.open
        while open_places:
            place = open_places.popleft()
            spot = place.depth, place.path
            entries, parting = marks.get(spot, (0, None))
            if spot not in marks:
                waiting.append(place)
            elif parting is None:
                self._count(spot, entries)
            else:
                below = judge_parting(parting, place)
                self._partings[spot] = parting
                self._share += (16 - len(below)) * 16.0 ** -(place.depth + 1)
                open_places.extendleft(reversed(below))
        open_places.extend(waiting)

    def finish(self, reader: KeyValueReader) -> WriteBatch:
        """Return the last rows, which make a whole store of what is there; marks go.

        `reader` shows every batch before, written.
        """
        head = self.head
        if head is None or not self.done:
            raise Invalid("the snapshot is not whole")
        records = WriteBatch()
        for spot in sorted(self._partings, reverse=True):  # children before their parents
            children = bytearray(self._partings[spot])
            node = Inner(children, [0] * 16)
            for place in judge_parting(bytes(children), Place(*spot, node.rehash(15))):
                nibble = place.path[-1] >> 4 if place.depth & 1 else place.path[-1] & 15
                node.counts[nibble] = self._counts[place.depth, place.path]
            self._counts[spot] = sum(node.counts)
            records.put(DEPTH_KEYS[spot[0]] + spot[1], node.pack())
        top = records.changes.get(DEPTH_KEYS[0]) or reader.get(DEPTH_KEYS[0]) or b""
        rows = head_rows(head, self._standing, self._counts[0, b""], top)
        records.changes.update(rows.changes)
        records.bytes += rows.bytes
        for key, _ in reader.scan(MARKS, prefix_end(MARKS)):
            records.delete(key)
        return records


def _mark(spot: Spot) -> bytes:
    return _AT + bytes((spot[0],)) + spot[1]
