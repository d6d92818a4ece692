"""How each outcome of an asset is provoked: a function of the outcome's name, for test_outcomes."""

from __future__ import annotations

from govchaind.base.limits import AMOUNT_MAX, HOLDING_FREEZES_MAX
from tests.ledger.vouchers import (
    BANK,
    DAY,
    MINISTRY,
    create,
    freeze,
    issue,
    issued,
    redeem,
    thaw,
    transfer,
    with_asset,
    with_mandate,
)


def asset_exists() -> int:
    return create(with_asset())


def unknown_asset() -> int:
    return issue(with_mandate(), 1)


def bad_asset() -> int:
    return create(with_mandate(), purposes=["a", "a"])


def not_asset_issuer() -> int:
    return issue(with_asset(), 1, institution="bank")


def not_asset_supervisor() -> int:
    return freeze(issued(9), 1, institution="ministry")


def asset_purpose_not_allowed() -> int:
    return issue(with_asset(), 1, purpose="holidays")


def asset_expired() -> int:
    chain = issued(9)
    chain.apply(after=9 * DAY)
    return transfer(chain, 1)


def holding_too_small() -> int:
    return redeem(issued(9), 10)


def holding_frozen() -> int:
    chain = issued(9)
    assert freeze(chain, 5) == 0
    return redeem(chain, 5)


def too_much_issued() -> int:
    return issue(issued(AMOUNT_MAX), 1)


def transfer_to_itself() -> int:
    return transfer(issued(9), 1, BANK)


def bad_settlement() -> int:
    return transfer(issued(9), 1, settlement=["court", "r-1", 1, False])


def provider_not_voluntary() -> int:
    return transfer(issued(9), 1, MINISTRY, settlement=["bank", "r-1", 1, False])


def nothing_to_settle() -> int:
    return transfer(issued(9), 1, MINISTRY, settlement=["ministry", "r-1", 1, False])


def unknown_holding() -> int:
    return freeze(with_asset(), None)


def already_frozen() -> int:
    chain = issued(9)
    assert freeze(chain, 1) == 0
    return freeze(chain, 1)


def not_frozen() -> int:
    return thaw(issued(9), None)


def too_many_freezes() -> int:
    chain = issued(99)
    for number in range(HOLDING_FREEZES_MAX):
        assert freeze(chain, 1, f"ground-{number}") == 0
    return freeze(chain, 1)
