"""Every outcome: number, name, text, cause, remedy. The API, the CLI and the docs read this table.

Numbers and names are for ever. 0 is applied. 1 to 99 judge a transaction as a whole, 100 to 199
are the families' refusals, and 200 and up are **door codes**: a node's own answer to an offer,
never an outcome on the ledger.

`consumes_id` says whether a transaction refused so is remembered by its id (a later copy is then a
duplicate). It is not where somebody else could have caused the refusal by meddling with the
signatures, nor where the id has no place in this chain's memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, unique
from types import MappingProxyType
from typing import Literal

OutcomeClass = Literal["applied", "invalid", "not-permitted", "not-found", "conflict", "busy"]


@unique
class Code(IntEnum):
    """The numbers."""

    APPLIED = 0
    WRONG_CHAIN = 1
    EXPIRED = 2
    VALID_TOO_FAR_AHEAD = 3
    DUPLICATE = 4
    UNKNOWN_INSTITUTION = 5
    UNKNOWN_OFFICE = 6
    SIGNATURES_INSUFFICIENT = 7
    SUPERFLUOUS_SIGNATURE = 8
    KEY_NOT_OF_OFFICE = 9
    KEY_NOT_YET_VALID = 10
    KEY_EXPIRED = 11
    KEY_REVOKED = 12
    TOO_MANY_LIVE = 13
    UNKNOWN_OPERATION = 14
    MALFORMED_OPERATION = 15
    INTERNAL_ERROR = 16

    REGISTER_EXISTS = 100
    UNKNOWN_REGISTER = 101
    NOT_A_WRITER = 102
    VALUE_DOES_NOT_FIT_SCHEMA = 103
    VALUE_TOO_LARGE = 104
    REVISION_CONFLICT = 105
    RECORD_RETIRED = 106
    UNKNOWN_RECORD = 107
    BAD_SCHEMA = 108
    UNKNOWN_WRITER = 109

    OFFICE_EXISTS = 120
    NOT_GOVERNING_OFFICE = 121
    BAD_POLICY = 122
    UNKNOWN_KEY = 123
    KEY_ALREADY_OF_OFFICE = 124
    NO_SUCH_OFFICE = 125

    INSTITUTION_EXISTS = 140
    TOO_MANY_INSTITUTIONS = 141
    UNKNOWN_MOTION = 142
    MALFORMED_MOTION = 143
    ALREADY_VOTED = 144
    MOTION_ALREADY_ENACTED = 145
    NO_SUCH_INSTITUTION = 146
    NO_SUCH_MOTION = 147
    NOT_VOTED = 148
    NOT_CARRIED = 149
    NOTICE_NOT_OVER = 150
    BAD_RULE = 151

    UNKNOWN_NODE = 160
    NODE_KEY_IN_USE = 161
    LAST_VALIDATOR = 162
    TOO_MANY_NODES = 163
    TOO_MANY_VALIDATORS = 164
    SAME_STORE = 165
    NOTHING_CHANGES = 166

    BAD_CALENDAR = 170
    CALENDAR_VERSION_WRONG = 171

    MANDATE_EXISTS = 180
    UNKNOWN_MANDATE = 181
    MANDATE_HAS_SUCCESSOR = 182
    BAD_MANDATE = 183

    POOL_FULL = 200
    INSTITUTION_SHARE_FULL = 201
    STORAGE_FULL = 202
    SHUTTING_DOWN = 203
    MALFORMED_TRANSACTION = 204
    BAD_SIGNATURE = 205
    INBOX_FULL = 206


@dataclass(frozen=True, slots=True)
class OutcomeText:
    """What one code means, for people and for doors."""

    code: int
    name: str
    kind: OutcomeClass
    text: str
    cause: str
    remedy: str
    consumes_id: bool = True

    @property
    def door(self) -> bool:
        """Whether it is a node's own answer and never on the ledger."""
        return self.code >= 200


_KEEPS = False  # the id is not consumed

