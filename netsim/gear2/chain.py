"""The simulated chain of gear 2: its genesis, its nodes' identities, and who may write.

Three institutions as in gear 1, each with one office. Keys are the product's own `SigningKey`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from govchaind.base.crypto import SEED_BYTES, SigningKey
from govchaind.base.types import NodeId
from govchaind.client.keyfile import Author
from govchaind.config import Config, parse_config
from govchaind.identity import Identity
from govchaind.ledger.genesis import Institution, Office, OfficeKey, make_genesis
from govchaind.ledger.membership import Member, Role
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import build_body, sign_body
from netsim.chain import INSTITUTIONS, OFFICE, REGISTER, store_id
from netsim.clock import EPOCH_MILLISECONDS
from netsim.gear2.options import Options

PEER_PORT, API_PORT, METRICS_PORT = 7400, 7500, 7600
NOWHERE = Path("/simulated")  # a node's directory: run_node reads nothing from it

Operation = tuple[int, list[Any]]


def api_address(name: NodeId) -> str:
    """Return where a node's HTTP door is."""
    return f"{name}.sim:{API_PORT}"


class Chain:
    """Genesis, identities, settings and authors of one run."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.voters = [f"n{number}" for number in range(options.voters)]
        self.observers = [f"o{number}" for number in range(options.observers)]
        self.spares = [f"s{number}" for number in range(options.spares)]  # no members at first
        self.names = [*self.voters, *self.observers, *self.spares]
        self.announced = [*self.voters, *self.observers]  # whom clients know
        self.authors = [
            Author(name, OFFICE, (SigningKey(self._seed(f"office/{name}")),))
            for name in INSTITUTIONS
        ]
        self.genesis = make_genesis(
            name="netsim",
            time=EPOCH_MILLISECONDS - 1000,
            institutions=[self._institution(author) for author in self.authors],
            nodes=[
                *(self._member(name, "validator") for name in self.voters),
                *(self._member(name, "observer") for name in self.observers),
            ],
        )

    def _seed(self, purpose: str) -> bytes:
        text = f"netsim/{self._options.seed}/gear2/{purpose}"
        return hashlib.blake2b(text.encode(), digest_size=SEED_BYTES).digest()

    @staticmethod
    def _institution(author: Author) -> Institution:
        keys = tuple(OfficeKey(key.public, "Clerk") for key in author.keys)
        office = Office(OFFICE, "Desk", 1, keys)
        return Institution(author.institution, author.institution, "duty-bound", (office,))

    def identity(self, name: NodeId) -> Identity:
        """Return who a node is."""
        tls_seed = self._seed(f"tls/{name}")
        return Identity(
            name=name,
            institution=INSTITUTIONS[self.names.index(name) % len(INSTITUTIONS)],
            first_store=store_id(self._options.seed, name, 0),
            directory=NOWHERE,
            signer=SigningKey(self._seed(f"node/{name}")),
            tls_public=SigningKey(tls_seed).public,
            tls_seed=tls_seed,
        )

    def _member(self, name: NodeId, role: Role) -> Member:
        identity = self.identity(name)
        return Member(
            name=name,
            institution=identity.institution,
            role=role,
            attestation_key=identity.attestation_public,
            tls_key=identity.tls_public,
            store=identity.first_store,
            addresses=self.addresses(name),
        )

    @staticmethod
    def addresses(name: NodeId) -> tuple[str, ...]:
        """Return where a node listens for peers."""
        return (f"{name}.sim:{PEER_PORT}",)

    def config(self, name: NodeId) -> Config:
        """Return a node's settings, through the same reader as a file's."""
        options = self._options
        text = (
            f'[peer]\nlisten = "{name}.sim:{PEER_PORT}"\n'
            f'[api]\nlisten = "{api_address(name)}"\n'
            f'[metrics]\nlisten = "{name}.sim:{METRICS_PORT}"\n'
            "[shutdown]\ngrace_seconds = 2.0\n"
            f"[raft]\nheartbeat_seconds = {options.heartbeat!r}\n"
            f"election_timeout_seconds_min = {options.election_min!r}\n"
            f"election_timeout_seconds_max = {options.election_max!r}\n"
        )
        if options.by_snapshot:
            text += (
                f"[snapshot]\nbehind_blocks = {options.behind_blocks}\n"
                f"new_blocks = {options.new_blocks}\n"
                f"keep_ready = {str(options.keep_ready).lower()}\n"
            )
        return parse_config(text, folder=NOWHERE)

    def signed(self, author: Author, operation: Operation, salt: bytes) -> bytes:
        """Return a transaction that stays valid for hours."""
        body = build_body(
            chain_id=self.genesis.chain_id,
            institution=author.institution,
            office=author.office,
            operations=[operation],
            valid_until=EPOCH_MILLISECONDS + 10_000_000,
            salt=salt,
        )
        return sign_body(body, author.keys)

    def create_register(self) -> tuple[Author, Operation]:
        """Return who makes the one register, and how."""
        writers = [[author.institution, OFFICE] for author in self.authors[1:]]
        arguments = [REGISTER, "Entries", [["number", "integer"]], "clear", writers]
        return self.authors[0], (int(Kind.CREATE_REGISTER), arguments)


def put(key: bytes, value: int, expected: int | None) -> Operation:
    """Return the operation that sets a record."""
    return int(Kind.PUT), [REGISTER, key, [value], expected]
