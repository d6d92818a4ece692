"""The traffic of attestations and certificates: what is sent, asked for, answered, and durable.

Rules it keeps: an attestation leaves only once it is durable, and again until its height is
certified; peers and subscribers are told of certificates only when their rows are durable here.
An attestation waits a moment for those of the next heights, unless somebody waits for a
certificate: here, or at a peer that has said so. Whoever waits so waits for no timer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from govchaind.base.types import Height, NodeId, Seconds
from govchaind.ledger.block import Block
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.recovery import Recovery
from govchaind.replica.attestation import Attestations
from govchaind.replica.desk import Desk
from govchaind.replica.events import Notice, Signed
from govchaind.replica.execution import Executor, Pending
from govchaind.replica.feed import Feeder
from govchaind.replica.gossip import Send
from govchaind.replica.heads import Heads
from govchaind.replica.memberships import Memberships
from govchaind.replica.messages import (
    Attest,
    Awaited,
    Certificates,
    Head,
    PrunedBelow,
    WantCertificates,
)
from govchaind.replica.patience import AWAITED_SECONDS, Patience
from govchaind.replica.store import StoredLog
from govchaind.replica.stored_certificates import (
    CERTIFICATES_PAGE,
    certificate_at,
    certificates_from,
)


class Certification:
    """One node's part in certifying heights."""

    def __init__(
        self,
        *,
        name: NodeId,
        send: Send,
        now: Seconds,
        desk: Desk,
        log: StoredLog,
        attestations: Attestations,
        memberships: Memberships,
        executor: Executor,
    ) -> None:
        self._name = name
        self._send = send
        self._desk = desk
        self._log = log
        self._attestations = attestations
        self._memberships = memberships
        self._executor = executor
        self._heads = Heads(send, now)
        self.feeder = Feeder(send)
        self._held: list[Attest] = []  # own ones, durable, that wait for the next ones
        self._patience = Patience()
        self._say_awaited_at: Seconds = now  # to peers, at the earliest
        self.durable: Height = attestations.certified

    def receive(
        self,
        peer: NodeId,
        message: Attest | WantCertificates | Certificates | Awaited,
        now: Seconds,
    ) -> None:
        """Take a peer's message. Raises Invalid if a signature in it does not verify."""
        batch = self._desk.pending.batch
        match message:
            case Attest():
                self._tell(self._attestations.receive(peer, message, batch), now)
                if message.height <= self._attestations.certified - CERTIFICATES_PAGE:
                    self._send(peer, Head(self.durable))
            case WantCertificates(first, count):
                found = certificates_from(self._desk.view.base, first, count)
                if first < self._log.first_index():
                    self._send(peer, PrunedBelow(self._log.first_index()))
                elif found:
                    self._send(peer, Certificates(found))
            case Certificates(certificates):
                self._tell(self._attestations.accept(certificates, batch), now)
                self._heads.ask_again(now)
            case Awaited():
                self._hurry(now)
                if self.feeder.feeds(peer):  # it waits for what is durable here
                    self._desk.certificate_awaited(now)

    def awaited(self, now: Seconds, links: Iterable[NodeId]) -> None:
        """Somebody begins to wait for a certificate here: peers hold nothing back either."""
        self._desk.certificate_awaited(now)
        if now >= self._say_awaited_at:
            self._say_awaited_at = now + AWAITED_SECONDS / 2
            for peer in links:
                self._send(peer, Awaited())
        self._hurry(now)

    def _hurry(self, now: Seconds) -> None:
        self._patience.awaited(now)
        self._let_go(now)

    def _let_go(self, now: Seconds) -> None:
        """Send what is held back, unless it may wait."""
        if self._held and not self._patience.holds(now):
            self._patience.over()
            for attest in self._held:
                self._spread(attest)
            self._held.clear()

    def heard_head(self, peer: NodeId, height: Height) -> None:
        self._heads.heard(peer, height)

    def linked(self, peer: NodeId) -> None:
        self._send(peer, Head(self.durable))
        recoveries = self._memberships.recoveries
        if recoveries and self._memberships.latest().member(peer) is None:
            self._tell_recovery(peer, recoveries[-1])

    def _tell_recovery(self, peer: NodeId, recovery: Recovery) -> None:
        """Send a record to one who may have been left out, with the last certificate before it."""
        certificate = certificate_at(self._desk.view, recovery.body.certified)
        if certificate is not None:
            record = recovery.encode()
            carrying = Certificate(certificate.statement, certificate.signatures, record)
            self._send(peer, Certificates([carrying]))

    def left(self, peer: NodeId) -> None:
        self._heads.left(peer)
        self.feeder.left(peer)

    def written(self, done: Pending, now: Seconds) -> None:
        """Rows of a write are durable: own attestations in it may leave."""
        self.durable = max(self.durable, done.certified)
        if done.attested:
            batch = self._desk.pending.batch
            leaving, certified = self._attestations.written(done.attested, batch)
            self._held += leaving
            self._let_go(now)
            self._tell(certified, now)

    def unsigned(self, now: Seconds) -> Sequence[Notice]:
        """Return what the holder of this node's key is to be asked for now."""
        return self._attestations.unsigned(now)

    def signed(self, answer: Signed, now: Seconds) -> None:
        """Take the answer of the holder of this node's key."""
        leaving, certified = self._attestations.answered(answer, self._desk.pending.batch)
        self._held += leaving
        self._let_go(now)
        self._tell(certified, now)

    def keep_time(self, now: Seconds, links: Iterable[NodeId]) -> None:
        """Send again, ask and tell what is due."""
        if self._held:
            self._let_go(now)
        applied, certified = self._executor.ledger.height, self._attestations.certified
        if certified < applied:
            if now >= self._attestations.next_resend:
                self._tell(self._attestations.settle(self._desk.pending.batch), now)
            for attest in self._attestations.resend(now):
                self._spread(attest)
            self._heads.ask(now, certified, applied)
        self._heads.tell(now, self.durable, links)

    @property
    def deadline(self) -> Seconds:
        """Return when `keep_time` is due."""
        due = min(self._heads.tell_at(self.durable), self._patience.deadline)
        if self._attestations.certified < self._executor.ledger.height:
            due = min(due, self._attestations.next_resend, self._heads.ask_at)
        return due

    def feed(self) -> bool:
        """Send subscribers what they may have; True if more is due."""
        return self.feeder.feed(self.durable, self._certified_block, self._log.first_index())

    def _certified_block(self, height: Height) -> tuple[Block, Certificate] | None:
        certificate = certificate_at(self._desk.view, height)
        return None if certificate is None else (self._log.block(height), certificate)

    def _spread(self, attest: Attest) -> None:
        for member in self._memberships.certifying(attest.height)[1].voters():
            if member.name != self._name:
                self._send(member.name, attest)

    def _tell(self, heights: list[Height], now: Seconds) -> None:
        self._executor.tell_certified(heights, self._desk.pending, now)
