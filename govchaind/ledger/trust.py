"""What a verifier believes: genesis, the membership in force, the newest head it has seen.

    trust file = [payload bytes, digest of the payload]
    payload    = ["trust", 1, chain id, name, head height, log root, era, membership bytes, changes]
                 and, where there were any, [[height, kept height, lost or null, time] …] recoveries
    step       = [header bytes or null, membership bytes or null, certificate bytes, [hash …]]
                 and the record's bytes, where the step is over a recovery
    advance    = ["trust-advance", 1, [step …]]

Rules it keeps:
- It starts from genesis, whose hash is the chain id, and only moves forward: each new head is a
  consistent extension of the old one, shown by an RFC 9162 consistency proof.
- A change of membership is believed from a configuration block's certificate, with a quorum of the
  old set and one of the new. `era` is the height of the newest such block.
- Over the recovery of a lost quorum (recovery.py) only the office keys of the institutions lead:
  the set before cannot sign any more, and the set after is nobody without them. A trust root names
  each recovery that it has come over for ever, and refuses one that goes on without a height that
  it has seen certified.
- Keys of earlier eras are believed no more. What they certified is believed if it is shown to be
  consistent with the pinned head (`to_head`), and otherwise must be proved anew.

It cannot know what happened after its head, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from msgspec import Meta

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding, InvalidProof
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import MEMBERSHIP_BYTES_MAX, TRUST_STEPS_MAX
from govchaind.base.merkle import PATH_LENGTH_MAX, SUITE_1, AppendTree, check_consistency
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.block import Header, recovery_block
from govchaind.ledger.certificate import (
    Certificate,
    check_certificate,
    read_certificate,
    signed_by,
)
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.membership import Membership, read_membership
from govchaind.ledger.recovery import Recovery, read_recovery
from govchaind.ledger.recovery_proof import check_record
from govchaind.ledger.results import stored_subtree
from govchaind.ledger.shapes import Bytes32, Count, Name, Shape, read_shape, read_versioned

VERSION = 1
ADVANCE_BYTES_MAX = 64 * 1024 * 1024  # many changes of membership; read from a file or an answer


class _FileShape(Shape):
    payload: bytes
    digest: Bytes32


class _PayloadShape(Shape):
    what: Literal["trust"]
    version: Literal[1]
    chain_id: Bytes32
    name: Name
    head_height: Count
    log_root: Bytes32
    era: Count
    membership: bytes
    changes: Count
    recoveries: list[tuple[Count, Count, Count | None, Count]] | None = None


class _StepShape(Shape):
    header: bytes | None
    membership: bytes | None
    certificate: bytes
    consistency: Annotated[list[Bytes32], Meta(max_length=PATH_LENGTH_MAX)]
    recovery: bytes | None = None


class _AdvanceShape(Shape):
    what: Literal["trust-advance"]
    version: Literal[1]
    steps: Annotated[list[_StepShape], Meta(max_length=TRUST_STEPS_MAX)]


@dataclass(frozen=True, slots=True)
class TrustStep:
    """One step forward: a configuration block with its membership, or only a newer head.

    `consistency` leads from the trust root's head to the certificate's height, or the other way
    round where the head is already beyond it.
    """

    certificate: Certificate
    consistency: tuple[Hash, ...]
    header: bytes | None = None
    membership: bytes | None = None
    recovery: bytes | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationBlock:
    """A configuration block as steps need it; `recovery`: the record of a recovery block."""

    header: bytes
    membership: bytes
    certificate: Certificate
    recovery: bytes | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """That a chain lost its quorum and went on."""

    height: Height  # of the recovery block
    kept: Height  # what came up to here was kept
    lost: Height | None  # known to have been there, and in nobody's store
    time: BlockTime

    def describe(self, chain: str = "the chain") -> str:
        """Return one sentence that says so."""
        lost = "" if self.lost is None else f" Heights {self.kept + 1} to {self.lost} are lost."
        return (
            f"{chain} lost its quorum and was recovered at height {self.height} by the keys of its "
            f"institutions; everything up to height {self.kept} was kept.{lost}"
        )


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """What a verifier believes of one chain."""

    chain_id: Hash  # the hash of genesis
    name: str
    head_height: Height
    log_root: Hash
    era: Height
    membership: Membership
    changes: int  # of the membership since genesis
    recoveries: tuple[Recovered, ...] = ()

    @staticmethod
    def from_genesis(genesis: Genesis) -> TrustRoot:
        """Return the trust of one who holds nothing but genesis."""
        members = genesis.membership()
        return TrustRoot(genesis.chain_id, genesis.name, 0, SUITE_1.empty(), 0, members, 0)

    def encode(self) -> bytes:
        """Return the trust file's bytes."""
        fields: list[object] = [
            "trust",
            VERSION,
            self.chain_id,
            self.name,
            self.head_height,
            self.log_root,
            self.era,
            self.membership.encode(),
            self.changes,
        ]
        if self.recoveries:
            fields.append(
                [[each.height, each.kept, each.lost, each.time] for each in self.recoveries]
            )
        payload = encode(fields)
        return encode([payload, digest(Domain.TRUST, payload)])

    def describe(self) -> str:
        """Return one sentence that says what is known, and what cannot be."""
        changes = "1 change" if self.changes == 1 else f"{self.changes} changes"
        head = f"height {self.head_height}" if self.head_height else "genesis"
        told = "".join(" " + each.describe("The chain") for each in self.recoveries)
        return (
            f"Chain {self.name} ({self.chain_id.hex()[:16]}): genesis, {changes} of membership, "
            f"newest head seen: {head}; nothing after {head} is known.{told}"
        )

    def check(self, certificate: Certificate, to_head: Sequence[Hash] | None = None) -> None:
        """Raise InvalidProof unless this trust root believes the certificate.

        Args:
            to_head: a consistency proof from the certificate's height to the pinned head. With it
                the pinned head speaks for the statement, whoever signed it.
        """
        statement = certificate.read
        if statement.chain_id != self.chain_id:
            raise InvalidProof("the certificate belongs to another chain", code="other-chain")
        if certificate.recovery is not None:
            raise InvalidProof("no record of recovery stands in a proof")
        if to_head is not None:
            check_consistency(
                statement.height, self.head_height, to_head, statement.log_root, self.log_root
            )
            return
        if statement.height < self.era:
            raise InvalidProof(
                f"height {statement.height} was certified before the membership changed at "
                f"{self.era}",
                code="earlier-membership",
                remedy="Fetch it again: a node proves it under its newest certificate.",
            )
        if statement.height == self.head_height and statement.log_root != self.log_root:
            raise InvalidProof("the certificate contradicts the pinned head", code="fork")
        if statement.height == self.era:
            self._check_at_era(certificate)
        else:
            check_certificate(certificate, self.membership)

    def _check_at_era(self, certificate: Certificate) -> None:
        """Judge what was signed of the block that brought the present validators into force.

        A validator whose key that block changed has signed with the one before, which is not known
        here any more: if no quorum is left without it, the next certificate has to be waited for.
        """
        try:
            check_certificate(signed_by(certificate, self.membership), self.membership)
        except InvalidProof as error:
            raise InvalidProof(
                f"{error.message}; a key of the set before can be judged no more",
                code="earlier-membership",
                remedy="Fetch it again: a node proves it under its newest certificate.",
            ) from None

    def advance(self, steps: Iterable[TrustStep]) -> TrustRoot:
        """Return the trust root after `steps`. Raises InvalidProof or InvalidEncoding."""
        trust = self
        for step in steps:
            trust = trust._after(step)
        return trust

    def _after(self, step: TrustStep) -> TrustRoot:
        statement = step.certificate.read
        if statement.chain_id != self.chain_id:
            raise InvalidProof("a step belongs to another chain", code="other-chain")
        if statement.height <= self.era:
            raise InvalidProof("a step goes back behind a change of membership already believed")
        changed = self
        if step.recovery is not None:
            changed = self._recovered(step, read_recovery(step.recovery))
        elif step.membership is None or step.header is None:
            if statement.height < self.head_height:
                raise InvalidProof("a step goes back behind the pinned head")
            check_certificate(step.certificate, self.membership)
        else:
            after = _configured(step.header, step.membership, step.certificate)
            check_certificate(step.certificate, self.membership, after)
            changed = replace(
                self, era=statement.height, membership=after, changes=self.changes + 1
            )
        size, log_root = statement.height, statement.log_root
        if size < self.head_height:
            check_consistency(size, self.head_height, step.consistency, log_root, self.log_root)
            return changed
        check_consistency(self.head_height, size, step.consistency, self.log_root, log_root)
        return replace(changed, head_height=size, log_root=log_root)

    def _recovered(self, step: TrustStep, recovery: Recovery) -> TrustRoot:
        """Return this trust root with the membership that institutions have put in force."""
        body, statement = recovery.body, step.certificate.read
        if (body.chain_id, recovery_block(recovery).hash) != (self.chain_id, statement.block_hash):
            raise InvalidProof("the certificate is not of the block that the record makes")
        if self.head_height > body.kept:
            raise InvalidProof(
                f"the chain was recovered at height {body.height} without height "
                f"{self.head_height}, which this trust file has seen certified",
                code="recovery-lost-the-head",
                remedy="Keep the trust file and what it has proved: that was certified and is lost "
                "to the chain. Tell the institutions; then begin a new trust file from genesis.",
            )
        check_record(recovery, self.check)
        check_certificate(step.certificate.without_recovery(), body.membership)
        recovered = Recovered(body.height, body.kept, body.lost, body.time)
        return replace(
            self,
            era=body.height,
            membership=body.membership,
            changes=self.changes + 1,
            recoveries=(*self.recoveries, recovered),
        )


