"""Blocks, certificates, the newest head, trust and genesis: the chain as it is stored."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.models import (
    BlockReply,
    BlocksReply,
    BlockSummary,
    BlockTransaction,
    CertificateReply,
    HeadReply,
    OperationView,
    OutcomesReply,
    OutcomeView,
    OutcomeWordsView,
    RecoveryView,
    SignatureView,
)
from govchaind.api.outcome_words import outcome_words
from govchaind.api.reading import (
    HASH_HEX_CHARS,
    Outcomes,
    Outline,
    block_at,
    block_bytes,
    certified_height,
    iso_text,
    member_view,
    operation_name,
    outline_at,
    plain,
    read_hex,
)
from govchaind.api.replies import (
    cbor_reply,
    failures,
    json_reply,
    wants_cbor,
    with_cbor,
    words_view,
)
from govchaind.api.sentences import headline, withheld_words
from govchaind.api.viewer import BY_OFFICE, Viewer, viewer_in
from govchaind.base.encoding import encode
from govchaind.base.errors import Busy, Invalid, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import BLOCK_BYTES_MAX
from govchaind.base.merkle import AppendTree
from govchaind.base.types import Height
from govchaind.ledger.beginning import check_held
from govchaind.ledger.block import Block, Header, read_block
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.outcome_text import OutcomeText
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.ledger.recovered_state import SIGNED
from govchaind.ledger.results import find_block, stored_subtree
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import recovery_key
from govchaind.ledger.transaction import Transaction
from govchaind.ledger.working_state import WorkingState
from govchaind.replica.marker import check_kept, first_height
from govchaind.replica.store import applied_height
from govchaind.replica.stored_certificates import certificate_at

BLOCKS_PAGE = 100
BlockName = Annotated[str, Path(description="a height, or a block's hash in hex", examples=["1"])]
TrustFrom = Annotated[int, Query(alias="from", ge=0, description="the height that is trusted")]


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1", tags=["chain"])

    @router.get(
        "/blocks",
        operation_id="listBlocks",
        summary="Blocks in order of height",
        description="With Accept: application/cbor, [[block, certificate or null] …] from `first` "
        "on: the bytes, as many as `limit` says but about a mebibyte at most, and none from a "
        "block on that the reader may not have whole.",
        response_model=BlocksReply,
        responses={200: with_cbor("The blocks and their certificates"), **failures(400, 410)},
        openapi_extra=BY_OFFICE,
    )
    async def list_blocks(
        request: Request,
        first: Annotated[
            int | None, Query(ge=1, description="height to begin with; without it the newest")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=BLOCKS_PAGE, description="most blocks")] = 20,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            newest = max(first_height(reader), applied - limit + 1)
            start = newest if first is None else first
            if wants_cbor(request):
                viewer = viewer_in(context, request, reader, "blocks")
                data = certified_blocks(reader, viewer, start, min(applied, start + limit - 1))
                return cbor_reply(data, applied, name=f"blocks-from-{start}.cbor")
            blocks = block_summaries(reader, start, min(applied, start + limit - 1))
            certified = certified_height(reader)
        following = start + limit if start + limit <= applied else None
        reply = BlocksReply(height=applied, certified=certified, blocks=blocks, next=following)
        return json_reply(reply, applied)

    @router.get(
        "/blocks/{block}",
        operation_id="getBlock",
        summary="One block by height or hash",
        description="With Accept: application/cbor, the block's bytes as they were ordered.",
        response_model=BlockReply,
        responses={200: with_cbor("The block"), **failures(400, 404, 410)},
        openapi_extra=BY_OFFICE,
    )
    async def get_block(request: Request, block: BlockName) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            found = block_at(reader, named_height(reader, block))
            viewer = viewer_in(context, request, reader, "blocks")
            if wants_cbor(request):
                viewer.check_whole(found)
                return cbor_reply(found.raw, applied, name=f"block-{found.height}.cbor")
            return json_reply(block_view(reader, viewer, found), applied)

    _certificate_route(context, router)
    _head_routes(context, router)
    return router


def _certificate_route(context: Context, router: APIRouter) -> None:
    @router.get(
        "/blocks/{block}/certificate",
        operation_id="getCertificate",
        summary="The certificate of one block",
        response_model=CertificateReply,
        responses={200: with_cbor("The certificate"), **failures(400, 404, 410, 503)},
    )
    async def get_certificate(request: Request, block: BlockName) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            height = named_height(reader, block)
            certificate = _certificate(reader, height, applied)
        if wants_cbor(request):
            return cbor_reply(certificate.encode(), applied, name=f"certificate-{height}.cbor")
        return json_reply(certificate_view(certificate), applied)


def _certificate(reader: KeyValueReader, height: Height, applied: Height) -> Certificate:
    if not 1 <= height <= applied:
        raise NotFound(f"there is no block {height} here; the newest is {applied}")
    certificate = certificate_at(reader, height)
    if certificate is None:
        check_kept(reader, height)
        raise not_certified(height)
    return certificate


def _head_routes(context: Context, router: APIRouter) -> None:
    @router.get(
        "/head",
        operation_id="getHead",
        summary="The newest certificate, comparable with one seen before",
        response_model=HeadReply,
        responses=failures(400, 410),
    )
    async def get_head(
        consistent_with: Annotated[
            int | None,
            Query(ge=0, description="a height whose head was seen; adds the proof from it"),
        ] = None,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            certified = certified_height(reader)
            certificate = certificate_at(reader, certified) if certified else None
            proof = None
            if consistent_with is not None:
                if consistent_with > certified:
                    raise Invalid(
                        f"height {consistent_with} is not certified here, only {certified}",
                        code="height-ahead",
                        remedy="Compare with a node that is as far, or ask again later.",
                    )
                tree = AppendTree(certified, stored_subtree(reader))
                proof = [item.hex() for item in tree.consistency_proof(consistent_with)]
        reply = HeadReply(
            height=applied,
            certified=certified,
            certificate=None if certificate is None else certificate_view(certificate),
            consistency=proof,
        )
        return json_reply(reply, applied)

    @router.get(
        "/genesis",
        operation_id="getGenesis",
        summary="The genesis, whose hash is the chain id",
        response_class=Response,
        responses={200: with_cbor("The genesis")},
    )
    async def get_genesis() -> Response:
        return cbor_reply(context.genesis.bytes, context.board.height, name="genesis.bin")

    @router.get(
        "/outcomes",
        operation_id="listOutcomes",
        summary="Every outcome: number, name, text, cause, remedy",
        response_model=OutcomesReply,
    )
    async def list_outcomes() -> Response:
        rows = [
            OutcomeView(
                code=row.code,
                name=row.name,
                kind=row.kind,
                text=row.text,
                cause=row.cause,
                remedy=row.remedy,
                door=row.door,
                consumes_id=row.consumes_id,
                chinese=_chinese(row),
            )
            for row in OUTCOMES.values()
        ]
        return json_reply(OutcomesReply(outcomes=rows), context.board.height)


def _chinese(row: OutcomeText) -> OutcomeWordsView:
    words = outcome_words(row)
    return OutcomeWordsView(
        text=words.text.chinese, cause=words.cause.chinese, remedy=words.remedy.chinese
    )


def not_certified(height: Height) -> Busy:
    return Busy(
        f"height {height} has no certificate here yet",
        code="not-certified-yet",
        remedy="Ask again in a moment; if it lasts, validators are missing: see /v1/members.",
    )


def named_height(reader: KeyValueReader, name: str) -> Height:
    """Return the height that a path names: a number, or a block's hash. Raises NotFound, Gone."""
    if name.isascii() and name.isdigit() and len(name) <= 19:
        check_held(reader, int(name))
        return int(name)
    if len(name) != HASH_HEX_CHARS:
        raise Invalid("a block is named by its height or its hash", code="invalid-parameter")
    height = find_block(reader, read_hex(name, what="a block's hash", length=32))
    if height is None:
        raise NotFound("there is no block of this hash here")
    return height


