"""The model's assets, from docs/protocol.md and docs/assets.md.

An asset is [title, unit, mandate, issuer, supervisor, purposes, expiry, height], its totals
[issued, redeemed, in circulation], a holding [balance, [[ground, amount, reason, height] …]].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govchaind.ledger.outcomes import Code
from netsim.model import deliveries
from netsim.model.governance import mandate_key
from netsim.model.offices import institution_key
from netsim.model.registers import office_key

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

ISSUED_MAX = 2**64 - 1
FREEZES_MAX = 16


def asset_key(name: str) -> bytes:
    return b"\x18" + name.encode()


def totals_key(name: str) -> bytes:
    return b"\x19" + name.encode()


def holding_key(asset: str, holder: list[str], purpose: str) -> bytes:
    return b"\x1a" + b"\0".join(name.encode() for name in (asset, *holder, purpose))


def holding(draft: Draft, asset: str, holder: list[str], purpose: str) -> tuple[int, list[Any]]:
    """Return balance and freezes."""
    balance, freezes = draft.get(holding_key(asset, holder, purpose)) or (0, [])
    return balance, freezes


def free(balance: int, freezes: list[Any]) -> int:
    """Return what may leave a holding."""
    amounts = [amount for _, amount, _, _ in freezes]
    return 0 if None in amounts else balance - sum(amounts)


def _lawful(draft: Draft, mandate: str) -> int:
    found = draft.get(mandate_key(mandate))
    if found is None:
        return Code.UNKNOWN_MANDATE
    begins, ends = found[4], found[8]
    if begins > draft.time or (ends is not None and draft.time >= ends):
        return Code.MANDATE_NOT_IN_FORCE
    return Code.APPLIED


def _author(draft: Draft) -> list[str]:
    return [draft.institution, draft.office]


def _over(draft: Draft, asset: Any) -> bool:
    return asset[6] is not None and draft.time >= asset[6]


def create(draft: Draft, arguments: list[Any]) -> int:
    name, title, unit, mandate, supervisor, purposes, expiry = arguments
    institution = draft.get(institution_key(draft.institution))
    if institution[2] != draft.office:
        return Code.NOT_GOVERNING_OFFICE
    if draft.get(asset_key(name)) is not None:
        return Code.ASSET_EXISTS
    if len(purposes) > len(set(purposes)) or (expiry is not None and draft.time >= expiry):
        return Code.BAD_ASSET
    code = _lawful(draft, mandate)
    if code:
        return code
    if draft.get(office_key(*supervisor)) is None:
        return Code.NO_SUCH_OFFICE
    value = [title, unit, mandate, _author(draft), supervisor, purposes, expiry, draft.height]
    draft.put(asset_key(name), value)
    draft.put(totals_key(name), [0, 0, 0])
    return Code.APPLIED


def issue(draft: Draft, arguments: list[Any]) -> int:
    name, to, amount, purpose = arguments
    asset = draft.get(asset_key(name))
    if asset is None:
        return Code.UNKNOWN_ASSET
    if asset[3] != _author(draft):
        return Code.NOT_ASSET_ISSUER
    if _over(draft, asset):
        return Code.ASSET_EXPIRED
    code = _lawful(draft, asset[2])
    if code:
        return code
    if asset[5] != [] and purpose not in asset[5]:
        return Code.ASSET_PURPOSE_NOT_ALLOWED
    if draft.get(office_key(*to)) is None:
        return Code.NO_SUCH_OFFICE
    issued, redeemed, circulating = draft.get(totals_key(name))
    if issued + amount > ISSUED_MAX:
        return Code.TOO_MUCH_ISSUED
    balance, freezes = holding(draft, name, to, purpose)
    draft.put(holding_key(name, to, purpose), [balance + amount, freezes])
    draft.put(totals_key(name), [issued + amount, redeemed, circulating + amount])
    return Code.APPLIED


def _leave(draft: Draft, name: str, amount: int, purpose: str) -> int:
    """Take an amount out of the author's holding, if it may leave."""
    balance, freezes = holding(draft, name, _author(draft), purpose)
    if balance < amount:
        return Code.HOLDING_TOO_SMALL
    if free(balance, freezes) < amount:
        return Code.HOLDING_FROZEN
    draft.put(holding_key(name, _author(draft), purpose), [balance - amount, freezes])
    return Code.APPLIED


