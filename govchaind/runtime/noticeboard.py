"""What the API waits on: drive posts here, waiters wake.

Rules kept here:
- Outcomes are told when their block is committed; heights, which can be read, when they are durable
  here as well. Whoever reads next waits that moment (`wait_readable`), so that nobody reads less
  than was told.
- A waiter that comes just after its notice still sees it: recent outcomes and answers are kept,
  a bounded number of each. What is older is read from the store.
- The outcome that used an id stands, whatever comes later. One that left the id free gives way to
  the next: another copy of the body may still do better.
- Waiters are bounded in number (Busy beyond), and a waiter that is cancelled leaves nothing.
- Nothing here waits with a time limit of its own: callers set theirs with a cancel scope.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import trio

from govchaind.base.errors import Busy
from govchaind.base.types import Hash, Height, Seconds
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.replica.events import (
    Certified,
    Committed,
    Decided,
    Expired,
    Notice,
    OfferAnswered,
    ReadReady,
    Status,
)

WAITERS_MAX = 50_000
OUTCOMES_KEPT = 20_000
READABLE_SECONDS_MAX = 1.0  # a disk that hangs makes reads old, and late by no more than this
AWAITED_SAID_SECONDS = 0.25  # at most so often it is said that somebody waits for a certificate
ANSWERS_KEPT = 4096  # of offers and reads whose asker has not looked yet

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class SeenOutcome:
    """What became of a transaction on this node. `height` None: it expired unseen."""

    height: Height | None
    code: int
    operation: int | None
    position: int | None = None  # in its block


class _Answers(Generic[K, V]):
    """Newest values by key, and who waits for a key."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._values: OrderedDict[K, V] = OrderedDict()
        self._waiting: dict[K, tuple[trio.Event, list[V], int]] = {}
        self.waiters = 0

    def seen(self, key: K) -> V | None:
        return self._values.get(key)

    def post(self, key: K, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._kept:
            self._values.popitem(last=False)
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting[1].append(value)
            waiting[0].set()

    def forget(self, key: K) -> None:
        self._values.pop(key, None)

    async def wait(self, key: K) -> V:
        value = self._values.get(key)
        if value is not None:
            await trio.lowlevel.checkpoint()
            return value
        return await self.wait_next(key)

    async def wait_next(self, key: K) -> V:
        """Wait for a value that is posted from now on."""
        event, box, count = self._waiting.get(key, (trio.Event(), [], 0))
        self._waiting[key] = (event, box, count + 1)
        self.waiters += 1
        try:
            await event.wait()
        finally:
            self.waiters -= 1
            event, box, count = self._waiting[key]
            if count == 1:
                del self._waiting[key]
            else:
                self._waiting[key] = (event, box, count - 1)
        return box[-1]


class _Mark:
    """A height that only rises, and who waits for it."""

    def __init__(self) -> None:
        self.height: Height = 0
        self.waiters = 0
        self._waiting: dict[Height, tuple[trio.Event, int]] = {}

    def rise(self, height: Height) -> None:
        if height <= self.height:
            return
        self.height = height
        for wanted in [wanted for wanted in self._waiting if wanted <= height]:
            self._waiting[wanted][0].set()

    async def wait(self, height: Height) -> Height:
        if height <= self.height:
            await trio.lowlevel.checkpoint()
            return self.height
        event, count = self._waiting.get(height, (trio.Event(), 0))
        self._waiting[height] = (event, count + 1)
        self.waiters += 1
        try:
            await event.wait()
        finally:
            self.waiters -= 1
            event, count = self._waiting[height]
            if count == 1:
                del self._waiting[height]
            else:
                self._waiting[height] = (event, count - 1)
        return self.height


class NoticeBoard:
    """One per node. `post` is drive's; everything else is for whoever waits."""

    def __init__(
        self,
        status: Callable[[], Status],
        *,
        height: Height = 0,
        certified: Height = 0,
        waiters_max: int = WAITERS_MAX,
        certificate_awaited: Callable[[], None] = lambda: None,
    ) -> None:
        """`status` makes the node's status now; `height`, `certified`: as the store has them.

        `certificate_awaited` is called when somebody waits for a certificate, seldom while many do.
        """
        self._status = status
        self._waiters_max = waiters_max
        self._outcomes: _Answers[Hash, SeenOutcome] = _Answers(OUTCOMES_KEPT)
        self._offers: _Answers[int, list[int]] = _Answers(ANSWERS_KEPT)
        self._reads: _Answers[int, tuple[Height | None]] = _Answers(ANSWERS_KEPT)
        self._committed = _Mark()
        self._certified = _Mark()
        self._committed.rise(height)
        self._certified.rise(certified)
        self._certificate_awaited = certificate_awaited
        self._awaited_after: Seconds = 0.0
        self._tickets = 0
        self._told: Height = height
        self.room = True

    # --- drive's side -----------------------------------------------------------------------

    def post(self, notice: Notice) -> None:
        """Wake whoever waits for this."""
        if isinstance(notice, Decided):
            for position, (identity, code, operation) in enumerate(notice.outcomes):
                if not self._used(identity):
                    seen = SeenOutcome(notice.height, code, operation, position)
                    self._outcomes.post(identity, seen)
            self._told = max(self._told, notice.height)
        elif isinstance(notice, Committed):
            self._committed.rise(notice.height)
        elif isinstance(notice, Certified):
            self._certified.rise(notice.height)
        elif isinstance(notice, OfferAnswered):
            self._offers.post(notice.token, notice.codes)
        elif isinstance(notice, ReadReady):
            self._reads.post(notice.request, (notice.height,))
        elif isinstance(notice, Expired):
            for identity in notice.ids:
                if not self._used(identity):
                    self._outcomes.post(identity, SeenOutcome(None, 0, None))

    def alive_again(self, transaction_id: Hash, *, after: Height) -> None:
        """Forget a refusal at a height up to `after`: a copy has been taken in since."""
        seen = self._outcomes.seen(transaction_id)
        if seen is None or seen.height is None or self._used(transaction_id):
            return
        if seen.height <= after:
            self._outcomes.forget(transaction_id)

    def _used(self, transaction_id: Hash) -> bool:
        """Say whether an outcome seen here has used the id, for good."""
        seen = self._outcomes.seen(transaction_id)
        return seen is not None and seen.height is not None and OUTCOMES[seen.code].consumes_id

    # --- what can be seen at once -------------------------------------------------------------

    @property
    def status(self) -> Status:
        """What the node says of itself now."""
        return self._status()

    @property
    def height(self) -> Height:
        """Committed, applied and durable here."""
        return self._committed.height

    @property
    def told(self) -> Height:
        """Outcomes of heights up to this one have been told: committed, and durable elsewhere."""
        return max(self._told, self._committed.height)

    @property
    def certified(self) -> Height:
        """Every height up to this one has a certificate here."""
        return self._certified.height

    @property
    def waiters(self) -> int:
        """How many wait for anything."""
        return (
            self._outcomes.waiters
            + self._offers.waiters
            + self._reads.waiters
            + self._committed.waiters
            + self._certified.waiters
        )

    def outcome_seen(self, transaction_id: Hash) -> SeenOutcome | None:
        """Return the outcome if it was posted lately."""
        return self._outcomes.seen(transaction_id)

    # --- what can be waited for -----------------------------------------------------------------

    def ticket(self) -> int:
        """Return a number for an Offered or a ReadAsked that nobody else has."""
        self._tickets += 1
        return self._tickets

    async def wait_outcome(self, transaction_id: Hash, *, above: Height = -1) -> SeenOutcome:
        """Wait until the transaction is committed, or has expired.

        Args:
            above: heights up to this one told of an earlier copy, which did not use the id.
        """
        seen = self._outcomes.seen(transaction_id)
        with self._place():
            old = seen is not None and seen.height is not None and seen.height <= above
            if old and not self._used(transaction_id):
                return await self._outcomes.wait_next(transaction_id)
            return await self._outcomes.wait(transaction_id)

    async def wait_offer(self, token: int) -> list[int]:
        """Wait for the codes of an Offered; they are given out once."""
        with self._place():
            try:
                return await self._offers.wait(token)
            finally:
                self._offers.forget(token)

    async def wait_read(self, request: int) -> Height | None:
        """Wait for the height of a ReadAsked (None: refused, ask again); it is given out once."""
        with self._place():
            try:
                return (await self._reads.wait(request))[0]
            finally:
                self._reads.forget(request)

    async def wait_height(self, height: Height) -> Height:
        """Wait until `height` is committed and durable here; return the height then reached."""
        with self._place():
            return await self._committed.wait(height)

    async def wait_readable(self) -> None:
        """Wait until what was told can be read here; not for long, and not for a full disk."""
        if self._committed.height >= self._told or not self.room:
            return
        with trio.move_on_after(READABLE_SECONDS_MAX):
            await self._committed.wait(self._told)

    async def wait_certified(self, height: Height) -> Height:
        """Wait until `height` has a certificate here; return the height then certified."""
        with self._place():
            if height > self._certified.height:
                self.certificate_awaited()
            return await self._certified.wait(height)

    def certificate_awaited(self) -> None:
        """Somebody waits for a certificate, or is about to: make haste."""
        now = trio.current_time()
        if now >= self._awaited_after:
            self._awaited_after = now + AWAITED_SAID_SECONDS
            self._certificate_awaited()

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self.waiters >= self._waiters_max:
            raise Busy(f"{self._waiters_max} requests wait already")
        yield
