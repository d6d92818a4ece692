"""Assets: what institutions settle with, bound to a purpose and a time. See `state_keys`.

    create asset    [name, title, unit, mandate, supervisor, [purpose …], expiry or null]
                                                   by a governing office, which is the issuer
    issue asset     [asset, to, amount, purpose]                            by the issuer
    transfer asset  [asset, to, amount, purpose, settlement or null]        by the holder
    redeem asset    [asset, amount, purpose]                                by the holder
    freeze asset    [asset, holder, purpose, amount or null, ground, reason or null]
                                                                            by the supervisor
    thaw asset      [asset, holder, purpose, amount or null, ground]        by the supervisor

An office is [institution, office]. What is issued for a purpose stays bound to it. Rules it keeps:
- Issued − redeemed = in circulation = the sum of all holdings, after every transaction.
- The mandate is in force when the asset is made and whenever it is issued.
- From its expiry on an asset is neither issued nor transferred; it can still be redeemed.
- What is frozen neither moves nor is redeemed. A holding may receive while it is frozen.
- A settlement [requester, request's reference, delivery's number, received] says for which
  delivery something is given, or given back. The requester is one of the two parties, and the
  other, the provider, is voluntary: a duty-bound institution is not paid for what it owes. There is
  such a delivery between the two; where the settlement says `received`, its receipt is signed and
  nobody disputes it.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from govchaind.base.limits import ASSET_PURPOSES_MAX, HOLDING_FREEZES_MAX
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.deliveries import (
    DISPUTE,
    RECEIVED,
    RECEIVER,
    SENDER,
    Number,
)
from govchaind.ledger.operations.duties import mandate_fault
from govchaind.ledger.operations.holdings import FROZEN_AMOUNT, GROUND, has_room, holding_of
from govchaind.ledger.operations.institutions import governs
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Bytes32, Count, Name, Shape, Title
from govchaind.ledger.state_keys import (
    asset_key,
    asset_totals_key,
    delivery_key,
    institution_key,
    office_key,
)
from govchaind.ledger.working_state import Act, WorkingState

# places in an asset's value, and in its totals (state_keys.py)
MANDATE, ISSUER, SUPERVISOR, PURPOSES, EXPIRY = 2, 3, 4, 5, 6
ISSUED, REDEEMED, CIRCULATING = range(3)

Purposes = Annotated[list[Name], Meta(max_length=ASSET_PURPOSES_MAX)]
# The most is AMOUNT_MAX, which no integer of the encoding exceeds.
Amount = Annotated[int, Meta(ge=1)]
Settlement = tuple[Name, Name, Number, bool]


class CreateAsset(Shape):
    """Arguments of `create-asset`."""

    name: Name
    title: Title
    unit: Title
    mandate: Name
    supervisor: tuple[Name, Name]
    purposes: Purposes
    expiry: Count | None


class IssueAsset(Shape):
    """Arguments of `issue-asset`."""

    asset: Name
    to: tuple[Name, Name]
    amount: Amount
    purpose: Name


class TransferAsset(Shape):
    """Arguments of `transfer-asset`."""

    asset: Name
    to: tuple[Name, Name]
    amount: Amount
    purpose: Name
    settlement: Settlement | None


class RedeemAsset(Shape):
    """Arguments of `redeem-asset`."""

    asset: Name
    amount: Amount
    purpose: Name


class FreezeAsset(Shape):
    """Arguments of `freeze-asset`."""

    asset: Name
    holder: tuple[Name, Name]
    purpose: Name
    amount: Amount | None
    ground: Name
    reason: Bytes32 | None


class ThawAsset(Shape):
    """Arguments of `thaw-asset`."""

    asset: Name
    holder: tuple[Name, Name]
    purpose: Name
    amount: Amount | None
    ground: Name


def create_asset(arguments: CreateAsset, act: Act, state: WorkingState) -> int:
    """Found an asset; the author's office is its issuer."""
    if not governs(act, state):
        return Code.NOT_GOVERNING_OFFICE
    key = asset_key(arguments.name)
    if state.get(key) is not None:
        return Code.ASSET_EXISTS
    purposes, expiry = arguments.purposes, arguments.expiry
    if len(set(purposes)) != len(purposes) or (expiry is not None and expiry <= act.time):
        return Code.BAD_ASSET
    if code := mandate_fault(arguments.mandate, act, state):
        return code
    if state.get(office_key(*arguments.supervisor)) is None:
        return Code.NO_SUCH_OFFICE
    state.put_value(
        key,
        [
            arguments.title,
            arguments.unit,
            arguments.mandate,
            [act.institution, act.office],
            list(arguments.supervisor),
            purposes,
            expiry,
            act.height,
        ],
    )
    state.put_value(asset_totals_key(arguments.name), [0, 0, 0])
    return Code.APPLIED


