"""Bugs planted in attestations, certificates, receipts, trust files and the tree of heights."""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import replace
from typing import Any

from govchaind.base import crypto, merkle
from govchaind.base.crypto import Domain
from govchaind.base.errors import Invalid, InvalidBlock
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import WriteBatch
from govchaind.ledger import apply, certificate, height_proof, receipt, results, state_proof, trust
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.shapes import read_shape
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.trust import TrustRoot
from govchaind.replica import attestation
from govchaind.replica.attestation import Attestations
from govchaind.replica.evidence import Evidence
from govchaind.replica.gathered import Gathered
from govchaind.replica.heads import Heads
from govchaind.replica.observing import Observing
from netsim.mutants.plant import Plant
from netsim.properties import receipts

_apply: Any = apply
_receipt: Any = receipt
_state_proof: Any = state_proof
_trust: Any = trust


def majority_certifies(plant: Plant) -> None:
    """A bare majority makes a certificate, for the node and for whoever judges it."""

    def quorum(count: int) -> int:
        return count // 2 + 1

    plant(attestation, "certificate_quorum", quorum)
    plant(certificate, "certificate_quorum", quorum)


def new_set_not_asked(plant: Plant) -> None:
    """The block that changes the membership is certified by the old set alone."""

    def settle(self: Attestations, height: int, batch: Any) -> list[int]:
        certifying = self._certifying
        self._certifying = lambda at: (certifying(at)[0],) * 2
        try:
            return original(self, height, batch)
        finally:
            self._certifying = certifying

    original = Attestations._settle
    plant(Attestations, "_settle", settle)


def sides_swapped(plant: Plant) -> None:
    """Receipts name the wrong side for the last hash of a path."""

    def sided(leaves: Any, index: int) -> Any:
        sides, path = original(leaves, index)
        return (sides ^ (1 << len(path) - 1) if len(path) > 2 else sides), path

    original = height_proof.sided_path
    plant(receipt, "sided_path", sided)


def other_transaction_believed(plant: Plant) -> None:
    """A receipt's transaction is not compared with its id: A-5 in kind."""

    def verify(data: bytes, root: TrustRoot, to_head: Any = None) -> Any:
        shape = read_shape(data, _receipt._ReceiptShape, bytes_max=_receipt.RECEIPT_BYTES_MAX)
        plain = _receipt.encode([
            "receipt", 1, shape.transaction_id, shape.identity, None, shape.code, shape.operation,
            shape.sides, shape.path,
            [shape.proof.header, shape.proof.state_root, shape.proof.path, shape.proof.certificate],
        ])  # fmt: skip
        return whole(plain, root, to_head)

    whole = _receipt.verify_receipt
    plant(receipts, "verify_receipt", verify)


def trust_file_unsealed(plant: Plant) -> None:
    """A trust file's digest is not looked at."""

    def read(data: bytes) -> TrustRoot:
        file = _trust.read_shape(data, _trust._FileShape, bytes_max=1 << 20)
        payload = _trust.encode([file.payload, _trust.digest(_trust.Domain.TRUST, file.payload)])
        believed: TrustRoot = whole(payload)
        return believed

    whole = _trust.read_trust
    plant(receipts, "read_trust", read)


def path_leads_anywhere(plant: Plant) -> None:
    """A state proof's path is put together, and what comes out is not compared with the root."""

    def check(*arguments: Any) -> None:
        try:
            whole(*arguments)
        except Invalid as error:
            if "does not lead" not in error.message:
                raise

    whole = _state_proof.check_tree_path
    plant(state_proof, "check_tree_path", check)


def another_keys_proof(plant: Plant) -> None:
    """Whoever asked for one key's proof takes that of any other."""

    def verify(data: bytes, trust: Any, to_head: Any = None, *, key: Any = None) -> Any:
        return whole(data, trust, to_head)

    whole = state_proof.verify_state_proof
    plant(receipts, "verify_state_proof", verify)