_ROWS: tuple[OutcomeText, ...] = (
    OutcomeText(0, "applied", "applied", "All operations took effect.",
                "The transaction kept every rule.", "Nothing is left to do."),
    OutcomeText(1, "wrong-chain", "invalid", "It was made for another chain.",
                "The chain id in the body is not this chain's.",
                "Build it again with this chain's id.", _KEEPS),
    OutcomeText(2, "expired", "invalid", "Its time had passed.",
                "Block time was later than the last time at which it may be included.",
                "Build and sign it again with a later time.", _KEEPS),
    OutcomeText(3, "valid-too-far-ahead", "invalid", "Its last valid time is too far ahead.",
                "It would have to be remembered for more than 14 days.",
                "Build it again with a time at most 14 days ahead.", _KEEPS),
    OutcomeText(4, "duplicate", "conflict", "A transaction with this id was here before.",
                "The same body was included earlier, whatever its outcome was.",
                "Look up the first one's outcome by the id; that one counts.", _KEEPS),
    OutcomeText(5, "unknown-institution", "not-permitted", "The author's institution is unknown.",
                "No institution of that name is on this ledger.",
                "Check the name; have the institution admitted first.", _KEEPS),
    OutcomeText(6, "unknown-office", "not-permitted", "The author's office is unknown.",
                "The institution has no office of that name.",
                "Check the name; have the governing office create it.", _KEEPS),
    OutcomeText(7, "signatures-insufficient", "not-permitted", "Too few keys have signed.",
                "The office's policy asks for more signatures than it has.",
                "Have further keys of the office sign the same body; send it again.", _KEEPS),
    OutcomeText(8, "superfluous-signature", "not-permitted", "More keys have signed than needed.",
                "The office's policy asks for an exact number, one for each seat.",
                "Leave out the signatures beyond that number; send it again.", _KEEPS),
    OutcomeText(9, "key-not-of-office", "not-permitted", "A key that signed is not the office's.",
                "The office's policy does not list it.",
                "Sign with keys of the office that the body names.", _KEEPS),
    OutcomeText(10, "key-not-yet-valid", "not-permitted", "A key that signed is not yet valid.",
                "Block time was before the key's first valid time.",
                "Wait, or sign with a key that is valid.", _KEEPS),
    OutcomeText(11, "key-expired", "not-permitted", "A key that signed has expired.",
                "Block time was after the key's last valid time.",
                "Sign with the key that replaced it; have one set if there is none.", _KEEPS),
    OutcomeText(12, "key-revoked", "not-permitted", "A key that signed has been revoked.",
                "The governing office has revoked it.",
                "Sign with another key of the office.", _KEEPS),
    OutcomeText(13, "too-many-live", "busy", "The institution has too many transactions alive.",
                "Each included id is remembered until it expires, up to a bound each institution.",
                "Use shorter lifetimes, more operations in each; send it again later.", _KEEPS),
    OutcomeText(14, "unknown-operation", "invalid", "An operation's kind is unknown.",
                "No operation of that number is active on this chain.",
                "Check the number; the chain may need an upgrade first."),
    OutcomeText(15, "malformed-operation", "invalid", "An operation's arguments are wrong.",
                "They have not the documented shape, or are out of bounds.",
                "Correct the arguments; see the operation's page."),
    OutcomeText(16, "internal-error", "invalid", "An operation failed unexpectedly.",
                "A fault in the software; every node met the same one and kept nothing of it.",
                "Report it with the transaction's id."),
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
    OutcomeText(120, "office-exists", "conflict", "The institution has an office of this name.",
                "Names of offices are unique in their institution.", "Choose another name."),
    OutcomeText(121, "not-governing-office", "not-permitted", "The office may not do this.",
                "It is for the institution's governing office.",
                "Have the governing office sign."),
    OutcomeText(122, "bad-policy", "invalid", "The key policy would not work.",
                "Too few usable keys, one key twice, or more than 16.",
                "Correct threshold and keys."),
    OutcomeText(123, "unknown-key", "not-found", "The office has no such key.",
                "The key named is not in the office's policy, or is revoked already.",
                "Check the key."),
    OutcomeText(124, "key-already-of-office", "conflict", "The office has this key already.",
                "A new key must differ from all that the office lists.", "Make a new key."),
    OutcomeText(125, "no-such-office", "not-found", "There is no office of this name.",
                "The operation names an office that the institution has not.", "Check the name."),
    OutcomeText(140, "institution-exists", "conflict", "An institution of this name exists.",
                "Names of institutions are unique on the chain.", "Choose another name."),
    OutcomeText(141, "too-many-institutions", "busy", "No further institution has room.",
                "The chain's bound is reached.", "Ask for a higher bound by an upgrade."),
    OutcomeText(142, "unknown-motion", "invalid", "There is no motion of this kind.",
                "No motion of that number is active on this chain.", "Check the number."),
    OutcomeText(143, "malformed-motion", "invalid", "The motion's arguments are wrong.",
                "They have not the documented shape, or are out of bounds.",
                "Correct the arguments; every ballot must carry the same ones."),
    OutcomeText(144, "already-voted", "conflict", "The institution has voted for this motion.",
                "Each institution has one ballot for each motion and round.",
                "Nothing; to move it again, use another round."),
    OutcomeText(145, "motion-already-enacted", "conflict", "The motion is enacted already.",
                "A majority had been reached before.",
                "Nothing; to move it again, use another round."),
    OutcomeText(146, "no-such-institution", "not-found", "There is no institution of this name.",
                "The node belongs to an institution that is not on the ledger.",
                "Have the institution admitted first."),
    OutcomeText(147, "no-such-motion", "not-found", "There is no such motion.",
                "Nobody has voted for a motion of that digest.",
                "Check the digest; vote for the motion itself to move it."),
    OutcomeText(148, "not-voted", "not-found", "The institution has no ballot to withdraw.",
                "It has not voted for this motion, or has withdrawn already.", "Nothing."),
    OutcomeText(149, "not-carried", "conflict", "The motion is not carried.",
                "Fewer institutions have voted for it than its rule asks.",
                "Have further institutions vote for it."),
    OutcomeText(150, "notice-not-over", "conflict", "The motion's notice is not over.",
                "Its rule lets time pass between the deciding ballot and its effect.",
                "Enact it when the notice is over; until then ballots can be withdrawn."),
    OutcomeText(151, "bad-rule", "invalid", "The rule would not do.",
                "A rule asks for half of all at least; to recover an office it never asks for all.",
                "Correct numerator and denominator."),
    OutcomeText(160, "unknown-node", "not-found", "There is no node of this name.",
                "No such node is wanted by the ledger.", "Check the name."),
    OutcomeText(161, "node-key-in-use", "conflict", "Another node has this key.",
                "Each node has two keys of its own, one to attest and one for links.",
                "Make a new key."),
    OutcomeText(162, "last-validator", "conflict", "The last validator cannot go.",
                "A chain without validators can never decide again.",
                "Add another validator first."),
    OutcomeText(163, "too-many-nodes", "busy", "No further node has room.",
                "The chain's bound is reached.", "Remove a node first."),
    OutcomeText(164, "too-many-validators", "busy", "No further validator has room.",
                "The chain's bound is reached.", "Make another validator an observer first."),
    OutcomeText(165, "same-store", "conflict", "The node has this store already.",
                "A node is re-admitted with the id of its new store.",
                "Check the store id; nothing needs to change if it is the same."),
    OutcomeText(166, "nothing-changes", "conflict", "It is as wanted already.",
                "The motion describes what is there.", "Nothing."),
    OutcomeText(170, "bad-calendar", "invalid", "The working days are not those of a year.",
                "No day is a working day, or a day behind the year's end is one.",
                "Make the calendar again from its list of holidays."),
    OutcomeText(171, "calendar-version-wrong", "conflict", "The version is not the next one.",
                "Versions of a year count from 1; the newest is another.",
                "Read the newest version and adopt the one after it."),
    OutcomeText(180, "mandate-exists", "conflict", "A mandate of this name exists.",
                "Names of mandates are unique on the chain, for good.", "Choose another name."),
    OutcomeText(181, "unknown-mandate", "not-found", "There is no mandate of this name.",
                "No mandate of that name has been adopted.", "Check the name."),
    OutcomeText(182, "mandate-has-successor", "conflict", "The mandate has a successor already.",
                "One mandate takes the place of another, once.",
                "Name the newest mandate of the line as predecessor."),
    OutcomeText(183, "bad-mandate", "invalid", "The mandate's times do not fit.",
                "It ends before it begins, begins before the one it replaces, or ends in the past.",
                "Correct the times."),
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

OUTCOMES: Mapping[int, OutcomeText] = MappingProxyType({row.code: row for row in _ROWS})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one transaction; `operation`: the place of the one that was refused."""

    code: int
    operation: int | None = None

    @property
    def text(self) -> OutcomeText:
        return OUTCOMES[self.code]


APPLIED = Outcome(int(Code.APPLIED))
