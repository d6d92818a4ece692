"""Submitting transactions, and what became of them.

Rules it keeps:
- The same bytes may be sent any number of times, to any node: the answer is that of the first.
- A batch of good and bad transactions: each gets its own answer; the good ones go on.
- `refused` is this node's own answer at its door, and nothing was consumed; what the ledger
  refused is `committed` or `certified` with a code other than 0.
- A request waits no longer than it says, and not at all for a node that is stopping.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Literal

import trio
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.chain import certificate_view, not_certified, transaction_content
from govchaind.api.context import Context
from govchaind.api.errors import RETRY_AFTER_SECONDS
from govchaind.api.models import (
    ErrorBody,
    ReceiptReply,
    SubmitReply,
    TransactionReply,
    TransactionView,
)
from govchaind.api.proof_words import receipt_words
from govchaind.api.reading import Outcomes, block_at, fate, iso_text, read_hex
from govchaind.api.replies import (
    CBOR,
    cbor_reply,
    failures,
    json_reply,
    wants_json,
    with_cbor,
    words_view,
)
from govchaind.api.sentence import Sentence
from govchaind.api.sentences import author_of
from govchaind.api.submission import Seen, Submission, decided_view
from govchaind.api.viewer import BY_OFFICE, viewer_in
from govchaind.base.encoding import decode
from govchaind.base.errors import (
    Busy,
    Invalid,
    InvalidEncoding,
    NotFound,
)
from govchaind.base.limits import HTTP_BATCH_TRANSACTIONS_MAX
from govchaind.base.types import Hash, Height
from govchaind.ledger.block import Block
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.outcomes import OUTCOMES, Code, Outcome
from govchaind.ledger.receipt import build_receipt
from govchaind.replica.stored_certificates import certificate_at
from govchaind.runtime.noticeboard import SeenOutcome

Wait = Literal["none", "committed", "certified"]
TIMEOUT_SECONDS_DEFAULT = 10.0
TransactionId = Annotated[
    str, Path(alias="id", description="the transaction's id, 64 hex digits", min_length=1)
]
WaitFor = Annotated[Wait, Query(description="answer only when it is as far as this")]
Timeout = Annotated[float, Query(ge=0, description="how long to wait at most")]

PATH = "/v1/transactions"
_WAITS: dict[str, Wait] = {"none": "none", "committed": "committed", "certified": "certified"}
_CLASS_STATUS = {
    "invalid": 400,
    "not-permitted": 403,
    "not-found": 404,
    "conflict": 409,
    "busy": 503,
}
_SUBMIT_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "wait",
        "in": "query",
        "description": "answer only when all are as far as this",
        "schema": {
            "type": "string",
            "enum": ["none", "committed", "certified"],
            "default": "none",
        },
    },
    {
        "name": "timeout_seconds",
        "in": "query",
        "description": "how long to wait at most",
        "schema": {"type": "number", "minimum": 0, "default": TIMEOUT_SECONDS_DEFAULT},
    },
]
_SUBMIT_BODY = {
    "required": True,
    "description": "A CBOR array of 1 to 1000 byte strings, each a signed transaction.",
    "content": {CBOR: {"schema": {"type": "string", "format": "binary"}}},
}


def submitting(context: Context) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of submissions."""

    async def submit(request: Request) -> Response:
        wait, seconds = _waiting(request, context)
        raws = _batch(await request.body(), request, HTTP_BATCH_TRANSACTIONS_MAX)
        submission = Submission(raws, await context.gate.judge_transactions(raws))
        _check_authors(context, submission)
        before = context.board.told
        if wait == "certified":
            context.board.certificate_awaited()
        height = await _offer(context, submission, before)
        if wait != "none":
            decided: dict[Hash, SeenOutcome] = {}
            certified = wait == "certified"
            with context.patience(seconds):
                await _wait(context, submission, before, decided, certified=certified)
            recent = _seen_since(context, before)
            with context.reading() as reader:
                outcomes = Outcomes(reader)
                submission.settle(outcomes, lambda item: decided.get(item) or recent(item))
            height = outcomes.applied
        views = submission.final()
        return _reply(views, wait, max(height, *(view.height or 0 for view in views)))

    return submit


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix=PATH, tags=["transactions"])

    router.post(
        "",
        operation_id="submitTransactions",
        summary="Submit one transaction or a batch",
        description="Safe to repeat with the same bytes, to this node or another. "
        "200: all are decided as asked; 202: some are still pending.",
        response_model=SubmitReply,
        responses={
            202: {"model": SubmitReply, "description": "Some are still pending"},
            **failures(400, 403, 409, 413, 415, 503, 507),
        },
        openapi_extra={"requestBody": _SUBMIT_BODY, "parameters": _SUBMIT_PARAMETERS},
    )(submitting(context))

    @router.get(
        "/{id}",
        operation_id="getTransaction",
        summary="What became of a transaction",
        description="An id that this node does not know has the status unknown; that is no error.",
        response_model=TransactionReply,
        responses=failures(400, 410),
    )
    async def get(
        transaction: TransactionId, wait: WaitFor = "none", timeout_seconds: Timeout = 10.0
    ) -> Response:
        wanted = read_hex(transaction, what="a transaction's id", length=32)
        seconds = min(timeout_seconds, context.limits.wait_seconds_max)
        view, height = await _one(context, wanted, wait, seconds)
        return json_reply(TransactionReply(**view.model_dump(), node_height=height), height)

    receipt_routes(context, router)
    return router


