"""The simulated chain: its genesis, and the transactions that clients and operators sign.

Three institutions, each with one office that governs and writes; two of them decide about
members, or all three where clerks have had guests admitted. Clients use one register; clerks make
others.
"""

from __future__ import annotations

import hashlib
import random
from typing import Any

from govchaind.base.types import NodeId, StoreId
from govchaind.ledger.genesis import Genesis, Institution, Office, OfficeKey, make_genesis
from govchaind.ledger.membership import Member, Role
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.transaction import (
    Transaction,
    build_body,
    read_transaction,
    sign_body,
)
from netsim.clock import EPOCH_MILLISECONDS
from netsim.options import Options, source
from netsim.signing import Signatures

INSTITUTIONS = ("archive", "bureau", "court")
VOLUNTARY = "court"
OFFICE = "desk"
REGISTER = "entries"


def store_id(seed: int, name: NodeId, number: int) -> StoreId:
    """Return the id of the `number`th store that this node makes."""
    return hashlib.blake2b(f"{seed}/{name}/{number}".encode(), digest_size=16).digest()


class Chain:
    """Genesis and signers of one world."""

    def __init__(self, options: Options, signatures: Signatures) -> None:
        self._options = options
        self._random: random.Random = source(options.seed, "chain")
        self._signatures = signatures
        self._keys = {name: signatures.key(f"office/{name}") for name in INSTITUTIONS}
        self.keyring = {key.public: key for key in self._keys.values()}
        self.voters = [f"n{number}" for number in range(options.voters)]
        self.spares = [f"s{number}" for number in range(options.spares)]
        self.observers = [f"o{number}" for number in range(options.observers)]
        self.genesis = self._make_genesis()

    def member(self, name: NodeId, role: Role, store: StoreId) -> Member:
        """Return a node as genesis or a motion names it."""
        number = sum(name.encode()) % len(INSTITUTIONS)
        return Member(
            name=name,
            institution=INSTITUTIONS[number],
            role=role,
            attestation_key=self._signatures.key(f"node/{name}").public,
            tls_key=self._signatures.key(f"tls/{name}").public,
            store=store,
            addresses=(f"{name}.example:4000",),
        )

    def _make_genesis(self) -> Genesis:
        seed = self._options.seed
        nodes = [self.member(name, "validator", store_id(seed, name, 0)) for name in self.voters]
        nodes += [self.member(name, "observer", store_id(seed, name, 0)) for name in self.observers]
        institutions = [
            Institution(
                name,
                name,
                "voluntary" if name == VOLUNTARY else "duty-bound",
                (Office(OFFICE, "Desk", 1, (OfficeKey(self._keys[name].public, "Clerk"),)),),
            )
            for name in INSTITUTIONS
        ]
        return make_genesis(
            name="netsim", time=EPOCH_MILLISECONDS - 1000, institutions=institutions, nodes=nodes
        )

    def transaction(
        self, institution: str, operations: list[tuple[int, list[Any]]], valid_until: int
    ) -> Transaction:
        """Return a signed transaction of this institution's office."""
        body = build_body(
            chain_id=self.genesis.chain_id,
            institution=institution,
            office=OFFICE,
            operations=operations,
            valid_until=valid_until,
            salt=self._random.randbytes(16),
        )
        return read_transaction(sign_body(body, [self._keys[institution]]))

    def create_register(self, valid_until: int) -> Transaction:
        writers = [[name, OFFICE] for name in INSTITUTIONS[1:]]
        arguments = [REGISTER, "Entries", [["number", "integer"]], "clear", writers]
        return self.transaction(
            INSTITUTIONS[0], [(int(Kind.CREATE_REGISTER), arguments)], valid_until
        )

    def put(
        self, institution: str, key: bytes, value: int, expected: int | None, valid_until: int
    ) -> Transaction:
        return self.transaction(
            institution, [(int(Kind.PUT), [REGISTER, key, [value], expected])], valid_until
        )

    def ballots(
        self, round_number: int, motion: MotionKind, arguments: list[Any], valid_until: int
    ) -> list[Transaction]:
        """Return the votes of the institutions of genesis: a majority, also of up to five."""
        vote = [round_number, int(motion), arguments]
        return [
            self.transaction(name, [(int(Kind.VOTE), vote)], valid_until) for name in INSTITUTIONS
        ]
