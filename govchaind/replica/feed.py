"""Certified blocks for nodes without a vote: each from one upstream, about one copy a node.

Rules it keeps:
- An observer asks one linked node for blocks from its next height on (`Subscribe`); each further
  `Subscribe` is also the credit for so many more. Others only tell it their certified height.
- If its upstream falls silent or behind, it takes another: validators and observers alike may feed.
- A feeder sends only certified blocks, a bounded window beyond the last credit.
- Nothing received is believed without its certificate; the replica judges and applies it.
- Who wants blocks that a feeder has removed is told so (`PrunedBelow`) and not fed; it asks others,
  and says that it lacks them when nobody linked has them.
"""

from __future__ import annotations

from collections.abc import Callable

from govchaind.base.types import Height, NodeId, Seconds
from govchaind.ledger.block import Block
from govchaind.ledger.certificate import Certificate
from govchaind.replica.messages import CertifiedBlocks, LedgerMessage, PrunedBelow, Subscribe

WINDOW_HEIGHTS = 128
MESSAGE_BYTES_MAX = 1024 * 1024
SILENCE_SECONDS = 2.0
SUBSCRIBERS_MAX = 1200

Send = Callable[[NodeId, LedgerMessage], None]
Fetch = Callable[[Height], tuple[Block, Certificate] | None]


class Feeder:
    """The sending side: who is fed, and from where on."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._next: dict[NodeId, Height] = {}
        self._credit: dict[NodeId, Height] = {}

    def subscribed(self, peer: NodeId, first: Height) -> None:
        if first == 0 or (peer not in self._next and len(self._next) >= SUBSCRIBERS_MAX):
            self.left(peer)
            return
        known = self._next.get(peer)
        if known is None or first > known:
            self._next[peer] = first
        self._credit[peer] = first + WINDOW_HEIGHTS

    def feeds(self, peer: NodeId) -> bool:
        """Say whether a peer is sent certified blocks from here."""
        return peer in self._next

    def left(self, peer: NodeId) -> None:
        self._next.pop(peer, None)
        self._credit.pop(peer, None)

    def feed(self, certified: Height, fetch: Fetch, lowest: Height = 1) -> bool:
        """Send each subscriber one message of what it may have; True if more is due.

        Args:
            lowest: from which height on every block is here.
        """
        if not self._next:
            return False
        more = False
        fetched: dict[Height, tuple[Block, Certificate] | None] = {}  # many want the same ones
        for peer, first in list(self._next.items()):
            last = min(certified, self._credit[peer] - 1)
            if first < lowest:
                self._send(peer, PrunedBelow(lowest))
                self.left(peer)
                continue
            if first > last:
                continue
            blocks: list[tuple[Block, Certificate]] = []
            size = 0
            height = first
            while height <= last and size < MESSAGE_BYTES_MAX:
                if height not in fetched:
                    fetched[height] = fetch(height)
                found = fetched[height]
                if found is None:
                    break
                blocks.append(found)
                size += found[0].size
                height += 1
            if blocks:
                self._send(peer, CertifiedBlocks(blocks))
                self._next[peer] = height
                more = more or height <= last
        return more

    def subscribers(self) -> list[NodeId]:
        return list(self._next)


class Follower:
    """The receiving side: which upstream, and when to take another."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.upstream: NodeId | None = None
        self._heads: dict[NodeId, Height] = {}
        self._heard: Seconds = 0.0
        self._asked: Height = 0
        self._silent: set[NodeId] = set()  # claimed to be ahead and sent nothing
        self._firsts: dict[NodeId, Height] = {}  # who has removed blocks, and what is left
        self.lacking: Height = 0  # removed by everybody linked, though needed next; 0: nothing is
        self.next_check: Seconds = 0.0

    def head(self, peer: NodeId, height: Height) -> None:
        self._heads[peer] = height

    def best_head(self) -> Height:
        return max(self._heads.values(), default=0)

    def left(self, peer: NodeId) -> None:
        self._heads.pop(peer, None)
        self._silent.discard(peer)
        self._firsts.pop(peer, None)
        if self.upstream == peer:
            self.upstream = None

    def pruned_below(self, peer: NodeId, first: Height) -> bool:
        """Take note that a peer has no block below `first`; another is looked for at once.

        Say whether that is news: it was not known of this link.
        """
        known = peer in self._firsts
        self._firsts[peer] = first
        if self.upstream == peer:
            self.upstream = None
            self.next_check = 0.0
        return not known

    def received(self, now: Seconds, height: Height) -> None:
        """Blocks up to `height` were applied: give credit for more when half is used."""
        self._heard = now
        if self.upstream is not None and height + 1 >= self._asked + WINDOW_HEIGHTS // 2:
            self._ask(height + 1)

    def stop(self) -> None:
        """Ask nobody any more."""
        self.lacking = 0
        if self.upstream is not None:
            self._send(self.upstream, Subscribe(0))
            self.upstream = None

    def gap(self, applied: Height) -> None:
        """Blocks in between were lost on the way: begin again from the next one needed."""
        if self.upstream is not None:
            self._send(self.upstream, Subscribe(0))
            self._ask(applied + 1)

    def _ask(self, first: Height) -> None:
        if self.upstream is not None:
            self._asked = first
            self._send(self.upstream, Subscribe(first))

    def check(self, now: Seconds, applied: Height, links: list[NodeId]) -> None:
        """Choose an upstream if there is none, or if it is silent while others are ahead."""
        self.next_check = now + SILENCE_SECONDS / 2
        behind = self.best_head() > applied
        silent = now - self._heard > SILENCE_SECONDS
        if self.upstream is not None and not (behind and silent):
            return
        feeding = [node for node in links if self._firsts.get(node, 0) <= applied + 1]
        self.lacking = applied + 1 if links and not feeding else 0
        if not feeding:
            return
        if self.upstream is not None:
            self._silent.add(self.upstream)
            self._send(self.upstream, Subscribe(0))  # also if it is asked again: from the start
        others = [node for node in feeding if node not in self._silent]
        if not others:  # each has had its turn, so one that lies about its head holds nobody up
            self._silent.clear()
            others = feeding
        others.sort(key=lambda node: (-self._heads.get(node, 0), node))
        self.upstream = others[0]
        self._heard = now
        self._ask(applied + 1)