def head_speaks_for_all(plant: Plant) -> None:
    """A path to the pinned head is asked for, and not judged."""

    def check(self: TrustRoot, found: Certificate, to_head: Any = None) -> None:
        if to_head is None:
            whole(self, found)

    whole = TrustRoot.check
    plant(TrustRoot, "check", check)


def untagged_leaves(plant: Plant) -> None:
    """Leaves are hashed like inner nodes, without a tag of their own (A-10)."""
    hasher = merkle.Hasher(merkle.SUITE_1.node_prefix, merkle.SUITE_1.node_prefix)
    for module in (apply, results, receipt, height_proof):
        plant(module, "SUITE_1", hasher)


def spare_signatures_pass(plant: Plant) -> None:
    """A signature in a certificate that does not verify is passed over, if enough others do."""

    def check(found: Certificate, before: Any, after: Any = None, verify: Any = None) -> None:
        judge = crypto.verify if verify is None else verify
        kept = []
        for name, signature in found.signatures:
            member = before.member(name) or (after and after.member(name))
            if member is None or not judge(
                Domain.ATTESTATION, member.attestation_key, found.statement, signature
            ):
                continue
            kept.append((name, signature))
        original(Certificate(found.statement, tuple(kept)), before, after, judge)

    original = certificate.check_certificate
    plant(trust, "check_certificate", check)


def frontier_lost_at_restart(plant: Plant) -> None:
    """After a restart the tree of heights begins with another right edge."""

    def load(reader: Any, size: int) -> Any:
        frontier = original(reader, size)
        if size > 4 and size & 1:
            return merkle.Frontier(size, [*frontier.subtrees[:-1], bytes(32)])
        return frontier

    original = _apply.load_frontier
    plant(apply, "load_frontier", load)


def deletions_not_folded(plant: Plant) -> None:
    """What the state deletes stays in its tree."""

    def fold(
        self: StateTree, reader: Any, batch: Any, height: int, changes: Any, **kept: Any
    ) -> Any:
        less = {key: value for key, value in changes.items() if value is not None}
        return original(self, reader, batch, height, less or changes, **kept)

    original = StateTree.fold
    plant(StateTree, "fold", fold)


def attestation_signed_anew(plant: Plant) -> None:
    """After a restart a height is signed anew, as of what the process knows then (I-23 in kind)."""
    count = itertools.count()

    def load(self: Attestations, reader: Any) -> None:
        original(self, reader)
        for height, gathered in self._open.items():
            if gathered.own and next(count) % 2 == 0:
                statement = gathered.statement[:-1] + b"\x00"
                gathered.statement = statement
                gathered.own = self._signer.sign(Domain.ATTESTATION, statement)
                gathered.signatures = {self._name: gathered.own}
            del height

    original = Attestations._load
    plant(Attestations, "_load", load)


def never_sent_again(plant: Plant) -> None:
    """An attestation is sent once, and not again when it was lost."""

    def resend(self: Attestations, now: float) -> list[Any]:
        self.next_resend = now + 1.0
        return []

    plant(Attestations, "resend", resend)


def certificates_not_asked_for(plant: Plant) -> None:
    """A node that lacks certificates asks nobody for them."""

    def ask(self: Heads, now: float, certified: int, applied: int) -> None:
        self.ask_at = now + 1.0

    plant(Heads, "ask", ask)


def certificate_row_misplaced(plant: Plant) -> None:
    """A certificate is stored one height too high, when two come at once."""

    def advance(self: Attestations, batch: WriteBatch) -> list[int]:
        heights = original(self, batch)
        if len(heights) > 1:
            first, second = (height_key(Table.CERTIFICATE, h) for h in heights[:2])
            batch.changes[first], batch.changes[second] = (
                batch.changes[second], batch.changes[first],
            )  # fmt: skip
        return heights

    original = Attestations._advance
    plant(Attestations, "_advance", advance)