def block_summary(outline: Outline, certified: Height) -> BlockSummary:
    header = outline.header
    return BlockSummary(
        height=header.height,
        hash=header.hash.hex(),
        time_ms=header.time,
        time=iso_text(header.time),
        term=header.term,
        leader=header.leader,
        transactions=outline.transactions,
        bytes=outline.size,
        configuration=outline.configuration,
        certified=header.height <= certified,
    )


def block_summaries(reader: KeyValueReader, first: Height, last: Height) -> list[BlockSummary]:
    """Return the summaries of blocks first … last."""
    certified = certified_height(reader)
    heights = range(max(1, first), last + 1)
    return [block_summary(outline_at(reader, height), certified) for height in heights]


def certified_blocks(reader: KeyValueReader, viewer: Viewer, first: Height, last: Height) -> bytes:
    """Return blocks with their certificates, from `first` on, within a bound of bytes.

    Raises NotPermitted: the reader may not have the first of them.
    """
    found: list[list[bytes | None]] = []
    size = 0
    for height in range(first, last + 1):
        raw = block_bytes(reader, height)
        size += len(raw)
        if found and size > BLOCK_BYTES_MAX:
            break
        if not viewer.has_all_bytes:
            block = read_block(raw)
            if found and not viewer.sees_whole(block):
                break
            viewer.check_whole(block)
        certificate = certificate_at(reader, height)
        found.append([raw, None if certificate is None else certificate.encode()])
    return encode(found)


