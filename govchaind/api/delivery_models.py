"""The shapes of replies about deliveries and delivery keys. As in `models.py`, facts only."""

from __future__ import annotations

from pydantic import Field

from govchaind.api.models import Fact, Hash32, Millis, WordsView
from govchaind.ledger.operations.deliveries import Status


class OfficeView(Fact):
    institution: str
    office: str


class DisputeView(Fact):
    ground: str
    words: WordsView
    commitment: Hash32 = Field(description="to what is wrong; a side value of the parties")
    at_ms: Millis
    at: str | None


class LossView(Fact):
    ground: str
    words: WordsView
    by: OfficeView
    at_ms: Millis
    at: str | None


class HolderView(Fact):
    office: OfficeView
    answer: str | None = Field(
        description="destroyed, never-had or lost; null: it has not answered"
    )
    answered_ms: int | None
    answered: str | None


class ErasureView(Fact):
    deadline_ms: Millis
    deadline: str | None
    ordered_ms: Millis
    ordered: str | None
    holders: list[HolderView]
    missing: list[OfficeView] = Field(description="holders that have not answered")
    overdue: bool = Field(description="one is missing, and the deadline is past: nobody files this")


class DeliveryView(Fact):
    requester: str = Field(description="with `reference`: the grant")
    reference: str
    number: int
    status: Status = Field(description="at the time of the newest block")
    words: WordsView
    sender: OfficeView
    receiver: OfficeView
    commitment: Hash32 = Field(description="salted commitment to the plain file")
    size: int = Field(description="of the plain file, in bytes")
    rows: int | None
    request: Hash32 = Field(description="hash of what was asked")
    sealed: Hash32 = Field(description="SHA-256 of the sealed file")
    corrects: int | None = Field(description="number of the delivery in whose place it stands")
    corrected_by: int | None
    sent_ms: Millis
    sent: str | None
    received_ms: int | None
    received: str | None
    dispute: DisputeView | None
    loss: LossView | None
    erasure: ErasureView | None
    recorded_at: int = Field(description="height")


class DeliveryReply(DeliveryView):
    height: int


class DeliveriesReply(Fact):
    height: int
    deliveries: list[DeliveryView] = Field(
        description="in order of requester, reference and number"
    )
    next: str | None = Field(
        description="the `after` of the next page; null at the end. A page may be short, or empty, "
        "and have one all the same"
    )


class ErasuresReply(Fact):
    height: int
    erasures: list[DeliveryView] = Field(
        description="whose erasure somebody has not answered, the earliest deadline first"
    )
    next: str | None = Field(description="the `after` of the next page; null at the end")


class DeliveryKeyView(Fact):
    institution: str
    office: str
    key: Hash32 = Field(description="X25519; seal to this one")
    published_ms: Millis
    published: str | None
    previous: str | None = Field(description="the key before, in hex")
    previous_until_ms: int | None = Field(description="until then the key before still opens")
    previous_until: str | None
    node: str | None = Field(description="the office's post box; null: it has none")
    address: str | None
    published_at: int = Field(description="height")


class DeliveryKeyReply(DeliveryKeyView):
    height: int


class DeliveryKeysReply(Fact):
    height: int
    keys: list[DeliveryKeyView] = Field(description="in order of institution and office")
    next: str | None = Field(description="the `after` of the next page; null at the end")


class CarriageReply(Fact):
    height: int
    have: int = Field(description="bytes of the sealed file that are here; go on from there")
    whole: bool = Field(description="all of it is here, and it is the recorded one")