def _waiting(request: Request, context: Context) -> tuple[Wait, float]:
    """Read how long to wait for what, without the framework's cost on the hot path."""
    wait = _WAITS.get(request.query_params.get("wait", "none"))
    if wait is None:
        raise Invalid("wait is none, committed or certified", code="invalid-parameter")
    text = request.query_params.get("timeout_seconds")
    try:
        seconds = TIMEOUT_SECONDS_DEFAULT if text is None else float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:  # also refuses what is not a number
        raise Invalid("timeout_seconds is a number from 0", code="invalid-parameter")
    return wait, min(seconds, context.limits.wait_seconds_max)


def _batch(body: bytes, request: Request, count_max: int) -> list[bytes]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != CBOR:
        raise Invalid(
            f"the body's content type must be {CBOR}",
            code="unsupported-media-type",
            remedy=f"Send the header Content-Type: {CBOR}.",
        )
    value = decode(body, bytes_max=len(body))
    if type(value) is not list or not all(type(item) is bytes for item in value):
        raise InvalidEncoding("the body is a CBOR array of byte strings, one a transaction")
    if not 1 <= len(value) <= count_max:
        raise InvalidEncoding(f"a batch has 1 to {count_max} transactions, not {len(value)}")
    return value


def _seen_since(context: Context, before: Height) -> Seen:
    """Return the board's recent outcomes, without what was refused, id free, up to `before`."""

    def seen(transaction: Hash) -> SeenOutcome | None:
        found = context.board.outcome_seen(transaction)
        if found is None or found.height is None or found.height > before:
            return found
        return found if OUTCOMES[found.code].consumes_id else None

    return seen


def _nothing_seen(transaction: Hash) -> SeenOutcome | None:
    del transaction
    return None


def _check_authors(context: Context, submission: Submission) -> None:
    try:
        context.access.check_authors(submission.good, trio.current_time())
    except Busy as error:
        context.metrics.refused.labels(reason=error.code).inc()
        raise


async def _offer(context: Context, submission: Submission, before: Height) -> Height:
    """Offer what is good, enter the answers; return the height that was read."""
    codes: dict[Hash, int] = {}
    traces = context.traces
    if submission.good:
        traced = None if traces is None else traces.taken(submission.good)
        try:
            answers = await context.offer(submission.good)
        except Busy as busy:
            code: int = Code.SHUTTING_DOWN if busy.code == "shutting-down" else Code.INBOX_FULL
            answers = [code] * len(submission.good)
        for item, code in zip(submission.good, answers, strict=True):
            codes[item.identity] = code
        taken = [item for item in submission.good if codes[item.identity] == Code.APPLIED]
        context.access.charge_authors(taken, trio.current_time())
        if traces is not None and traced:
            traces.refused({*traced} - {item.id for item in taken})
    with context.reading() as reader:
        outcomes = Outcomes(reader)
        submission.answered(codes, outcomes)
    for item in submission.open():
        context.pending.add(item.id, item.valid_until)
        context.board.alive_again(item.id, after=before)
    return outcomes.applied


async def _wait(
    context: Context,
    submission: Submission,
    before: Height,
    decided: dict[Hash, SeenOutcome],
    *,
    certified: bool,
) -> None:
    """Wait until everything offered is `decided`, and certified if asked for."""
    seen = _seen_since(context, before)
    heights = [view.height for view in submission.views if view is not None and view.height]
    for item in submission.open():
        found = seen(item.id) or await context.board.wait_outcome(item.id, above=before)
        decided[item.id] = found
        if found.height is not None:
            heights.append(found.height)
    if certified and heights:
        await context.board.wait_certified(max(heights))


def _reply(views: Sequence[TransactionView], wait: Wait, height: Height) -> Response:
    error, status = _refusal(views)
    if error is None:
        short = ("pending", "committed") if wait == "certified" else ("pending",)
        status = 202 if any(view.status in short for view in views) else 200
    headers = {}
    if status in RETRY_AFTER_SECONDS:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS[status])
    reply = SubmitReply.model_construct(height=height, transactions=list(views), error=error)
    return json_reply(reply, height, status=status, headers=headers)


