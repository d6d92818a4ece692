"""How long institutions can go on deciding, and which offices are quiet: derived, never stored.

All of it follows from the authenticated state and a block time, so every node says the same of the
same height. Nothing here refuses anything: no expiry stops a node or the chain. It looks at what
would be if nobody did anything more: at seats whose keys end, and at offices without an act.

Rules it keeps: an office can act at a moment at which as many of its seats as must sign have a key
that is valid then. It is quiet when it has not acted for more than the governed number of days;
one that never has is counted from the change that gave it its present keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from govchaind.base.encoding import decode
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import RANGE_ITEMS_MAX
from govchaind.base.types import BlockTime, Height
from govchaind.ledger.last_act import HEIGHT, TIME
from govchaind.ledger.operations.institutions import (
    HOLDER,
    NUMBER,
    PUBLIC,
    REVOKED_AT,
    VALID_FROM,
    VALID_UNTIL,
)
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.parameters import (
    LATER_DAYS,
    QUIET_DAYS,
    SOON_DAYS,
    SPARE_BALLOTS,
    WARNING_DAYS,
    parameter_of,
)
from govchaind.ledger.operations.rules import rule_of
from govchaind.ledger.operations.standings import set_aside
from govchaind.ledger.results import read_result
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import INSTITUTION, acted_key, office_key
from govchaind.ledger.working_days import MILLISECONDS_A_DAY
from govchaind.ledger.working_state import WorkingState

Level = Literal["fine", "near", "failing", "lost"]
LEVELS: tuple[Level, ...] = ("fine", "near", "failing", "lost")
_STATE = State()


@dataclass(frozen=True, slots=True)
class Ending:
    """A key of an office that ends."""

    seat: int
    public: bytes
    title: str
    until: BlockTime
    covered: bool  # its seat has another key that is valid then: an acting term, or an overlap


@dataclass(frozen=True, slots=True)
class OfficeOutlook:
    """One office: when it last acted, and until when it can."""

    institution: str
    office: str
    title: str
    last_height: Height | None  # of its last act, to the day; None: it never acted
    last_time: BlockTime | None
    quiet_since: BlockTime  # its last act, or when its keys were set
    quiet: bool
    able: tuple[bool, ...]  # whether it can act, for each of horizon_days
    able_until: BlockTime | None  # the last moment at which it can; None: no end, or it cannot now
    endings: tuple[Ending, ...]  # keys that are valid now or later and end, in order of their ends


@dataclass(frozen=True, slots=True)
class KindOutlook:
    """One kind of motion: how many can vote, and how many it takes."""

    kind: int
    needed: int
    able: tuple[int, ...]  # institutions that can vote, for each of horizon_days
    awake: int  # of those that can now, those not quiet
    level: Level


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected of governance if nobody does anything more."""

    institutions: int  # that count
    quiet_days: int
    horizon_days: tuple[int, ...]  # ahead of now, at which it is looked who can vote
    terms_ending: int  # of their keys, how many end within the days of the parameter, uncovered
    kinds: tuple[KindOutlook, ...]
    governing: tuple[OfficeOutlook, ...]  # the offices that vote, of institutions that count

    @property
    def level(self) -> Level:
        """The worst of all kinds."""
        return max((kind.level for kind in self.kinds), key=LEVELS.index)

    def spare(self, horizon: int) -> int:
        """Return by how many those that can vote exceed what the strictest kind takes."""
        return min(kind.able[horizon] - kind.needed for kind in self.kinds)


def outlook(reader: KeyValueReader, now: BlockTime, genesis_time: BlockTime) -> Outlook:
    """Return the outlook at a block time, which is that of the newest block or later."""
    state = WorkingState(_STATE, reader, {}, keeps_cache=False)
    quiet_days = parameter_of(QUIET_DAYS, state)
    aside = frozenset(set_aside(state))
    view, horizons = office_view(reader, now, genesis_time), horizon_days(state)
    governing = []
    for name, institution in _institutions(reader):
        if name in aside:
            continue
        office = institution[2]
        key = office_key(name, office)
        value = _STATE.get(reader, key)
        if value is not None:
            governing.append(view(name, office, value))
    soon = now + parameter_of(WARNING_DAYS, state) * MILLISECONDS_A_DAY
    terms = sum(
        not ending.covered and ending.until <= soon for each in governing for ending in each.endings
    )
    able = tuple(sum(each.able[place] for each in governing) for place in range(len(horizons)))
    awake = sum(each.able[0] and not each.quiet for each in governing)
    count, spare = len(governing), parameter_of(SPARE_BALLOTS, state)
    kinds = []
    for kind in MotionKind:
        needed = rule_of(kind, state).ballots(count)
        level = _level(needed, able, awake, count, spare)
        kinds.append(KindOutlook(int(kind), needed, able, awake, level))
    return Outlook(count, quiet_days, horizons, terms, tuple(kinds), tuple(governing))


