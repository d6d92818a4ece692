"""Whether the node lives, and whether it is ready; if not, every reason why."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.models import ReadyReply
from govchaind.api.replies import json_reply
from govchaind.api.sentence import Sentence, tell
from govchaind.base.limits import (
    CERTIFIED_LAG_HEIGHTS_READY_MAX,
    CLOCK_AHEAD_MAX_MILLISECONDS,
    ELECTION_TIMEOUT_SECONDS_MAX,
    REST_BLOCK_INTERVAL_SECONDS,
)
from govchaind.replica.events import Status
from govchaind.runtime.signing import SignerState

CATCHING_UP_HEIGHTS_MAX = 100  # committed but not applied here
OBSERVERS = ("observer",)


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(tags=["health"])

    @router.get(
        "/healthz",
        operation_id="getHealth",
        summary="200 as long as the node's loop turns",
        response_class=Response,
        responses={200: {"description": "ok", "content": {"text/plain": {"example": "ok"}}}},
    )
    async def health() -> Response:
        return Response("ok\n", media_type="text/plain")

    @router.get(
        "/readyz",
        operation_id="getReadiness",
        summary="200 if the node is ready, 503 with every reason if it is not",
        response_model=ReadyReply,
        responses={503: {"model": ReadyReply, "description": "Not ready; the reasons say why"}},
    )
    async def readiness() -> Response:
        status = context.board.status
        reasons = [reason.english for reason in reasons_not_ready(context, status)]
        reply = ReadyReply(
            ready=not reasons,
            reasons=reasons,
            warnings=[warning.english for warning in context.warnings],
            height=status.height,
        )
        return json_reply(reply, status.height, status=503 if reasons else 200)

    return router


def reasons_not_ready(context: Context, status: Status) -> list[Sentence]:
    """Return every reason why the node is not ready; none if it is."""
    reasons: list[Sentence] = []
    if context.stopping.is_set():
        reasons.append(tell("stopping: an operator has asked this node to stop"))
    if status.role in OBSERVERS:
        if not context.links():
            reasons.append(tell("no peer: an observer needs a link to a node that feeds it"))
    elif status.leader is None:
        reasons.append(tell("no leader: a majority of the validators must be linked to elect one"))
    reasons += _joining(context)
    behind = status.commit - status.height
    if behind > CATCHING_UP_HEIGHTS_MAX:
        reasons.append(
            tell(
                "catching up: %(count)s committed blocks are not applied here yet",
                count=str(behind),
            )
        )
    if status.lacking:
        reasons.append(
            tell(
                "blocks lacking: block %(height)s is needed next, and every linked node has "
                "removed it",
                height=str(status.lacking),
            )
        )
    lag = status.height - status.certified
    if lag > CERTIFIED_LAG_HEIGHTS_READY_MAX:
        reasons.append(
            tell(
                "certificates lag: %(count)s heights are applied but not certified", count=str(lag)
            )
        )
    if not status.room:
        reasons.append(tell("storage full: this node refuses writes until there is room"))
    if not status.in_configuration:
        reasons.append(
            tell("store not admitted: the ledger does not know this node under this store")
        )
    if status.write_pending_seconds > ELECTION_TIMEOUT_SECONDS_MAX:
        waited = f"{status.write_pending_seconds:.0f}"
        reasons.append(tell("disk stalls: a write has waited %(seconds)s s", seconds=waited))
    for signer in context.signers:
        reasons += _signer(signer)
    reasons += _clock(status, context.wall_milliseconds())
    return reasons


def _signer(signer: SignerState) -> list[Sentence]:
    """Say why this node attests to nothing: a signer holds its key, and does not sign."""
    if signer.standing in ("starting", "there"):
        return []
    why = signer.reason
    if signer.standing == "away":
        return [tell("signer away: this node signs no results until it is back (%(why)s)", why=why)]
    if signer.standing == "set-back":
        return [tell("signer set back: this node has nothing signed by it (%(why)s)", why=why)]
    return [tell("signer refuses: this node's results are not signed (%(why)s)", why=why)]


def _joining(context: Context) -> list[Sentence]:
    """Say how far a snapshot is fetched, if one is."""
    share = None if context.joining is None else context.joining.share
    if share is None:
        return []
    percent, height = str(int(share * 100)), str(context.joining.height if context.joining else 0)
    return [
        tell(
            "joining by snapshot: %(percent)s %% of the state at height %(height)s is here",
            percent=percent,
            height=height,
        )
    ]


def _clock(status: Status, wall_milliseconds: int) -> list[Sentence]:
    """Compare block time with this node's clock: the network makes a block at least each minute."""
    ahead = status.block_time - wall_milliseconds
    if ahead > CLOCK_AHEAD_MAX_MILLISECONDS:
        seconds = str(ahead // 1000)
        return [
            tell(
                "clock wrong: block time is %(seconds)s s ahead of this node's clock",
                seconds=seconds,
            )
        ]
    idle = 2 * REST_BLOCK_INTERVAL_SECONDS * 1000 + CLOCK_AHEAD_MAX_MILLISECONDS
    if status.height > 0 and -ahead > idle and status.leader is not None:
        return [
            tell(
                "clock wrong, or no blocks: the newest block is %(seconds)s s old by this node's "
                "clock",
                seconds=str(-ahead // 1000),
            )
        ]
    return []