def _configured(header_bytes: bytes, membership: bytes, certificate: Certificate) -> Membership:
    """Return the membership that a configuration block, certified here, brings into force."""
    header = Header(header_bytes)
    statement = certificate.read
    if (header.chain_id, header.height, header.hash) != (
        statement.chain_id,
        statement.height,
        statement.block_hash,
    ):
        raise InvalidProof("the header is not of the block that the certificate names")
    if header.membership_digest != digest(Domain.CONFIGURATION, membership):
        raise InvalidProof("the membership is not the one that the block brings into force")
    return read_membership(membership)


def read_trust(data: bytes) -> TrustRoot:
    """Return the trust root that a trust file holds. Raises InvalidEncoding or InvalidProof."""
    file = read_shape(data, _FileShape, bytes_max=MEMBERSHIP_BYTES_MAX + 1024)
    if digest(Domain.TRUST, file.payload) != file.digest:
        raise InvalidProof("the trust file is damaged: its digest does not match")
    shape = read_versioned(
        file.payload,
        _PayloadShape,
        what="a trust file",
        version=VERSION,
        place=1,
        bytes_max=len(file.payload),
    )
    return TrustRoot(
        shape.chain_id,
        shape.name,
        shape.head_height,
        shape.log_root,
        shape.era,
        read_membership(shape.membership),
        shape.changes,
        tuple(Recovered(*each) for each in shape.recoveries or ()),
    )


