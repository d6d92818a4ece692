"""The shapes of replies about assets and who holds them. As in `models.py`, facts only.

Amounts are integers up to 2^64 - 1: read them with a parser that keeps integers whole.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from govchaind.api.models import Fact, Hash32, Hex

AssetState = Literal["open", "expired"]


class AssetView(Fact):
    name: str
    title: str
    unit: str = Field(description="what is counted", examples=["answers"])
    mandate: str = Field(description="the mandate that it rests on")
    issuer: str = Field(description="institution/office", examples=["ministry/head"])
    supervisor: str = Field(description="institution/office; may freeze and thaw")
    purposes: list[str] = Field(description="what it may be issued for; empty: any purpose")
    expiry_ms: int | None = Field(description="from then on it can only be redeemed; null: no end")
    expiry: str | None
    state: AssetState = Field(description="at the time of the newest block")
    created_at: int = Field(description="height")
    issued: int = Field(description="all that was ever issued")
    redeemed: int = Field(description="all that was given back to the issuer")
    circulating: int = Field(
        description="issued less redeemed, and the sum of the balances of all holdings"
    )
    totals_key: Hex = Field(description="state key of the three totals")


class AssetReply(AssetView):
    height: int


class AssetsReply(Fact):
    height: int
    assets: list[AssetView] = Field(description="in order of their names")
    next: str | None = Field(description="the `after` of the next page; null at the end")


class FreezeView(Fact):
    ground: str = Field(description="code of the ground", examples=["court-order"])
    amount: int | None = Field(description="null: the whole, also what comes later")
    reason: Hash32 | None = Field(description="commitment to the reason, which the supervisor has")
    frozen_at: int = Field(description="height")


class HoldingView(Fact):
    asset: str
    holder: str = Field(description="institution/office", examples=["bank/branch"])
    purpose: str
    balance: int
    free: int = Field(description="what may be transferred or redeemed of it")
    freezes: list[FreezeView]
    changed_at: int = Field(description="height")
    key: Hex = Field(description="state key of the holding")


class HoldingReply(HoldingView):
    height: int


class HoldingsReply(Fact):
    height: int
    holdings: list[HoldingView] = Field(
        description="in order of asset, holder and purpose; empty ones are left out"
    )
    next: str | None = Field(
        description="the `after` of the next page; null at the end. A page may be short, or empty, "
        "and have one all the same"
    )
