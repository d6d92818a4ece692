"""Certificates and receipts, judged as by somebody who holds nothing but genesis: I-21, 22, 25.

Every certificate is judged when its row is written, with a quorum counted here. Receipts, state
proofs and trust files are built from a node's store and judged by the code that clients run; that
code verifies real signatures only, so this half is for seeds that sign with real keys.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import ClassVar

from govchaind.base.crypto import Domain
from govchaind.base.encoding import decode, encode
from govchaind.base.errors import Gone, GovchaindError, Invalid, NotFound
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import MemoryReader
from govchaind.base.merkle import AppendTree
from govchaind.ledger.block import block_parts
from govchaind.ledger.certificate import Certificate, check_certificate, read_certificate
from govchaind.ledger.membership import Membership
from govchaind.ledger.receipt import build_receipt_at, verify_receipt
from govchaind.ledger.results import stored_subtree
from govchaind.ledger.state_proof import build_state_proof, verify_state_proof
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.trust import (
    ConfigurationBlock,
    TrustRoot,
    TrustStep,
    build_steps,
    encode_advance,
    read_advance,
    read_trust,
)
from govchaind.replica.messages import Certificates, CertifiedBlocks, PeerMessage
from govchaind.replica.store import block_of
from govchaind.replica.stored_certificates import certificate_at
from netsim.ghost import Ghost
from netsim.node import Node
from netsim.options import source
from netsim.properties.base import Property, Written
from netsim.remembered_trust import RememberedTrust

AUDIT_EVERY = 24  # certificates between two audits of a store
NOWHERE = b"\x04nowhere\x00k"  # a state key that has no value
BITS_FLIPPED = 40  # of each thing at the end of a run


def log_block(image: MemoryReader, height: int) -> bytes:
    """Return the bytes of the block that a store holds at a height."""
    row = image.get(height_key(Table.LOG, height))
    if row is None:
        raise NotFound(f"no block {height}")
    block: bytes = decode(row, bytes_max=1 << 22)[1]
    return block


class OneCertificate(Property):
    id = "I-22"
    text = "no two certificates for one height with different content"
    looks_at: ClassVar[tuple[type, ...]] = (Certificates, CertifiedBlocks)

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        self.statements: dict[int, bytes] = {}

    def _look(self, node: Node, certificate: Certificate) -> None:
        height = certificate.height
        if self.statements.setdefault(height, certificate.statement) != certificate.statement:
            self.fail(node.name, f"has another certificate of height {height} than elsewhere")

    def writing(self, node: Node, written: Written) -> None:
        for _, row in certificate_rows(written):
            self._look(node, self.ghost.readings.certificate(row))

    def leaving(self, node: Node, to: str, message: PeerMessage) -> None:
        if isinstance(message, Certificates):
            for certificate in message.certificates:
                self._look(node, certificate)
        elif isinstance(message, CertifiedBlocks):
            for _, certificate in message.blocks:
                self._look(node, certificate)


def certificate_rows(written: Written) -> list[tuple[int, bytes]]:
    """Return the certificates that a batch stores, with the heights under which it does."""
    return [
        (int.from_bytes(key[1:9], "big"), row)
        for key, row in written.rows(Table.CERTIFICATE).items()
        if row is not None
    ]


class ReceiptsVerify(Property):
    id = "I-21"
    text = "every certificate and receipt verifies with the client's code, pinned at genesis only"

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        self._eras: list[tuple[int, Membership]] = [(0, ghost.first_membership)]
        self._looked = 0
        self._count = 0
        self._hold: set[bytes] = set()  # rows judged: who must sign a height never changes

    def writing(self, node: Node, written: Written) -> None:
        found = certificate_rows(written)
        for height, row in found:
            certificate = self.ghost.readings.certificate(row)
            if certificate.height != height:
                self.fail(node.name, f"stores a certificate of another height at {height}")
            if row not in self._hold and height <= len(self.ghost.committed):
                self._certificate(node, certificate)
                self._hold.add(row)
        before, self._count = self._count, self._count + len(found)
        if before // AUDIT_EVERY != self._count // AUDIT_EVERY:
            self.audit(node)

    def _sets(self, height: int) -> list[Membership]:
        """Return the memberships of which a quorum must sign a height."""
        committed = self.ghost.committed
        while self._looked < min(height, len(committed)):
            self._looked += 1
            membership = block_of(committed[self._looked - 1].entry).membership
            if membership is not None:
                self._eras.append((self._looked, membership))
        before = [each for at, each in self._eras if at < height][-1]
        return [before, *(each for at, each in self._eras if at == height)]

    def _certificate(self, node: Node, certificate: Certificate) -> None:
        height = certificate.height
        sets = self._sets(height)
        names = {name for name, _ in certificate.signatures}
        for membership in sets:
            voters = [each for each in membership.members if each.role == "validator"]
            signed = sum(1 for each in voters if each.name in names and height > each.signs_above)
            faulty = (len(voters) - 1) // 3
            if 2 * signed <= len(voters) + faulty:
                self.fail(
                    node.name,
                    f"height {height} counts as certified by {signed} of {len(voters)}",
                )
        try:
            check_certificate(certificate, sets[0], sets[-1], node.world.signatures.verify)
        except Invalid as error:
            self.fail(node.name, f"the certificate of height {height} does not hold: {error}")

    # --- what a client would be given ------------------------------------------------------------

    def end(self) -> None:
        for node in self.ghost.running():
            self.audit(node)

    def audit(self, node: Node) -> None:
        """Build what clients ask for from what is durable, and judge it as they do."""
        if not node.world.options.real_signatures or node.disk.rotten:
            return
        try:
            self._audit(node)
        except (GovchaindError, ValueError) as error:
            self.fail(node.name, f"{type(error).__name__}: {error}")

    def _audit(self, node: Node) -> None:
        image, certified = node.disk.image, node.world.certified(node)
        newest = certificate_at(image, certified)
        if newest is None or certified > len(self.ghost.committed):
            return
        self.ghost.advance_model(certified)
        trust, _ = advanced(image, node, newest)
        pick = source(node.world.options.seed, f"audit/{node.name}/{self._count}")
        results = self.ghost.model.results
        full = [each for each in results[:certified] if each.outcomes]
        for result in pick.sample(full, min(3, len(full))):
            place = pick.randrange(len(result.outcomes))
            block = log_block(image, result.height)
            data = build_receipt_at(image, (result.height, place), block, newest)
            proved = verify_receipt(data, trust)
            told = (proved.transaction_id, proved.identity, proved.outcome.code)
            if told != result.outcomes[place][:3] or proved.height != result.height:
                self.fail(node.name, f"a receipt of height {result.height} proves {told}")
            if (proved.time, proved.block_hash) != (result.time, result.block_hash):
                self.fail(node.name, f"a receipt names another block {result.height}")
        self._state(node, image, newest, trust)

    def _state(
        self, node: Node, image: MemoryReader, newest: Certificate, trust: TrustRoot
    ) -> None:
        model, height = self.ghost.model, provable(image, newest)
        if height == 0:
            return
        pick = source(node.world.options.seed, f"state/{node.name}/{self._count}")
        keys = sorted(model.versions)
        header = block_parts(log_block(image, height))[0]
        for key in [*pick.sample(keys, min(4, len(keys))), NOWHERE]:
            data = build_state_proof(image, key, height, header, newest)
            proved = verify_state_proof(data, trust, key=key)
            value = model.get(key, height)
            if proved.value != (None if value is None else encode(value)):
                self.fail(node.name, f"proves another value of {key!r} at height {height}")
            try:
                verify_state_proof(data, trust, key=key + b"?")
            except Invalid:
                continue
            self.fail(node.name, f"the proof of {key!r} passes for another key's")


def provable(image: MemoryReader, newest: Certificate) -> int:
    """Return the newest height, up to a certificate's, whose state a store can prove; 0: none."""
    try:
        return StateTree().checkpoint_at(image, newest.height)
    except (Gone, NotFound):
        return 0


