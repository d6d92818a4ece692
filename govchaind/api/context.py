"""Everything that a handler may touch. Made by `node.py`; a handler knows no more of the node.

A snapshot never lives across an await: `reading` opens one, and its block holds none. A handler
that waits does so inside `patience`, which ends with its time and also when the node stops.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import trio

from govchaind.api.access import Access
from govchaind.api.reads_noted import ReadsNoted
from govchaind.api.sentence import Sentence
from govchaind.base import limits
from govchaind.base.errors import Busy, Fatal
from govchaind.base.types import BlockTime, Hash, Height, NodeId
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.membership import Member
from govchaind.ledger.transaction import Transaction
from govchaind.replica.events import Offered, ReadAsked
from govchaind.runtime.carrier import Carrier
from govchaind.runtime.environment import Snapshot, Storage
from govchaind.runtime.gate import Gate
from govchaind.runtime.growth import Growth
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.joining import Joiner
from govchaind.runtime.metrics import Metrics
from govchaind.runtime.noticeboard import NoticeBoard
from govchaind.runtime.side_shelf import SideShelf
from govchaind.runtime.signing import SignerState
from govchaind.runtime.system import wall_milliseconds
from govchaind.runtime.traces import Traces

READ_INDEX_SECONDS_MAX = 5.0  # longer than any election that goes well
OFFER_SECONDS_MAX = 10.0  # a disk that hangs; what was offered may still be taken
PENDING_MAX = 2 * limits.POOL_TRANSACTIONS_MAX


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """What clients may take; each with its setting's default."""

    body_bytes_max: int = limits.HTTP_BODY_BYTES_MAX
    connections_max: int = limits.HTTP_CONNECTIONS_MAX
    head_seconds_max: float = limits.HTTP_HEADER_SECONDS_MAX
    write_seconds_max: float = limits.LINK_WRITE_SECONDS_MAX
    wait_seconds_max: float = limits.HTTP_WAIT_SECONDS_MAX
    event_streams_max: int = limits.EVENT_STREAMS_MAX
    grace_seconds: float = 10.0


class LogSwitch(Protocol):
    """The log of this process, which can be louder or quieter for a while."""

    def change(self, level: str, seconds: float) -> None:
        """Show events of this level and above, for so long."""

    def as_set(self) -> str:
        """Show what the settings say, at once; return their level."""


class Pending:
    """Ids that were accepted here: pending also between the pool and the store.

    Bounded in number; whether one was decided since is for the notice board and the store to say.
    """

    def __init__(self, count_max: int = PENDING_MAX) -> None:
        self._count_max = count_max
        self._ids: OrderedDict[Hash, BlockTime] = OrderedDict()  # as they came

    def add(self, transaction: Hash, valid_until: BlockTime) -> None:
        self._ids[transaction] = valid_until
        self._ids.move_to_end(transaction)
        if len(self._ids) > self._count_max:
            self._ids.popitem(last=False)

    def valid_until(self, transaction: Hash) -> BlockTime | None:
        """Return the last valid time of one accepted here; None if it was not, or long ago."""
        return self._ids.get(transaction)


@dataclass(slots=True, kw_only=True)
class Context:
    """One node, as its HTTP door sees it.

    Attributes:
        members: everyone who may link: those wanted, and those in force.
        links: names of the peers to which a link is up.
        pooled: says whether a transaction of an id waits here for a block.
        failed: called with the error that must stop the node.
        report: takes an event for the log, and its values.
    """

    name: NodeId
    version: str
    genesis: Genesis
    storage: Storage
    gate: Gate
    inbox: Inbox
    board: NoticeBoard
    members: Callable[[], Sequence[Member]]
    links: Callable[[], Sequence[NodeId]]
    pooled: Callable[[Hash], bool]
    metrics: Metrics
    failed: Callable[[Fatal], None]
    report: Callable[[str, dict[str, Any]], None]
    wall_milliseconds: Callable[[], int] = wall_milliseconds  # only readiness looks at it
    limits: ApiLimits = field(default_factory=ApiLimits)
    access: Access = field(default_factory=Access)
    pending: Pending = field(default_factory=Pending)
    reads_noted: ReadsNoted = field(default_factory=ReadsNoted)
    carrier: Carrier | None = None  # None: this node carries no sealed files
    shelf: SideShelf | None = None  # None: it holds no side values either
    signers: Sequence[SignerState] = ()  # of the attestation keys that others hold for this node
    joining: Joiner | None = None  # None: this node does not join by snapshot
    traces: Traces | None = None  # None: it traces nothing
    log: LogSwitch | None = None  # None: nobody has given it one
    growth: Growth = field(default_factory=Growth)  # of the store, as drive sees it
    stopping: trio.Event = field(default_factory=trio.Event)
    streams: int = 0  # event streams that are open
    warnings: list[Sentence] = field(default_factory=list)  # of `watch_outlook`, for /readyz
    _waits: set[trio.CancelScope] = field(default_factory=set)

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Open a snapshot for a block of code that does not await."""
        snapshot = self.storage.snapshot()
        try:
            yield snapshot
        finally:
            snapshot.close()

    @contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Let the block wait for so long, or until the node stops; then go on behind it."""
        with trio.move_on_after(seconds) as scope:
            if self.stopping.is_set():
                scope.cancel()
            self._waits.add(scope)
            try:
                yield
            finally:
                self._waits.discard(scope)

    def stop(self) -> None:
        """Begin to stop: no new transactions, and nobody waits any longer."""
        self.stopping.set()
        for scope in list(self._waits):
            scope.cancel()

    async def offer(self, transactions: list[Transaction]) -> list[int]:
        """Hand verified transactions to the replica; return a code for each (ledger/outcomes.py).

        Raises Busy when the inbox has no room for them, or when the node does not come to answer.
        """
        if self.stopping.is_set():
            raise Busy("this node is stopping", code="shutting-down", retry_after_seconds=5)
        token = self.board.ticket()
        if not self.inbox.offer(Offered(token, transactions)):
            raise Busy("this node's queue of transactions is full", code="inbox-full")
        with trio.move_on_after(OFFER_SECONDS_MAX):
            return await self.board.wait_offer(token)
        raise Busy("this node does not come to take transactions now", code="no-answer")

    async def read_index(self) -> Height | None:
        """Return the height from which on a read is linearizable; None if no leader says so."""
        height: Height | None = None
        with self.patience(READ_INDEX_SECONDS_MAX):
            request = self.board.ticket()
            await self.inbox.put(ReadAsked(request))
            height = await self.board.wait_read(request)
            if height is not None:
                await self.board.wait_height(height)
        return height
