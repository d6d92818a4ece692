"""Deliveries, corrections, return flow, erasure and loss: who may do what, and what it comes to."""

from __future__ import annotations

from typing import Any

import pytest

from govchaind.base.limits import OVERLAP_MILLISECONDS_MAX
from govchaind.ledger.operations import deliveries as d
from govchaind.ledger.operations.accounts import Entry
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.deliveries import ERASE_HOLDERS
from govchaind.ledger.outcomes import Code
from tests.ledger import exchange
from tests.ledger.chain import Chain
from tests.ledger.delivering import (
    BANK,
    BANK_KEY,
    BANK_PAIR,
    COMMITMENT,
    NAMED,
    SEALED,
    asked_hash,
    confirm,
    correct,
    deliver,
    delivery,
    dispute,
    give_back,
    lose,
    open_erasures,
    order,
    publish,
    published,
    ready,
    receive,
    received,
    sent,
    state_of,
    with_grant,
)
from tests.ledger.exchange import DAY

MONTH = 12 * 2026 + 8  # September, when the chain begins


# --- delivery keys --------------------------------------------------------------------------------


def test_a_new_key_overlaps_with_the_one_before() -> None:
    chain = ready()
    until = chain.ledger.time + 10 * DAY
    assert publish(chain, b"m" * 32, until, ["node-b", "node-b.example:7700"]) == 0
    found = published(chain)
    assert found[:1] + found[2:5] == [
        b"m" * 32, BANK_KEY, until, ["node-b", "node-b.example:7700"],
    ]  # fmt: skip
    assert publish(chain, b"o" * 32) == 0  # a time that has passed ends the old one at once
    assert published(chain)[2:4] == [b"m" * 32, 0]
    assert publish(chain, b"m" * 32) == Code.DELIVERY_KEY_REPLACED


def test_a_post_box_changes_without_touching_the_keys() -> None:
    chain = ready()
    assert publish(chain, b"m" * 32, chain.ledger.time + DAY) == 0
    before = published(chain)
    assert publish(chain, b"m" * 32, 0, ["node-a", "node-a.example:1"]) == 0
    assert published(chain)[2:4] == before[2:4]
    box = ["node-a", "node-a.example:1"]
    assert publish(chain, b"m" * 32, 0, box) == Code.NOTHING_CHANGES
    assert publish(chain, b"o" * 32, 0, ["nowhere", "node-a.example:1"]) == Code.UNKNOWN_NODE


def test_the_overlap_is_bounded() -> None:
    chain = ready()
    bound = chain.ledger.time + 100 + OVERLAP_MILLISECONDS_MAX
    assert publish(chain, b"m" * 32, bound + 1) == Code.BAD_OVERLAP
    assert publish(chain, b"m" * 32, bound + 100) == 0  # a block later it is within


def test_each_office_has_a_key_of_its_own() -> None:
    chain = ready()
    assert publish(chain, b"p" * 32, **BANK_PAIR) == 0
    assert published(chain)[0] == BANK_KEY
    assert published(chain, office="pair")[0] == b"p" * 32


# --- deliver and receive --------------------------------------------------------------------------


def test_a_delivery_is_recorded_received_and_counted() -> None:
    chain = sent()
    found = delivery(chain)
    assert found[: d.SENT] == [
        ["registry", "head"], ["bank", "head"], COMMITMENT, 1000, 20, asked_hash(chain), SEALED,
        None,
    ]  # fmt: skip
    assert state_of(chain) == "sent"
    assert receive(chain) == 0
    assert state_of(chain) == "received"
    assert delivery(chain)[d.RECEIVED] == chain.ledger.time
    counted = exchange.account(chain, MONTH)
    assert (counted[Entry.DELIVERED], counted[Entry.RECEIVED]) == (1, 1)


def test_only_the_provider_delivers_and_only_under_a_grant_in_force() -> None:
    chain = ready()
    assert deliver(chain, institution="court") == Code.NOT_PROVIDER
    assert deliver(chain, institution="bank") == Code.NOT_PROVIDER
    pair: dict[str, Any] = {"office_name": "pair", "signers": ["registry one", "registry two"]}
    assert deliver(chain, **pair) == Code.NOT_PROVIDER
    assert chain.do(Kind.DELIVER, "bank", "r-2", *[1, COMMITMENT, 1, 1], bytes(32), SEALED) == (
        Code.UNKNOWN_GRANT
    )
    chain.apply(after=31 * DAY)
    assert deliver(chain) == Code.GRANT_ENDED


def test_a_revoked_grant_takes_no_delivery_but_a_correction_and_return_flow() -> None:
    chain = received()
    assert publish(chain, b"r" * 32, institution="registry") == 0
    revoked = chain.do(Kind.REVOKE_GRANT, *NAMED, "no-basis", None)
    assert revoked == 0
    assert deliver(chain, 2) == Code.GRANT_ENDED
    assert correct(chain) == 0
    assert give_back(chain, 3) == 0


