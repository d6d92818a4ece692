"""The shapes of replies about duties, the catalogue, requests, grants and accounts: facts only."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from govchaind.api.models import Fact, Hash32, Millis, WordsView

SharingClass = Literal["unconditional", "conditional", "not-shared"]
RequestStatus = Literal[
    "open", "granted", "refused", "appealed", "upheld", "overturned", "withdrawn"
]
Next = Field(
    description="the `after` of the next page; null at the end. A page may be short, or empty, and "
    "have one all the same"
)


class DutyView(Fact):
    institution: str
    name: str
    title: str
    office: str
    mandate: str
    data_sets: int = Field(description="how many of the catalogue hang on it")
    ended_ms: int | None
    assigned_at: int = Field(description="height")


class DutiesReply(Fact):
    height: int
    duties: list[DutyView] = Field(description="in order of institution and name")
    next: str | None = Next


class FieldView(Fact):
    name: str
    title: str
    type: str


class ConditionView(Fact):
    name: str
    text: str


class DataSetView(Fact):
    institution: str
    name: str
    revision: int
    retired: bool
    title: str
    duty: str
    fields: list[FieldView]
    cycle: str = Field(description="how often it is brought up to date")
    sharing: SharingClass
    conditions: list[ConditionView] = Field(description="the only ones that a grant may name")
    service: str | None
    mandate: str
    changed_at: int = Field(description="height")


class CatalogueReply(Fact):
    height: int
    data_sets: list[DataSetView] = Field(description="in order of institution and name")
    next: str | None = Next


class DataSetReply(DataSetView):
    height: int


class DataSetHistoryReply(Fact):
    height: int
    revisions: list[DataSetView] = Field(description="newest first")
    next: int | None = Field(description="the `before` of the next page; null at the end")


class ClockView(Fact):
    days: int
    working: bool = Field(description="working days of the calendar, else all days")


class TermsReply(Fact):
    height: int
    mandate: str
    calendar: str | None
    offset_minutes: int
    reply: ClockView
    extension: ClockView | None
    extender: Literal["provider", "supervisor"]
    appeal: ClockView
    ruling: ClockView
    delivery: ClockView | None
    grounds: list[str] = Field(description="the codes that a refusal may name")
    supervisor: list[str] = Field(description="institution and office")
    set_at: int = Field(description="height")


class YearUse(Fact):
    year: int
    version: int = Field(description="0: nobody had adopted the year, Mondays to Fridays counted")


class RequestView(Fact):
    requester: str
    reference: str
    office: str
    provider: str
    data_set: str
    revision: int = Field(description="of the data set, when it was asked for")
    sharing: SharingClass
    conditions: list[str] = Field(description="that the catalogue had when it was asked for")
    fields: list[str]
    mandate: str = Field(description="on which the requester rests it")
    terms: str = Field(description="the mandate whose clocks run")
    details: Hash32 = Field(description="salted commitment of what the parties know")
    status: RequestStatus
    asked_ms: Millis
    asked: str | None
    due_ms: Millis
    due: str | None = Field(description="the end of the present clock, UTC")
    overdue: bool = Field(description="whether it has run out, and somebody still owes an answer")
    by: list[YearUse] = Field(description="the calendar's years by which it was computed")
    extended_ms: int | None
    answered_ms: int | None
    late: bool | None = Field(description="whether the answer came too late; null: none yet")
    ground: str | None
    reason: str | None = Field(description="salted commitment, hex")
    appealable_until_ms: int | None = Field(
        description="until when a refusal may be appealed against; null: it was not refused"
    )
    appealed_ms: int | None
    appeal_details: str | None
    ruled_ms: int | None
    words: WordsView


class RequestsReply(Fact):
    height: int
    time_ms: Millis
    requests: list[RequestView] = Field(description="in order of requester and reference")
    next: str | None = Next


class GrantView(Fact):
    provider: str
    provider_office: str
    requester_office: str
    data_set: str
    revision: int
    fields: list[str]
    conditions: list[str]
    details: Hash32
    granted_ms: Millis
    until_ms: Millis
    until: str | None
    uses_max: int | None = Field(description="null: as often as needed")
    uses: int
    delivery_due_ms: int | None = Field(description="null: the terms have no clock for deliveries")
    delivery_due: str | None = Field(description="until when to deliver, UTC")
    delivery_by: list[YearUse] = Field(description="the calendar's years by which it was computed")
    revoked_ms: int | None
    ground: str | None
    reason: str | None
    in_force: bool = Field(description="at the time of the newest block")


class RequestReply(RequestView):
    height: int
    time_ms: Millis
    grant: GrantView | None


class AccountView(Fact):
    provider: str
    data_set: str
    requester: str
    asked: int
    granted: int
    refused: int
    in_time: int
    late: int
    extended: int
    appealed: int
    upheld: int
    overturned: int
    withdrawn: int
    used: int
    revoked: int
    delivered: int
    received: int
    disputed: int
    corrected: int


class AccountsReply(Fact):
    height: int
    month: str = Field(examples=["2026-09"])
    accounts: list[AccountView] = Field(description="in order of provider, data set and requester")
    next: str | None = Next
