"""What may become of side values."""

from __future__ import annotations

from govchaind.ledger.outcome_text import OutcomeText

ROWS: tuple[OutcomeText, ...] = (
    OutcomeText(400, "side-value-exists", "conflict", "The side value is recorded already.",
                "An institution records one under a commitment once.",
                "Bring its sealed file to a node, if none holds it."),
    OutcomeText(401, "unknown-side-value", "not-found", "There is no such side value.",
                "This institution has recorded none under this commitment.",
                "Check the institution and the commitment."),
    OutcomeText(402, "side-value-removed", "conflict", "The side value was removed.",
                "The members have voted that its text must go; it never comes back.",
                "Write the text anew, without what it must not hold, under a new salt."),
    OutcomeText(403, "bad-readers", "invalid", "The readers do not fit.",
                "An office stands twice, or does not exist.",
                "Name each office once, as the ledger has it."),
    OutcomeText(404, "party-left-out", "invalid", "A party to the request could not read it.",
                "What is about a request is sealed to both parties and to the supervisor.",
                "Seal it to the requester, the provider and the supervisor of the terms."),
    OutcomeText(405, "not-of-the-request", "not-permitted",
                "The office has no part in this request.",
                "Parties and supervisor record what is about a request.",
                "Sign as one of these, or record it without naming the request."),
)  # fmt: skip
