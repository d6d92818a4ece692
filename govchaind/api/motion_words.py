"""What each motion orders, as part of a sentence in English and in Chinese. For people.

The English follows "voted to", the Chinese follows "投票赞成". Rules: what is named is named as the
ledger names it, so that who votes can compare it; a moment is told by its day in the zone of UTC+8,
with the clock only where it is not midnight; an end is told by the last day before it. Nothing here
needs the rest of this floor, so that the command line can say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from govchaind.api.parameter_words import PARAMETER_WORDS
from govchaind.api.sentence import Sentence, of_day, tell, tell_many
from govchaind.ledger.operations.calendars import AdoptCalendar
from govchaind.ledger.operations.mandates import AdoptMandate, RepealMandate, RestoreMandate
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.motions import (
    MOTIONS,
    AdmitInstitution,
    ChangeNodeKeys,
    ReadmitNode,
    RecoverOffice,
    RemoveNode,
    SetNode,
)
from govchaind.ledger.operations.parameters import SetParameter
from govchaind.ledger.operations.rules import SetRule
from govchaind.ledger.operations.side_values import RemoveSideValue
from govchaind.ledger.operations.standings import (
    RemoveInstitution,
    RestoreInstitution,
    SuspendInstitution,
)
from govchaind.ledger.operations.terms import SetTerms
from govchaind.ledger.operations.upgrades import ActivateUpgrade
from govchaind.ledger.shapes import shaped
from govchaind.ledger.working_days import MILLISECONDS_A_DAY

ZONE = timedelta(hours=8)
HOUR, MINUTE, SECOND = 3_600_000, 60_000, 1000

KIND_WORDS: Mapping[int, Sentence] = MappingProxyType(
    {
        MotionKind.ADMIT_INSTITUTION: tell("admitting an institution"),
        MotionKind.SET_NODE: tell("admitting or changing a node"),
        MotionKind.REMOVE_NODE: tell("removing a node"),
        MotionKind.READMIT_NODE: tell("taking a node back"),
        MotionKind.CHANGE_NODE_KEYS: tell("giving a node new keys"),
        MotionKind.SET_RULE: tell("changing a rule of voting"),
        MotionKind.RECOVER_OFFICE: tell("giving an office new keys"),
        MotionKind.ADOPT_CALENDAR: tell("adopting a calendar"),
        MotionKind.ADOPT_MANDATE: tell("adopting a mandate"),
        MotionKind.REPEAL_MANDATE: tell("repealing a mandate"),
        MotionKind.SUSPEND_INSTITUTION: tell("suspending an institution"),
        MotionKind.RESTORE_INSTITUTION: tell("restoring a suspended institution"),
        MotionKind.REMOVE_INSTITUTION: tell("removing an institution"),
        MotionKind.SET_PARAMETER: tell("changing a parameter"),
        MotionKind.ACTIVATE_UPGRADE: tell("activating a version"),
        MotionKind.RESTORE_MANDATE: tell("restoring a mandate"),
        MotionKind.SET_TERMS: tell("setting the clocks of requests"),
        MotionKind.REMOVE_SIDE_VALUE: tell("removing a sealed text"),
    }
)


def motion_words(kind: int, arguments: list[Any]) -> Sentence:
    """Return what a motion orders.

    Raises:
        ValueError: there is no such kind. InvalidEncoding: these are not its arguments.
    """
    motion = MOTIONS.get(kind)
    if motion is None:
        raise ValueError(f"there is no kind of motion {kind}")
    return _WRITERS[kind](shaped(arguments, motion.shape))


def day_words(milliseconds: int) -> Sentence:
    """Return the day on which something begins, with the clock where it is not midnight."""
    try:
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC) + ZONE
    except (OverflowError, ValueError, OSError):
        return tell("%(count)s ms", count=str(milliseconds))
    day = of_day(moment.date())
    if _is_midnight(milliseconds):
        return day
    return tell("%(day)s, %(clock)s (UTC+8)", day=day, clock=f"{moment:%H:%M}")


def moment_words(milliseconds: int) -> Sentence:
    """Return a moment, to the second."""
    try:
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC) + ZONE
    except (OverflowError, ValueError, OSError):
        return tell("%(count)s ms", count=str(milliseconds))
    day, clock = of_day(moment.date()), f"{moment:%H:%M:%S}"
    return tell("%(day)s, %(clock)s (UTC+8)", day=day, clock=clock)


def end_words(milliseconds: int) -> Sentence:
    """Return until when something holds that no longer does at this moment."""
    if not _is_midnight(milliseconds):
        return tell("until %(end)s", end=day_words(milliseconds))
    return tell("to the end of %(last)s", last=day_words(milliseconds - MILLISECONDS_A_DAY))


def share_words(numerator: int, denominator: int) -> Sentence:
    """Return how many of the institutions a motion takes."""
    if numerator >= denominator:
        return tell("all institutions")
    if 2 * numerator == denominator:
        return tell("more than half of all institutions")
    return tell("more than %(part)s of all institutions", part=f"{numerator}/{denominator}")


def notice_words(milliseconds: int) -> Sentence:
    """Return how long a carried motion waits before it may take effect."""
    if milliseconds == 0:
        return tell("no notice")
    days, rest = divmod(milliseconds, MILLISECONDS_A_DAY)
    if rest == 0:
        return tell_many("%(count)s day of notice", "%(count)s days of notice", count=days)
    if milliseconds % HOUR == 0:
        hours = milliseconds // HOUR
        return tell_many("%(count)s hour of notice", "%(count)s hours of notice", count=hours)
    if milliseconds % MINUTE == 0:
        minutes = milliseconds // MINUTE
        return tell_many("%(count)s minute of notice", "%(count)s minutes of notice", count=minutes)
    if milliseconds % SECOND == 0:
        seconds = milliseconds // SECOND
        return tell_many("%(count)s second of notice", "%(count)s seconds of notice", count=seconds)
    return tell("%(count)s ms of notice", count=milliseconds)


def clock_words(clock: tuple[int, bool] | list[Any]) -> Sentence:
    """Return how long a clock runs."""
    days, working = clock
    if working:
        return tell_many("%(count)s working day", "%(count)s working days", count=days)
    return tell_many("%(count)s day", "%(count)s days", count=days)


def _is_midnight(milliseconds: int) -> bool:
    return (milliseconds + ZONE // timedelta(milliseconds=1)) % MILLISECONDS_A_DAY == 0


def _admit(wanted: AdmitInstitution) -> Sentence:
    return tell("admit the institution %(name)s (%(title)s)", name=wanted.name, title=wanted.title)


_ROLES: Mapping[str, Sentence] = MappingProxyType(
    {
        "validator": tell("a validator"),
        "learner": tell("a learner"),
        "observer": tell("an observer"),
    }
)


def _set_node(wanted: SetNode) -> Sentence:
    return tell(
        "have the node %(name)s of %(institution)s take part as %(role)s",
        name=wanted.name,
        institution=wanted.institution,
        role=_ROLES[wanted.role],
    )


def _remove_node(wanted: RemoveNode) -> Sentence:
    return tell("remove the node %(name)s", name=wanted.name)


def _readmit_node(wanted: ReadmitNode) -> Sentence:
    return tell("take the node %(name)s back with its new store", name=wanted.name)


def _change_node_keys(wanted: ChangeNodeKeys) -> Sentence:
    return tell(
        "give the node %(name)s, which keeps its store, the key %(key)s… to sign with, and a new "
        "one for its links",
        name=wanted.name,
        key=wanted.attestation_key.hex()[:16],
    )


def _set_rule(wanted: SetRule) -> Sentence:
    number = wanted.motion  # any: whether there is such a kind is judged when it is enacted
    unknown = tell("motions of the unknown kind %(number)s", number=str(number))
    return tell(
        "have %(kind)s take the votes of %(share)s, and %(notice)s",
        kind=KIND_WORDS.get(number, unknown),
        share=share_words(wanted.numerator, wanted.denominator),
        notice=notice_words(wanted.notice),
    )


def _recover(wanted: RecoverOffice) -> Sentence:
    return tell(
        "give the office %(office)s new keys, of which %(threshold)s of %(keys)s sign for it",
        office=f"{wanted.institution}/{wanted.office}",
        threshold=wanted.threshold,
        keys=len(wanted.keys),
    )


def _adopt_calendar(wanted: AdoptCalendar) -> Sentence:
    return tell(
        "adopt version %(version)s of the calendar %(name)s for %(year)s, with %(days)s working "
        "days",
        version=str(wanted.version),
        name=wanted.name,
        year=str(wanted.year),
        days=int.from_bytes(wanted.days, "big").bit_count(),
    )


def _adopt_mandate(wanted: AdoptMandate) -> Sentence:
    words = tell(
        "adopt the mandate %(name)s (%(title)s; %(number)s, %(issuer)s), in force from %(effect)s",
        name=wanted.name,
        title=wanted.title,
        number=wanted.number,
        issuer=wanted.issuer,
        effect=day_words(wanted.effect),
    )
    if wanted.until is not None:
        words = tell("%(mandate)s %(end)s", mandate=words, end=end_words(wanted.until))
    if wanted.predecessor is None:
        return words
    return tell("%(mandate)s, in place of %(before)s", mandate=words, before=wanted.predecessor)


def _repeal_mandate(wanted: RepealMandate) -> Sentence:
    return tell(
        "repeal the mandate %(name)s from %(day)s", name=wanted.name, day=day_words(wanted.ends)
    )


def _suspend(wanted: SuspendInstitution) -> Sentence:
    return tell(
        "suspend the institution %(name)s, on the ground %(ground)s",
        name=wanted.name,
        ground=wanted.ground,
    )


def _restore(wanted: RestoreInstitution) -> Sentence:
    return tell("let the suspended institution %(name)s take part again", name=wanted.name)


def _remove_institution(wanted: RemoveInstitution) -> Sentence:
    return tell(
        "remove the suspended institution %(name)s for good, on the ground %(ground)s",
        name=wanted.name,
        ground=wanted.ground,
    )


def _set_parameter(wanted: SetParameter) -> Sentence:
    meaning = PARAMETER_WORDS.get(wanted.name)  # any: whether there is such a one is judged later
    if meaning is None:
        return tell(
            "set the unknown parameter %(name)s to %(value)s", name=wanted.name, value=wanted.value
        )
    return tell(
        "set the parameter %(name)s, %(meaning)s, to %(value)s",
        name=wanted.name,
        meaning=meaning,
        value=wanted.value,
    )


def _activate(wanted: ActivateUpgrade) -> Sentence:
    version = str(wanted.version)
    if not wanted.ready:
        return tell("activate version %(version)s of the ledger", version=version)
    return tell(
        "activate version %(version)s of the ledger once %(ready)s validators or more are ready "
        "for it",
        version=version,
        ready=wanted.ready,
    )


def _restore_mandate(wanted: RestoreMandate) -> Sentence:
    words = tell(
        "bring the ended mandate %(name)s back into force from %(effect)s",
        name=wanted.name,
        effect=day_words(wanted.effect),
    )
    if wanted.until is not None:
        words = tell("%(mandate)s %(end)s", mandate=words, end=end_words(wanted.until))
    return words


def _set_terms(wanted: SetTerms) -> Sentence:
    return tell(
        "have requests under the mandate %(mandate)s answered within %(reply)s, appealed within "
        "%(appeal)s and ruled on by %(supervisor)s within %(ruling)s",
        mandate=wanted.mandate,
        reply=clock_words(wanted.reply),
        appeal=clock_words(wanted.appeal),
        supervisor="/".join(wanted.supervisor),
        ruling=clock_words(wanted.ruling),
    )


def _remove_side_value(wanted: RemoveSideValue) -> Sentence:
    return tell(
        "have all nodes remove the sealed text %(commitment)s… of %(institution)s for good, on the "
        "ground %(ground)s",
        commitment=wanted.commitment.hex()[:16],
        institution=wanted.institution,
        ground=wanted.ground,
    )


_WRITERS: Mapping[int, Callable[[Any], Sentence]] = MappingProxyType(
    {
        MotionKind.ADMIT_INSTITUTION: _admit,
        MotionKind.SET_NODE: _set_node,
        MotionKind.REMOVE_NODE: _remove_node,
        MotionKind.READMIT_NODE: _readmit_node,
        MotionKind.CHANGE_NODE_KEYS: _change_node_keys,
        MotionKind.SET_RULE: _set_rule,
        MotionKind.RECOVER_OFFICE: _recover,
        MotionKind.ADOPT_CALENDAR: _adopt_calendar,
        MotionKind.ADOPT_MANDATE: _adopt_mandate,
        MotionKind.REPEAL_MANDATE: _repeal_mandate,
        MotionKind.SUSPEND_INSTITUTION: _suspend,
        MotionKind.RESTORE_INSTITUTION: _restore,
        MotionKind.REMOVE_INSTITUTION: _remove_institution,
        MotionKind.SET_PARAMETER: _set_parameter,
        MotionKind.ACTIVATE_UPGRADE: _activate,
        MotionKind.RESTORE_MANDATE: _restore_mandate,
        MotionKind.SET_TERMS: _set_terms,
        MotionKind.REMOVE_SIDE_VALUE: _remove_side_value,
    }
)
