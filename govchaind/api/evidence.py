"""Evidence against nodes: what one has signed twice over, and who reported it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.outlook_models import ContradictionView, EvidenceReply, SignedStatementView
from govchaind.api.replies import json_reply
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import EVIDENCE
from govchaind.ledger.statement import read_statement
from govchaind.ledger.working_state import WorkingState
from govchaind.replica.store import applied_height


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1", tags=["network"])

    @router.get(
        "/evidence",
        operation_id="listEvidence",
        summary="Proofs that a node has signed two different statements of one height",
        response_model=EvidenceReply,
    )
    async def list_evidence() -> Response:
        with context.reading() as reader:
            state = WorkingState(State(), reader, {}, keeps_cache=False)
            found = [_contradiction(key, value) for key, value in state.scan(EVIDENCE)]
            height = applied_height(reader)
        return json_reply(EvidenceReply(height=height, evidence=found), height)

    return router


def _contradiction(key: bytes, value: list[Any]) -> ContradictionView:
    node, institution, first, second, reporter, reported_at = value
    return ContradictionView(
        node=node,
        institution=institution,
        attestation_key=key[1:33].hex(),
        signed_height=int.from_bytes(key[33:], "big"),
        first=_signed(*first),
        second=_signed(*second),
        reported_by=reporter,
        reported_at=reported_at,
    )


def _signed(statement: bytes, signature: bytes) -> SignedStatementView:
    said = read_statement(statement)
    return SignedStatementView(
        block_hash=said.block_hash.hex(),
        outcomes_root=said.outcomes_root.hex(),
        state_root=None if said.state_root is None else said.state_root.hex(),
        log_root=said.log_root.hex(),
        statement=statement.hex(),
        signature=signature.hex(),
    )
