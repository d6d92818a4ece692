"""The page of decisions: what is voted on and by whom not yet, notices that run, ends that near."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.decision_models import MotionView
from govchaind.api.institutions import institution_page
from govchaind.api.mandates import mandate_page, warning_days
from govchaind.api.motions import Desk
from govchaind.api.outlook import outlook_reply
from govchaind.api.reading import ledger_time
from govchaind.api.rendering import Renderer
from govchaind.ledger.outlook import outlook as outlook_at
from govchaind.replica.store import applied_height

MOTIONS_SHOWN = 50
MANDATES_SHOWN = 50
INSTITUTIONS_NAMED = 50  # beyond that it says how many have yet to vote, and not which
RISKS_SHOWN = 50


def add_decision_page(router: APIRouter, context: Context, render: Renderer) -> None:
    """Add the page to the others."""

    @router.get("/decisions")
    async def decisions(
        request: Request, after: Annotated[str | None, Query(max_length=64)] = None
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            now = ledger_time(reader, context.genesis.time)
            desk = Desk(reader)
            motions, following = desk.page(after, MOTIONS_SHOWN, ("open", "carried"))
            rules = desk.rules()
            ahead = outlook_at(reader, now, context.genesis.time)
            institutions, more_institutions = institution_page(reader, None, INSTITUTIONS_NAMED)
            days = warning_days(reader)
            mandates, more_mandates = mandate_page(
                reader, now, None, MANDATES_SHOWN, ending_within_days=days
            )
        names = (
            None
            if more_institutions
            else [each.name for each in institutions if each.standing == "taking-part"]
        )
        rows = [_row(motion, names, now) for motion in motions]
        return render.page(
            request,
            "decisions.html",
            applied,
            open=[row for row in rows if row["motion"].state == "open"],
            carried=[row for row in rows if row["motion"].state == "carried"],
            first=after is None,
            next=following,
            mandates=mandates,
            more_mandates=more_mandates,
            rules=rules,
            institutions=desk.institutions,
            days=days,
            outlook=outlook_reply(ahead, sum(each.ends_soon for each in mandates), applied, now),
            risks_shown=RISKS_SHOWN,
        )


def _row(motion: MotionView, names: list[str] | None, now: int) -> dict[str, Any]:
    """Return a motion with who has yet to vote (None: too many to name), and whether it may go."""
    waited_for = None if names is None else [name for name in names if name not in motion.voted]
    ends = motion.enactable_from_ms
    return {"motion": motion, "waited_for": waited_for, "over": ends is not None and ends <= now}
