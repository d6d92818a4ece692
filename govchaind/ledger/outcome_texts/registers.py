"""What may become of an entry in a register."""

from __future__ import annotations

from govchaind.ledger.outcome_text import OutcomeText

ROWS: tuple[OutcomeText, ...] = (
    OutcomeText(100, "register-exists", "conflict", "A register of this name exists.",
                "Names of registers are unique on the chain.", "Choose another name."),
    OutcomeText(101, "unknown-register", "not-found", "There is no such register.",
                "No register of that name has been created.", "Check the name."),
    OutcomeText(102, "not-a-writer", "not-permitted", "The office may not write this register.",
                "Only the owner and the listed writers may.",
                "Ask the register's owner."),
    OutcomeText(103, "value-does-not-fit-schema", "invalid", "The value does not fit the schema.",
                "The number or the types of its fields are not the register's.",
                "Correct the value; a commitment register takes 32 bytes."),
    OutcomeText(104, "value-too-large", "invalid", "The value is too large.",
                "A record has at most 16 KiB.",
                "Keep the document elsewhere and record its hash."),
    OutcomeText(105, "revision-conflict", "conflict", "The record has another revision.",
                "Somebody changed it since it was read.",
                "Read the record again and decide anew."),
    OutcomeText(106, "record-retired", "conflict", "The record is retired.",
                "A retired record is final.", "Use another key."),
    OutcomeText(107, "unknown-record", "not-found", "There is no such record.",
                "Nothing was ever put under that key.", "Check the key."),
    OutcomeText(108, "bad-schema", "invalid", "The schema is not usable.",
                "One field's name stands twice, or a commitment register names fields.",
                "Correct the schema."),
    OutcomeText(109, "unknown-writer", "not-found", "A listed writer does not exist.",
                "The register names an office that is not on the ledger.",
                "Check the writers; have the office created first."),
)  # fmt: skip
