"""What a leader knows of one peer, and what it may send it next.

Rules kept here: `match` never goes backwards within one store; `next` is always above `match`; an
answer that says less than is known is ignored; a peer with another store id is another peer, and
nothing known of the first holds for it.

A peer is either *probed* (one append at a time, until the place where the logs agree is found) or
*replicated to* (appends follow one another without waiting, bounded in count and bytes).
Each append remembers the heartbeat round in which it was sent: when a later round is answered and
the append is not, it was lost, or its answer was, or the peer's disk is slow.
"""

from __future__ import annotations

from collections import deque

from govchaind.base.limits import APPENDS_IN_FLIGHT_BYTES_MAX, APPENDS_IN_FLIGHT_MAX
from govchaind.base.types import Seconds, StoreId


class Progress:
    """A leader's view of one peer."""

    __slots__ = (
        "_flight",
        "_flight_bytes",
        "commit_sent",
        "departs_at",
        "heard_at",
        "match",
        "needs",
        "next",
        "paused",
        "probe_round",
        "probing",
        "round",
        "store",
    )

    def __init__(self, *, next_index: int, now: Seconds) -> None:
        self.store: StoreId | None = None  # as the peer says itself; None until it answers
        self.match = 0
        self.needs = 0  # the lowest entry that it lacks, if that is no longer here; else 0
        self.next = next_index
        self.probing = True
        self.paused = False  # probing: one append is out and not answered
        self.probe_round = 0
        self.round = 0  # the newest heartbeat round it answered
        self.heard_at = now
        self.commit_sent = 0  # the highest commit index an append has told it, as far as it can use
        self.departs_at: Seconds | None = None  # removed: given up then
        self._flight: deque[tuple[int, int, int]] = deque()  # (last index, bytes, round)
        self._flight_bytes = 0

    @property
    def full(self) -> bool:
        """Say whether as much is in flight as may be."""
        return (
            len(self._flight) >= APPENDS_IN_FLIGHT_MAX
            or self._flight_bytes >= APPENDS_IN_FLIGHT_BYTES_MAX
        )

    @property
    def oldest_flight_round(self) -> int | None:
        """Return the round in which the oldest unanswered append was sent."""
        return self._flight[0][2] if self._flight else None

    def probe(self, next_index: int, *, paused: bool = False) -> None:
        """Go back to one append at a time, from `next_index`, never at or below match."""
        self.probing = True
        self.paused = paused
        self.next = max(next_index, self.match + 1)
        self._flight.clear()
        self._flight_bytes = 0

    def observe_store(self, store: StoreId, last_index: int) -> None:
        """Note under which store the peer answers; another store starts from nothing."""
        if self.store is not None and self.store != store:
            self.match = 0
            self.needs = 0
            self.round = 0
            self.commit_sent = 0
            self.probe(last_index + 1)
        self.store = store

    def sent(self, last_index: int, size: int, round_: int) -> None:
        """Note a pipelined append; size in bytes."""
        self._flight.append((last_index, size, round_))
        self._flight_bytes += size
        self.next = last_index + 1

    def matched(self, index: int) -> bool:
        """Take a success up to `index`; True if match rose or probing ended."""
        flight = self._flight
        while flight and flight[0][0] <= index:
            self._flight_bytes -= flight.popleft()[1]
        if index < self.match or (index == self.match and not self.probing):
            return False
        self.needs = 0
        self.match = index
        if self.probing:
            self.probing = False
            self.paused = False
            self.next = index + 1
        elif self.next <= index:
            self.next = index + 1
        return True

    def refused(self, index: int, guess: int) -> bool:
        """Take a refusal at previous index `index`; `guess` is where the logs may agree.

        Return False, and change nothing, if the refusal is stale: at or below match, or not the
        answer to the probe that is out.
        """
        if index <= self.match or index >= self.next:
            return False
        if self.probing and index != self.next - 1:
            return False
        self.probe(min(guess + 1, index))
        return True
