"""A node's own answers, which are never on the ledger."""

from __future__ import annotations

from govchaind.ledger.outcome_text import OutcomeText

ROWS: tuple[OutcomeText, ...] = (
    OutcomeText(200, "pool-full", "busy", "This node's pool is full.",
                "More is offered than the network orders.",
                "Send the same bytes again later, or to another node."),
    OutcomeText(201, "institution-share-full", "busy", "The institution's share is full.",
                "One institution may fill only a part of the pool.",
                "Wait for its own transactions to be included; send the same bytes again."),
    OutcomeText(202, "storage-full", "busy", "This node has no room on its disk.",
                "It refuses writes until there is room.", "Send it to another node."),
    OutcomeText(203, "shutting-down", "busy", "This node is stopping.",
                "An operator has asked it to.", "Send it to another node."),
    OutcomeText(204, "malformed-transaction", "invalid", "These bytes are not a transaction.",
                "They are not the one form of a transaction within bounds.",
                "Encode it as docs/protocol.md says."),
    OutcomeText(205, "bad-signature", "invalid", "A signature does not verify.",
                "It is not the key's strict signature of these body bytes.",
                "Sign the exact body bytes again."),
    OutcomeText(206, "inbox-full", "busy", "This node cannot take more now.",
                "Its queue of transactions is full.",
                "Send the same bytes again later, or to another node."),
)  # fmt: skip
