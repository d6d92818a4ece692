"""The shapes of JSON replies, from which /openapi.json is made. Facts only.

Bytes are lower-case hex. Times are block-time milliseconds since 1970 and, beside them, ISO 8601
text in UTC. `height` is the height of which a reply speaks, which is also in the header
`Govchaind-Height`; in a transaction's reply it is the transaction's own, and `node_height` the
node's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$")]
Hash32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="32 bytes, hex")]
Millis = Annotated[int, Field(description="block time, milliseconds since 1970")]
LinkState = Literal["self", "up", "down"]
Standing = Literal["taking-part", "suspended", "removed"]
TransactionStatus = Literal["unknown", "pending", "committed", "certified", "refused", "expired"]


class Fact(BaseModel):
    """What every shape of a reply derives: it never changes once it is made."""

    model_config = ConfigDict(frozen=True)


class WordsView(Fact):
    """The same in two languages."""

    english: str
    chinese: str


class ErrorBody(Fact):
    code: str = Field(description="stable; match on this", examples=["not-found"])
    message: str = Field(examples=["there is no register 'provinces'"])
    remedy: str = Field(examples=["Check the name, the height and the chain."])


class PrunedBody(ErrorBody):
    """With the code height-pruned: a block was removed here to make room."""

    first_height: int = Field(description="from which height on every block is here")
    archived_at: str | None = Field(description="where the removed ones were put, if anywhere")


class ErrorReply(Fact):
    """What every error looks like."""

    error: ErrorBody | PrunedBody


class TransactionView(Fact):
    """What became of one transaction, as far as this node knows."""

    id: str = Field(description="hash of the body, hex; empty if the bytes were no transaction")
    status: TransactionStatus
    code: int | None = Field(
        description="outcome number from /v1/outcomes; 0 is applied; null while undecided"
    )
    outcome: str | None = Field(description="the outcome's name", examples=["applied"])
    text: str | None
    remedy: str | None
    height: int | None = Field(description="the block that holds it; null if none does")
    position: int | None = Field(description="its place in that block, from 0")
    operation: int | None = Field(description="which operation was refused, from 0")


class TransactionReply(TransactionView):
    node_height: int = Field(description="applied height of this node")


class SubmitReply(Fact):
    height: int = Field(description="applied height of this node")
    transactions: list[TransactionView] = Field(description="in the order in which they were sent")
    error: ErrorBody | None = Field(
        default=None, description="present if every transaction was refused at the door"
    )


class OutcomeWordsView(Fact):
    text: str
    cause: str
    remedy: str


class OutcomeView(Fact):
    code: int
    name: str
    kind: str = Field(examples=["conflict"])
    text: str
    cause: str
    remedy: str
    door: bool = Field(description="a node's own answer, never an outcome on the ledger")
    consumes_id: bool = Field(description="whether the same body can never be included afterwards")
    chinese: OutcomeWordsView = Field(description="text, cause and remedy in Chinese")


class OutcomesReply(Fact):
    outcomes: list[OutcomeView]


class BlockSummary(Fact):
    height: int
    hash: Hash32
    time_ms: Millis
    time: str
    term: int
    leader: str
    transactions: int = Field(description="how many it holds")
    bytes: int
    configuration: bool = Field(description="brings a new membership into force")
    certified: bool


class BlocksReply(Fact):
    height: int
    certified: int
    blocks: list[BlockSummary]
    next: int | None = Field(description="the `first` of the next page; null at the end")


class OperationView(Fact):
    kind: int
    name: str = Field(examples=["put"])
    arguments: list[Any] = Field(description="as signed; bytes in hex")


class BlockTransaction(Fact):
    id: Hash32
    identity: Hash32
    institution: str
    office: str
    valid_until_ms: Millis
    valid_until: str
    signers: list[Hash32] = Field(description="public keys that signed")
    operations: list[OperationView] = Field(description="none where `withheld`")
    withheld: bool = Field(description="it concerns others, and this reader is not shown what")
    code: int | None
    outcome: str | None
    operation: int | None
    sentence: WordsView = Field(description="what it did, or would have done, for people")


class MemberView(Fact):
    name: str
    institution: str
    role: str = Field(examples=["validator"])
    attestation_key: Hash32
    tls_key: Hash32
    store: Hex
    addresses: list[str]
    signs_above: int


class RecoveryView(Fact):
    """That the chain lost its quorum here, and how its institutions let it go on."""

    kept: int = Field(description="everything up to this height was kept")
    certified: int = Field(description="what the validators before have certified ends here")
    lost: int | None = Field(description="known to have been there, and in nobody's store")
    record: Hash32 = Field(description="hash of what the institutions have signed")
    signed_by: list[str] = Field(description="institutions, by keys of their governing offices")
    left_out: list[str] = Field(description="nodes that did not go on")


class BlockReply(BlockSummary):
    """`height` is the block's; the node's is in the header."""

    previous: Hash32
    transactions_root: Hash32
    membership_digest: Hash32
    membership: list[MemberView] | None
    recovery: RecoveryView | None = Field(description="of the block that recovers a lost quorum")
    outcomes_root: Hash32 | None
    state_root: Hash32 | None = Field(description="at checkpoints only")
    content: list[BlockTransaction]


class SignatureView(Fact):
    validator: str
    signature: Hex


class CertificateReply(Fact):
    """A quorum's signatures over one statement."""

    height: int
    block_hash: Hash32
    outcomes_root: Hash32
    state_root: Hash32 | None
    log_root: Hash32
    statement: Hex
    signatures: list[SignatureView]


