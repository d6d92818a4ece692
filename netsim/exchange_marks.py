"""Which marks the exchange of data has reached, told from what the model says of each block."""

from __future__ import annotations

from govchaind.ledger.outcomes import Code
from netsim.marks import Marks
from netsim.model import clocks
from netsim.model.ledger import Model, Result
from netsim.side_papers import REMOVED

OUTCOMES = {
    Code.UNKNOWN_CONDITION: "condition-refused",
    Code.GRANT_USED_UP: "grant-used-up",
    Code.REQUEST_NOT_OPEN: "answered-twice",
    Code.EVIDENCE_NOT_SIGNED: "evidence-forged",
}
COUNTED = {
    clocks.GRANTED: "request-granted",
    clocks.EXTENDED: "time-extended",
    clocks.OVERTURNED: "refusal-overturned",
    clocks.REVOKED: "grant-revoked",
}


def mark_exchange(model: Model, since: int, marks: Marks) -> int:
    """Look at the heights after `since`; return up to which the model has come."""
    for result in model.results[since:]:
        for _, _, code, _ in result.outcomes:
            if code in OUTCOMES:
                marks.reach(OUTCOMES[Code(code)])
        _changes(model, result, marks)
    return model.height


def _changes(model: Model, result: Result, marks: Marks) -> None:
    for place, value in result.changes.items():
        if place[:1] == b"\x21":
            marks.reach("evidence-kept")
        elif place[:1] == b"\x20" and value[REMOVED] is not None:
            marks.reach("side-value-removed")
        elif place[:1] == b"\x14":
            before = model.get(place, result.height - 1) or [0] * clocks.ENTRIES
            for entry, name in COUNTED.items():
                if value[entry] > before[entry]:
                    marks.reach(name)
