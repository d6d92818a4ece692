"""Bugs planted in assets: what is made or lost on the way, and who moves what they may not."""

from __future__ import annotations

from typing import Any

from govchaind.base.encoding import decode
from govchaind.ledger.operations import assets, holdings
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state_keys import asset_key, holding_key
from netsim.mutants.ledger import operation
from netsim.mutants.plant import Plant

_assets: Any = assets


def transfer_to_itself_mints(plant: Plant) -> None:
    """An office that transfers to itself has the amount twice: its holding is read twice."""

    def transfer(arguments: Any, act: Any, state: Any) -> int:
        holder = (act.institution, act.office)
        if arguments.to != holder or state.decoded(asset_key(arguments.asset)) is None:
            return original(arguments, act, state)
        giver = holdings.holding_of(arguments.asset, holder, arguments.purpose, state)
        taker = holdings.holding_of(arguments.asset, holder, arguments.purpose, state)
        code = giver.take(arguments.amount)
        if code:
            return code
        taker.add(arguments.amount)
        giver.keep(state)
        taker.keep(state)
        return 0

    original = assets.transfer_asset
    operation(plant, int(Kind.TRANSFER_ASSET), transfer)


def redeemed_stays_held(plant: Plant) -> None:
    """What is given back to the issuer stays with the holder too."""

    def redeem(arguments: Any, act: Any, state: Any) -> int:
        code = original(arguments, act, state)
        if code == 0:
            holder = (act.institution, act.office)
            held = holdings.holding_of(arguments.asset, holder, arguments.purpose, state)
            held.add(arguments.amount)
            held.keep(state)
        return code

    original = assets.redeem_asset
    operation(plant, int(Kind.REDEEM_ASSET), redeem)


def holding_read_from_the_store(plant: Plant) -> None:
    """A holding is read as it was before the block: the second change of it undoes the first."""

    def holding_of(asset: str, holder: Any, purpose: str, state: Any) -> holdings.Holding:
        key = holding_key(asset, holder[0], holder[1], purpose)
        stored = state._state.get(state._reader, key)
        balance, freezes = decode(stored, bytes_max=len(stored)) if stored else (0, [])
        return holdings.Holding(key, balance, freezes)

    plant(_assets, "holding_of", holding_of)


def frozen_amount_moves(plant: Plant) -> None:
    """An amount that is frozen moves with the rest of its holding."""

    def free(self: Any) -> int:
        whole = any(freeze[1] is None for freeze in self.freezes)
        return 0 if whole else int(self.balance)

    plant(holdings.Holding, "free", property(free))


def last_freeze_counts(plant: Plant) -> None:
    """Of several freezes of a holding only the last one counts."""

    def free(self: Any) -> int:
        if not self.freezes:
            return int(self.balance)
        amount = self.freezes[-1][1]
        return 0 if amount is None else int(self.balance - amount)

    plant(holdings.Holding, "free", property(free))


def whole_freeze_goes_with_a_part(plant: Plant) -> None:
    """A freeze of the whole ends when a part of it is thawed."""

    def thaw(arguments: Any, act: Any, state: Any) -> int:
        holder = arguments.holder
        key = holding_key(arguments.asset, holder[0], holder[1], arguments.purpose)
        stored = state.get(key)
        freezes = decode(stored, bytes_max=len(stored))[1] if stored else []
        if any(each[0] == arguments.ground and each[1] is None for each in freezes):
            arguments.amount = None
        return original(arguments, act, state)

    original = assets.thaw_asset
    operation(plant, int(Kind.THAW_ASSET), thaw)


def expired_asset_moves(plant: Plant) -> None:
    """An asset moves and is issued also when it is over."""
    plant(_assets, "is_expired", lambda asset, time: False)


def anybody_of_the_supervisor_freezes(plant: Plant) -> None:
    """Any office of the supervisor's institution freezes and thaws."""

    def unsupervised(name: str, act: Any, state: Any) -> int:
        asset = state.decoded(asset_key(name))
        if asset is not None and asset[4][0] == act.institution:
            return 0
        code: int = original(name, act, state)
        return code

    original = _assets._unsupervised
    plant(_assets, "_unsupervised", unsupervised)


def issued_beyond_its_mandate(plant: Plant) -> None:
    """An asset is issued when its mandate has ended."""

    def issue(arguments: Any, act: Any, state: Any) -> int:
        plain = _assets.mandate_fault
        _assets.mandate_fault = lambda name, act, state: 0
        try:
            return assets.issue_asset(arguments, act, state)
        finally:
            _assets.mandate_fault = plain

    operation(plant, int(Kind.ISSUE_ASSET), issue)


def duty_is_paid_for(plant: Plant) -> None:
    """A duty-bound institution is paid for what it delivers."""

    def unsettled(requester: str, giver: str, taker: str, state: Any) -> int:
        code = original(requester, giver, taker, state)
        return 0 if code == Code.PROVIDER_NOT_VOLUNTARY else code

    original = _assets._unsettled
    plant(_assets, "_unsettled", unsettled)


MUTANTS = (
    (transfer_to_itself_mints, "I-60"),
    (redeemed_stays_held, "I-60"),
    (holding_read_from_the_store, "I-60"),
    (frozen_amount_moves, "N-3"),
    (frozen_amount_moves, "I-60"),
    (last_freeze_counts, "N-3"),
    (whole_freeze_goes_with_a_part, "N-3"),
    (expired_asset_moves, "N-3"),
    (anybody_of_the_supervisor_freezes, "N-3"),
    (issued_beyond_its_mandate, "N-3"),
    (duty_is_paid_for, "N-3"),
)
