"""What may become of suspensions, parameters and upgrades, and of mandates that return."""

from __future__ import annotations

from govchaind.ledger.outcome_text import OutcomeText

ROWS: tuple[OutcomeText, ...] = (
    OutcomeText(184, "institution-suspended", "not-permitted", "The institution is suspended.",
                "Institutions have voted to suspend it; until it is restored it can do nothing.",
                "Have it restored by a vote, then sign anew."),
    OutcomeText(185, "institution-removed", "not-permitted", "The institution is removed.",
                "Institutions have voted to remove it, and that is final.",
                "Nothing; what it did before stays readable and provable."),
    OutcomeText(186, "not-suspended", "conflict", "The institution is not suspended.",
                "Only a suspended institution can be restored or removed.",
                "To remove it, have it suspended first."),
    OutcomeText(187, "institution-has-nodes", "conflict", "The institution has nodes yet.",
                "Removing an institution removes no node of it silently.",
                "Have each of its nodes removed by a vote of its own first."),
    OutcomeText(188, "last-institution", "conflict", "The last institution cannot be suspended.",
                "Without one that counts nobody could ever decide again.",
                "Admit or restore another institution first."),
    OutcomeText(189, "too-many-suspended", "busy", "No further institution can be suspended.",
                "The chain's bound on those suspended and removed is reached.",
                "Restore one first, or ask for a higher bound by an upgrade."),
    OutcomeText(190, "unknown-parameter", "not-found", "There is no parameter of this name.",
                "Only the numbers of a fixed table can be changed by a vote.",
                "See `govchaind parameters` for their names."),
    OutcomeText(191, "parameter-out-of-bounds", "invalid", "The parameter cannot be set so.",
                "Its value is below its least or above its most.",
                "See `govchaind parameters` for its bounds."),
    OutcomeText(192, "not-ready", "conflict", "Too few validators are ready for the version.",
                "A certificate quorum of them must have declared so, or more if the motion asks.",
                "Upgrade the software of further nodes and declare them ready."),
    OutcomeText(193, "version-wrong", "conflict", "The version is not one that can follow.",
                "Versions are activated one after the other, and none is declared that is past.",
                "Name the version after the one in force."),
    OutcomeText(194, "node-of-another", "not-permitted", "The node is of another institution.",
                "Only a node's own institution says what it is ready for.",
                "Have that institution declare it."),
    OutcomeText(195, "mandate-line-in-force", "conflict", "One of the mandate's line is in force.",
                "Its predecessor or successor has not ended by then, or a later one came after it.",
                "Repeal that one first, or restore the newest one of the line that has ended."),
)  # fmt: skip
