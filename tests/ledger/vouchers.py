"""A chain with one asset, `voucher`: the ministry issues it, the court supervises it."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.state_keys import asset_totals_key, holding_key
from govchaind.ledger.working_state import WorkingState
from tests.ledger.chain import START, Chain

DAY = 24 * 3600 * 1000
ISSUER, SUPERVISOR = "ministry", "court"
BANK: tuple[str, str] = ("bank", "head")
REGISTRY: tuple[str, str] = ("registry", "head")
MINISTRY: tuple[str, str] = ("ministry", "head")
PURPOSE = "lookups"


def with_mandate(*, until: int | None = None, effect: int = START) -> Chain:
    """Return a chain with the mandate `law`."""
    chain = Chain()
    law = ["law", "A law", "1", "Assembly", bytes(32), effect, until, None]
    votes = chain.vote(MotionKind.ADOPT_MANDATE, law, "bank", "court", "ministry")
    assert votes == [0, 0, 0]
    return chain


def create(chain: Chain, *, name: str = "voucher", **changes: Any) -> int:
    """Have the ministry create an asset; answer its outcome."""
    given: dict[str, Any] = {
        "title": "Vouchers",
        "unit": "answers",
        "mandate": "law",
        "supervisor": [SUPERVISOR, "head"],
        "purposes": [PURPOSE, "repairs"],
        "expiry": START + 9 * DAY,
        "institution": ISSUER,
        **changes,
    }
    named = ("title", "unit", "mandate", "supervisor", "purposes", "expiry")
    arguments = [name, *(given.pop(each) for each in named)]
    return chain.do(Kind.CREATE_ASSET, *arguments, **given)


def with_asset(**changes: Any) -> Chain:
    """Return a chain with the asset `voucher`."""
    chain = with_mandate()
    assert create(chain, **changes) == 0
    return chain


def issue(
    chain: Chain,
    amount: int,
    to: tuple[str, str] = BANK,
    purpose: str = PURPOSE,
    *,
    institution: str = ISSUER,
) -> int:
    arguments = ["voucher", list(to), amount, purpose]
    return chain.do(Kind.ISSUE_ASSET, *arguments, institution=institution)


def transfer(
    chain: Chain,
    amount: int,
    to: tuple[str, str] = REGISTRY,
    purpose: str = PURPOSE,
    settlement: list[Any] | None = None,
    *,
    institution: str = "bank",
) -> int:
    arguments = ["voucher", list(to), amount, purpose, settlement]
    return chain.do(Kind.TRANSFER_ASSET, *arguments, institution=institution)


def redeem(chain: Chain, amount: int, purpose: str = PURPOSE, *, institution: str = "bank") -> int:
    return chain.do(Kind.REDEEM_ASSET, "voucher", amount, purpose, institution=institution)


def freeze(
    chain: Chain,
    amount: int | None,
    ground: str = "audit",
    holder: tuple[str, str] = BANK,
    *,
    reason: bytes | None = None,
    institution: str = SUPERVISOR,
) -> int:
    arguments = ["voucher", list(holder), PURPOSE, amount, ground, reason]
    return chain.do(Kind.FREEZE_ASSET, *arguments, institution=institution)


def thaw(
    chain: Chain,
    amount: int | None,
    ground: str = "audit",
    holder: tuple[str, str] = BANK,
    *,
    institution: str = SUPERVISOR,
) -> int:
    arguments = ["voucher", list(holder), PURPOSE, amount, ground]
    return chain.do(Kind.THAW_ASSET, *arguments, institution=institution)


def value(chain: Chain, key: bytes) -> Any:
    return WorkingState(chain.ledger._state, chain.store, {}).decoded(key)


def totals(chain: Chain, name: str = "voucher") -> Any:
    """Return issued, redeemed, in circulation."""
    return value(chain, asset_totals_key(name))


def holding(chain: Chain, holder: tuple[str, str] = BANK, purpose: str = PURPOSE) -> Any:
    """Return [balance, freezes], or None where there is no holding."""
    return value(chain, holding_key("voucher", *holder, purpose))


def issued(*amounts: int, **changes: Any) -> Chain:
    """Return a chain whose bank holds what was issued for lookups."""
    chain = with_asset(**changes)
    for amount in amounts:
        assert issue(chain, amount) == 0
    return chain