def forged_certificates_passed_over(plant: Plant) -> None:
    """Whoever gets forged certificates judges all of them, instead of none after the first."""

    def accept(self: Attestations, certificates: Any, batch: Any) -> list[int]:
        for each in certificates:
            with suppress(Invalid):
                original(self, [each], batch)
        return self._advance(batch)

    original = Attestations.accept
    plant(Attestations, "accept", accept)


def block_of_any_certificate(plant: Plant) -> None:
    """Whoever follows takes a block with a good certificate of another one."""

    def check(self: Observing, block: Any, certificate: Certificate) -> None:
        try:
            original(self, block, certificate)
        except InvalidBlock as error:
            if "of another block" not in error.message:
                raise

    original = Observing._check
    plant(Observing, "_check", check)


def signatures_not_counted(plant: Plant) -> None:
    """A certificate is judged by its signatures, however few there are."""

    def missing(height: int, names: Any, sets: Any) -> str:
        return ""

    plant(certificate, "_missing", missing)


def proof_not_written(plant: Plant) -> None:
    """What proves that a validator lies is told, and not written down."""

    def keep(self: Evidence, key: bytes, found: Any) -> bool:
        pending = self._desk.pending
        before = dict(pending.batch.changes)
        kept = original(self, key, found)
        pending.batch.changes = before
        return kept

    original = Evidence.keep
    plant(Evidence, "keep", keep)


def second_tale_passed_over(plant: Plant) -> None:
    """Of what a validator says of a height only the first counts: it is not compared with more."""

    def knows(self: Gathered, peer: str, statement: bytes) -> bool:
        return peer in self.signatures or peer in self.others

    plant(Gathered, "knows", knows)


def fork_at_the_head_believed(plant: Plant) -> None:
    """A certificate of the pinned head's height may state another tree of heights."""

    def check(self: TrustRoot, certificate: Certificate, to_head: Any = None) -> None:
        if to_head is None and certificate.height == self.head_height:
            self = replace(self, log_root=certificate.read.log_root)
        original(self, certificate, to_head)

    original = TrustRoot.check
    plant(TrustRoot, "check", check)


def head_leads_anywhere(plant: Plant) -> None:
    """A newer head is believed by its certificate; that it extends the pinned one is not asked."""
    plant(_trust, "check_consistency", lambda *_: None)


def head_goes_back(plant: Plant) -> None:
    """A step may lead to a head before the pinned one."""

    def after(self: TrustRoot, step: Any) -> TrustRoot:
        back = step.header is None and step.certificate.height < self.head_height
        if not back:
            return original(self, step)
        certificate.check_certificate(step.certificate, self.membership)
        return replace(self, head_height=step.certificate.height)

    original = TrustRoot._after
    plant(TrustRoot, "_after", after)


MUTANTS = (
    (fork_at_the_head_believed, "I-34"),
    (head_leads_anywhere, "I-34"),
    (head_goes_back, "I-34"),
    (proof_not_written, "N-6"),
    (second_tale_passed_over, "N-6"),
    (block_of_any_certificate, "I-4"),
    (signatures_not_counted, "I-30"),
    (forged_certificates_passed_over, "I-30"),
    (majority_certifies, "I-21"),
    (new_set_not_asked, "I-21"),
    (sides_swapped, "I-21"),
    (other_transaction_believed, "I-25"),
    (trust_file_unsealed, "I-25"),
    (path_leads_anywhere, "I-25"),
    (another_keys_proof, "I-21"),
    (head_speaks_for_all, "I-25"),
    (untagged_leaves, "N-3"),
    (spare_signatures_pass, "I-25"),
    (frontier_lost_at_restart, "N-3"),
    (deletions_not_folded, "I-21"),
    (attestation_signed_anew, "I-23"),
    (never_sent_again, "L-b"),
    (certificates_not_asked_for, "L-c"),
    (certificate_row_misplaced, "I-21"),
)
