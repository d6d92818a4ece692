"""The model's offices: who may sign, and how keys come and go.

A seat is [number, public key, title, valid from, valid until or None, revoked at or None].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govchaind.ledger.outcomes import Code
from netsim.model import standings
from netsim.model.registers import office_key

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

KEYS_MAX = 16


def institution_key(name: str) -> bytes:
    return b"\x01" + name.encode()


def seats(keys: list[Any]) -> list[Any]:
    return [[number, *key, None] for number, key in enumerate(keys)]


def works(threshold: int, keys: list[Any]) -> bool:
    """Say whether a policy makes sense: distinct keys, enough, none over before it began."""
    publics = {key[0] for key in keys}
    return (
        len(publics) == len(keys)
        and 1 <= threshold <= len(keys)
        and all(key[3] is None or key[3] >= key[2] for key in keys)
    )


def ended(seat: list[Any], time: int) -> bool:
    """Say whether a seat's key can never sign again."""
    return seat[5] is not None or (seat[4] is not None and seat[4] < time)


def signed(office: list[Any], publics: list[bytes], time: int) -> int:
    """Return what the office's policy says to these keys, in their order."""
    _, threshold, listed = office
    by_key = {seat[1]: seat for seat in reversed(listed)}
    numbers: set[int] = set()
    for public in publics:
        seat = by_key.get(public)
        if seat is None:
            return Code.KEY_NOT_OF_OFFICE
        if seat[5] is not None:
            return Code.KEY_REVOKED
        if seat[3] > time:
            return Code.KEY_NOT_YET_VALID
        if seat[4] is not None and seat[4] < time:
            return Code.KEY_EXPIRED
        if seat[0] in numbers:
            return Code.SUPERFLUOUS_SIGNATURE
        numbers.add(seat[0])
    if len(numbers) == threshold:
        return Code.APPLIED
    few = len(numbers) < threshold
    return Code.SIGNATURES_INSUFFICIENT if few else Code.SUPERFLUOUS_SIGNATURE


def governs(draft: Draft) -> bool:
    institution = draft.get(institution_key(draft.institution))
    return institution is not None and institution[2] == draft.office


def create(draft: Draft, arguments: list[Any]) -> int:
    name, title, threshold, keys = arguments
    if not governs(draft):
        return Code.NOT_GOVERNING_OFFICE
    place = office_key(draft.institution, name)
    if draft.get(place) is not None:
        return Code.OFFICE_EXISTS
    if not works(threshold, keys):
        return Code.BAD_POLICY
    draft.put(place, [title, threshold, seats(keys)])
    return Code.APPLIED


def set_policy(draft: Draft, arguments: list[Any]) -> int:
    name, threshold, keys = arguments
    if not governs(draft):
        return Code.NOT_GOVERNING_OFFICE
    return replace_policy(draft, office_key(draft.institution, name), threshold, keys)


def replace_policy(draft: Draft, place: bytes, threshold: int, keys: list[Any]) -> int:
    office = draft.get(place)
    if office is None:
        return Code.NO_SUCH_OFFICE
    alive = [key for key in keys if key[3] is None or key[3] >= draft.time]
    if not works(threshold, keys) or len(alive) < threshold:
        return Code.BAD_POLICY
    draft.put(place, [office[0], threshold, seats(keys)])
    return Code.APPLIED


def rotate(draft: Draft, arguments: list[Any]) -> int:
    name, old, new, title, valid_until, overlap_until = arguments
    if name != draft.office and not governs(draft):
        return Code.NOT_GOVERNING_OFFICE
    place = office_key(draft.institution, name)
    office = draft.get(place)
    if office is None:
        return Code.NO_SUCH_OFFICE
    listed = office[2]
    if new in [seat[1] for seat in listed]:
        return Code.KEY_ALREADY_OF_OFFICE
    at = next((i for i, s in enumerate(listed) if s[1] == old and s[5] is None), None)
    if at is None:
        return Code.UNKNOWN_KEY
    if valid_until is not None and valid_until < draft.time:
        return Code.BAD_POLICY
    seat = list(listed[at])
    fresh = [seat[0], new, title, draft.time, valid_until, None]
    seat[4] = overlap_until if seat[4] is None else min(overlap_until, seat[4])
    after = [*listed[:at], seat, *listed[at + 1 :]]
    return _seat(draft, place, [office[0], office[1], after], fresh)


def name_acting(draft: Draft, arguments: list[Any]) -> int:
    name, holder, acting, title, begins, until = arguments
    if name != draft.office and not governs(draft):
        return Code.NOT_GOVERNING_OFFICE
    place = office_key(draft.institution, name)
    office = draft.get(place)
    if office is None:
        return Code.NO_SUCH_OFFICE
    listed = office[2]
    if acting in [seat[1] for seat in listed]:
        return Code.KEY_ALREADY_OF_OFFICE
    number = next((s[0] for s in listed if s[1] == holder and s[5] is None), None)
    if number is None:
        return Code.UNKNOWN_KEY
    days = standings.parameter(draft.get(standings.parameter_key("acting-days")), "acting-days")
    if begins > until or until < draft.time or until > draft.time + days * standings.DAY:
        return Code.BAD_POLICY
    return _seat(draft, place, office, [number, acting, title, begins, until, None])


def _seat(draft: Draft, place: bytes, office: list[Any], fresh: list[Any]) -> int:
    """Add a key to an office; those that are over make room for it."""
    listed = office[2]
    if len(listed) >= KEYS_MAX:
        listed = [each for each in listed if not ended(each, draft.time)]
        if len(listed) >= KEYS_MAX:
            return Code.BAD_POLICY
    draft.put(place, [office[0], office[1], [*listed, fresh]])
    return Code.APPLIED


def revoke(draft: Draft, arguments: list[Any]) -> int:
    name, public = arguments
    if not governs(draft):
        return Code.NOT_GOVERNING_OFFICE
    place = office_key(draft.institution, name)
    office = draft.get(place)
    if office is None:
        return Code.NO_SUCH_OFFICE
    listed = office[2]
    at = next((i for i, s in enumerate(listed) if s[1] == public and s[5] is None), None)
    if at is None:
        return Code.UNKNOWN_KEY
    after = [*listed[:at], [*listed[at][:5], draft.time], *listed[at + 1 :]]
    left = {seat[0] for seat in after if not ended(seat, draft.time)}
    if name == draft.office and len(left) < office[1]:
        return Code.BAD_POLICY  # a governing office never locks itself out
    draft.put(place, [office[0], office[1], after])
    return Code.APPLIED