def test_numbers_have_no_gaps_and_are_never_used_twice() -> None:
    chain = sent()
    assert deliver(chain, 1) == Code.DELIVERY_OUT_OF_ORDER
    assert deliver(chain, 3) == Code.DELIVERY_OUT_OF_ORDER
    assert deliver(chain, 0) == Code.MALFORMED_OPERATION
    assert deliver(chain, 2, commitment=b"2" * 32) == 0
    assert deliver(chain, 3) == 0


def test_the_governing_office_signs_where_its_own_office_could() -> None:
    chain = exchange.with_catalogue()
    asked = exchange.ask(chain, office_name="pair", signers=["bank one", "bank two"])
    assert asked == 0
    assert exchange.grant(chain) == 0
    assert publish(chain, **BANK_PAIR) == 0
    assert deliver(chain) == 0
    assert delivery(chain)[d.RECEIVER] == ["bank", "pair"]
    assert receive(chain) == 0  # by the bank's head


def test_who_receives_names_the_commitment_it_has_checked() -> None:
    chain = sent()
    assert receive(chain, commitment=SEALED) == Code.COMMITMENT_DIFFERS
    assert receive(chain, institution="registry") == Code.NOT_RECEIVER
    assert receive(chain, number=2) == Code.UNKNOWN_DELIVERY
    assert state_of(chain) == "sent"


# --- dispute and correction -----------------------------------------------------------------------


def test_a_dispute_is_answered_by_a_correction_of_that_commitment() -> None:
    chain = received()
    assert dispute(chain, institution="registry") == Code.NOT_RECEIVER
    assert dispute(chain, ground="because") == Code.MALFORMED_OPERATION
    assert dispute(chain) == 0
    assert state_of(chain) == "disputed"
    assert delivery(chain)[d.DISPUTE] == ["wrong", b"e" * 32, chain.ledger.time]
    assert correct(chain, corrects=SEALED) == Code.COMMITMENT_DIFFERS
    assert correct(chain, new=3) == Code.DELIVERY_OUT_OF_ORDER
    assert correct(chain, institution="court") == Code.NOT_SENDER
    assert correct(chain) == 0
    assert (state_of(chain), state_of(chain, 2)) == ("corrected", "sent")
    assert delivery(chain)[d.CORRECTED_BY] == 2
    assert delivery(chain, 2)[d.CORRECTS] == 1
    assert delivery(chain, 2)[d.REQUEST] == asked_hash(chain)
    assert dispute(chain) == Code.ALREADY_DISPUTED
    assert dispute(chain, 2) == 0
    assert correct(chain, 2, 3, b"n" * 32) == 0
    counted = exchange.account(chain, MONTH)
    assert (counted[Entry.DISPUTED], counted[Entry.CORRECTED], counted[Entry.DELIVERED]) == (
        2, 2, 1,
    )  # fmt: skip


def test_a_file_that_cannot_be_read_is_disputed_without_a_receipt() -> None:
    chain = sent()
    assert dispute(chain, ground="unreadable") == 0
    assert (state_of(chain), delivery(chain)[d.RECEIVED]) == ("disputed", None)


def test_what_is_corrected_is_not_disputed_any_more() -> None:
    chain = sent()
    assert correct(chain) == 0
    assert dispute(chain) == Code.ALREADY_CORRECTED


# --- return flow ----------------------------------------------------------------------------------


def test_return_flow_goes_from_the_requester_to_the_provider() -> None:
    chain = received()
    assert give_back(chain) == Code.NO_DELIVERY_KEY
    assert publish(chain, b"r" * 32, institution="registry") == 0
    assert give_back(chain, institution="registry") == Code.NOT_REQUESTER
    assert give_back(chain) == 0
    assert delivery(chain, 2)[: d.COMMITMENT] == [["bank", "head"], ["registry", "head"]]
    assert receive(chain, 2, b"b" * 32) == Code.NOT_RECEIVER
    assert receive(chain, 2, b"b" * 32, institution="registry") == 0
    assert dispute(chain, 2, institution="registry") == 0
    assert correct(chain, 2, 3, b"b" * 32, **BANK) == 0
    assert chain.do(Kind.RETURN_FLOW, "court", "r-1", 1, COMMITMENT, 1, None, SEALED) == (
        Code.UNKNOWN_GRANT
    )


# --- erasure and loss -----------------------------------------------------------------------------