def _refusal(views: Sequence[TransactionView]) -> tuple[ErrorBody | None, int]:
    """Return the error and HTTP status if every transaction was refused for the same class."""
    if any(view.status != "refused" for view in views):
        return None, 200
    rows = [OUTCOMES[-1 if view.code is None else view.code] for view in views]
    if len({row.kind for row in rows}) != 1:
        return None, 200
    status = _CLASS_STATUS[rows[0].kind]
    if all(row.code == Code.STORAGE_FULL for row in rows):
        status = 507
    message = views[0].text or rows[0].text
    if len(rows) > 1:
        message = f"All {len(rows)} transactions were refused; the first: {message}"
    return ErrorBody(code=rows[0].name, message=message, remedy=rows[0].remedy), status


async def _one(
    context: Context, transaction: Hash, wait: Wait, seconds: float
) -> tuple[TransactionView, Height]:
    """Return the fate of one id, waited for as far as asked, and the node's height."""
    view, height = fate_now(context, transaction)
    before = context.board.told
    with context.patience(seconds if wait != "none" else 0):
        if wait != "none" and view.status in ("unknown", "pending"):
            await context.board.wait_outcome(transaction, above=before)
            view, height = fate_now(context, transaction)
        if wait == "certified" and view.height is not None:
            await context.board.wait_certified(view.height)
    if wait == "none":
        return view, height
    return fate_now(context, transaction)


def fate_now(context: Context, transaction: Hash) -> tuple[TransactionView, Height]:
    """Return the fate of one id as far as it is known here now, and the node's height."""
    with context.reading() as reader:
        outcomes = Outcomes(reader)
        waits = context.pooled(transaction)  # then what was seen came of another copy
        seen = _nothing_seen if waits else context.board.outcome_seen
        view = decided_view(transaction, outcomes, seen)
    if view is None and waits:
        view = fate(transaction, "pending")
    elif view is None:
        valid_until = context.pending.valid_until(transaction)
        if valid_until is None:
            view = fate(transaction, "unknown")
        elif valid_until < context.board.status.block_time:
            view = fate(transaction, "expired", Code.EXPIRED)
        else:
            view = fate(transaction, "pending")
    return view, outcomes.applied


def receipt_routes(context: Context, router: APIRouter) -> None:
    """Add the route of receipts."""

    @router.get(
        "/{id}/receipt",
        operation_id="getReceipt",
        summary="The receipt of a transaction: a proof for anyone, also offline",
        description="CBOR; with Accept: application/json a form for reading, which proves nothing.",
        response_model=ReceiptReply,
        responses={200: with_cbor("The receipt"), **failures(400, 404, 410, 503)},
        openapi_extra=BY_OFFICE,
    )
    async def receipt(request: Request, transaction: TransactionId) -> Response:
        wanted = read_hex(transaction, what="a transaction's id", length=32)
        begun = None if context.traces is None else context.traces.begin(wanted)
        with context.reading() as reader:
            outcomes = Outcomes(reader)
            view = outcomes.view(wanted)
            if view is None or view.height is None:
                raise NotFound("no transaction of this id is on the ledger here")
            block = block_at(reader, view.height)
            item = block.transactions[view.position or 0]
            viewer = viewer_in(context, request, reader, "transactions")
            viewer.check(viewer.circles.of_transaction(item))
            certificate = certificate_at(reader, outcomes.certified)
            if certificate is None or outcomes.certified < view.height:
                raise not_certified(view.height)
            data = build_receipt(reader, wanted, block.raw, certificate)
            content = transaction_content(viewer, item, view.code, view.operation)
        if context.traces is not None and begun is not None:
            proof = outcomes.certified
            context.traces.served(
                wanted, begun, height=view.height, certified=proof, size=len(data)
            )
        if not wants_json(request):
            return cbor_reply(data, outcomes.applied, name=f"{transaction[:16]}.receipt")
        reply = ReceiptReply(
            **view.model_dump(),
            node_height=outcomes.applied,
            block_hash=block.hash.hex(),
            block_time_ms=block.time,
            block_time=iso_text(block.time),
            leader=block.leader,
            content=content,
            certificate=certificate_view(certificate),
            receipt=data.hex(),
            sentence=words_view(_proves(block, view, certificate)),
        )
        return json_reply(reply, outcomes.applied)


def _proves(block: Block, view: TransactionView, certificate: Certificate) -> Sentence:
    transaction = block.transactions[view.position or 0]
    return receipt_words(
        transaction=transaction.id,
        author=author_of(transaction),
        outcome=Outcome(view.code or 0, view.operation),
        height=block.height,
        time=block.time,
        certified=certificate.read.height,
    )