def encode_advance(steps: Iterable[TrustStep]) -> bytes:
    """Return steps as one file."""
    listed: list[list[object]] = []
    for step in steps:
        certificate = step.certificate.without_recovery().encode()
        listed.append([step.header, step.membership, certificate, list(step.consistency)])
        if step.recovery is not None:
            listed[-1].append(step.recovery)
    return encode(["trust-advance", VERSION, listed])


def read_advance(data: bytes) -> list[TrustStep]:
    """Return the steps that `data` holds, not yet judged. Raises InvalidEncoding."""
    shape = read_versioned(
        data,
        _AdvanceShape,
        what="an advance of trust",
        version=VERSION,
        place=1,
        bytes_max=ADVANCE_BYTES_MAX,
    )
    steps: list[TrustStep] = []
    for step in shape.steps:
        if (step.header is None) != (step.membership is None):
            raise InvalidEncoding("a step has a header and a membership, or neither")
        certificate, path = read_certificate(step.certificate), tuple(step.consistency)
        changed = step.header, step.membership, step.recovery
        steps.append(TrustStep(certificate, path, *changed))
    return steps


def build_steps(
    reader: KeyValueReader,
    *,
    from_height: Height,
    configurations: Iterable[ConfigurationBlock],
    newest: Certificate | None = None,
) -> list[TrustStep]:
    """Return the steps for a trust root whose head is at `from_height`.

    Args:
        configurations: each configuration block above that trust root's era, in order of height.
        newest: the newest certificate, for a last step that moves only the head.
    """
    steps: list[TrustStep] = []
    subtree = stored_subtree(reader)
    head = from_height
    for block in of_their_time(list(configurations)):
        low, high = sorted((head, block.certificate.height))
        proof = AppendTree(high, subtree).consistency_proof(low)
        changed = block.header, block.membership, block.recovery
        steps.append(TrustStep(block.certificate.without_recovery(), tuple(proof), *changed))
        head = high
    if newest is not None and newest.height > head:
        proof = AppendTree(newest.height, subtree).consistency_proof(head)
        steps.append(TrustStep(newest.without_recovery(), tuple(proof)))
    return steps


def of_their_time(blocks: list[ConfigurationBlock]) -> list[ConfigurationBlock]:
    """Leave out what only a later recovery's validators have certified: the record covers it."""
    kept: list[ConfigurationBlock] = []
    for block in blocks:
        if block.recovery is not None:
            certified = read_recovery(block.recovery).body.certified
            kept = [before for before in kept if before.certificate.height <= certified]
        kept.append(block)
    return kept
