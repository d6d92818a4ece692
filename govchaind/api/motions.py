"""What institutions decide together: motions with their ballots, and the rules that carry them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.decision_models import (
    MotionReply,
    MotionsReply,
    MotionState,
    MotionView,
    RulesReply,
    RuleView,
)
from govchaind.api.listing import sifted
from govchaind.api.motion_words import (
    KIND_WORDS,
    motion_words,
    notice_words,
    share_words,
)
from govchaind.api.reading import iso, plain, read_hex, stored
from govchaind.api.replies import failures, json_reply, words_view
from govchaind.base.encoding import encode
from govchaind.base.errors import NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import INSTITUTIONS_MAX, MOTIONS_PAGE_MAX
from govchaind.base.types import Hash
from govchaind.ledger.operations.ballots import BALLOTS, CARRIED, ENACTED, KIND, MOVED
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.operations.rules import Rule, rule_of
from govchaind.ledger.operations.standings import counting, set_aside, void_ballots
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import MOTION, ballot_key, motion_key, rule_key
from govchaind.ledger.working_days import departures
from govchaind.ledger.working_state import WorkingState
from govchaind.replica.store import applied_height

MotionDigest = Annotated[str, Path(description="the motion's digest: 64 hex digits")]
_STATE = State()
_TIMES = ("effect", "until", "ends")  # arguments that are block times


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1", tags=["decisions"])

    @router.get(
        "/motions",
        operation_id="listMotions",
        summary="Motions: what they order, who has voted, what is missing",
        description="In order of their digests. `state=open` and `state=carried` give what is yet "
        "to be decided or enacted.",
        response_model=MotionsReply,
        responses=failures(400),
    )
    async def list_motions(
        state: Annotated[
            MotionState | None, Query(description="only motions of this state; without it all")
        ] = None,
        after: Annotated[str | None, Query(description="digest of the last one before")] = None,
        limit: Annotated[
            int, Query(ge=1, le=MOTIONS_PAGE_MAX, description="most motions in the reply")
        ] = 50,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            desk = Desk(reader)
            motions, following = desk.page(after, limit, () if state is None else (state,))
        reply = MotionsReply(
            height=applied, institutions=desk.institutions, motions=motions, next=following
        )
        return json_reply(reply, applied)

    @router.get(
        "/motions/{digest}",
        operation_id="getMotion",
        summary="One motion",
        response_model=MotionReply,
        responses=failures(400, 404),
    )
    async def get_motion(digest: MotionDigest) -> Response:
        name = read_hex(digest, what="a motion's digest", length=32)
        with context.reading() as reader:
            applied = applied_height(reader)
            desk = Desk(reader)
            view = desk.motion(name)
        reply = MotionReply(**dict(view), height=applied, institutions=desk.institutions)
        return json_reply(reply, applied)

    @router.get(
        "/rules",
        operation_id="listRules",
        summary="By how many each kind of motion is carried, and its notice",
        response_model=RulesReply,
    )
    async def list_rules() -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            desk = Desk(reader)
            rules = desk.rules()
        reply = RulesReply(height=applied, institutions=desk.institutions, rules=rules)
        return json_reply(reply, applied)

    return router


class Desk:
    """Motions as one snapshot has them, each judged by the rule and the institutions of now."""

    def __init__(self, reader: KeyValueReader) -> None:
        self._reader = reader
        self._state = WorkingState(_STATE, reader, {}, keeps_cache=False)
        self._rules: dict[int, Rule] = {}
        self.institutions = counting(self._state)
        self._aside = frozenset(set_aside(self._state))

    def rule(self, kind: int) -> Rule:
        if kind not in self._rules:
            self._rules[kind] = rule_of(kind, self._state)
        return self._rules[kind]

    def rules(self) -> list[RuleView]:
        """Return the rule of every kind."""
        return [self._rule_view(int(kind)) for kind in MotionKind]

    def motion(self, digest: Hash) -> MotionView:
        """Return one motion. Raises NotFound."""
        value = _STATE.get(self._reader, motion_key(digest))
        if value is None:
            raise NotFound(f"there is no motion {digest.hex()[:16]}…")
        record = stored(value)
        return self._view(digest, record, self._stands(digest, record))

    def page(
        self, after: str | None, limit: int, states: tuple[MotionState, ...]
    ) -> tuple[list[MotionView], str | None]:
        """Return one page of motions in some of these states (none: all), and where to go on."""
        last = None
        if after is not None:
            last = motion_key(read_hex(after, what="after", length=32))

        def view(digest: bytes, value: bytes) -> MotionView | None:
            record = stored(value)
            stands = self._stands(digest, record)
            if states and stands not in states:
                return None
            return self._view(digest, record, stands)

        found, following = sifted(self._reader, MOTION, after=last, limit=limit, view=view)
        return found, None if following is None else following[1:].hex()

    def _needed(self, kind: int) -> int:
        return self.rule(kind).ballots(self.institutions)

    def _counted(self, digest: Hash, record: list[Any]) -> int:
        """Return how many of a motion's ballots count now."""
        ballots: int = record[BALLOTS]
        return ballots - (void_ballots(digest, self._state) if record[ENACTED] is None else 0)

    def _stands(self, digest: Hash, record: list[Any]) -> MotionState:
        if record[ENACTED] is not None:
            return "enacted"
        needed = self._needed(record[KIND])
        carried = record[CARRIED] is not None and self._counted(digest, record) >= needed
        return "carried" if carried else "open"

    def _view(self, digest: Hash, record: list[Any], stands: MotionState) -> MotionView:
        kind, arguments, round_number = record[:BALLOTS]
        needed, carried = self._needed(kind), record[CARRIED]
        enactable = carried + self.rule(kind).notice if stands == "carried" else None
        prefix = ballot_key(digest, "")
        rows = _STATE.scan(self._reader, prefix, limit=INSTITUTIONS_MAX)
        voted = [key[len(prefix) :].decode() for key, _, _ in rows]
        void = self._aside if stands != "enacted" else frozenset()
        ballots = self._counted(digest, record)
        return MotionView(
            digest=digest.hex(),
            kind=kind,
            name=MOTIONS[kind].name,
            round=round_number,
            words=words_view(motion_words(kind, arguments)),
            arguments=named_arguments(kind, arguments),
            arguments_cbor=encode(arguments).hex(),
            state=stands,
            ballots=ballots,
            ballots_needed=needed,
            ballots_missing=0 if stands == "enacted" else max(0, needed - ballots),
            voted=[name for name in voted if name not in void],
            not_counted=[name for name in voted if name in void],
            moved_at=record[MOVED],
            carried_at_ms=carried,
            carried_at=iso(carried),
            enactable_from_ms=enactable,
            enactable_from=iso(enactable),
            enacted_at=record[ENACTED],
        )

    def _rule_view(self, kind: int) -> RuleView:
        rule = self.rule(kind)
        return RuleView(
            kind=kind,
            name=MOTIONS[kind].name,
            words=words_view(KIND_WORDS[kind]),
            numerator=rule.numerator,
            denominator=rule.denominator,
            notice_ms=rule.notice,
            share=words_view(share_words(rule.numerator, rule.denominator)),
            notice=words_view(notice_words(rule.notice)),
            ballots_needed=self._needed(kind),
            by_default=_STATE.get(self._reader, rule_key(kind)) is None,
        )


def named_arguments(kind: int, arguments: list[Any]) -> dict[str, Any]:
    """Return a motion's arguments by their names, with what makes them readable beside them."""
    named = dict(zip(MOTIONS[kind].shape.__struct_fields__, plain(arguments), strict=True))
    for name in _TIMES:
        if name in named:
            named[f"{name}_ms"] = named[name]
            named[name] = iso(named[name])
    if kind == MotionKind.SET_RULE and named["motion"] in MOTIONS:
        named["motion_name"] = MOTIONS[named["motion"]].name
    if kind == MotionKind.ADOPT_CALENDAR:
        holidays, worked = departures(named["year"], arguments[-1])
        named["holidays"] = [day.isoformat() for day in holidays]
        named["worked"] = [day.isoformat() for day in worked]
    return named
