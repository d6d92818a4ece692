"""The shapes of replies about what is to be expected: who can vote, who is quiet, what ends; and
about parameters and versions. As in `models.py`, facts only."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from govchaind.api.models import Fact, Hash32, Millis, WordsView

OutlookLevel = Literal["fine", "near", "failing", "lost"]


class EndingView(Fact):
    seat: int
    public: Hash32
    title: str
    until_ms: Millis
    until: str | None
    days_left: int
    covered: bool = Field(
        description="its seat has another key that is valid then: an acting term, or an overlap"
    )


class OfficeOutlookView(Fact):
    institution: str
    office: str
    title: str
    last_act_height: int | None = Field(
        description="of its first transaction of the day on which it last acted; null: never"
    )
    last_act_ms: int | None
    last_act: str | None
    quiet_days: int = Field(
        description="whole days since then, or since it got its keys if it never acted"
    )
    quiet: bool = Field(description="that is more than the parameter quiet-days allows")
    able_now: bool = Field(description="enough of its seats have a valid key")
    able_soon: bool = Field(description="… in as many days as the parameter soon-days says")
    able_later: bool = Field(description="… as later-days says")
    able_until_ms: int | None = Field(description="null: no end, or it cannot act now")
    able_until: str | None
    endings: list[EndingView] = Field(description="keys that are valid and end, the next first")


class OfficesReply(Fact):
    height: int
    offices: list[OfficeOutlookView] = Field(description="in order of institution and office")
    next: str | None = Field(
        description="the `after` of the next page; null at the end. A page may be short, or empty, "
        "and have one all the same",
        examples=["ministry/head"],
    )


class KindOutlookView(Fact):
    kind: int
    name: str = Field(examples=["adopt-mandate"])
    words: WordsView
    needed: int = Field(description="votes that carry such a motion, with the institutions of now")
    able_now: int = Field(description="institutions whose governing office can sign")
    able_soon: int = Field(description="… in soon-days, if nobody renews a key until then")
    able_later: int = Field(description="… in later-days")
    awake: int = Field(description="of those able now, those whose governing office is not quiet")
    level: OutlookLevel


class OutlookReply(Fact):
    """`lost`: too few can vote now; `failing`: within later-days; `near`: few more than it takes,
    and somebody cannot, or too few have acted lately; `fine`."""

    height: int
    level: OutlookLevel = Field(description="the worst of all kinds")
    level_words: WordsView
    warnings: list[WordsView] = Field(description="the same in words; empty when all is fine")
    institutions: int = Field(description="how many count: all but those suspended or removed")
    quiet_after_days: int = Field(description="the parameter quiet-days")
    soon_days: int = Field(description="the parameter soon-days: for `able_soon`")
    later_days: int = Field(description="the parameter later-days: for `able_later`")
    kinds: list[KindOutlookView] = Field(description="every kind of motion")
    at_risk: list[OfficeOutlookView] = Field(
        description="governing offices that are quiet, or cannot sign now or within later-days"
    )
    terms_ending: int = Field(
        description="keys of governing offices that end within the parameter warning-days, and "
        "whose seat has no other then"
    )
    mandates_ending: int = Field(
        description="mandates without a successor that end within the parameter warning-days"
    )


class ParameterView(Fact):
    name: str = Field(examples=["quiet-days"])
    words: WordsView
    value: int
    default: int
    least: int
    most: int
    set_at: int | None = Field(description="height of the vote that set it; null: by default")


class ReadyNodeView(Fact):
    name: str
    institution: str
    role: str
    version: int | None = Field(description="declared for it; null: nothing was")


class ParametersReply(Fact):
    height: int
    parameters: list[ParameterView]
    ledger_version: int = Field(description="version of the ledger that is in force")
    ledger_version_known: int = Field(description="the newest that this node's software knows")
    activated_at: int | None = Field(description="height; null: since genesis")
    ready: int = Field(description="wanted validators that are ready for the next version")
    ready_needed: int = Field(description="how many of them it takes: a certificate quorum")
    nodes: list[ReadyNodeView]


class SignedStatementView(Fact):
    block_hash: str
    outcomes_root: str
    state_root: str | None
    log_root: str
    statement: str = Field(description="the bytes that were signed, hex")
    signature: str = Field(description="64 bytes, hex")


class ContradictionView(Fact):
    node: str
    institution: str = Field(description="whose node it was when it was reported")
    attestation_key: str = Field(description="32 bytes, hex: the key of both signatures")
    signed_height: int = Field(description="the height of both statements")
    first: SignedStatementView
    second: SignedStatementView
    reported_by: list[str] = Field(description="institution and office")
    reported_at: int = Field(description="height")


class KeptEvidenceView(Fact):
    """What this node has come by itself, or was brought: any office can report it."""

    node: str
    attestation_key: str = Field(description="32 bytes, hex: the key of both signatures")
    signed_height: int = Field(description="the height of both statements")
    first: SignedStatementView
    second: SignedStatementView
    reported: bool = Field(description="it is on the ledger")


class EvidenceReply(Fact):
    height: int
    evidence: list[ContradictionView]
    kept: list[KeptEvidenceView]


class EvidenceTaken(Fact):
    height: int
    accused: list[str] = Field(description="nodes that have signed both")
