"""A node without a vote follows certified blocks, and believes them by certificates only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from govchaind.base.errors import Invalid, InvalidBlock
from govchaind.base.types import Height, NodeId, Seconds
from govchaind.ledger.block import Block, check_block
from govchaind.ledger.certificate import Certificate, check_certificate
from govchaind.ledger.genesis import Genesis
from govchaind.raft.messages import Entry
from govchaind.replica.attestation import Attestations, Verify
from govchaind.replica.desk import Desk
from govchaind.replica.events import Happened, Notice
from govchaind.replica.execution import Executor
from govchaind.replica.feed import WINDOW_HEIGHTS, Follower, Send
from govchaind.replica.memberships import Memberships
from govchaind.replica.recovering import Recovering
from govchaind.replica.store import configuration_of

STRANDED_SECONDS = 5.0  # longer than an election that goes well
UNSERVED_HEIGHTS = 1024  # so far behind, and not moving: the leader's log begins later


class Observing:
    """Blocks received and not yet applied, and where they come from."""

    def __init__(
        self,
        *,
        genesis: Genesis,
        send: Send,
        verify: Verify,
        desk: Desk,
        executor: Executor,
        attestations: Attestations,
        memberships: Memberships,
        recovering: Recovering,
        misbehaved: Callable[[NodeId, str], None],
        adopt: Callable[[Entry], None],
    ) -> None:
        self.follower = Follower(send)
        self._genesis = genesis
        self._verify = verify
        self._desk = desk
        self._executor = executor
        self._ledger = executor.ledger
        self._attestations = attestations
        self._memberships = memberships
        self._recovering = recovering
        self._misbehaved = misbehaved
        self._adopt = adopt  # puts a certified block into the log, as committed
        self._queue: deque[tuple[NodeId, Block, Certificate]] = deque()
        self._led_at: Seconds = 0.0
        self._moved: tuple[Height, Seconds] = (0, 0.0)  # the newest commit, and when it came
        self._cut_off_by: NodeId | None = None  # who led and had removed what is lacking here …
        self._leader_first: Height = 0  # … below this height
        self._told_lacking: Height = 0
        self._news: list[Notice] = []
        self.held = False  # a snapshot is being fetched: blocks would be carried out in vain

    def keep_time(
        self,
        now: Seconds,
        links: Iterable[NodeId],
        *,
        observer: bool,
        leader: NodeId | None,
        commit: Height,
    ) -> None:
        """Look for certified blocks if this node needs them, and stop when it does not any more.

        A node without a vote always does. One with a vote does while it has long heard of no leader
        and others go on: it slept through a change of membership and cannot know who leads. And
        while its leader gives it nothing, whose log begins later than this one ends.
        """
        if leader is not None or not self._led_at:
            self._led_at = now
        if commit > self._moved[0] or not self._moved[1]:
            self._moved = commit, now
        follower = self.follower
        stranded = now - self._led_at > STRANDED_SECONDS and follower.best_head() > commit
        unserved = (
            now - self._moved[1] > STRANDED_SECONDS
            and follower.best_head() > commit + UNSERVED_HEIGHTS
        )
        lacks = self._ledger.height + 1 < self._leader_first
        cut_off = lacks and leader is not None and leader == self._cut_off_by
        if (observer or stranded or unserved or cut_off) and not self.held:
            if now >= self.follower.next_check:
                self.follower.check(now, self._ledger.height, sorted(links))
            return
        if self.follower.upstream is not None:
            self.follower.stop()
            self._queue.clear()
        self.follower.lacking = 0
        if self.held:
            self.follower.next_check = now + STRANDED_SECONDS  # an observer is woken for it

    def hold(self, held: bool, now: Seconds) -> None:
        """Take no blocks from now on, or take them again at once."""
        self.held = held
        self.follower.next_check = now

    def pruned_below(self, peer: NodeId, first: Height, leader: NodeId | None) -> None:
        """A peer has no block below `first`: another must bring what is lacking here."""
        if self.follower.pruned_below(peer, first):
            self._news.append(Happened("blocks.elsewhere", {"peer": peer, "first": first}))
        if peer == leader:
            self._cut_off_by, self._leader_first = peer, first

    def news(self) -> list[Notice]:
        """Return, once, who has no block that is needed here, and what nobody linked has."""
        lacking, news = self.follower.lacking, self._news
        if lacking != self._told_lacking:
            self._told_lacking = lacking
            news.append(Happened("blocks.lacking", {"height": lacking}))
        if news:
            self._news = []
        return news

    def receive(self, peer: NodeId, blocks: list[tuple[Block, Certificate]]) -> None:
        """Queue blocks of the chosen upstream; others were not asked."""
        if peer == self.follower.upstream and len(self._queue) <= 2 * WINDOW_HEIGHTS:
            self._queue.extend((peer, block, certificate) for block, certificate in blocks)

    def apply(self, now: Seconds, operations_max: int) -> int:
        """Judge and apply what is queued, up to a bound; return what that cost, in operations."""
        ledger = self._ledger
        operations = 0
        while self._queue and operations < operations_max:
            peer, block, certificate = self._queue.popleft()
            if block.height <= ledger.height:
                continue
            if block.height > ledger.height + 1:
                self._queue.clear()
                self.follower.gap(ledger.height)
                break
            try:
                self._check(block, certificate)
            except Invalid as error:
                self._queue.clear()
                self.follower.left(peer)
                self._misbehaved(peer, error.message)
                break
            membership = block.membership
            configuration = None if membership is None else configuration_of(membership)
            self._adopt(Entry(block.height, block.term, block, configuration))
            pending = self._desk.pending
            operations += self._executor.apply(block, self._desk.view, pending, now)
            certified = self._attestations.accept([certificate], pending.batch)
            self._executor.tell_certified(certified, pending, now)
        if operations:
            self.follower.received(now, ledger.height)
        return operations

    def _check(self, block: Block, certificate: Certificate) -> None:
        for record in (certificate.recovery, block.record):
            if record is not None:
                self._recovering.heard(record, self._desk.view)
        check_block(
            block,
            chain_id=self._genesis.chain_id,
            height=self._ledger.height + 1,
            previous_hash=self._ledger.last_hash,
            previous_time=self._ledger.time,
            membership_digest=self._memberships.digest_after(block.height - 1),
        )
        self._recovering.check_kept(block, self._desk.view)
        if self._memberships.recovery_over(block.height) is not None:
            before, after = self._memberships.certifying(block.height)
        else:
            before = self._memberships.before(block.height)
            after = block.membership or before
        check_certificate(certificate, before, after, self._verify)
        if certificate.height != block.height or certificate.read.block_hash != block.hash:
            raise InvalidBlock("the certificate is of another block")