def block_view(reader: KeyValueReader, viewer: Viewer, block: Block) -> BlockReply:
    """Return everything about a block that a reader may see, with its transactions' outcomes."""
    outcomes = Outcomes(reader)
    result = outcomes.result(block.height)
    content = [
        transaction_content(viewer, item, outcome[2], outcome[3])
        for item, outcome in zip(block.transactions, result.outcomes, strict=True)
    ]
    members = None if block.membership is None else block.membership.members
    return BlockReply(
        **block_summary(outline_at(reader, block.height), outcomes.certified).model_dump(),
        previous=block.previous.hex(),
        transactions_root=Header(block.header).transactions_root.hex(),
        membership_digest=block.membership_digest.hex(),
        membership=None if members is None else [member_view(member) for member in members],
        recovery=recovery_view(reader, block),
        outcomes_root=result.outcomes_root.hex(),
        state_root=None if result.state_root is None else result.state_root.hex(),
        content=content,
    )


def recovery_view(reader: KeyValueReader, block: Block) -> RecoveryView | None:
    """Return what a recovery block says, with the institutions that its state names."""
    if block.recovery is None:
        return None
    body = block.recovery.body
    state = WorkingState(State(), reader, {}, keeps_cache=False)
    noted = state.decoded(recovery_key(block.height))
    return RecoveryView(
        kept=body.kept,
        certified=body.certified,
        lost=body.lost,
        record=block.recovery.digest.hex(),
        signed_by=[] if noted is None else noted[SIGNED],
        left_out=list(body.left_out),
    )


def transaction_content(
    viewer: Viewer, transaction: Transaction, code: int | None, operation: int | None
) -> BlockTransaction:
    """Return what a transaction says, as far as a reader may see it, and what came of it."""
    shown = viewer.sees(viewer.circles.of_transaction(transaction))
    return BlockTransaction(
        id=transaction.id.hex(),
        identity=transaction.identity.hex(),
        institution=transaction.institution,
        office=transaction.office,
        valid_until_ms=transaction.valid_until,
        valid_until=iso_text(transaction.valid_until),
        signers=[key.hex() for key, _ in transaction.signatures],
        operations=[
            OperationView(kind=kind, name=operation_name(kind), arguments=plain(arguments))
            for kind, arguments in (transaction.operations if shown else ())
        ],
        withheld=not shown,
        code=code,
        outcome=None if code is None else OUTCOMES[code].name,
        operation=operation,
        sentence=words_view(
            headline(transaction, refused=bool(code)) if shown else withheld_words(transaction)
        ),
    )


def certificate_view(certificate: Certificate) -> CertificateReply:
    """Return a certificate for reading; whoever verifies takes the bytes."""
    read = certificate.read
    return CertificateReply(
        height=read.height,
        block_hash=read.block_hash.hex(),
        outcomes_root=read.outcomes_root.hex(),
        state_root=None if read.state_root is None else read.state_root.hex(),
        log_root=read.log_root.hex(),
        statement=certificate.statement.hex(),
        signatures=[
            SignatureView(validator=name, signature=value.hex())
            for name, value in certificate.signatures
        ],
    )
