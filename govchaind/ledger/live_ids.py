"""The memory of transaction ids that may still be sent again, bounded by their expiry.

Each block with remembered ids has a state record (`state_keys`: live ids), so the memory is part of
the authenticated state; LIVE_IDS rows list the ids themselves, in order of expiry. When block time
has passed the latest expiry of a block's ids, its record lapses: a copy sent then is refused as
expired, before anybody asks for duplicates. At most LAPSES_PER_BLOCK_MAX records lapse in a block.

Counts by institution are kept in memory and are the sums of the records; an institution at its
bound waits until a record lapses.
"""

from __future__ import annotations

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import decode, encode
from govchaind.base.errors import NotFound, StorageCorrupt
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import KeyValueReader, WriteBatch, prefix_end
from govchaind.base.limits import (
    LAPSES_PER_BLOCK_MAX,
    LIVE_IDS_PER_INSTITUTION_LEAST,
    LIVE_IDS_PER_INSTITUTION_MAX,
)
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.operations.parameters import LIVE_IDS, parameter_of
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.ledger.results import read_result
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import LIVE, live_key
from govchaind.ledger.working_state import WorkingState

_ROWS = Table.LIVE_IDS.value
_PAGE = 1000


class LiveIds:
    """How many ids are remembered for whom, and which lapse next."""

    __slots__ = ("_counts", "_earliest", "_per_institution_max", "_state")

    def __init__(
        self,
        reader: KeyValueReader,
        state: State,
        *,
        per_institution_max: int = LIVE_IDS_PER_INSTITUTION_MAX,
    ) -> None:
        self._state = state
        self._per_institution_max = per_institution_max
        self._counts: dict[str, int] = {}
        self._earliest = _earliest(reader)
        after: bytes | None = None
        while page := state.scan(reader, LIVE, limit=_PAGE, after=after):
            for _, value, _ in page:
                self._count(value, 1)
            after = page[-1][0]

    def has_room(self, institution: str, state: WorkingState) -> bool:
        """Say whether one more id of an institution may be remembered, by the parameter of now."""
        count = self._counts.get(institution, 0)
        if count >= self._per_institution_max:
            return False
        return count < LIVE_IDS_PER_INSTITUTION_LEAST or count < parameter_of(LIVE_IDS, state)

    def remember(self, institution: str) -> None:
        self._counts[institution] = self._counts.get(institution, 0) + 1

    def record(
        self,
        batch: WriteBatch,
        height: Height,
        ids: list[Hash],
        counts: dict[str, int],
        latest: BlockTime,
    ) -> bytes:
        """Write the row of a block's ids; return the value of its state record."""
        joined = b"".join(ids)
        batch.put(live_ids_key(latest, height), joined)
        if self._earliest is None or latest < self._earliest:
            self._earliest = latest
        listed = [[name, counts[name]] for name in sorted(counts)]
        return encode([digest(Domain.IDS, joined), latest, listed])

    def lapse(self, reader: KeyValueReader, batch: WriteBatch, time: BlockTime) -> list[bytes]:
        """Forget blocks whose ids have all expired before `time`; return their state keys."""
        if self._earliest is None or self._earliest >= time:
            return []
        gone: list[bytes] = []
        self._earliest = None
        for key, _ in reader.scan(_ROWS, prefix_end(_ROWS)):
            latest = int.from_bytes(key[1:9], "big")
            if latest >= time or len(gone) >= LAPSES_PER_BLOCK_MAX:
                self._earliest = latest
                break
            record = live_key(int.from_bytes(key[9:17], "big"))
            value = self._state.get(reader, record)
            if value is None:
                raise StorageCorrupt("a row of live ids has no record in the state")
            self._count(value, -1)
            batch.delete(key)
            gone.append(record)
        return gone

    def _count(self, record: bytes, sign: int) -> None:
        for name, count in decode(record, bytes_max=len(record))[2]:
            left = self._counts.get(name, 0) + sign * count
            if left:
                self._counts[name] = left
            else:
                del self._counts[name]


def live_ids_of(reader: KeyValueReader, height: Height, record: bytes) -> bytes:
    """Return the joined ids that a block's record stands for, also after it has lapsed.

    Raises Gone, NotFound: neither the ids nor the outcomes of that block are here.
    """
    named, latest, _ = decode(record, bytes_max=len(record))
    joined = reader.get(live_ids_key(latest, height))
    lapsed = joined is None
    if joined is None:
        outcomes = read_result(reader, height).outcomes
        joined = b"".join(
            transaction
            for transaction, _, code, _ in outcomes
            if not code or OUTCOMES[code].consumes_id
        )
    if digest(Domain.IDS, joined) != named:
        if lapsed:  # the block was removed, and its outcomes with it
            raise NotFound(f"the ids of height {height} are not here any more")
        raise StorageCorrupt(f"the live ids of height {height} are not those of its record")
    return joined


def live_ids_key(latest: BlockTime, height: Height) -> bytes:
    """Return where the ids of the block at `height` lie: in the order in which they expire."""
    return _ROWS + latest.to_bytes(8, "big") + height.to_bytes(8, "big")


def _earliest(reader: KeyValueReader) -> BlockTime | None:
    for key, _ in reader.scan(_ROWS, prefix_end(_ROWS)):
        return int.from_bytes(key[1:9], "big")
    return None
