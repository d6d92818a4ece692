"""What provokes the outcomes of delivery keys, deliveries and erasures."""

from __future__ import annotations

from govchaind.ledger.operations.costs import Kind
from tests.ledger.chain import START
from tests.ledger.delivering import (
    BANK_KEY,
    BANK_PAIR,
    confirm,
    correct,
    deliver,
    dispute,
    lose,
    order,
    publish,
    ready,
    receive,
    received,
    sent,
    with_grant,
)
from tests.ledger.exchange import DAY


def request_differs() -> int:
    return deliver(ready(), request=bytes(32))


def delivery_out_of_order() -> int:
    return deliver(ready(), 2)


def no_delivery_key() -> int:
    return deliver(with_grant())


def unknown_delivery() -> int:
    return receive(ready())


def not_receiver() -> int:
    return receive(sent(), **BANK_PAIR)


def delivery_lost() -> int:
    chain = sent()
    assert lose(chain) == 0
    return receive(chain)


def already_received() -> int:
    return receive(received())


def commitment_differs() -> int:
    return receive(sent(), commitment=bytes(32))


def already_disputed() -> int:
    chain = sent()
    assert dispute(chain) == 0
    return dispute(chain)


def not_sender() -> int:
    return correct(received(), institution="bank")


def already_corrected() -> int:
    chain = sent()
    assert correct(chain) == 0
    return correct(chain, new=3)


def bad_erasure() -> int:
    return order(received(), deadline=START)


def erasure_ordered() -> int:
    chain = received()
    assert order(chain) == 0
    return order(chain)


def no_erasure_ordered() -> int:
    return confirm(received())


def not_a_holder() -> int:
    chain = received()
    assert order(chain) == 0
    return confirm(chain, **BANK_PAIR)


def already_answered() -> int:
    chain = received()
    assert (order(chain), confirm(chain)) == (0, 0)
    return confirm(chain)


def receipt_says_otherwise() -> int:
    chain = received()
    assert order(chain) == 0
    return confirm(chain, "never-had")


def not_a_party() -> int:
    return lose(sent(), institution="court")


def delivery_key_replaced() -> int:
    chain = ready()
    assert publish(chain, b"m" * 32, chain.ledger.time + DAY) == 0
    return publish(chain, BANK_KEY)


def bad_overlap() -> int:
    chain = ready()
    return chain.do(
        Kind.PUBLISH_DELIVERY_KEY, b"m" * 32, chain.ledger.time + 93 * DAY, None, institution="bank"
    )
