"""Small real things for the shell's tests: transactions, blocks, members, two-node worlds."""

from __future__ import annotations

import hashlib

from govchaind.base.crypto import SigningKey
from govchaind.base.types import Hash
from govchaind.ledger.block import Block, make_block
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.membership import Member
from govchaind.ledger.statement import Statement
from govchaind.ledger.transaction import Transaction, build_body, read_transaction, sign_body
from govchaind.runtime.link import Self

CHAIN = b"\x01" * 32


def seed_of(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def raw_transaction(number: int, *, keys: int = 1, bad: bool = False) -> bytes:
    body = build_body(
        chain_id=CHAIN,
        institution="bureau",
        office="registry",
        operations=[(1, ["towns", f"key-{number}"])],
        valid_until=1_000_000,
        salt=number.to_bytes(16, "big"),
    )
    raw = sign_body(body, [SigningKey(seed_of(f"office-{key}")) for key in range(keys)])
    if bad:
        raw = raw[:-1] + bytes((raw[-1] ^ 1,))
    return raw


def transaction(number: int, *, keys: int = 1, bad: bool = False) -> Transaction:
    return read_transaction(raw_transaction(number, keys=keys, bad=bad))


def block(height: int, transactions: list[Transaction]) -> Block:
    return make_block(
        chain_id=CHAIN,
        height=height,
        previous=bytes(32),
        term=3,
        leader="ada",
        time=1000 + height,
        transactions=transactions,
        membership_digest=bytes(32),
    )


def certificate(made: Block) -> Certificate:
    statement = Statement(CHAIN, made.height, made.hash, bytes(32), None, bytes(32))
    return Certificate(statement.encode(), (("ada", b"\x05" * 64), ("ben", b"\x06" * 64)))


def member(name: str, address: str = "127.0.0.1:1", role: str = "validator") -> Member:
    return Member(
        name=name,
        institution="bureau",
        role=role,  # type: ignore[arg-type]  # tests name roles in plain text
        attestation_key=SigningKey(seed_of(f"{name} attests")).public,
        tls_key=SigningKey(seed_of(f"{name} tls")).public,
        store=seed_of(name)[:16],
        addresses=(address,),
    )


def self_of(name: str, *, chain_id: Hash = CHAIN) -> Self:
    return Self(
        chain_id=chain_id,
        node=name,
        store=seed_of(name)[:16],
        software="0.0",
        tls_key=SigningKey(seed_of(f"{name} tls")).public,
        signer=SigningKey(seed_of(f"{name} attests")),
    )


def none_known(_: Hash) -> None:
    return None