def horizon_days(state: WorkingState) -> tuple[int, int, int]:
    """Return in how many days it is looked who can vote: now, soon and later."""
    return 0, parameter_of(SOON_DAYS, state), parameter_of(LATER_DAYS, state)


def office_view(
    reader: KeyValueReader, now: BlockTime, genesis_time: BlockTime
) -> Callable[[str, str, bytes], OfficeOutlook]:
    """Return what makes the outlook of an office from its names and its value in the state."""
    state = WorkingState(_STATE, reader, {}, keeps_cache=False)
    quiet_days, horizons = parameter_of(QUIET_DAYS, state), horizon_days(state)

    def view(institution: str, office: str, value: bytes) -> OfficeOutlook:
        title, threshold, seats = decode(value, bytes_max=len(value))
        acted = _STATE.get(reader, acted_key(institution, office))
        last = None if acted is None else decode(acted, bytes_max=len(acted))
        if last is None:
            changed = _STATE.changed_at(reader, office_key(institution, office)) or 0
            since = read_result(reader, changed).time if changed else genesis_time
        else:
            since = last[TIME]
        return OfficeOutlook(
            institution=institution,
            office=office,
            title=title,
            last_height=None if last is None else last[HEIGHT],
            last_time=None if last is None else last[TIME],
            quiet_since=since,
            quiet=now - since > quiet_days * MILLISECONDS_A_DAY,
            able=tuple(
                can_act(threshold, seats, now + days * MILLISECONDS_A_DAY) for days in horizons
            ),
            able_until=_able_until(threshold, seats, now),
            endings=_endings(seats, now),
        )

    return view


def can_act(threshold: int, seats: Sequence[list[Any]], time: BlockTime) -> bool:
    """Say whether enough seats of an office have a key that is valid at a moment."""
    return len({seat[NUMBER] for seat in seats if _is_valid(seat, time)}) >= threshold


def _is_valid(seat: list[Any], time: BlockTime) -> bool:
    until = seat[VALID_UNTIL]
    return bool(
        seat[REVOKED_AT] is None and seat[VALID_FROM] <= time and (until is None or time <= until)
    )


def _able_until(threshold: int, seats: Sequence[list[Any]], now: BlockTime) -> BlockTime | None:
    if not can_act(threshold, seats, now):
        return None
    ends = {seat[VALID_UNTIL] for seat in seats if seat[VALID_UNTIL] is not None}
    for end in sorted(ends):
        if end >= now and not can_act(threshold, seats, end + 1):
            return int(end)
    return None


def _endings(seats: Sequence[list[Any]], now: BlockTime) -> tuple[Ending, ...]:
    found = []
    for seat in seats:
        until = seat[VALID_UNTIL]
        if until is None or until < now or seat[REVOKED_AT] is not None:
            continue
        covered = any(
            other[NUMBER] == seat[NUMBER] and _is_valid(other, until + 1) for other in seats
        )
        found.append(Ending(seat[NUMBER], seat[PUBLIC], seat[HOLDER], until, covered))
    return tuple(sorted(found, key=lambda each: (each.until, each.seat)))


def _level(needed: int, able: tuple[int, ...], awake: int, count: int, spare: int) -> Level:
    """Judge one kind: "near" only where somebody cannot vote, else every rule of all would be."""
    if able[0] < needed:
        return "lost"
    if min(able) < needed:
        return "failing"
    if awake < needed or any(votes < count and votes - needed <= spare for votes in able):
        return "near"
    return "fine"


def _institutions(reader: KeyValueReader) -> Iterator[tuple[str, list[Any]]]:
    after: bytes | None = None
    while page := _STATE.scan(reader, INSTITUTION, limit=RANGE_ITEMS_MAX, after=after):
        for key, value, _ in page:
            yield key[1:].decode(), decode(value, bytes_max=len(value))
        after = page[-1][0]
