"""A chain in memory for tests: keys from fixed seeds, blocks made and applied at will."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from govchaind.base.crypto import Domain, SigningKey
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.base.limits import LIVE_IDS_PER_INSTITUTION_MAX
from govchaind.base.types import Hash
from govchaind.ledger.apply import Applied, Ledger
from govchaind.ledger.block import Block, make_block
from govchaind.ledger.certificate import Certificate, build_certificate
from govchaind.ledger.genesis import Genesis, Institution, Office, OfficeKey, make_genesis
from govchaind.ledger.membership import Member, Membership
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.transaction import build_body, read_transaction, sign_body
from govchaind.ledger.trust import TrustRoot
from govchaind.ledger.versions import FIRST_VERSION

START = 1_790_000_000_000
LIFETIME = 60_000
INSTITUTIONS = ("bank", "court", "ministry", "registry")
NODES = ("node-a", "node-b", "node-c", "node-d")


def key(label: str) -> SigningKey:
    """Return the key that a label stands for."""
    return SigningKey(label.encode().ljust(32, b".")[:32])


def member(name: str, institution: str, role: str = "validator", *, again: int = 0) -> Member:
    """Return a node; `again` numbers its stores."""
    assert role in ("validator", "learner", "observer")
    return Member(
        name,
        institution,
        role,  # type: ignore[arg-type]  # a literal, asserted just above
        key(f"attest {name}").public,
        key(f"tls {name}").public,
        f"{name} {again}".encode().ljust(16, b"."),
        (f"{name}.example:7000",),
    )


def office(name: str, threshold: int, *holders: str) -> Office:
    keys = tuple(OfficeKey(key(holder).public, f"Holder {holder}") for holder in holders)
    return Office(name, f"Office {name}", threshold, keys)


def genesis(version: int = FIRST_VERSION) -> Genesis:
    """Return four institutions: each has a governing office of one key and a `pair` of 2 of 3."""
    institutions = [
        Institution(
            name,
            f"The {name}",
            "duty-bound" if name != "bank" else "voluntary",
            (
                office("head", 1, f"{name} head"),
                office("pair", 2, f"{name} one", f"{name} two", f"{name} three"),
            ),
        )
        for name in INSTITUTIONS
    ]
    roles = ("validator", "validator", "validator", "observer")
    nodes = [
        member(name, institution, role)
        for name, institution, role in zip(NODES, INSTITUTIONS, roles, strict=True)
    ]
    return make_genesis(
        name="trial", time=START, institutions=institutions, nodes=nodes, version=version
    )


@dataclass(slots=True)
class Step:
    block: Block
    applied: Applied
    membership: Membership  # in force before


class Chain:
    """A ledger over a store in memory."""

    def __init__(
        self,
        *,
        operations: Mapping[int, Operation] = OPERATIONS,
        live_ids_max: int = LIVE_IDS_PER_INSTITUTION_MAX,
        version: int = FIRST_VERSION,
    ) -> None:
        self.genesis = genesis(version)
        self.store = MemoryReader()
        batch = WriteBatch()
        Ledger.write_genesis(self.genesis, batch)
        self.store.apply(batch)
        self._operations = operations
        self._live_ids_max = live_ids_max
        self.membership = self.genesis.membership()
        self.steps: list[Step] = []
        self.restart()
        self._salt = 0

    def restart(self) -> None:
        """Make a new ledger from what is stored."""
        self.ledger = Ledger(
            self.genesis,
            self.store,
            operations=self._operations,
            live_ids_max=self._live_ids_max,
        )

    def raw(
        self,
        *operations: tuple[int, list[Any]],
        institution: str = "registry",
        office_name: str = "head",
        signers: Sequence[str] | None = None,
        valid_until: int | None = None,
        chain_id: Hash | None = None,
        salt: int | None = None,
    ) -> bytes:
        """Return a signed transaction, by default of the registry's head."""
        if salt is None:
            self._salt += 1
            salt = self._salt
        body = build_body(
            chain_id=self.genesis.chain_id if chain_id is None else chain_id,
            institution=institution,
            office=office_name,
            operations=operations,
            valid_until=self.ledger.time + LIFETIME if valid_until is None else valid_until,
            salt=salt.to_bytes(16, "big"),
        )
        return sign_body(body, [key(name) for name in signers or [f"{institution} head"]])

    def block(self, *raws: bytes, after: int = 100, membership: Membership | None = None) -> Block:
        """Return the next block."""
        return make_block(
            chain_id=self.genesis.chain_id,
            height=self.ledger.height + 1,
            previous=self.ledger.last_hash,
            term=1,
            leader="node-a",
            time=self.ledger.time + after,
            transactions=[read_transaction(raw) for raw in raws],
            membership_digest=self.membership.digest,
            membership=membership,
        )

    def take(self, block: Block) -> Applied:
        """Apply a block and make its writes part of the store."""
        batch = WriteBatch()
        applied = self.ledger.apply(block, self.store, batch)
        self.store.apply(batch)
        self.steps.append(Step(block, applied, self.membership))
        if block.membership is not None:
            self.membership = block.membership
        return applied

    def apply(
        self, *raws: bytes, after: int = 100, membership: Membership | None = None
    ) -> Applied:
        """Make the next block of these transactions and apply it."""
        return self.take(self.block(*raws, after=after, membership=membership))

    def codes(self, *raws: bytes, after: int = 100) -> list[int]:
        """Apply these in one block and return their outcome codes."""
        return [outcome.code for outcome in self.apply(*raws, after=after).outcomes]

    def do(self, kind: int, *arguments: Any, **author: Any) -> int:
        """Apply one operation in a block of its own and return its outcome code."""
        return self.codes(self.raw((int(kind), list(arguments)), **author))[0]

    def vote(self, motion: int, arguments: list[Any], *voters: str, turn: int = 0) -> list[int]:
        """Have each institution vote, in order, and return the outcome codes."""
        return [
            self.do(Kind.VOTE, turn, int(motion), arguments, institution=voter) for voter in voters
        ]

    def step(self, height: int) -> Step:
        return self.steps[height - 1]

    def certificate(self, height: int, *signers: str) -> Certificate:
        """Return a certificate of a height, signed by all validators or by those named."""
        step = self.step(height)
        statement = step.applied.statement
        voters = {voter.name for voter in step.membership.voters()}
        if step.block.membership is not None:
            voters |= {voter.name for voter in step.block.membership.voters()}
        signatures = {
            name: key(f"attest {name}").sign(Domain.ATTESTATION, statement)
            for name in signers or sorted(voters)
        }
        made = build_certificate(statement, signatures, step.membership, step.block.membership)
        assert made is not None
        return made

    def trust(self) -> TrustRoot:
        return TrustRoot.from_genesis(self.genesis)


