"""Evidence against nodes: what one has signed twice over, who reported it, and what is only kept.

What the ledger has is the same everywhere. Besides, each node keeps what it has come by: from its
peers' attestations and certificates, or brought to it here. It has no office key, so it reports
nothing by itself; whoever has one takes it from here. Whatever is brought is judged at this door:
only what a validator has signed twice, under the key that the state has for it, goes further.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.outlook_models import (
    ContradictionView,
    EvidenceReply,
    EvidenceTaken,
    KeptEvidenceView,
    SignedStatementView,
)
from govchaind.api.replies import CBOR, failures, json_reply
from govchaind.base.encoding import read
from govchaind.base.errors import InvalidProof
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import CERTIFICATE_BYTES_MAX
from govchaind.base.types import Hash, Height, NodeId, PublicKey
from govchaind.ledger.certificate import read_certificate
from govchaind.ledger.contradiction import Contradiction, proved
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import EVIDENCE, evidence_key, node_key
from govchaind.ledger.statement import read_statement
from govchaind.ledger.working_state import WorkingState
from govchaind.replica.events import Accused
from govchaind.replica.evidence import kept_evidence
from govchaind.replica.store import applied_height

_ATTESTATION_KEY = 3  # place in a node's value (state_keys.py)
_BODY = {
    "required": True,
    "description": "A CBOR array of two byte strings: certificates of one height that differ.",
    "content": {CBOR: {"schema": {"type": "string", "format": "binary"}}},
}


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
            found = evidence_views(reader)
            kept = kept_views(reader)
            height = applied_height(reader)
        return json_reply(EvidenceReply(height=height, evidence=found, kept=kept), height)

    @router.post(
        "/evidence",
        operation_id="bringEvidence",
        summary="Bring two certificates of one height that contradict each other",
        description="The node keeps what a validator has signed twice, and shows it from then on.",
        response_model=EvidenceTaken,
        responses=failures(400, 413),
        openapi_extra={"requestBody": _BODY},
    )
    async def bring(request: Request) -> Response:
        data = await request.body()
        one, other = read(data, tuple[bytes, bytes], bytes_max=2 * CERTIFICATE_BYTES_MAX + 16)
        with context.reading() as reader:
            height = applied_height(reader)
            found = _judged(reader, context.genesis.chain_id, one, other)
        for key, each in found:
            context.inbox.put_own(Accused(key, each))
        accused = [each.node for _, each in found]
        return json_reply(EvidenceTaken(height=height, accused=accused), height)

    return router


def _judged(
    reader: KeyValueReader, chain_id: Hash, one: bytes, other: bytes
) -> list[tuple[PublicKey, Contradiction]]:
    """Return who is proved to have signed both. Raises InvalidProof: nobody is."""
    state = WorkingState(State(), reader, {}, keeps_cache=False)

    def key_of(node: NodeId, height: Height) -> PublicKey | None:
        fields = state.decoded(node_key(node))
        return None if fields is None else fields[_ATTESTATION_KEY]

    first = read_certificate(one)
    found = list(proved(first, read_certificate(other), key_of))
    if not found or first.read.chain_id != chain_id:
        raise InvalidProof(
            "no validator has signed both",
            code="no-contradiction",
            remedy="Bring two certificates of one height of this chain that state different things "
            "and have a signer in common.",
        )
    return found


def evidence_views(reader: KeyValueReader) -> list[ContradictionView]:
    """Return what is on the ledger."""
    state = WorkingState(State(), reader, {}, keeps_cache=False)
    return [_contradiction(key, value) for key, value in state.scan(EVIDENCE)]


def kept_views(reader: KeyValueReader) -> list[KeptEvidenceView]:
    """Return what this node keeps."""
    state = WorkingState(State(), reader, {}, keeps_cache=False)
    return [
        KeptEvidenceView(
            node=found.node,
            attestation_key=key.hex(),
            signed_height=found.height,
            first=_signed(found.first, found.first_signature),
            second=_signed(found.second, found.second_signature),
            reported=state.get(evidence_key(key, found.height)) is not None,
        )
        for key, found in kept_evidence(reader)
    ]


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
