"""Assets, one act at a time: who may, for what, until when, and what a freeze holds fast."""

from __future__ import annotations

from typing import Any

import pytest

from govchaind.base.limits import AMOUNT_MAX
from govchaind.ledger.operations.assets import TransferAsset, transfer_asset
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.deliveries import request_hash
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state_keys import (
    HOLDING,
    asset_key,
    delivery_key,
    holding_key,
    holdings_prefix,
    request_key,
)
from govchaind.ledger.working_state import Act, WorkingState
from tests.ledger.chain import INSTITUTIONS, START, Chain
from tests.ledger.exchange import data_set, set_terms, terms
from tests.ledger.vouchers import (
    BANK,
    DAY,
    ISSUER,
    MINISTRY,
    PURPOSE,
    REGISTRY,
    SUPERVISOR,
    create,
    freeze,
    holding,
    issue,
    issued,
    redeem,
    thaw,
    totals,
    transfer,
    value,
    with_asset,
    with_mandate,
)

REASON = bytes(range(32))
SETTLED = ("registry", "r-1", 1)
PAIR = {"office_name": "pair", "signers": ["bank one", "bank two"]}


def test_an_asset_is_what_its_issuer_has_made_it() -> None:
    chain = with_asset()
    assert value(chain, asset_key("voucher")) == [
        "Vouchers", "answers", "law", [ISSUER, "head"], [SUPERVISOR, "head"],
        [PURPOSE, "repairs"], START + 9 * DAY, chain.ledger.height,
    ]  # fmt: skip
    assert totals(chain) == [0, 0, 0]


def test_what_is_issued_moves_and_comes_back() -> None:
    chain = issued(70, 30)
    assert totals(chain) == [100, 0, 100]
    assert transfer(chain, 40) == 0
    assert (holding(chain), holding(chain, REGISTRY)) == ([60, []], [40, []])
    assert totals(chain) == [100, 0, 100]
    assert redeem(chain, 40, institution="registry") == 0
    assert totals(chain) == [100, 40, 60]
    assert holding(chain, REGISTRY) == [0, []]


def test_a_holding_that_comes_and_goes_in_one_block_holds_nothing() -> None:
    chain = issued(9)
    give = ["voucher", list(REGISTRY), 9, PURPOSE, None]
    back = ["voucher", list(BANK), 9, PURPOSE, None]
    codes = chain.codes(
        chain.raw((int(Kind.TRANSFER_ASSET), give), institution="bank"),
        chain.raw((int(Kind.TRANSFER_ASSET), back), institution="registry"),
    )
    assert codes == [0, 0]
    assert (holding(chain), holding(chain, REGISTRY)) == ([9, []], [0, []])
    assert freeze(chain, None, holder=REGISTRY) == Code.UNKNOWN_HOLDING


def test_only_a_governing_office_creates_and_only_with_what_there_is() -> None:
    chain = with_mandate()
    pair: dict[str, Any] = {"office_name": "pair", "signers": ["ministry one", "ministry two"]}
    assert create(chain, **pair) == Code.NOT_GOVERNING_OFFICE
    assert create(chain, mandate="none") == Code.UNKNOWN_MANDATE
    assert create(with_mandate(effect=START + DAY)) == Code.MANDATE_NOT_IN_FORCE
    assert create(chain, supervisor=["court", "none"]) == Code.NO_SUCH_OFFICE
    assert create(chain, expiry=chain.ledger.time + 100) == Code.BAD_ASSET  # the block's own time
    assert create(chain, expiry=chain.ledger.time + 101) == 0


def test_another_office_of_the_issuer_does_not_issue() -> None:
    chain = with_asset()
    pair = {"institution": ISSUER, "office_name": "pair"}
    signers = ["ministry one", "ministry two"]
    arguments = ["voucher", list(BANK), 1, PURPOSE]
    code = chain.do(Kind.ISSUE_ASSET, *arguments, signers=signers, **pair)
    assert code == Code.NOT_ASSET_ISSUER


def test_purposes_are_never_mixed() -> None:
    chain = issued(9)
    assert issue(chain, 5, purpose="repairs") == 0
    assert transfer(chain, 6, purpose="repairs") == Code.HOLDING_TOO_SMALL
    assert transfer(chain, 5, purpose="repairs") == 0
    assert (holding(chain), holding(chain, REGISTRY, "repairs")) == ([9, []], [5, []])
    assert holding(chain, REGISTRY) is None


