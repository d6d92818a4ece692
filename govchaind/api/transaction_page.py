"""The page of a transaction: what it did, what became of it, and what its receipt proves."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.chain import transaction_content
from govchaind.api.context import Context
from govchaind.api.models import TransactionView
from govchaind.api.outcome_words import outcome_words
from govchaind.api.proof_words import receipt_words
from govchaind.api.reading import block_at, certified_height, read_hex
from govchaind.api.rendering import Renderer
from govchaind.api.sentence import Sentence
from govchaind.api.sentences import author_of, sentences, withheld_words
from govchaind.api.titles import StateTitles, Titles
from govchaind.api.transactions import fate_now
from govchaind.api.viewer import viewer_in
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import BlockTime
from govchaind.ledger.outcomes import OUTCOMES, Outcome
from govchaind.ledger.transaction import Transaction

SENTENCES_SHOWN = 5


def add_transaction_page(router: APIRouter, context: Context, render: Renderer) -> None:
    """Add the page to the others."""

    @router.get("/transactions/{name}")
    async def transaction(request: Request, name: str) -> Response:
        wanted = read_hex(name, what="a transaction's id", length=32)
        view, applied = fate_now(context, wanted)
        item, told, proof, content = None, [], None, None
        if view.height is not None and view.position is not None:
            with context.reading() as reader:
                block = block_at(reader, view.height)
                item = block.transactions[view.position]
                titles = StateTitles(reader)
                viewer = viewer_in(context, request, reader, "transactions")
                content = transaction_content(viewer, item, view.code, view.operation)
                told = sentences(item, SENTENCES_SHOWN, refused=view.code != 0, titles=titles)
                if content.withheld:
                    told = [withheld_words(item, titles)]
                elif view.status == "certified":
                    proof = _proof(reader, view, item, block.time, titles)
        count = 0 if content is None else len(content.operations)
        return render.page(
            request,
            "transaction.html",
            applied,
            view=view,
            content=content,
            sentences=told,
            outcome=None if view.code is None else outcome_words(OUTCOMES[view.code]),
            proof=proof,
            more=max(0, count - SENTENCES_SHOWN),
        )


def _proof(
    reader: KeyValueReader,
    view: TransactionView,
    transaction: Transaction,
    time: BlockTime,
    titles: Titles,
) -> Sentence:
    """Return what the receipt of a certified transaction proves."""
    return receipt_words(
        transaction=transaction.id,
        author=author_of(transaction, titles),
        outcome=Outcome(view.code or 0, view.operation),
        height=view.height or 0,
        time=time,
        certified=certified_height(reader),
    )
