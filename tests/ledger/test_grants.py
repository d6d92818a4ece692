"""Grants with their uses and their end, and accounts."""

from __future__ import annotations

from govchaind.ledger.operations import grants
from govchaind.ledger.operations.accounts import Entry
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.outcomes import Code
from tests.ledger import exchange
from tests.ledger.exchange import DAY, ask, data_set, refuse, with_request

MONTH = 2026 * 12 + 8  # September 2026, when the chain of the tests starts


# --- grants --------------------------------------------------------------------------------------


def test_each_use_is_signed_in_order_and_no_more_than_were_granted() -> None:
    chain = with_request()
    assert exchange.use(chain, 1) == Code.UNKNOWN_GRANT
    assert exchange.grant(chain, uses=2) == 0
    assert exchange.use(chain, 2) == Code.USE_OUT_OF_ORDER
    pair = {"office_name": "pair", "signers": ["bank one", "bank two"]}
    assert exchange.use(chain, 1, **pair) == Code.NOT_REQUESTER
    assert exchange.use(chain, 1) == 0
    assert exchange.use(chain, 1) == Code.USE_OUT_OF_ORDER
    assert exchange.use(chain, 2) == 0
    assert exchange.use(chain, 3) == Code.GRANT_USED_UP
    assert exchange.granted(chain)[grants.USES] == 2


def test_a_grant_ends_by_time_or_by_revocation() -> None:
    chain = with_request()
    revocation = ["bank", "r-1", "no-basis", None]
    assert chain.do(Kind.REVOKE_GRANT, *revocation) == Code.UNKNOWN_GRANT
    assert exchange.grant(chain) == 0
    assert chain.do(Kind.REVOKE_GRANT, *revocation, institution="bank") == Code.NOT_PROVIDER
    because = ["bank", "r-1", "because", None]
    assert chain.do(Kind.REVOKE_GRANT, *because) == Code.UNKNOWN_GROUND
    assert chain.do(Kind.REVOKE_GRANT, *revocation, institution="court") == 0
    assert chain.do(Kind.REVOKE_GRANT, *revocation) == Code.GRANT_ENDED
    assert exchange.use(chain, 1) == Code.GRANT_ENDED
    other = with_request()
    assert exchange.grant(other) == 0
    other.apply(after=30 * DAY)
    assert exchange.use(other, 1) == Code.GRANT_ENDED


# --- accounts ------------------------------------------------------------------------------------


def test_an_account_counts_what_happened_in_the_month_in_which_it_did() -> None:
    chain = with_request()
    assert refuse(chain) == 0
    assert exchange.appeal(chain) == 0
    chain.apply(after=10 * DAY)  # October begins
    assert exchange.rule(chain, overturned=True) == 0
    assert exchange.grant(chain) == 0
    assert exchange.use(chain, 1) == 0

    def counted(month: int) -> dict[str, int]:
        row = exchange.account(chain, month)
        return {entry.name: row[entry] for entry in Entry if row[entry]}

    assert counted(MONTH) == {"ASKED": 1, "REFUSED": 1, "IN_TIME": 1, "APPEALED": 1}
    assert counted(MONTH + 1) == {"GRANTED": 1, "IN_TIME": 1, "OVERTURNED": 1, "USED": 1}
    row = exchange.account(chain, MONTH)
    assert exchange.sums(chain, MONTH, "registry") == [row, []]
    assert exchange.sums(chain, MONTH, "bank") == [[], row]


def test_sums_are_those_of_all_data_sets_on_both_sides() -> None:
    chain = with_request()
    assert chain.do(Kind.PUBLISH_DATA_SET, *data_set("births")) == 0
    assert ask(chain, "r-2", data_set="births") == 0
    assert ask(chain, "r-3", institution="court") == 0
    gave, took = exchange.sums(chain, MONTH, "registry")
    assert (gave[Entry.ASKED], took) == (3, [])
    assert exchange.sums(chain, MONTH, "bank")[1][Entry.ASKED] == 2
    assert exchange.sums(chain, MONTH, "court")[1][Entry.ASKED] == 1