def transfer(draft: Draft, arguments: list[Any]) -> int:
    name, to, amount, purpose, settlement = arguments
    asset = draft.get(asset_key(name))
    if asset is None:
        return Code.UNKNOWN_ASSET
    if _over(draft, asset):
        return Code.ASSET_EXPIRED
    if to == _author(draft):
        return Code.TRANSFER_TO_ITSELF
    if draft.get(office_key(*to)) is None:
        return Code.NO_SUCH_OFFICE
    if settlement is not None:
        parties = [draft.institution, to[0]]
        others = [party for party in parties if party != settlement[0]]
        if len(others) != 1:
            return Code.BAD_SETTLEMENT
        if draft.get(institution_key(others[0]))[1] != "voluntary":
            return Code.PROVIDER_NOT_VOLUNTARY
        if not _settles(draft, settlement, parties):
            return Code.NOTHING_TO_SETTLE
    code = _leave(draft, name, amount, purpose)
    if code:
        return code
    balance, freezes = holding(draft, name, to, purpose)
    draft.put(holding_key(name, to, purpose), [balance + amount, freezes])
    return Code.APPLIED


def _settles(draft: Draft, settlement: list[Any], parties: list[str]) -> bool:
    """Say whether the delivery is there between the parties, as far as the settlement says."""
    requester, reference, number, received = settlement
    delivery = draft.get(deliveries.delivery_key(requester, reference, number))
    if delivery is None:
        return False
    ends = [delivery[deliveries.SENDER][0], delivery[deliveries.RECEIVER][0]]
    if sorted(ends) != sorted(parties):
        return False
    undisputed = delivery[deliveries.DISPUTE] is None
    return not received or (undisputed and delivery[deliveries.RECEIVED] is not None)


def redeem(draft: Draft, arguments: list[Any]) -> int:
    name, amount, purpose = arguments
    if draft.get(asset_key(name)) is None:
        return Code.UNKNOWN_ASSET
    code = _leave(draft, name, amount, purpose)
    if code:
        return code
    issued, redeemed, circulating = draft.get(totals_key(name))
    draft.put(totals_key(name), [issued, redeemed + amount, circulating - amount])
    return Code.APPLIED


def _supervised(draft: Draft, name: str, holder: list[str], purpose: str) -> int:
    asset = draft.get(asset_key(name))
    if asset is None:
        return Code.UNKNOWN_ASSET
    if asset[4] != _author(draft):
        return Code.NOT_ASSET_SUPERVISOR
    if holding(draft, name, holder, purpose)[0] == 0:
        return Code.UNKNOWN_HOLDING
    return Code.APPLIED


def freeze(draft: Draft, arguments: list[Any]) -> int:
    name, holder, purpose, amount, ground, reason = arguments
    code = _supervised(draft, name, holder, purpose)
    if code:
        return code
    balance, freezes = holding(draft, name, holder, purpose)
    if ground in [each[0] for each in freezes]:
        return Code.ALREADY_FROZEN
    if len(freezes) == FREEZES_MAX:
        return Code.TOO_MANY_FREEZES
    amounts = [each[1] for each in freezes if each[1] is not None]
    if amount is not None and sum(amounts) + amount > balance:
        return Code.HOLDING_TOO_SMALL
    new = [ground, amount, reason, draft.height]
    draft.put(holding_key(name, holder, purpose), [balance, [*freezes, new]])
    return Code.APPLIED


def thaw(draft: Draft, arguments: list[Any]) -> int:
    name, holder, purpose, amount, ground = arguments
    code = _supervised(draft, name, holder, purpose)
    if code:
        return code
    balance, freezes = holding(draft, name, holder, purpose)
    place = next((n for n, each in enumerate(freezes) if each[0] == ground), None)
    if place is None:
        return Code.NOT_FROZEN
    _, frozen, reason, height = freezes[place]
    after = list(freezes)
    if amount is None or amount == frozen:
        del after[place]
    elif frozen is None or amount > frozen:
        return Code.NOT_FROZEN
    else:
        after[place] = [ground, frozen - amount, reason, height]
    draft.put(holding_key(name, holder, purpose), [balance, after])
    return Code.APPLIED