def test_an_asset_without_a_list_is_for_any_purpose() -> None:
    chain = with_asset(purposes=[])
    assert issue(chain, 5, purpose="whatever") == 0


def test_offices_hold_apart() -> None:
    chain = issued(9)
    code = chain.do(Kind.REDEEM_ASSET, "voucher", 1, PURPOSE, institution="bank", **PAIR)
    assert code == Code.HOLDING_TOO_SMALL
    assert transfer(chain, 4, ("bank", "pair")) == 0
    assert transfer(chain, 4, ("bank", "nobody")) == Code.NO_SUCH_OFFICE
    code = chain.do(Kind.REDEEM_ASSET, "voucher", 4, PURPOSE, institution="bank", **PAIR)
    assert code == 0


def test_from_its_expiry_on_it_can_only_be_redeemed() -> None:
    chain = issued(9)
    last = START + 9 * DAY - chain.ledger.time
    chain.apply(after=last - 200)
    assert transfer(chain, 1) == 0  # 100 ms before
    assert transfer(chain, 1) == Code.ASSET_EXPIRED
    assert issue(chain, 1) == Code.ASSET_EXPIRED
    assert redeem(chain, 8) == 0
    assert redeem(chain, 1, institution="registry") == 0
    assert totals(chain) == [9, 9, 0]


def test_nothing_is_issued_when_the_mandate_has_ended() -> None:
    chain = issued(9)
    ends = chain.ledger.time + DAY
    votes = chain.vote(MotionKind.REPEAL_MANDATE, ["law", ends], *INSTITUTIONS[:3])
    assert votes == [0, 0, 0]
    chain.apply(after=DAY)
    assert issue(chain, 1) == Code.MANDATE_NOT_IN_FORCE
    assert transfer(chain, 1) == 0
    assert redeem(chain, 8) == 0


def test_amounts_reach_the_bound_and_no_further() -> None:
    chain = issued(AMOUNT_MAX - 1)
    assert issue(chain, 2) == Code.TOO_MUCH_ISSUED
    assert redeem(chain, AMOUNT_MAX - 1) == 0
    assert issue(chain, 2) == Code.TOO_MUCH_ISSUED  # what is redeemed is not issued again
    assert issue(chain, 1) == 0
    assert totals(chain) == [AMOUNT_MAX, AMOUNT_MAX - 1, 1]
    assert transfer(chain, AMOUNT_MAX) == Code.HOLDING_TOO_SMALL


@pytest.mark.parametrize("amount", [0, -1, True, "1", None])
def test_what_is_no_amount_is_malformed(amount: object) -> None:
    chain = issued(9)
    for kind, arguments in (
        (Kind.ISSUE_ASSET, ["voucher", list(BANK), amount, PURPOSE]),
        (Kind.TRANSFER_ASSET, ["voucher", list(REGISTRY), amount, PURPOSE, None]),
        (Kind.REDEEM_ASSET, ["voucher", amount, PURPOSE]),
    ):
        assert chain.do(kind, *arguments, institution="bank") == Code.MALFORMED_OPERATION


# --- freezing ------------------------------------------------------------


def test_a_frozen_amount_neither_moves_nor_is_redeemed() -> None:
    chain = issued(9)
    assert freeze(chain, 5, reason=REASON) == 0
    assert holding(chain) == [9, [["audit", 5, REASON, chain.ledger.height]]]
    assert transfer(chain, 5) == Code.HOLDING_FROZEN
    assert redeem(chain, 5) == Code.HOLDING_FROZEN
    assert transfer(chain, 10) == Code.HOLDING_TOO_SMALL
    assert transfer(chain, 4) == 0
    assert transfer(chain, 1) == Code.HOLDING_FROZEN
    assert holding(chain)[0] == 5


