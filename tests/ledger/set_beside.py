"""What provokes the outcomes of side values, for `test_outcomes.py`; and how one is recorded."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.state_keys import side_value_key
from tests.ledger.chain import Chain
from tests.ledger.decided import majority_for
from tests.ledger.exchange import DETAILS, value, with_request

SEALED = b"s" * 32
READERS = [["registry", "head"], ["court", "head"]]
ABOUT = ["bank", "r-1"]
REMOVE: list[Any] = ["bank", DETAILS, "personal-data"]


def record(chain: Chain, **changes: Any) -> int:
    """Have the bank record the details of its request."""
    arguments = [
        changes.pop("commitment", DETAILS),
        SEALED,
        changes.pop("length", 2000),
        changes.pop("readers", READERS),
        changes.pop("about", ABOUT),
    ]
    return chain.do(Kind.RECORD_SIDE_VALUE, *arguments, **{"institution": "bank", **changes})


def remove(chain: Chain, turn: int = 0) -> int:
    voters = ("court", "ministry", "registry")
    return chain.vote(MotionKind.REMOVE_SIDE_VALUE, REMOVE, *voters, turn=turn)[-1]


def recorded() -> Chain:
    chain = with_request()
    assert record(chain) == 0
    return chain


def removed_one() -> Chain:
    chain = recorded()
    assert remove(chain) == 0
    return chain


def side_value(chain: Chain, institution: str = "bank", commitment: bytes = DETAILS) -> Any:
    return value(chain, side_value_key(institution, commitment))


def side_value_exists() -> int:
    return record(recorded())


def unknown_side_value() -> int:
    return majority_for(MotionKind.REMOVE_SIDE_VALUE, *REMOVE)


def side_value_removed() -> int:
    return record(removed_one())


def bad_readers() -> int:
    return record(with_request(), readers=[*READERS, READERS[0]])


def party_left_out() -> int:
    return record(with_request(), readers=READERS[:1])


def not_of_the_request() -> int:
    return record(with_request(), institution="ministry")