def test_an_erasure_is_confirmed_by_each_holder_and_those_who_have_not_stay_listed() -> None:
    chain = received()
    assert order(chain, ["bank", "head"], ["bank", "pair"]) == 0
    assert state_of(chain) == "erasing"
    assert len(open_erasures(chain)) == 1
    assert confirm(chain) == 0
    chain.apply(after=2 * DAY)
    assert state_of(chain) == "erasure-overdue"
    assert len(open_erasures(chain)) == 1
    assert confirm(chain, "never-had", **BANK_PAIR) == 0  # late, and still an answer
    assert (state_of(chain), open_erasures(chain)) == ("erased", [])
    answers = [holder[:2] for holder in delivery(chain)[d.ERASURE][ERASE_HOLDERS]]
    assert answers == [[["bank", "head"], "destroyed"], [["bank", "pair"], "never-had"]]


def test_erased_never_delivered_and_lost_are_three_states() -> None:
    erased, never, lost, late = received(), sent(), received(), sent()
    assert [order(chain) for chain in (erased, never, lost)] == [0, 0, 0]
    assert confirm(erased) == 0
    assert confirm(never, "never-had") == 0
    assert lose(lost, "stolen") == 0
    assert [lose(late), order(late)] == [0, 0]
    ends = [state_of(chain) for chain in (erased, never, lost, late)]
    assert ends == ["erased", "never-delivered", "lost", "lost"]
    assert [open_erasures(chain) for chain in (erased, never, lost, late)] == [[]] * 4


def test_a_loss_that_the_sender_reports_leaves_the_holder_to_answer() -> None:
    chain = sent()
    assert lose(chain, institution="registry") == 0
    assert order(chain) == 0
    assert (state_of(chain), len(open_erasures(chain))) == ("erasing", 1)
    assert confirm(chain, "never-had") == 0
    assert (state_of(chain), open_erasures(chain)) == ("lost", [])


@pytest.mark.parametrize(
    ("holders", "code"),
    [
        ([["bank", "pair"]], Code.BAD_ERASURE),  # without the receiver
        ([["bank", "head"], ["bank", "head"]], Code.BAD_ERASURE),
        ([["bank", "head"], ["bank", "vault"]], Code.NO_SUCH_OFFICE),
        ([["bank", "head"]] * 17, Code.MALFORMED_OPERATION),
    ],
)
def test_an_order_names_the_receiver_and_offices_that_exist(
    holders: list[list[str]], code: Code
) -> None:
    assert order(received(), *holders) == code


def test_an_order_has_a_deadline_ahead_and_within_a_year() -> None:
    chain = received()
    now = chain.ledger.time + 100
    assert order(chain, deadline=now) == Code.BAD_ERASURE
    assert order(chain, deadline=chain.ledger.time + 101 + 366 * DAY) == Code.BAD_ERASURE
    assert order(chain, institution="bank") == Code.NOT_SENDER
    assert order(chain, deadline=chain.ledger.time + 101) == 0


def test_what_is_to_be_erased_is_not_received_or_disputed() -> None:
    chain = sent()
    assert order(chain) == 0
    assert (receive(chain), dispute(chain)) == (Code.ERASURE_ORDERED, Code.ERASURE_ORDERED)


def test_a_loss_is_reported_once_and_not_against_a_receipt() -> None:
    chain = received()
    assert lose(chain, "on-the-way") == Code.RECEIPT_SAYS_OTHERWISE
    assert lose(chain, "key-lost") == 0
    assert lose(chain, "stolen") == Code.DELIVERY_LOST
    assert lose(chain, "stolen", institution="registry") == Code.DELIVERY_LOST
    assert (receive(chain), state_of(chain)) == (Code.DELIVERY_LOST, "lost")
    assert correct(chain) == 0  # and delivered again it may be


def test_a_holder_that_has_answered_reports_nothing_further() -> None:
    chain = received()
    assert (order(chain), confirm(chain)) == (0, 0)
    assert lose(chain, "stolen") == Code.ALREADY_ANSWERED
    assert lose(chain, "stolen", number=2) == Code.UNKNOWN_DELIVERY


# --- all of them ----------------------------------------------------------------------------------


def test_a_refused_transaction_leaves_nothing_of_its_first_operation() -> None:
    chain = ready()
    first = (int(Kind.DELIVER), [*NAMED, 1, COMMITMENT, 1, None, asked_hash(chain), SEALED])
    assert chain.codes(chain.raw(first, first)) == [Code.DELIVERY_OUT_OF_ORDER]
    assert delivery(chain) is None


def test_no_operation_costs_more_than_twice_a_put() -> None:
    kinds = [kind for kind in Kind if 50 <= kind < 60]
    assert len(kinds) == 9
    assert max(COST_MICROSECONDS[kind] for kind in kinds) <= 2 * COST_MICROSECONDS[Kind.PUT]


def test_nobody_delivers_before_a_grant() -> None:
    chain: Chain = exchange.with_request()
    assert deliver(chain) == Code.UNKNOWN_GRANT
    assert deliver(with_grant()) == Code.NO_DELIVERY_KEY