class ReceiptReply(TransactionReply):
    """A receipt for reading. Whoever verifies takes the bytes."""

    block_hash: Hash32
    block_time_ms: Millis
    block_time: str
    leader: str
    content: BlockTransaction
    certificate: CertificateReply = Field(description="of this block or a later one")
    receipt: Hex = Field(description="the receipt's bytes")
    sentence: WordsView = Field(description="what the receipt proves to who verifies it")


class HeadReply(Fact):
    height: int = Field(description="applied height of this node")
    certified: int
    certificate: CertificateReply | None
    consistency: list[Hash32] | None = Field(
        default=None, description="RFC 9162 proof from the tree of `consistent_with` heights"
    )


class FieldView(Fact):
    name: str
    type: str


class RegisterView(Fact):
    name: str
    title: str
    mode: str = Field(description="clear: values are readable; commitment: only salted hashes")
    fields: list[FieldView]
    owner: str = Field(description="institution/office", examples=["ministry/registry"])
    writers: list[str]
    created_at: int


class RegistersReply(Fact):
    height: int
    registers: list[RegisterView]
    next: str | None


class RegisterReply(Fact):
    height: int
    register_: RegisterView = Field(alias="register", serialization_alias="register")


class RecordView(Fact):
    key: str | None = Field(description="as text; null if it is not UTF-8")
    key_hex: Hex
    revision: int
    retired: bool
    value: Any = Field(description="the fields' values by name; a commitment or bytes in hex")
    value_hex: Hex | None
    changed_at: int = Field(description="height of the change")


class RecordReply(RecordView):
    height: int
    register_: str = Field(alias="register", serialization_alias="register")


class RecordsReply(Fact):
    height: int
    records: list[RecordView]
    next: str | None = Field(description="the `after` (hex) of the next page; null at the end")


class HistoryEntry(Fact):
    changed_at: int
    revision: int | None
    retired: bool
    value: Any
    value_hex: Hex | None


class HistoryReply(Fact):
    height: int
    changes: list[HistoryEntry] = Field(description="newest first")
    next: int | None = Field(description="the `before` of the next page; null at the end")


class StateReply(Fact):
    height: int
    key: Hex
    value: Hex | None = Field(description="null: there is no such key at this height")
    decoded: Any = Field(description="the value as JSON, for reading")
    changed_at: int | None


class KeyView(Fact):
    seat: int
    public: Hash32
    title: str
    valid_from_ms: Millis
    valid_until_ms: int | None
    valid_until: str | None
    revoked_at_ms: int | None
    state: Literal["valid", "not-yet-valid", "expired", "revoked"]
    days_left: int | None = Field(description="whole days of block time until it expires")


class OfficeView(Fact):
    name: str
    title: str
    threshold: int = Field(description="how many seats must sign")
    seats: int = Field(description="how many seats there are")
    governing: bool
    last_act_ms: int | None = Field(
        description="block time of its first transaction of the day on which it last acted"
    )
    last_act: str | None
    keys: list[KeyView]


class InstitutionSummary(Fact):
    name: str
    title: str
    kind: str = Field(examples=["duty-bound"])
    governing_office: str
    admitted_at: int
    standing: Standing = Field(
        description="suspended: it can do nothing and does not count, until restored; removed: for "
        "good"
    )
    standing_ground: str | None = Field(description="the word under which it was so decided")
    standing_commitment: Hash32 | None = Field(description="to the reasons, which lie elsewhere")
    standing_since: int | None = Field(description="height")


class InstitutionsReply(Fact):
    height: int
    institutions: list[InstitutionSummary]
    next: str | None


class InstitutionReply(InstitutionSummary):
    height: int
    offices: list[OfficeView]


class MemberStanding(MemberView):
    in_force: str | None = Field(description="its role in the membership in force; null: none")
    link: LinkState


class MembersReply(Fact):
    height: int
    certificate_quorum: int
    members: list[MemberStanding]


class StatusReply(Fact):
    node: str
    store: Hex = Field(description="id of this node's store; `members readmit` names it")
    chain: str
    chain_id: Hash32
    version: str
    role: str = Field(examples=["follower"])
    term: int
    leader: str | None
    height: int = Field(description="applied here")
    first_height: int = Field(description="from which on every block is here")
    commit: int = Field(description="known committed")
    begins: int = Field(
        description="lowest height whose block is here, where the node joined by snapshot; else 0"
    )
    last_height: int = Field(description="of the log")
    certified: int
    certified_lag: int = Field(description="heights applied but not certified")
    block_time_ms: Millis
    block_time: str
    block_hash: Hash32
    checkpoint: int
    state_root: Hash32 | None
    pool_transactions: int
    pool_bytes: int
    in_configuration: bool
    room: bool
    write_pending_seconds: float
    transactions: int = Field(description="committed and applied here since the node's start")
    storage_used_bytes: int
    storage_free_bytes: int = Field(description="that can still be written, by map and by disk")
    storage_full_in_seconds: int | None = Field(
        description="at the pace of the last day; null: not growing, or not known yet"
    )
    peers_linked: list[str]
    ready: bool
    reasons: list[str]


class ReadyReply(Fact):
    ready: bool
    reasons: list[str] = Field(description="every reason why not; empty when ready")
    warnings: list[str] = Field(
        description="what threatens governance and not this node, as /v1/outlook has it; looked at "
        "every ten minutes"
    )
    height: int
