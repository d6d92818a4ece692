"""Who is how far, and asking for certificates that were made while this node was away."""

from __future__ import annotations

from collections.abc import Iterable

from govchaind.base.types import Height, NodeId, Seconds
from govchaind.replica.gossip import Send
from govchaind.replica.messages import Head, WantCertificates
from govchaind.replica.stored_certificates import CERTIFICATES_PAGE

TELL_SECONDS = 0.25  # at most so often while certificates come
REPEAT_SECONDS = 5.0  # at rest: one may have been lost; an idle network is quiet
RETRY_SECONDS = 0.25


class Heads:
    """Certified heights of linked peers, and the two clocks by which one tells and asks."""

    def __init__(self, send: Send, now: Seconds) -> None:
        self._send = send
        self._heads: dict[NodeId, Height] = {}
        self._told: Height = -1
        self._tell_after = now
        self._repeat_at = now
        self.ask_at = now
        self._asked = 0

    def heard(self, peer: NodeId, height: Height) -> None:
        self._heads[peer] = height

    def left(self, peer: NodeId) -> None:
        self._heads.pop(peer, None)

    def tell(self, now: Seconds, certified: Height, links: Iterable[NodeId]) -> None:
        """Tell every link the own certified height if it is new, or was not told for long."""
        if now >= self.tell_at(certified):
            self._told = certified
            self._tell_after = now + TELL_SECONDS
            self._repeat_at = now + REPEAT_SECONDS
            for peer in links:
                self._send(peer, Head(certified))

    def tell_at(self, certified: Height) -> Seconds:
        """Return when `tell` has something to say."""
        return self._repeat_at if certified == self._told else self._tell_after

    def ask(self, now: Seconds, certified: Height, applied: Height) -> None:
        """Ask a peer that is ahead for the next certificates that are missing here."""
        if now < self.ask_at:
            return
        self.ask_at = now + RETRY_SECONDS
        first = certified + 1
        ahead = sorted(node for node, height in self._heads.items() if height >= first)
        if ahead:
            count = min(applied - certified, CERTIFICATES_PAGE)
            self._asked += 1  # another peer each time: one may be deaf without a broken link
            self._send(ahead[self._asked % len(ahead)], WantCertificates(first, count))

    def ask_again(self, now: Seconds) -> None:
        """The last question was answered: the next one may go out at once."""
        self.ask_at = now
