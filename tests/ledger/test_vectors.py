"""Frozen bytes and hashes: a change of format is always deliberate.

`python -m tests.ledger.test_vectors` writes the files anew; do so only with a decision record, and
never for bytes that a chain in use already has.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from govchaind.base.encoding import encode
from govchaind.ledger.carriage import build_leave
from govchaind.ledger.commitment import make_commitment
from govchaind.ledger.office_leave import build_office_leave, side_subject
from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.ledger.read_leave import build_read_leave
from govchaind.ledger.receipt import build_receipt, verify_receipt
from govchaind.ledger.sealed_file import Letter, Place, content_commitment
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import (
    ASSET,
    ASSET_TOTALS,
    HOLDING,
    delivery_key,
    delivery_key_key,
    erasure_key,
    record_key,
)
from govchaind.ledger.state_proof import build_state_proof, verify_state_proof
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.transaction import read_transaction
from govchaind.ledger.trust import read_trust
from tests.ledger import vouchers
from tests.ledger.chain import Chain, filled, key
from tests.ledger.delivering import asked_hash, delivery, received

FOLDER = Path(__file__).parent / "vectors"


def transaction_vector(chain: Chain) -> dict[str, Any]:
    raw = chain.raw(
        (int(Kind.PUT), ["divisions", b"110000", ["北京市", 16410], None]),
        (int(Kind.RETIRE), ["divisions", b"110000"]),
        office_name="pair",
        signers=["registry one", "registry two"],
        valid_until=1_790_000_600_000,
        salt=7,
    )
    read = read_transaction(raw)
    return {
        "raw": raw.hex(),
        "body": read.body.hex(),
        "id": read.id.hex(),
        "identity": read.identity.hex(),
    }


def genesis_vector(chain: Chain) -> dict[str, Any]:
    return {
        "bytes": chain.genesis.bytes.hex(),
        "chain_id": chain.genesis.chain_id.hex(),
        "membership": chain.membership.encode().hex(),
        "membership_digest": chain.membership.digest.hex(),
        "state_root": StateTree().root(chain.store, 0).hex(),
        "trust": chain.trust().encode().hex(),
    }


def block_vector(chain: Chain) -> dict[str, Any]:
    step = chain.step(5)
    configuration = chain.block(membership=chain.membership)
    return {
        "raw": step.block.raw.hex(),
        "header": step.block.header.hex(),
        "hash": step.block.hash.hex(),
        "configuration": configuration.raw.hex(),
    }


def result_vector(chain: Chain) -> dict[str, Any]:
    steps = [step.applied for step in chain.steps]
    return {
        "outcomes": [[[o.code, o.operation] for o in step.outcomes] for step in steps],
        "outcomes_roots": [step.outcomes_root.hex() for step in steps],
        "state_roots": [step.state_root.hex() if step.state_root else None for step in steps],
        "statements": [step.statement.hex() for step in steps],
        "certificate": chain.certificate(7).encode().hex(),
    }


def proof_vector(chain: Chain, raws: list[bytes]) -> dict[str, Any]:
    block, certificate = chain.step(5).block, chain.certificate(7)
    name = read_transaction(raws[4]).id
    keys = [record_key("divisions", key) for key in (b"3", b"nothing")]
    return {
        "receipt": build_receipt(chain.store, name, block.raw, certificate).hex(),
        "state_proofs": [
            build_state_proof(chain.store, key, 5, block.header, certificate).hex() for key in keys
        ],
        "commitment": make_commitment(bytes(range(16)), ["a", 1]).hex(),
        "motion": motion_digest(3, int(MotionKind.REMOVE_NODE), ["node-d"]).hex(),
    }


def delivery_vector() -> dict[str, Any]:
    chain = received()
    said: dict[str, Any] = {"chain_id": chain.genesis.chain_id, "delivery": ("bank", "r-1", 1)}
    place = Place(bytes(32), "bank", "r-1", 1, ("registry", "head"), ("bank", "head"))
    letter = Letter(bytes(range(16)), "a.csv", 3, 1)
    return {
        "keys": [
            delivery_key_key("bank", "head").hex(),
            delivery_key("bank", "r-1", 1).hex(),
            erasure_key(1_790_000_600_000, "bank", "r-1", 1).hex(),
        ],
        "request": asked_hash(chain).hex(),
        "value": encode(delivery(chain)).hex(),
        "leave": build_leave(key("bank head"), purpose="fetch", until=1, **said).hex(),
        "place": encode(place.listed()).hex(),
        "commitment": content_commitment(letter, bytes(32)).hex(),
    }


def leave_vector() -> dict[str, Any]:
    """Return leaves that an office's key signs: for a side value, and to read at a node."""
    signer, chain_id = key("bank head"), bytes(range(32))
    office = ("bank", "head")
    subject = side_subject("bank", bytes(32))
    said: dict[str, Any] = {"chain_id": chain_id, "office": office, "until": 1_790_000_600_000}
    return {
        "office": build_office_leave(signer, purpose="fetch", subject=subject, **said).hex(),
        "read": build_read_leave(signer, node="node-a", **said).hex(),
    }