def test_a_wholly_frozen_holding_receives_and_gives_nothing() -> None:
    chain = issued(9)
    assert freeze(chain, None, "court-order") == 0
    assert issue(chain, 3) == 0
    assert transfer(chain, 1) == Code.HOLDING_FROZEN
    assert freeze(chain, 12) == 0  # an amount besides, for when the order is lifted
    assert thaw(chain, None, "court-order") == 0
    assert transfer(chain, 1) == Code.HOLDING_FROZEN
    assert thaw(chain, None) == 0
    assert transfer(chain, 12) == 0
    assert holding(chain) == [0, []]


def test_freezes_add_up_to_the_holding_and_no_further() -> None:
    chain = issued(9)
    assert freeze(chain, 10) == Code.HOLDING_TOO_SMALL
    assert freeze(chain, 5) == 0
    assert freeze(chain, 5, "second") == Code.HOLDING_TOO_SMALL
    assert freeze(chain, 4, "second") == 0
    assert redeem(chain, 1) == Code.HOLDING_FROZEN


def test_a_freeze_is_lowered_by_an_amount_or_ended() -> None:
    chain = issued(9)
    assert freeze(chain, 5) == 0
    at = chain.ledger.height
    assert thaw(chain, 6) == Code.NOT_FROZEN
    assert thaw(chain, 1, "second") == Code.NOT_FROZEN
    assert thaw(chain, 2) == 0
    assert holding(chain) == [9, [["audit", 3, None, at]]]
    assert thaw(chain, 3) == 0
    assert holding(chain) == [9, []]
    assert freeze(chain, None) == 0
    assert thaw(chain, 1) == Code.NOT_FROZEN
    assert thaw(chain, None) == 0
    assert thaw(chain, None, holder=REGISTRY) == Code.UNKNOWN_HOLDING


def test_a_freeze_is_replaced_within_one_transaction() -> None:
    chain = issued(9)
    assert freeze(chain, 5) == 0
    codes = chain.codes(
        chain.raw(
            (int(Kind.THAW_ASSET), ["voucher", list(BANK), PURPOSE, None, "audit"]),
            (int(Kind.FREEZE_ASSET), ["voucher", list(BANK), PURPOSE, 9, "audit", None]),
            institution=SUPERVISOR,
        )
    )
    assert codes == [0]
    assert holding(chain)[1][0][1] == 9


def test_only_the_supervisor_thaws_and_also_after_the_expiry() -> None:
    chain = issued(9)
    assert freeze(chain, 5) == 0
    chain.apply(after=9 * DAY)
    assert redeem(chain, 9) == Code.HOLDING_FROZEN
    assert thaw(chain, 5, institution="bank") == Code.NOT_ASSET_SUPERVISOR
    assert thaw(chain, 5, institution=ISSUER) == Code.NOT_ASSET_SUPERVISOR
    assert thaw(chain, 5) == 0
    assert redeem(chain, 9) == 0


# --- settlement ------------------------------------------------------------


def delivered() -> Chain:
    """Return a chain on which the bank has delivered to the registry, which holds vouchers."""
    chain = with_asset()
    set_terms(chain, terms())
    acts: tuple[tuple[Kind, list[Any], str], ...] = (
        (Kind.ASSIGN_DUTY, ["civil", "Civil status", "head", "law"], "bank"),
        (Kind.PUBLISH_DATA_SET, data_set(), "bank"),
        (Kind.REQUEST, ["r-1", "bank", "marriages", ["status"], "law", REASON], "registry"),
        (Kind.GRANT, ["registry", "r-1", [], START + 9 * DAY, None], "bank"),
        (Kind.PUBLISH_DELIVERY_KEY, [b"k" * 32, 0, None], "registry"),
        (Kind.ISSUE_ASSET, ["voucher", list(REGISTRY), 9, PURPOSE], ISSUER),
    )
    for kind, arguments, institution in acts:
        assert chain.do(kind, *arguments, institution=institution) == 0, kind
    asked = request_hash("registry", "r-1", value(chain, request_key("registry", "r-1")))
    deliver = [*SETTLED, b"c" * 32, 1000, 20, asked, b"s" * 32]
    assert chain.do(Kind.DELIVER, *deliver, institution="bank") == 0
    return chain


def pay(chain: Chain, *, received: bool, number: int = 1) -> int:
    settlement = [*SETTLED[:2], number, received]
    return transfer(chain, 5, BANK, settlement=settlement, institution="registry")


