"""The model's clocks: terms of mandates, days counted one by one, and the accounts' months.

Terms are [calendar, minutes ahead, reply, extension, extender, appeal, ruling, delivery, grounds,
supervisor, height]; a clock is [days, whether working days]. Days are counted by stepping from one
to the next and asking of each whether it counts: slow, and easy to believe.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from govchaind.ledger.outcomes import Code
from netsim.model.registers import office_key

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

CALENDAR, OFFSET, REPLY, EXTENSION, EXTENDER, APPEAL, RULING, DELIVERY, GROUNDS, SUPERVISOR = range(
    10
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENTRIES = 16
(ASKED, GRANTED, REFUSED, IN_TIME, LATE, EXTENDED, APPEALED, UPHELD, OVERTURNED, WITHDRAWN, USED,
 REVOKED) = range(12)  # fmt: skip


def terms_key(mandate: str) -> bytes:
    return b"\x11" + mandate.encode()


def set_terms(draft: Draft, arguments: list[Any]) -> int:
    if draft.get(b"\x0d" + arguments[0].encode()) is None:
        return Code.UNKNOWN_MANDATE
    terms = arguments[1:]
    clocks = [terms[place] for place in (REPLY, EXTENSION, APPEAL, RULING, DELIVERY)]
    counts_working_days = any(clock is not None and clock[1] for clock in clocks)
    if draft.get(office_key(*terms[SUPERVISOR])) is None:
        return Code.NO_SUCH_OFFICE
    if len(set(terms[GROUNDS])) < len(terms[GROUNDS]):
        return Code.BAD_TERMS
    if counts_working_days and terms[CALENDAR] is None:
        return Code.BAD_TERMS
    draft.put(terms_key(arguments[0]), [*terms, draft.height])
    return Code.APPLIED


def local_day(time: int, offset: int) -> date:
    """Return the day of a moment where clocks are so many minutes ahead of UTC."""
    return (EPOCH + timedelta(milliseconds=time, minutes=offset)).date()


def runs_out(
    draft: Draft, terms: list[Any], clock: list[Any], start: int
) -> tuple[int, list[list[int]]]:
    """Return the last millisecond of a clock that starts at `start`, and the years counted."""
    count, working = clock
    day = local_day(start, terms[OFFSET])
    used: list[list[int]] = []
    if working:
        used.append([day.year, _newest(draft, terms[CALENDAR], day.year)[0]])
    while count:
        day += timedelta(days=1)
        if not working:
            count -= 1
            continue
        year = _newest(draft, terms[CALENDAR], day.year)
        if [day.year, year[0]] not in used:
            used.append([day.year, year[0]])
        count -= _is_working(day, year[1])
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    since = midnight - EPOCH - timedelta(minutes=terms[OFFSET])
    return since // timedelta(milliseconds=1) - 1, used


def _newest(draft: Draft, name: str, year: int) -> tuple[int, bytes | None]:
    """Return the newest version of a year and its days; version 0 is a year nobody adopted."""
    prefix = b"\x0c" + name.encode() + b"\x00" + year.to_bytes(2, "big")
    version, days = 0, None
    while (found := draft.get(prefix + (version + 1).to_bytes(2, "big"))) is not None:
        version, days = version + 1, found[1]
    return version, days


def _is_working(day: date, days: bytes | None) -> bool:
    if days is None:
        return day.isoweekday() <= 5
    bits = "".join(f"{byte:08b}" for byte in days)
    return bits[day.timetuple().tm_yday - 1] == "1"


def month_of(terms: list[Any], time: int) -> int:
    day = local_day(time, terms[OFFSET])
    return 12 * day.year + day.month - 1


def enter(draft: Draft, terms: list[Any], requester: str, sides: list[str], *what: int) -> None:
    """Count what has happened to a request now; `sides` are the provider and its data set.

    It counts in the row of this pair and data set, and in the sums of the two institutions.
    """
    provider, data_set = sides
    month = month_of(terms, draft.time).to_bytes(2, "big")
    names = b"\x00".join(each.encode() for each in (provider, data_set, requester))
    draft.put(b"\x14" + month + names, _added(draft.get(b"\x14" + month + names), what))
    for side, institution in enumerate((provider, requester)):
        place = b"\x10" + month + institution.encode()
        sums = list(draft.get(place) or [[], []])
        sums[side] = _added(sums[side], what)
        draft.put(place, sums)


def _added(counters: list[int] | None, what: tuple[int, ...]) -> list[int]:
    after = list(counters or [0] * ENTRIES)
    for entry in what:
        after[entry] += 1
    return after


def supervises(draft: Draft, terms: list[Any]) -> bool:
    return bool([draft.institution, draft.office] == terms[SUPERVISOR])
