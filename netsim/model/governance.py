"""The model's rules, calendars and mandates: what institutions decide beside who is in.

A rule is [numerator, denominator, notice]; a calendar [minutes ahead, days, height]; a mandate
[title, number, issuer, document, effect, until, predecessor, successor, ends, height].
"""

from __future__ import annotations

import calendar
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, Any

from govchaind.ledger.outcomes import Code
from netsim.model import offices, standings
from netsim.model.registers import office_key

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

KINDS = (*range(1, 16), 20, 70, 71)
NEVER_ALL = (6, 10, 11)
SET_RULE = 5
PLAIN = [1, 2, 0]


def rule_key(kind: int) -> bytes:
    return bytes((0x0B, kind))


def rule(draft: Draft, kind: int) -> tuple[Fraction, int]:
    """Return the share that must be exceeded, and the notice."""
    kinds = KINDS if kind == SET_RULE else [kind]
    rules = [draft.get(rule_key(each)) or PLAIN for each in kinds]
    return max(Fraction(each[0], each[1]) for each in rules), max(each[2] for each in rules)


def enough(draft: Draft, kind: int, name: bytes, ballots: int) -> bool:
    """Say whether so many ballots carry a motion of this kind and name now."""
    institutions = standings.counting(draft)
    share, _ = rule(draft, kind)
    counted = ballots - standings.void(draft, name)
    return bool(counted >= min(institutions, floor(share * institutions) + 1))


def set_rule(draft: Draft, arguments: list[Any]) -> int:
    kind, numerator, denominator, notice = arguments
    if kind not in KINDS:
        return Code.UNKNOWN_MOTION
    share = Fraction(numerator, denominator)
    if not Fraction(1, 2) <= share <= 1 or (kind in NEVER_ALL and share == 1):
        return Code.BAD_RULE
    if (draft.get(rule_key(kind)) or PLAIN) == arguments[1:]:
        return Code.NOTHING_CHANGES
    draft.put(rule_key(kind), [numerator, denominator, notice])
    return Code.APPLIED


def recover_office(draft: Draft, arguments: list[Any]) -> int:
    institution, name, threshold, keys = arguments
    if standings.is_removed(draft, institution):
        return Code.INSTITUTION_REMOVED
    return offices.replace_policy(draft, office_key(institution, name), threshold, keys)


def adopt_calendar(draft: Draft, arguments: list[Any]) -> int:
    name, year, version, offset, days = arguments
    bits = "".join(f"{byte:08b}" for byte in days)
    length = 366 if calendar.isleap(year) else 365
    if "1" not in bits or "1" in bits[length:]:
        return Code.BAD_CALENDAR
    prefix = b"\x0c" + name.encode() + b"\x00" + year.to_bytes(2, "big")
    newest = 0
    while draft.get(prefix + (newest + 1).to_bytes(2, "big")) is not None:
        newest += 1
    if version != newest + 1:
        return Code.CALENDAR_VERSION_WRONG
    draft.put(prefix + version.to_bytes(2, "big"), [offset, days, draft.height])
    return Code.APPLIED


def mandate_key(name: str) -> bytes:
    return b"\x0d" + name.encode()


def adopt_mandate(draft: Draft, arguments: list[Any]) -> int:
    name, title, number, issuer, document, effect, until, predecessor = arguments
    if draft.get(mandate_key(name)) is not None:
        return Code.MANDATE_EXISTS
    if until is not None and until <= effect:
        return Code.BAD_MANDATE
    if predecessor is not None:
        before = draft.get(mandate_key(predecessor))
        if before is None:
            return Code.UNKNOWN_MANDATE
        if before[7] is not None:
            return Code.MANDATE_HAS_SUCCESSOR
        if effect < before[4]:
            return Code.BAD_MANDATE
        after = list(before)
        after[7] = name
        ends = max(effect, draft.time)
        after[8] = ends if before[8] is None else min(ends, before[8])
        draft.put(mandate_key(predecessor), after)
    value = [title, number, issuer, document, effect, until, predecessor, None, until, draft.height]
    draft.put(mandate_key(name), value)
    return Code.APPLIED


def repeal_mandate(draft: Draft, arguments: list[Any]) -> int:
    name, ends = arguments
    mandate = draft.get(mandate_key(name))
    if mandate is None:
        return Code.UNKNOWN_MANDATE
    if ends < draft.time:
        return Code.BAD_MANDATE
    if mandate[8] is not None and mandate[8] <= ends:
        return Code.NOTHING_CHANGES
    draft.put(mandate_key(name), [*mandate[:8], ends, mandate[9]])
    return Code.APPLIED