def test_a_delivery_of_a_voluntary_institution_is_settled_and_the_payment_given_back() -> None:
    chain = delivered()
    assert pay(chain, received=False) == 0
    assert transfer(chain, 2, REGISTRY, settlement=[*SETTLED, False]) == 0
    assert (holding(chain), holding(chain, REGISTRY)) == ([3, []], [6, []])


def test_a_payment_for_what_was_not_delivered_is_refused() -> None:
    chain = delivered()
    assert pay(chain, received=False, number=2) == Code.NOTHING_TO_SETTLE
    assert issue(chain, 9) == 0
    other = transfer(chain, 5, ("court", "head"), settlement=[*SETTLED, False])
    assert other == Code.BAD_SETTLEMENT
    asked_by_court = ["court", "r-1", 1, False]
    assert transfer(chain, 5, ("court", "head"), settlement=asked_by_court) == (
        Code.NOTHING_TO_SETTLE
    )
    assert (holding(chain), holding(chain, REGISTRY)) == ([9, []], [9, []])


def test_a_payment_for_what_was_received_waits_for_the_receipt_and_ends_with_a_dispute() -> None:
    chain = delivered()
    assert pay(chain, received=True) == Code.NOTHING_TO_SETTLE
    assert chain.do(Kind.RECEIVE, *SETTLED, b"c" * 32, institution="registry") == 0
    assert pay(chain, received=True) == 0
    assert chain.do(Kind.DISPUTE, *SETTLED, "wrong", REASON, institution="registry") == 0
    assert pay(chain, received=True) == Code.NOTHING_TO_SETTLE
    assert holding(chain) == [5, []]


def test_a_delivery_between_others_is_nothing_to_settle() -> None:
    """The registry asked the ministry, which gave; no payment to the bank is for that."""
    chain = delivered()
    key = delivery_key(*SETTLED)
    delivery = value(chain, key)
    state = WorkingState(chain.ledger._state, chain.store, {})
    state.put_value(key, [["ministry", "head"], *delivery[1:]])
    wanted = TransferAsset("voucher", BANK, 1, PURPOSE, ("registry", "r-1", 1, False))
    now = chain.ledger.height, chain.ledger.time
    act = Act("registry", "head", *now, chain.genesis.chain_id)
    assert transfer_asset(wanted, act, state) == Code.NOTHING_TO_SETTLE


@pytest.mark.parametrize(
    ("requester", "code"),
    [
        ("bank", Code.PROVIDER_NOT_VOLUNTARY),  # the ministry is duty-bound: it is not paid
        ("ministry", Code.NOTHING_TO_SETTLE),  # it may have asked, but the bank gave nothing
        ("court", Code.BAD_SETTLEMENT),
        ("nobody", Code.BAD_SETTLEMENT),
    ],
)
def test_a_settlement_is_between_the_requester_and_a_voluntary_provider(
    requester: str, code: int
) -> None:
    chain = issued(9)
    assert transfer(chain, 1, MINISTRY, settlement=[requester, "r", 1, False]) == code
    assert (totals(chain), holding(chain)[0]) == ([9, 0, 9], 9)


def test_an_institution_settles_nothing_with_itself() -> None:
    chain = issued(9)
    code = transfer(chain, 1, ("bank", "pair"), settlement=["bank", "r", 1, False])
    assert code == Code.BAD_SETTLEMENT


@pytest.mark.parametrize(
    "settlement",
    [["bank", "", 1, True], ["bank", b"r", 1, True], ["bank", "r", 0, True],
     ["bank", "r", 1 << 32, True], ["bank", "r", bytes(32), True], ["BANK", "r", 1, True],
     ["bank", "r", 1, 1], ["bank", "r", 1], ["bank", "r"], []],
)  # fmt: skip
def test_a_misshapen_settlement_is_malformed(settlement: list[object]) -> None:
    assert transfer(issued(9), 1, settlement=settlement) == Code.MALFORMED_OPERATION


def test_the_longest_names_make_a_key_that_fits() -> None:
    key = holding_key("a" * 32, "b" * 32, "c" * 32, "d" * 32)
    assert len(key) == 132
    assert key.startswith(holdings_prefix("a" * 32, "b" * 32, "c" * 32))
    assert holdings_prefix("a") == HOLDING + b"a\x00"
