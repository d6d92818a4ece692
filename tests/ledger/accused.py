"""A node that has signed two things about one height, and what becomes of reports of it."""

from __future__ import annotations

from typing import Any

from govchaind.base.crypto import Domain
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.statement import Statement
from tests.ledger.chain import Chain, key

NODE = "node-a"


def statement(chain: Chain, height: int = 7, **changes: Any) -> bytes:
    said: dict[str, Any] = {
        "chain_id": chain.genesis.chain_id,
        "height": height,
        "block_hash": b"\x01" * 32,
        "outcomes_root": b"\x02" * 32,
        "state_root": None,
        "log_root": b"\x03" * 32,
    }
    return Statement(**{**said, **changes}).encode()


def signed(node: str, data: bytes) -> list[bytes]:
    return [data, key(f"attest {node}").sign(Domain.ATTESTATION, data)]


def report(chain: Chain, one: list[bytes], other: list[bytes], node: str = NODE) -> int:
    """Report as it must be: the lesser first."""
    return chain.do(Kind.REPORT_DOUBLE_SIGNING, node, *min(one, other), *max(one, other))


def two_of(chain: Chain, height: int = 7) -> tuple[list[bytes], list[bytes]]:
    """Return what the node signed of a height, twice."""
    other = statement(chain, height, block_hash=b"\x09" * 32)
    return signed(NODE, statement(chain, height)), signed(NODE, other)


def not_contradictory() -> int:
    chain = Chain()
    one = signed(NODE, statement(chain))
    return report(chain, one, one)


def evidence_not_signed() -> int:
    chain = Chain()
    one, other = two_of(chain)
    return report(chain, one, signed("node-b", other[0]))


def already_reported() -> int:
    chain = Chain()
    assert report(chain, *two_of(chain)) == 0
    third = signed(NODE, statement(chain, log_root=b"\x0a" * 32))
    return report(chain, two_of(chain)[0], third)