def number_vector() -> dict[str, Any]:
    return {
        "operations": {kind.name: int(kind) for kind in Kind},
        "motions": {kind.name: int(kind) for kind in MotionKind},
        "outcomes": {row.name: code for code, row in OUTCOMES.items()},
        "consumes_id": sorted(code for code, row in OUTCOMES.items() if row.consumes_id),
    }


def asset_vector() -> dict[str, Any]:
    """Return the keys and values of an asset with two holdings, one of them frozen."""
    chain = vouchers.issued(100)
    assert vouchers.transfer(chain, 40) == 0
    assert vouchers.redeem(chain, 7, institution="registry") == 0
    assert vouchers.freeze(chain, 5, reason=bytes(range(32))) == 0
    assert vouchers.freeze(chain, None, "court-order") == 0
    rows = [
        row
        for prefix in (ASSET, ASSET_TOTALS, HOLDING)
        for row in State().scan(chain.store, prefix, limit=10)
    ]
    return {
        "state": {key.hex(): value.hex() for key, value, _ in rows},
        "state_root": StateTree().root(chain.store, chain.ledger.height).hex(),
    }


def vectors() -> dict[str, dict[str, Any]]:
    chain, raws = filled()
    return {
        "genesis": genesis_vector(Chain()),
        "transaction": transaction_vector(Chain()),
        "block": block_vector(chain),
        "result": result_vector(chain),
        "proof": proof_vector(chain, raws),
        "delivery": delivery_vector(),
        "leaves": leave_vector(),
        "numbers": number_vector(),
        "asset": asset_vector(),
    }


@pytest.mark.parametrize(
    "name",
    [
        "genesis",
        "transaction",
        "block",
        "result",
        "proof",
        "delivery",
        "leaves",
        "numbers",
        "asset",
    ],
)
def test_bytes_are_those_that_were_frozen(name: str) -> None:
    frozen = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert vectors()[name] == frozen


def test_frozen_proofs_hold_under_the_frozen_trust_file() -> None:
    """What was handed out before a change of the software must go on verifying after it."""
    genesis = json.loads((FOLDER / "genesis.json").read_text(encoding="utf-8"))
    proof = json.loads((FOLDER / "proof.json").read_text(encoding="utf-8"))
    trust = read_trust(bytes.fromhex(genesis["trust"]))
    assert verify_receipt(bytes.fromhex(proof["receipt"]), trust).height == 5
    values = [
        verify_state_proof(bytes.fromhex(data), trust).value is None
        for data in proof["state_proofs"]
    ]
    assert values == [False, True]


def freeze() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, vector in vectors().items():
        text = json.dumps(vector, indent=1, ensure_ascii=False) + "\n"
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    freeze()
