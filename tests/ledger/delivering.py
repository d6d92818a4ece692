"""A chain on which the registry delivers to the bank, which has a grant and a delivery key."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.deliveries import request_hash, status
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import (
    ERASURE,
    delivery_key,
    delivery_key_key,
    request_key,
)
from tests.ledger import exchange
from tests.ledger.chain import Chain
from tests.ledger.exchange import DAY, value

COMMITMENT = b"c" * 32
SEALED = b"s" * 32
BANK_KEY = b"k" * 32
BANK: dict[str, Any] = {"institution": "bank"}
BANK_PAIR: dict[str, Any] = {
    "institution": "bank", "office_name": "pair", "signers": ["bank one", "bank two"]
}  # fmt: skip
NAMED = ("bank", "r-1")


def publish(
    chain: Chain, key: bytes = BANK_KEY, until: int = 0, box: list[str] | None = None, **author: Any
) -> int:
    return chain.do(Kind.PUBLISH_DELIVERY_KEY, key, until, box, **{**BANK, **author})


def with_grant(**author: Any) -> Chain:
    chain = exchange.with_request()
    assert exchange.grant(chain, **author) == 0
    return chain


def ready() -> Chain:
    chain = with_grant()
    assert publish(chain) == 0
    return chain


def asked_hash(chain: Chain) -> bytes:
    return request_hash(*NAMED, value(chain, request_key(*NAMED)))


def deliver(chain: Chain, number: int = 1, **changes: Any) -> int:
    arguments = [
        *NAMED,
        number,
        changes.pop("commitment", COMMITMENT),
        1000,
        20,
        changes.pop("request", None) or asked_hash(chain),
        SEALED,
    ]
    return chain.do(Kind.DELIVER, *arguments, **changes)


def sent() -> Chain:
    chain = ready()
    assert deliver(chain) == 0
    return chain


def receive(chain: Chain, number: int = 1, commitment: bytes = COMMITMENT, **author: Any) -> int:
    return chain.do(Kind.RECEIVE, *NAMED, number, commitment, **{**BANK, **author})


def received() -> Chain:
    chain = sent()
    assert receive(chain) == 0
    return chain


def dispute(chain: Chain, number: int = 1, ground: str = "wrong", **author: Any) -> int:
    return chain.do(Kind.DISPUTE, *NAMED, number, ground, b"e" * 32, **{**BANK, **author})


def correct(
    chain: Chain, number: int = 1, new: int = 2, corrects: bytes = COMMITMENT, **author: Any
) -> int:
    arguments = [*NAMED, number, corrects, new, b"n" * 32, 900, None, b"t" * 32]
    return chain.do(Kind.CORRECT, *arguments, **author)


def give_back(chain: Chain, number: int = 2, **author: Any) -> int:
    arguments = [*NAMED, number, b"b" * 32, 10, None, b"u" * 32]
    return chain.do(Kind.RETURN_FLOW, *arguments, **{**BANK, **author})


def order(
    chain: Chain,
    *holders: list[str],
    number: int = 1,
    deadline: int | None = None,
    **author: Any,
) -> int:
    until = chain.ledger.time + DAY if deadline is None else deadline
    named = list(holders) or [["bank", "head"]]
    return chain.do(Kind.ORDER_ERASURE, *NAMED, number, until, named, **author)


def confirm(chain: Chain, answer: str = "destroyed", number: int = 1, **author: Any) -> int:
    return chain.do(Kind.CONFIRM_ERASURE, *NAMED, number, answer, **{**BANK, **author})


def lose(chain: Chain, ground: str = "on-the-way", number: int = 1, **author: Any) -> int:
    return chain.do(Kind.REPORT_LOST, *NAMED, number, ground, **{**BANK, **author})


def delivery(chain: Chain, number: int = 1) -> Any:
    return value(chain, delivery_key(*NAMED, number))


def published(chain: Chain, institution: str = "bank", office: str = "head") -> Any:
    return value(chain, delivery_key_key(institution, office))


def state_of(chain: Chain, number: int = 1, *, after: int = 0) -> str:
    return status(delivery(chain, number), chain.ledger.time + after)


def open_erasures(chain: Chain) -> list[bytes]:
    return [key for key, _, _ in State().scan(chain.store, ERASURE, limit=100)]