def issue_asset(arguments: IssueAsset, act: Act, state: WorkingState) -> int:
    """Bring so much into circulation."""
    asset = state.decoded(asset_key(arguments.asset))
    if asset is None:
        return Code.UNKNOWN_ASSET
    if asset[ISSUER] != [act.institution, act.office]:
        return Code.NOT_ASSET_ISSUER
    if is_expired(asset, act.time):
        return Code.ASSET_EXPIRED
    if code := mandate_fault(asset[MANDATE], act, state):
        return code
    if asset[PURPOSES] and arguments.purpose not in asset[PURPOSES]:
        return Code.ASSET_PURPOSE_NOT_ALLOWED
    if state.decoded(office_key(*arguments.to)) is None:
        return Code.NO_SUCH_OFFICE
    issued, redeemed, circulating = _totals(arguments.asset, state)
    amount = arguments.amount
    if not has_room(issued, amount):
        return Code.TOO_MUCH_ISSUED
    holding = holding_of(arguments.asset, arguments.to, arguments.purpose, state)
    holding.add(amount)
    holding.keep(state)
    totals = [issued + amount, redeemed, circulating + amount]
    state.put_value(asset_totals_key(arguments.asset), totals)
    return Code.APPLIED


def transfer_asset(arguments: TransferAsset, act: Act, state: WorkingState) -> int:
    """Move so much from the author's holding to another office's, for the same purpose."""
    asset = state.decoded(asset_key(arguments.asset))
    if asset is None:
        return Code.UNKNOWN_ASSET
    if is_expired(asset, act.time):
        return Code.ASSET_EXPIRED
    holder = (act.institution, act.office)
    if arguments.to == holder:  # else two readings of one holding would be written
        return Code.TRANSFER_TO_ITSELF
    if state.decoded(office_key(*arguments.to)) is None:
        return Code.NO_SUCH_OFFICE
    if arguments.settlement is not None:
        parties = (act.institution, arguments.to[0])
        code = _unsettled(arguments.settlement[0], *parties, state)
        if code := code or _undelivered(arguments.settlement, parties, state):
            return code
    giver = holding_of(arguments.asset, holder, arguments.purpose, state)
    if code := giver.take(arguments.amount):
        return code
    taker = holding_of(arguments.asset, arguments.to, arguments.purpose, state)
    taker.add(arguments.amount)
    giver.keep(state)
    taker.keep(state)
    return Code.APPLIED


def redeem_asset(arguments: RedeemAsset, act: Act, state: WorkingState) -> int:
    """Give so much of the author's holding back to the issuer: it circulates no longer."""
    if state.decoded(asset_key(arguments.asset)) is None:
        return Code.UNKNOWN_ASSET
    holder = (act.institution, act.office)
    holding = holding_of(arguments.asset, holder, arguments.purpose, state)
    amount = arguments.amount
    if code := holding.take(amount):
        return code
    holding.keep(state)
    issued, redeemed, circulating = _totals(arguments.asset, state)
    totals = [issued, redeemed + amount, circulating - amount]
    state.put_value(asset_totals_key(arguments.asset), totals)
    return Code.APPLIED


