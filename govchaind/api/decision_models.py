"""The shapes of replies about what institutions decide together. As in `models.py`, facts only."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from govchaind.api.models import Fact, Hash32, Hex, Millis, WordsView

MotionState = Literal["open", "carried", "enacted"]
MandateState = Literal["not-yet", "in-force", "ended"]


class MotionView(Fact):
    digest: Hash32 = Field(description="names the motion: hash of kind, arguments and round")
    kind: int
    name: str = Field(description="the kind's name", examples=["adopt-mandate"])
    round: int = Field(description="raised to move the same thing again")
    words: WordsView = Field(description="what it orders; follows 'voted to' and '投票赞成'")
    arguments: dict[str, Any] = Field(description="what it orders, by the names of its arguments")
    arguments_cbor: Hex = Field(description="the same as CBOR: who votes, votes for these bytes")
    state: MotionState = Field(
        description="open: too few have voted for it; carried: its notice runs or is over; enacted"
    )
    ballots: int = Field(description="those that count")
    ballots_needed: int = Field(description="by its rule and the number of institutions of now")
    ballots_missing: int = Field(
        description="0 while it is open: its rule or the institutions have changed since its last "
        "ballot, and one more carries it, or one that is withdrawn and cast again"
    )
    voted: list[str] = Field(
        description="institutions whose ballots stand, in order of their names"
    )
    not_counted: list[str] = Field(
        description="institutions that have voted for it and are suspended or removed since"
    )
    moved_at: int = Field(description="height of its first ballot")
    carried_at_ms: int | None = Field(description="block time of the ballot that carried it")
    carried_at: str | None
    enactable_from_ms: int | None = Field(description="end of its notice; null unless carried")
    enactable_from: str | None
    enacted_at: int | None = Field(description="height at which it took effect")


class MotionsReply(Fact):
    height: int
    institutions: int = Field(
        description="how many count, each with one ballot: all but those suspended or removed"
    )
    motions: list[MotionView] = Field(description="in order of their digests")
    next: Hash32 | None = Field(
        description="the `after` of the next page; null at the end. A page may be short, or empty, "
        "and have one all the same"
    )


class MotionReply(MotionView):
    height: int
    institutions: int


class RuleView(Fact):
    kind: int = Field(description="of the motions that it is for")
    name: str = Field(examples=["adopt-mandate"])
    words: WordsView = Field(description="the kind in words")
    numerator: int = Field(description="more than numerator/denominator of all institutions")
    denominator: int
    notice_ms: int = Field(description="between the deciding ballot and its effect")
    share: WordsView
    notice: WordsView
    ballots_needed: int = Field(description="with the number of institutions of now")
    by_default: bool = Field(description="no rule has been set for this kind")


class RulesReply(Fact):
    height: int
    institutions: int
    rules: list[RuleView] = Field(
        description="every kind; that of set-rule is the strictest of them all"
    )


class CalendarSummary(Fact):
    name: str = Field(examples=["china"])
    year: int
    version: int = Field(description="the newest")
    offset_minutes: int = Field(description="of its zone, ahead of UTC", examples=[480])
    working_days: int = Field(description="how many the year has")
    adopted_at: int = Field(description="height")


class CalendarsReply(Fact):
    height: int
    calendars: list[CalendarSummary] = Field(description="in order of name and year")
    next: str | None = Field(description="the `after` of the next page", examples=["china/2026"])


class CalendarReply(CalendarSummary):
    version: int
    newest: int = Field(description="the newest version")
    height: int
    holidays: list[str] = Field(description="Mondays to Fridays that are not worked, ISO 8601")
    worked: list[str] = Field(description="Saturdays and Sundays that are worked, ISO 8601")


class CalendarUse(Fact):
    year: int
    version: int


class DeadlineReply(Fact):
    height: int
    calendar: str
    offset_minutes: int
    from_ms: Millis
    from_day: str = Field(description="the day on which the clock starts, in the calendar's zone")
    days: int
    working: bool
    last_day: str = Field(description="the deadline is the end of this day, in that zone")
    deadline_ms: Millis
    deadline: str
    by: list[CalendarUse] = Field(description="the calendar's versions by which it was computed")
    sentence: WordsView = Field(description="the same, for people")


class MandateView(Fact):
    name: str
    title: str
    number: str = Field(description="of the document", examples=["国令第809号"])
    issuer: str
    document: Hash32 = Field(description="SHA-256 of the document, which lies elsewhere")
    effect_ms: Millis
    effect: str | None
    until_ms: int | None = Field(description="its end as adopted; null: none")
    until: str | None
    predecessor: str | None
    successor: str | None
    ends_ms: int | None = Field(
        description="until, its repeal or its successor's effect, whichever is first"
    )
    ends: str | None
    adopted_at: int = Field(description="height")
    state: MandateState = Field(description="at the time of the newest block")
    days_left: int | None = Field(description="whole days until it ends; null: no end, or past it")
    ends_soon: bool = Field(
        description="it ends within the parameter warning-days, and no successor takes its place"
    )


class MandatesReply(Fact):
    height: int
    mandates: list[MandateView] = Field(description="in order of their names")
    next: str | None = Field(
        description="the `after` of the next page; null at the end. A page may be short, or empty, "
        "and have one all the same"
    )


class MandateReply(MandateView):
    height: int
