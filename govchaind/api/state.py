"""The authenticated state by its raw keys (ledger/state_keys.py), and its proofs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.models import StateReply
from govchaind.api.reading import certified_height, outline_at, plain, read_hex, stored
from govchaind.api.replies import (
    AtHeight,
    Linearizable,
    catch_up,
    cbor_reply,
    check_height,
    failures,
    json_reply,
    with_cbor,
)
from govchaind.api.viewer import BY_OFFICE, viewer_in
from govchaind.base.errors import Busy, Gone, Invalid, NotFound, StorageCorrupt
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import STATE_KEY_BYTES_MAX
from govchaind.base.types import Height
from govchaind.ledger.state import State
from govchaind.ledger.state_proof import build_state_proof
from govchaind.ledger.state_tree import StateTree
from govchaind.replica.store import applied_height
from govchaind.replica.stored_certificates import certificate_at

StateKey = Annotated[
    str, Path(description="the state key in hex", min_length=2, max_length=2 * STATE_KEY_BYTES_MAX)
]


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1/state", tags=["state"])

    @router.get(
        "/{key}",
        operation_id="getState",
        summary="The value of a state key, now or at a past height",
        description="With proof=true: CBOR bytes that prove the value, or that there is none, at "
        "the newest certified checkpoint or at the one that `height` names.",
        response_model=StateReply,
        responses={200: with_cbor("The value, or its proof"), **failures(400, 404, 410, 503)},
        openapi_extra=BY_OFFICE,
    )
    async def get_state(
        request: Request,
        key: StateKey,
        height: AtHeight = None,
        linearizable: Linearizable = False,
        proof: Annotated[bool, Query(description="answer with a proof")] = False,
    ) -> Response:
        raw = read_hex(key, what="a state key")
        await catch_up(context, linearizable)
        state = State()
        with context.reading() as reader:
            applied = applied_height(reader)
            viewer = viewer_in(context, request, reader, "state")
            viewer.check(viewer.circles.of_key(raw))
            if proof:
                data = state_proof(reader, raw, height)
                return cbor_reply(data, applied, name="state.proof")
            check_height(height, applied)
            before = None if height is None else height + 1
            versions = state.history(reader, raw, limit=1, before_height=before)
        changed, value = versions[0] if versions else (None, None)
        speaks_of = applied if height is None else height
        reply = StateReply(
            height=speaks_of,
            key=raw.hex(),
            value=None if value is None else value.hex(),
            decoded=None if value is None else plain(stored(value)),
            changed_at=changed,
        )
        return json_reply(reply, speaks_of)

    return router


def state_proof(reader: KeyValueReader, key: bytes, height: Height | None) -> bytes:
    """Return a state proof at the newest certified checkpoint, or at the named one.

    Raises:
        Gone: the named checkpoint is no longer kept; the message names the nearest that is.
        Invalid: the named height is no checkpoint.
        Busy: the newest checkpoint has no certificate yet.
    """
    certified = certified_height(reader)
    tree = StateTree()
    if height is not None and height > certified:
        raise Busy(
            f"height {height} has no certificate here yet",
            code="not-certified-yet",
            remedy="Ask again in a moment, or without a height.",
        )
    try:
        checkpoint = tree.checkpoint_at(reader, certified if height is None else height)
    except Gone as gone:
        nearest = [kept for kept in tree.checkpoints(reader) if 0 < kept <= certified]
        if height is None or not nearest:
            raise Busy(
                "no checkpoint that can be proved has a certificate here yet",
                code="not-certified-yet",
                remedy="Ask again in a moment.",
            ) from None
        raise Gone(
            f"the state at {height} can no longer be proved; the nearest is {nearest[0]}",
            remedy=f"Ask with height={nearest[0]}, or without a height.",
        ) from gone
    if height is not None and checkpoint != height:
        raise NotFound(
            f"height {height} is not a checkpoint; the nearest below is {checkpoint}",
            code="not-a-checkpoint",
            remedy=f"Ask with height={checkpoint}, or without a height.",
        )
    if checkpoint == 0:
        raise Busy(
            "no checkpoint after genesis has a certificate here yet",
            code="not-certified-yet",
            remedy="Ask again in a moment.",
        )
    certificate = certificate_at(reader, certified)
    if certificate is None:
        raise StorageCorrupt(f"the certificate of height {certified} is missing from the store")
    if not key:
        raise Invalid("a state key has at least one byte", code="invalid-parameter")
    return build_state_proof(
        reader, key, checkpoint, outline_at(reader, checkpoint).header.raw, certificate
    )