def freeze_asset(arguments: FreezeAsset, act: Act, state: WorkingState) -> int:
    """Hold a holding fast, or so much of what is free in it."""
    if code := _unsupervised(arguments.asset, act, state):
        return code
    holding = holding_of(arguments.asset, arguments.holder, arguments.purpose, state)
    if not holding.balance:
        return Code.UNKNOWN_HOLDING
    if any(freeze[GROUND] == arguments.ground for freeze in holding.freezes):
        return Code.ALREADY_FROZEN
    if len(holding.freezes) >= HOLDING_FREEZES_MAX:
        return Code.TOO_MANY_FREEZES
    if (arguments.amount or 0) > holding.balance - holding.frozen_amount:
        return Code.HOLDING_TOO_SMALL
    freeze = [arguments.ground, arguments.amount, arguments.reason, act.height]
    holding.freezes = [*holding.freezes, freeze]
    holding.keep(state)
    return Code.APPLIED


def thaw_asset(arguments: ThawAsset, act: Act, state: WorkingState) -> int:
    """End a freeze, or lower its amount."""
    if code := _unsupervised(arguments.asset, act, state):
        return code
    holding = holding_of(arguments.asset, arguments.holder, arguments.purpose, state)
    if not holding.balance:
        return Code.UNKNOWN_HOLDING
    standing = [each for each in holding.freezes if each[GROUND] == arguments.ground]
    if not standing:
        return Code.NOT_FROZEN
    amount, frozen = arguments.amount, standing[0][FROZEN_AMOUNT]
    if amount is not None and (frozen is None or amount > frozen):
        return Code.NOT_FROZEN
    kept = []
    for freeze in holding.freezes:
        if freeze[GROUND] != arguments.ground:
            kept.append(freeze)
        elif amount is not None and amount < frozen:
            kept.append([freeze[GROUND], frozen - amount, *freeze[FROZEN_AMOUNT + 1 :]])
    holding.freezes = kept
    holding.keep(state)
    return Code.APPLIED


def is_expired(asset: list[Any], time: int) -> bool:
    """Say whether an asset can only be redeemed at a block time."""
    return bool(asset[EXPIRY] is not None and asset[EXPIRY] <= time)


def _totals(name: str, state: WorkingState) -> list[int]:
    totals: list[int] = state.decoded(asset_totals_key(name))
    return totals


def _unsupervised(name: str, act: Act, state: WorkingState) -> int:
    """Return why the author may not freeze or thaw an asset, or 0."""
    asset = state.decoded(asset_key(name))
    if asset is None:
        return Code.UNKNOWN_ASSET
    supervises = asset[SUPERVISOR] == [act.institution, act.office]
    return Code.APPLIED if supervises else Code.NOT_ASSET_SUPERVISOR


def _unsettled(requester: str, giver: str, taker: str, state: WorkingState) -> int:
    """Return why a transfer cannot settle a delivery that `requester` asked for, or 0."""
    if giver == taker or requester not in (giver, taker):
        return Code.BAD_SETTLEMENT
    provider = state.decoded(institution_key(taker if requester == giver else giver))
    return Code.APPLIED if provider[1] == "voluntary" else Code.PROVIDER_NOT_VOLUNTARY


def _undelivered(settlement: Settlement, parties: tuple[str, str], state: WorkingState) -> int:
    """Return why there is no delivery between the parties as a settlement says, or 0."""
    requester, reference, number, received = settlement
    delivery = state.decoded(delivery_key(requester, reference, number))
    if delivery is None or {delivery[SENDER][0], delivery[RECEIVER][0]} != set(parties):
        return Code.NOTHING_TO_SETTLE
    if received and (delivery[RECEIVED] is None or delivery[DISPUTE] is not None):
        return Code.NOTHING_TO_SETTLE
    return Code.APPLIED


def _operation(kind: Kind, name: str, shape: type[Any], apply: Any) -> Operation:
    return Operation(int(kind), name, "assets", COST_MICROSECONDS[kind], shape, apply)


OPERATIONS = (
    _operation(Kind.CREATE_ASSET, "create-asset", CreateAsset, create_asset),
    _operation(Kind.ISSUE_ASSET, "issue-asset", IssueAsset, issue_asset),
    _operation(Kind.TRANSFER_ASSET, "transfer-asset", TransferAsset, transfer_asset),
    _operation(Kind.REDEEM_ASSET, "redeem-asset", RedeemAsset, redeem_asset),
    _operation(Kind.FREEZE_ASSET, "freeze-asset", FreezeAsset, freeze_asset),
    _operation(Kind.THAW_ASSET, "thaw-asset", ThawAsset, thaw_asset),
)
