"""What may become of a report against a node."""

from __future__ import annotations

from govchaind.ledger.outcome_text import OutcomeText

ROWS: tuple[OutcomeText, ...] = (
    OutcomeText(420, "not-contradictory", "invalid", "The two statements are no contradiction.",
                "They are of another chain, of two heights, the same, or not in ascending order.",
                "Report two different statements of one height of this chain, the lesser first."),
    OutcomeText(421, "evidence-not-signed", "invalid", "The node has not signed both statements.",
                "A signature does not verify under the attestation key that the node has now.",
                "Take both from certificates or receipts that verify."),
    OutcomeText(422, "already-reported", "conflict", "This is known already.",
                "Evidence is kept once for each key and height.",
                "Nothing; see `govchaind evidence`."),
)  # fmt: skip
