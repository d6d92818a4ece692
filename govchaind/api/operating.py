"""What an operator asks of a running node by HTTP: a louder log, with an end.

Rules it keeps:
- It needs a token with the scope `operate`, whatever else the node asks for none: no token is ever
  enough by being absent.
- Nothing here reaches the ledger, and nothing lasts: the settings say how a node is.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from govchaind.api.access import OPERATING
from govchaind.api.context import Context, LogSwitch
from govchaind.api.replies import failures
from govchaind.base.errors import Conflict

LOUD_SECONDS_MAX = 24 * 3600


class LogLevelAsked(BaseModel):
    """Which events the log shall show, and for how long."""

    model_config = ConfigDict(extra="forbid", strict=True)

    level: Literal["debug", "info", "warning", "error"]
    seconds: int = Field(ge=1, le=LOUD_SECONDS_MAX, description="then it is as set again")


class LogLevelReply(BaseModel):
    """What the log shows from now on."""

    level: str
    seconds: int | None = Field(description="until it is as set again; null: it is")


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix=OPERATING.rstrip("/"), tags=["operating"])

    @router.put(
        "/log-level",
        operation_id="changeLogLevel",
        summary="Show more, or fewer, events in the log for a while",
        description="Needs a token with the scope operate. Asked again, the time begins anew.",
        response_model=LogLevelReply,
        responses=failures(400, 409),
    )
    async def change(asked: LogLevelAsked) -> Response:
        _log_of(context).change(asked.level, asked.seconds)
        reply = LogLevelReply(level=asked.level, seconds=asked.seconds)
        return JSONResponse(reply.model_dump())

    @router.delete(
        "/log-level",
        operation_id="resetLogLevel",
        summary="Show in the log what the settings say, at once",
        description="Needs a token with the scope operate.",
        response_model=LogLevelReply,
        responses=failures(409),
    )
    async def reset() -> Response:
        level = _log_of(context).as_set()
        return JSONResponse(LogLevelReply(level=level, seconds=None).model_dump())

    return router


def _log_of(context: Context) -> LogSwitch:
    if context.log is None:
        raise Conflict(
            "this node's log has no level that could be changed",
            code="no-log-level",
            remedy="Ask the process that runs the node.",
        )
    return context.log