def with_register(name: str = "divisions", **settings: Any) -> Chain:
    """Return a chain with one register of (code text, area integer), owned by the registry."""
    chain = Chain(**settings)
    schema = [["code", "text"], ["area", "integer"]]
    code = chain.do(Kind.CREATE_REGISTER, name, "Divisions", schema, "clear", [["court", "head"]])
    assert code == 0
    return chain


def signed(chain: Chain, height: int, *names: str) -> Certificate:
    """Return a certificate with these signatures, whether they are enough or not."""
    statement = chain.step(height).applied.statement
    pairs = [(name, key(f"attest {name}").sign(Domain.ATTESTATION, statement)) for name in names]
    return Certificate(statement, tuple(pairs))


def filled(**settings: Any) -> tuple[Chain, list[bytes]]:
    """Return a chain of eight heights and the transactions of height 5, the last one refused."""
    chain = with_register(**settings)
    chain.apply()
    chain.apply()
    chain.apply()
    raws = [
        chain.raw((int(Kind.PUT), ["divisions", b"%d" % number, [f"{number}", number], None]))
        for number in range(4)
    ]
    raws.append(chain.raw((int(Kind.PUT), ["divisions", b"1", ["1", 1], 0])))
    chain.apply(*raws)
    for _ in range(3):
        chain.apply()
    return chain, raws