def advanced(
    image: MemoryReader, node: Node, newest: Certificate
) -> tuple[TrustRoot, list[TrustStep]]:
    """Return the trust of one who began with genesis and was led to the newest certificate."""
    configurations = []
    for key, _ in list(image.scan(Table.MEMBERSHIP.value, height_key(Table.MEMBERSHIP, 1 << 62))):
        height = int.from_bytes(key[1:9], "big")
        certificate = certificate_at(image, height)
        if height and certificate is not None:
            header, _, membership = block_parts(log_block(image, height))
            configurations.append(ConfigurationBlock(header, membership or b"", certificate))
    steps = build_steps(image, from_height=0, configurations=configurations, newest=newest)
    steps = read_advance(encode_advance(steps))
    trust = TrustRoot.from_genesis(node.world.genesis).advance(steps)
    return RememberedTrust.of(trust), steps


class BitsAreRefused(Property):
    id = "I-25"
    text = "any single-bit change to a receipt, proof, certificate or trust file is refused"

    def end(self) -> None:
        nodes = [node for node in self.ghost.running() if not node.disk.rotten]
        if not nodes or not nodes[0].world.options.real_signatures:
            return
        pick = source(nodes[0].world.options.seed, "bits")
        node = pick.choice(nodes)
        image = node.disk.image
        newest = certificate_at(image, node.world.certified(node))
        if newest is None or newest.height > len(self.ghost.committed):
            return
        try:
            self._flip(node, image, newest)
        except Invalid:
            return  # what does not hold even unchanged is I-21's

    def _flip(self, node: Node, image: MemoryReader, newest: Certificate) -> None:
        trust, steps = advanced(image, node, newest)
        genesis = TrustRoot.from_genesis(node.world.genesis)

        def certificate(data: bytes) -> None:
            trust.check(read_certificate(data))

        self._refused(node, "trust file", trust.encode(), read_trust)
        # At the very height of the newest change a verifier who believes the new members leaves
        # aside signatures of names that it does not know: of those who left, or of a name spoilt.
        judged = newest.height > trust.era
        if judged:
            self._refused(node, "certificate", newest.encode(), certificate, newest.signatures)
            whole = signed_by_all(node, newest, trust.membership)
            self._refused(node, "full certificate", whole.encode(), certificate, whole.signatures)
        if steps:

            def advance(data: bytes) -> object:
                return genesis.advance(read_advance(data))

            self._refused(node, "advance", encode_advance(steps), advance)
        self.ghost.advance_model(newest.height)
        full = [each for each in self.ghost.model.results[: newest.height] if each.outcomes]
        for result in full[:: max(1, len(full) // 3)] if judged else ():
            block = log_block(image, result.height)
            data = build_receipt_at(image, (result.height, 0), block, newest)
            self._refused(node, "receipt", data, lambda data: verify_receipt(data, trust))
        if judged:
            self._state_proofs(node, image, newest, trust)
            self._spoken_for(node, image, trust)

    def _state_proofs(
        self, node: Node, image: MemoryReader, newest: Certificate, trust: TrustRoot
    ) -> None:
        """Flip bits in the proof that a key has a value, and in one that another has none."""
        model, height = self.ghost.model, provable(image, newest)
        if height == 0:
            return
        header = block_parts(log_block(image, height))[0]
        held = (key for key in sorted(model.versions) if model.get(key, height) is not None)
        for key in (*islice(held, 1), NOWHERE):
            data = build_state_proof(image, key, height, header, newest)
            judge = partial(verify_state_proof, trust=trust, key=key)
            self._refused(node, "state proof", data, judge)

    def _spoken_for(self, node: Node, image: MemoryReader, trust: TrustRoot) -> None:
        """Have the pinned head speak for an older certificate, and not for one with another tree of
        heights; what else it states is bound by that tree."""
        head = trust.head_height
        pick = source(node.world.options.seed, "bits/spoken for")
        old = certificate_at(image, pick.randrange(1, head)) if head > 1 else None
        if old is None:
            return
        tree = AppendTree(head, stored_subtree(image))
        proof = tree.consistency_proof(old.height)
        trust.check(old, proof)

        def judge(log_root: bytes) -> None:
            statement = old.statement.replace(old.read.log_root, log_root)
            trust.check(Certificate(statement, old.signatures), proof)

        self._refused(node, "tree of heights under a pinned head", old.read.log_root, judge)

    def _refused(
        self,
        node: Node,
        what: str,
        data: bytes,
        judge: Callable[[bytes], object],
        signatures: tuple[tuple[str, bytes], ...] = (),
    ) -> None:
        """Flip bits one by one, some of them in each of `signatures`, and have the rest judged."""
        pick = source(node.world.options.seed, f"bits/{what}/{len(data)}")
        places = [pick.randrange(8 * len(data)) for _ in range(BITS_FLIPPED)]
        for _, signature in signatures:
            places.append(8 * data.index(signature) + pick.randrange(8 * len(signature)))
        for place in places:
            changed = bytearray(data)
            changed[place // 8] ^= 1 << place % 8
            try:
                judge(bytes(changed))
            except Invalid:
                continue
            except Exception as error:
                self.fail(node.name, f"a {what} with bit {place} flipped: {error!r}")
            self.fail(node.name, f"a {what} with bit {place} flipped is believed")


def signed_by_all(node: Node, certificate: Certificate, membership: Membership) -> Certificate:
    """Return the certificate with the signatures of all who may sign it: those that a quorum does
    not need are the ones that might be passed over. Nodes stop at a quorum."""
    statement = certificate.statement
    names = [each.name for each in membership.voters() if certificate.height > each.signs_above]
    keys = {name: node.world.signatures.key(f"node/{name}") for name in sorted(names)}
    signed = {name: key.sign(Domain.ATTESTATION, statement) for name, key in keys.items()}
    return Certificate(statement, tuple(signed.items()))


PROPERTIES: tuple[type[Property], ...] = (OneCertificate, ReceiptsVerify, BitsAreRefused)
