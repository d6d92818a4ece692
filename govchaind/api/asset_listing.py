"""Assets and holdings read out of a snapshot, one at a time or a bounded page of them."""

from __future__ import annotations

from govchaind.api.asset_models import AssetView, FreezeView, HoldingView
from govchaind.api.listing import ROWS_AT_ONCE, sifted
from govchaind.api.reading import iso, stored
from govchaind.api.viewer import Viewer
from govchaind.base.errors import Invalid, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import LISTING_ROWS_MAX
from govchaind.base.types import BlockTime, Height
from govchaind.ledger.operations.assets import is_expired
from govchaind.ledger.operations.holdings import Holding
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import (
    ASSET,
    HOLDING,
    asset_key,
    asset_totals_key,
    holding_key,
    holdings_prefix,
)
from govchaind.ledger.transaction import is_name

_STATE = State()


def check_names(*names: str) -> None:
    """Raise Invalid unless each is a name as the ledger has them."""
    if not all(is_name(name) for name in names):
        raise Invalid("a name is 1 to 32 of a-z, 0-9 and '-'", code="invalid-parameter")


def asset_at(reader: KeyValueReader, name: str, now: BlockTime) -> AssetView:
    """Return an asset with its totals. Raises NotFound."""
    check_names(name)
    value = _STATE.get(reader, asset_key(name))
    if value is None:
        raise NotFound(f"there is no asset {name!r}")
    return _asset_view(reader, name, value, now)


def asset_page(
    reader: KeyValueReader, now: BlockTime, after: str | None, limit: int
) -> tuple[list[AssetView], str | None]:
    """Return one page of assets, and the name to go on after."""
    if after is not None:
        check_names(after)
    last = None if after is None else asset_key(after)
    rows = _STATE.scan(reader, ASSET, limit=limit + 1, after=last)
    views = [_asset_view(reader, key[1:].decode(), row, now) for key, row, _ in rows[:limit]]
    return views, views[-1].name if len(rows) > limit else None


def holding_at(
    reader: KeyValueReader, asset: str, institution: str, office: str, purpose: str
) -> HoldingView:
    """Return one holding, also an empty one. Raises NotFound."""
    check_names(asset, institution, office, purpose)
    key = holding_key(asset, institution, office, purpose)
    for changed, value in _STATE.history(reader, key, limit=1):
        if value is not None:
            return _holding_view(key, value, changed)
    raise NotFound(f"{institution}/{office} has never held {asset} for {purpose}")


def holding_page(
    reader: KeyValueReader, viewer: Viewer, asset: str, after: str | None, limit: int
) -> tuple[list[HoldingView], str | None]:
    """Return one page of an asset's holdings that a reader may see, and where to go on.

    That is institution/office/purpose.
    """
    check_names(asset)
    last = None if after is None else holding_key(asset, *_names(after, 3))
    prefix = holdings_prefix(asset)

    def view(rest: bytes, value: bytes) -> HoldingView | None:
        institution, office, _ = rest.decode().split("\x00")
        if not viewer.sees_all and not viewer.sees(
            viewer.circles.of_holding(asset, institution, office)
        ):
            return None
        return _held(reader, prefix + rest, value)

    found, following = sifted(reader, prefix, after=last, limit=limit, view=view)
    return found, None if following is None else _text(following[len(prefix) :])


def office_page(
    reader: KeyValueReader,
    viewer: Viewer,
    institution: str,
    office: str,
    after: str | None,
    limit: int,
) -> tuple[list[HoldingView], str | None]:
    """Return one page of what an office holds, and where to go on: an asset, or asset/purpose.

    An asset of which the reader may not see this office's holding is passed over.

    Keys lie by asset, so each asset is asked for this office; both are counted as looked at.
    """
    check_names(institution, office)
    asset, last = _resumed(institution, office, after)
    found: list[HoldingView] = []
    looked, seen = 0, after
    while True:
        if last is None:  # on to the next asset
            before = None if asset is None else asset_key(asset)
            rows = _STATE.scan(reader, ASSET, limit=1, after=before)
            if not rows:
                return found, None
            if looked >= LISTING_ROWS_MAX:
                return found, seen
            asset = rows[0][0][len(ASSET) :].decode()
            looked += 1
        if not viewer.sees(viewer.circles.of_holding(asset or "", institution, office)):
            last, seen = None, asset
            continue
        prefix = holdings_prefix(asset or "", institution, office)
        rows = _STATE.scan(reader, prefix, limit=ROWS_AT_ONCE, after=last)
        for key, value, changed in rows:
            held = bool(stored(value)[0])
            if looked >= LISTING_ROWS_MAX or (held and len(found) >= limit):
                return found, seen
            if held:
                found.append(_holding_view(key, value, changed))
            looked, seen = looked + 1, f"{asset}/{key[len(prefix) :].decode()}"
        last = rows[-1][0] if len(rows) == ROWS_AT_ONCE else None
        if last is None:
            seen = asset


def _resumed(institution: str, office: str, after: str | None) -> tuple[str | None, bytes | None]:
    """Return the asset to go on with or after, and the holding in it to go on after, if any."""
    if after is None:
        return None, None
    asset, slash, purpose = after.partition("/")
    check_names(asset)
    if not slash:
        return asset, None
    check_names(purpose)
    return asset, holding_key(asset, institution, office, purpose)


def _names(text: str, count: int) -> list[str]:
    names = text.split("/")
    if len(names) != count:
        raise Invalid("after: the `next` of the page before", code="invalid-parameter")
    check_names(*names)
    return names


def _text(key: bytes) -> str:
    return key.replace(b"\x00", b"/").decode()


def _asset_view(reader: KeyValueReader, name: str, value: bytes, now: BlockTime) -> AssetView:
    asset = stored(value)
    title, unit, mandate, issuer, supervisor, purposes, expiry, created = asset
    totals_key = asset_totals_key(name)
    issued, redeemed, circulating = stored(_STATE.get(reader, totals_key) or b"")
    return AssetView(
        name=name,
        title=title,
        unit=unit,
        mandate=mandate,
        issuer="/".join(issuer),
        supervisor="/".join(supervisor),
        purposes=purposes,
        expiry_ms=expiry,
        expiry=iso(expiry),
        state="expired" if is_expired(asset, now) else "open",
        created_at=created,
        issued=issued,
        redeemed=redeemed,
        circulating=circulating,
        totals_key=totals_key.hex(),
    )


def _held(reader: KeyValueReader, key: bytes, value: bytes) -> HoldingView | None:
    """Return a holding, unless it is empty; its height is read only for one that is shown."""
    if not stored(value)[0]:
        return None
    [(changed, _)] = _STATE.history(reader, key, limit=1)
    return _holding_view(key, value, changed)


def _holding_view(key: bytes, value: bytes, changed: Height) -> HoldingView:
    asset, institution, office, purpose = key[len(HOLDING) :].decode().split("\x00")
    holding = Holding(key, *stored(value))
    return HoldingView(
        asset=asset,
        holder=f"{institution}/{office}",
        purpose=purpose,
        balance=holding.balance,
        free=holding.free,
        freezes=[
            FreezeView(
                ground=ground,
                amount=amount,
                reason=None if reason is None else reason.hex(),
                frozen_at=at,
            )
            for ground, amount, reason, at in holding.freezes
        ],
        changed_at=changed,
        key=key.hex(),
    )
