"""What provokes the outcomes of duties, the catalogue, requests and grants."""

from __future__ import annotations

from govchaind.ledger.operations.costs import Kind
from tests.ledger import exchange
from tests.ledger.chain import START, Chain
from tests.ledger.exchange import DAY, ask, data_set, refuse, with_catalogue, with_request


def mandate_not_in_force() -> int:
    chain = Chain()
    exchange.adopt_mandate(chain, "law", until=START + DAY)
    chain.apply(after=DAY)
    return chain.do(Kind.ASSIGN_DUTY, "civil", "Civil status", "head", "law")


def unknown_duty() -> int:
    return Chain().do(Kind.END_DUTY, "civil")


def duty_has_data_sets() -> int:
    return with_catalogue().do(Kind.END_DUTY, "civil")


def not_duty_office() -> int:
    signers = ["registry one", "registry two"]
    return with_catalogue().do(
        Kind.RETIRE_DATA_SET, "marriages", office_name="pair", signers=signers
    )


def data_set_exists() -> int:
    return with_catalogue().do(Kind.PUBLISH_DATA_SET, *data_set())


def bad_data_set() -> int:
    return with_catalogue().do(Kind.PUBLISH_DATA_SET, *data_set("births", conditions=[]))


def unknown_data_set() -> int:
    return ask(with_catalogue(), data_set="births")


def data_set_retired() -> int:
    chain = with_catalogue()
    assert chain.do(Kind.RETIRE_DATA_SET, "marriages") == 0
    return ask(chain)


def bad_terms() -> int:
    chain = Chain()
    exchange.adopt_mandate(chain, "law")
    return exchange.set_terms(chain, exchange.terms(reply=[5, True]))


def no_terms() -> int:
    chain = Chain()
    exchange.adopt_mandate(chain, "law")
    assert chain.do(Kind.ASSIGN_DUTY, "civil", "Civil status", "head", "law") == 0
    assert chain.do(Kind.PUBLISH_DATA_SET, *data_set()) == 0
    return ask(chain)


def request_exists() -> int:
    return ask(with_request())


def bad_request() -> int:
    return ask(with_catalogue(), provider="bank")


def not_shared() -> int:
    chain = with_catalogue()
    secret = data_set("adoptions", sharing="not-shared", conditions=[])
    assert chain.do(Kind.PUBLISH_DATA_SET, *secret) == 0
    return ask(chain, data_set="adoptions")


def unknown_field() -> int:
    return ask(with_catalogue(), fields=["income"])


def unknown_request() -> int:
    return refuse(with_catalogue())


def not_provider() -> int:
    return refuse(with_request(), institution="court")


def not_requester() -> int:
    chain = with_request()
    assert refuse(chain) == 0
    return exchange.appeal(chain, office_name="pair", signers=["bank one", "bank two"])


def not_supervisor() -> int:
    return with_request().do(Kind.EXTEND, "bank", "r-1")


def request_not_open() -> int:
    chain = with_request()
    assert refuse(chain) == 0
    return refuse(chain)


def must_be_shared() -> int:
    chain = with_catalogue()
    free = data_set(sharing="unconditional", conditions=[])
    assert chain.do(Kind.REVISE_DATA_SET, *free, 1) == 0
    assert ask(chain) == 0
    return refuse(chain)


def unknown_ground() -> int:
    return refuse(with_request(), "because")


def no_further_extension() -> int:
    return with_request(extension=None).do(Kind.EXTEND, "bank", "r-1", institution="court")


def clock_has_run_out() -> int:
    chain = with_request()
    chain.apply(after=11 * DAY)
    return chain.do(Kind.EXTEND, "bank", "r-1", institution="court")


def nothing_to_appeal() -> int:
    return exchange.appeal(with_request())


def nothing_to_rule_on() -> int:
    return exchange.rule(with_request(), overturned=True)


def unknown_condition() -> int:
    return exchange.grant(with_request(), "pays-ten")


def bad_grant() -> int:
    return exchange.grant(with_request(), until=START)


def unknown_grant() -> int:
    return exchange.use(with_request(), 1)


def grant_ended() -> int:
    chain = with_request()
    assert exchange.grant(chain) == 0
    chain.apply(after=31 * DAY)
    return exchange.use(chain, 1)


def grant_used_up() -> int:
    chain = with_request()
    assert exchange.grant(chain, uses=1) == 0
    return exchange.use(chain, 2)


def use_out_of_order() -> int:
    chain = with_request()
    assert exchange.grant(chain) == 0
    return exchange.use(chain, 2)
