"""Signing one's results and gathering a quorum of such signatures into certificates.

Rules it keeps:
- A node never signs two different statements for a height: the attestation's bytes are in the
  same write as the applied state, leave only once that is durable, and after a restart the same
  bytes are sent again.
- It signs nothing at or below its floor: what an earlier store under this key has signed (the
  guard file), or the height at which it was re-admitted. A store that is not the one in the
  membership signs nothing: what the one before it has signed may be forgotten here.
- Height h is certified by the validators in force before h; a configuration block's height needs
  a quorum of the old set and one of the new. After a recovery, those whom its record names.
- A node may hold two keys while they change: a height is signed with the one that the set before it
  knows, and so with the old one at the very block that brings in the new one.
- A key may be held by another process: then a statement is asked for once it is durable, again
  until it is signed, refused or certified, and lowest height first. Its signature leaves at once
  and is not stored: the holder gives the same one again.
- What was applied while a key was not in this node is signed at the first start with it: the
  durable statement is the only one that this store has had of the height, and stays so.
- Attestations are sent again until their height is certified; a peer that has the certificate
  answers with it. Certificates are gathered without gaps, lowest height first.
- A certificate that contradicts own results stops the node before it signs again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from govchaind.base.crypto import Domain, HeldElsewhere, Signer
from govchaind.base.encoding import encode, read
from govchaind.base.errors import Invalid, StateDiverged
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader, WriteBatch, prefix_end
from govchaind.base.quorum import certificate_quorum
from govchaind.base.types import Height, NodeId, PublicKey, Seconds, Signature, StoreId
from govchaind.ledger.certificate import Certificate, check_certificate
from govchaind.ledger.contradiction import Contradiction, proved
from govchaind.ledger.membership import Member, Membership
from govchaind.ledger.recovery import Recovery
from govchaind.ledger.statement import STATEMENT_BYTES_MAX, read_statement
from govchaind.replica.events import SignatureWanted, Signed
from govchaind.replica.gathered import Gathered
from govchaind.replica.messages import Attest
from govchaind.replica.stored_certificates import CERTIFICATES_PAGE, last_certified, newest_signed

AHEAD_MAX = 512  # attestations kept for heights not yet applied here, per peer
RESEND_SECONDS = 1.0
RESEND_HEIGHTS_MAX = 64
ASK_AGAIN_SECONDS = 1.0  # for a signature of a key held elsewhere

Verify = Callable[[Domain, PublicKey, bytes, Signature], bool]
Accuse = Callable[[PublicKey, Contradiction], object]


class Attestations:
    """One node's attestations, its peers', and the certificates that come of them."""

    def __init__(
        self,
        *,
        name: NodeId,
        store: StoreId,
        signer: Signer,
        further_signers: Iterable[Signer] = (),
        verify: Verify,
        floor: Height,
        reader: KeyValueReader,
        certifying: Callable[[Height], tuple[Membership, Membership]],
        recovery_over: Callable[[Height], Recovery | None] = lambda _: None,
        recovered: Callable[[bytes], None] = lambda _: None,
        accuse: Accuse = lambda key, found: None,
    ) -> None:
        """Take what there is.

        Args:
            recovered: judges a record that came with a certificate.
            accuse: takes what proves that a validator has signed two things about one height.
        """
        self._name = name
        self._store = store
        self._signer = signer
        self._signers = {held.public: held for held in (signer, *further_signers)}
        self._elsewhere = any(isinstance(held, HeldElsewhere) for held in self._signers.values())
        self._verify = verify
        self.floor = floor
        self._certifying = certifying
        self._recovery_over = recovery_over
        self._recovered = recovered
        self._accuse = accuse
        self._newest: dict[Height, Certificate] = {}  # to compare with what comes late
        self._open: dict[Height, Gathered] = {}
        self._early: dict[NodeId, dict[Height, Attest]] = {}
        self._certificates: dict[Height, Certificate] = {}  # above the contiguous ones
        self.certified: Height = last_certified(reader)
        self.signed: Height = floor
        self.durable: Height = self.certified  # attestations up to here may leave
        self.next_resend: Seconds = 0.0
        self._load(reader)

    def known_signed(self, reader: KeyValueReader, key: PublicKey) -> Height:
        """Return a height that a key of this node has signed, as the store tells; 0: none."""
        return newest_signed(reader, self._name, key, self._key_of)

    def _load(self, reader: KeyValueReader) -> None:
        """Take up own attestations that were made durable before a restart."""
        start = Table.ATTESTATION.value
        for key, value in reader.scan(start, prefix_end(start)):
            height = int.from_bytes(key[1:9], "big")
            statement, signature = read(value, tuple[bytes, bytes], bytes_max=4096)
            if height <= self.certified:
                continue
            if not signature and self._may_sign(height):
                held = self._held(height)
                if not isinstance(held, HeldElsewhere):
                    signature = held.sign(Domain.ATTESTATION, statement)
            self._open[height] = gathered = Gathered(statement, 0.0, signature)
            if signature:
                gathered.signatures[self._name] = signature
                self.signed = max(self.signed, height)
            self.durable = max(self.durable, height)

    def applied(
        self, height: Height, statement: bytes, batch: WriteBatch, now: Seconds
    ) -> list[Height]:
        """Sign the results of a height just applied; return heights newly certified.

        The signature's bytes go into `batch`, the same write as the state.
        """
        if height <= self.certified:
            return []
        signature, signer = b"", self._held(height)
        if isinstance(signer, HeldElsewhere):
            pass  # asked for once the statement is durable
        elif height > self.signed and self._may_sign(height):
            signature = signer.sign(Domain.ATTESTATION, statement)
            self.signed = height
        if height not in self._open:  # what was signed is never written over
            batch.put(height_key(Table.ATTESTATION, height), encode([statement, signature]))
        self._open[height] = Gathered(statement, now, signature)
        certified: list[Height] = []
        for peer in sorted(self._early):
            early = self._early[peer].pop(height, None)
            if early is not None:
                try:
                    certified += self.receive(peer, early, batch)
                except Invalid:
                    continue  # its sender's fault, and its link may long be gone
        return certified

    def _may_sign(self, height: Height) -> bool:
        member = self._signs_as(self._name, height)
        return (
            height > self.floor
            and member is not None
            and member.attestation_key in self._signers
            and member.store == self._store
        )

    def _held(self, height: Height) -> Signer:
        """Return the key with which this node signs a height, if it may."""
        key = self._key_of(self._name, height)
        return self._signer if key is None else self._signers.get(key, self._signer)

    def written(self, height: Height, batch: WriteBatch) -> tuple[list[Attest], list[Height]]:
        """Own attestations up to `height` are durable.

        Returns those that may now leave for the first time, and heights newly certified.
        """
        first, self.durable = self.durable + 1, max(self.durable, height)
        leaving: list[Attest] = []
        certified: list[Height] = []
        for h in range(first, height + 1):
            gathered = self._open.get(h)
            if gathered is None or not gathered.own:
                continue
            gathered.signatures[self._name] = gathered.own
            leaving.append(Attest(h, gathered.statement, gathered.own))
            certified += self._settle(h, batch)
        return leaving, certified

    def unsigned(self, now: Seconds) -> list[SignatureWanted]:
        """Return durable statements for which the holder of the key is to be asked now."""
        wanted: list[SignatureWanted] = []
        for height in self._lowest_open() if self._elsewhere else ():
            gathered = self._open[height]
            if height > self.durable or height in self._certificates:
                continue
            if gathered.own or gathered.refused or now < gathered.ask_at:
                continue
            held = self._held(height)
            if isinstance(held, HeldElsewhere) and self._may_sign(height):
                gathered.ask_at = now + ASK_AGAIN_SECONDS
                wanted.append(SignatureWanted(height, gathered.statement, held.public))
        return wanted

    def answered(self, answer: Signed, batch: WriteBatch) -> tuple[list[Attest], list[Height]]:
        """Take the answer of the key's holder, whose signature has been verified.

        Returns the attestation that may leave, if there is one, and heights newly certified.
        """
        height, signature = answer.height, answer.signature
        gathered = self._open.get(height)
        if gathered is None or gathered.own or answer.statement != gathered.statement:
            return [], []
        if signature is None:
            gathered.refused = True
            return [], []
        gathered.own = gathered.signatures[self._name] = signature
        self.signed = max(self.signed, height)
        return [Attest(height, gathered.statement, signature)], self._settle(height, batch)

    def _own(self, height: Height) -> Attest | None:
        gathered = self._open.get(height)
        if gathered is None or not gathered.own or height > self.durable:
            return None
        return Attest(height, gathered.statement, gathered.own)

    def _lowest_open(self) -> list[Height]:
        first = self.certified + 1
        return [h for h in range(first, first + RESEND_HEIGHTS_MAX) if h in self._open]

    def resend(self, now: Seconds) -> list[Attest]:
        """Return own attestations of the lowest heights that are still not certified."""
        if now < self.next_resend:
            return []
        self.next_resend = now + RESEND_SECONDS
        return [
            found
            for height in self._lowest_open()
            if now - self._open[height].applied_at >= RESEND_SECONDS
            and (found := self._own(height)) is not None
        ]

    def receive(self, peer: NodeId, attest: Attest, batch: WriteBatch) -> list[Height]:
        """Count a peer's attestation; return heights newly certified. Raises Invalid."""
        height = attest.height
        if len(attest.statement) > STATEMENT_BYTES_MAX:
            raise Invalid("an attestation of something longer than any statement")
        gathered = self._open.get(height)
        late = height <= self.certified or height in self._certificates
        if gathered is None and late:
            self._compare_late(peer, attest)
            return []
        if gathered is None:
            if self._certifying(height)[1].member(peer) is None:
                return []  # sent again, should it come to sign
            early = self._early.setdefault(peer, {})
            if len(early) >= AHEAD_MAX:
                del early[min(early)]
            early[height] = attest
            return []
        key = self._key_of(peer, height)
        if key is None or gathered.knows(peer, attest.statement):
            return []
        same = attest.statement == gathered.statement
        if not same:
            # One of us is wrong; a certificate will say who. Its signature counts for nothing here.
            said, ours = read_statement(attest.statement), read_statement(gathered.statement)
            if (said.chain_id, said.height) != (ours.chain_id, ours.height):
                raise Invalid(f"an attestation of height {height} states another height")
        if not self._verify(Domain.ATTESTATION, key, attest.statement, attest.signature):
            raise Invalid(f"the attestation of height {height} does not verify")
        proof = gathered.take(peer, attest.statement, attest.signature)
        if proof is not None:
            self._accuse(key, proof)
        return self._settle(height, batch) if same and not late else []

    def _compare_late(self, peer: NodeId, attest: Attest) -> None:
        """Compare an attestation with the certificate that its height has by now."""
        known = self._newest.get(attest.height)
        if known is not None and attest.statement != known.statement:
            late = Certificate(attest.statement, ((peer, attest.signature),))
            self._compare_certificates(known, late)

    def _compare_certificates(self, known: Certificate, other: Certificate) -> None:
        """Accuse whoever has signed both of two certificates that contradict each other."""
        for key, found in proved(known, other, self._key_of):
            self._accuse(key, found)

    def _key_of(self, peer: NodeId, height: Height) -> PublicKey | None:
        member = self._signs_as(peer, height)
        return None if member is None else member.attestation_key

    def _signs_as(self, name: NodeId, height: Height) -> Member | None:
        """Return as which member a node may sign a height: of the set before it, if it is there."""
        # A learner whom this very block promotes is a validator of the new set only.
        for membership in self._certifying(height):
            member = membership.member(name)
            if member is not None and member.role == "validator" and height > member.signs_above:
                return member
        return None

    def settle(self, batch: WriteBatch) -> list[Height]:
        """Return heights newly certified by what is gathered already.

        After a restart no peer may be left to send what would settle them: where the own
        signature is the whole quorum, or where all others have sent theirs before.
        """
        certified: list[Height] = []
        for height in self._lowest_open():
            if height > self.certified and height not in self._certificates:
                certified += self._settle(height, batch)
        return certified

    def _settle(self, height: Height, batch: WriteBatch) -> list[Height]:
        """Make the certificate of a height if a quorum (of old and of new) has signed."""
        gathered = self._open.get(height)
        if gathered is None:
            return []
        before, after = self._certifying(height)
        for membership in (before,) if before is after else (before, after):
            voters = membership.voters()
            signed = sum(
                1
                for voter in voters
                if voter.name in gathered.signatures and height > voter.signs_above
            )
            if signed < certificate_quorum(len(voters)):
                return []
        signatures = tuple(
            pair
            for pair in sorted(gathered.signatures.items())
            if self._key_of(pair[0], height) is not None  # a recovery may have left some out
        )
        self._keep(Certificate(gathered.statement, signatures))
        return self._advance(batch)

    def _keep(self, certificate: Certificate) -> None:
        """Keep a certificate that holds, with the record where it is the first of a recovery's."""
        recovery = self._recovery_over(certificate.height)
        record = None
        if recovery is not None and recovery.body.certified + 1 == certificate.height:
            record = recovery.encode()
        kept = Certificate(certificate.statement, certificate.signatures, record)
        self._certificates[certificate.height] = kept

    def accept(self, certificates: Iterable[Certificate], batch: WriteBatch) -> list[Height]:
        """Take certificates that a peer sent; return heights newly certified. Raises Invalid."""
        for certificate in certificates:
            height = certificate.height
            if certificate.recovery is not None:
                self._recovered(certificate.recovery)
            if height <= self.certified or height in self._certificates:
                known = self._newest.get(height) or self._certificates.get(height)
                if known is not None and known.statement != certificate.statement:
                    self._compare_certificates(known, certificate)
                continue
            if height > self.certified + 2 * CERTIFICATES_PAGE:
                continue
            gathered = self._open.get(height)
            if gathered is None:
                continue  # judged when own results are there: the set in force is known then
            check_certificate(certificate, *self._certifying(height), self._verify)
            self._compare(height, gathered.statement, certificate)
            gathered.signatures.update(certificate.signatures)  # who signs another thing, too, lies
            self._keep(certificate)
        return self._advance(batch)

    def _compare(self, height: Height, statement: bytes, certificate: Certificate) -> None:
        if certificate.statement != statement:
            raise StateDiverged(
                f"own results at height {height} differ from what a quorum has signed"
            )

    def _advance(self, batch: WriteBatch) -> list[Height]:
        """Store certificates that follow the contiguous ones; return their heights."""
        heights: list[Height] = []
        while (certificate := self._certificates.get(self.certified + 1)) is not None:
            height = self.certified + 1
            if height not in self._open:
                break  # not applied yet
            batch.put(height_key(Table.CERTIFICATE, height), certificate.encode())
            batch.delete(height_key(Table.ATTESTATION, height))
            del self._certificates[height]
            self._newest[height] = certificate
            self._newest.pop(height - CERTIFICATES_PAGE, None)
            self.certified = height
            heights.append(height)
        return heights

    def applied_at(self, height: Height) -> Seconds | None:
        """Return when a height was applied here, while that is remembered; forgets it."""
        gathered = self._open.pop(height, None)
        return None if gathered is None or not gathered.applied_at else gathered.applied_at
