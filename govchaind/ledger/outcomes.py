"""Every outcome: number, name, text, cause, remedy. The API, the CLI and the docs read this table.

Numbers and names are for ever. 0 is applied. 1 to 99 judge a transaction as a whole, 100 to 199
and 300 and up are the families' refusals, and 200 to 299 are **door codes**: a node's own answer to
an offer, never an outcome on the ledger. The words stand in outcome_texts/, a file a family.

`consumes_id` says whether a transaction refused so is remembered by its id (a later copy is then a
duplicate). It is not where somebody else could have caused the refusal by meddling with the
signatures, nor where the id has no place in this chain's memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, unique
from types import MappingProxyType

from govchaind.ledger.outcome_text import OutcomeText
from govchaind.ledger.outcome_texts import (
    assets,
    basics,
    deliveries,
    door,
    evidence,
    exchange,
    governance,
    registers,
    side_values,
    standings,
)


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

    INSTITUTION_SUSPENDED = 184
    INSTITUTION_REMOVED = 185
    NOT_SUSPENDED = 186
    INSTITUTION_HAS_NODES = 187
    LAST_INSTITUTION = 188
    TOO_MANY_SUSPENDED = 189
    UNKNOWN_PARAMETER = 190
    PARAMETER_OUT_OF_BOUNDS = 191
    NOT_READY = 192
    VERSION_WRONG = 193
    NODE_OF_ANOTHER = 194
    MANDATE_LINE_IN_FORCE = 195

    POOL_FULL = 200
    INSTITUTION_SHARE_FULL = 201
    STORAGE_FULL = 202
    SHUTTING_DOWN = 203
    MALFORMED_TRANSACTION = 204
    BAD_SIGNATURE = 205
    INBOX_FULL = 206

    MANDATE_NOT_IN_FORCE = 300
    UNKNOWN_DUTY = 301
    DUTY_HAS_DATA_SETS = 302
    NOT_DUTY_OFFICE = 303
    DATA_SET_EXISTS = 304
    BAD_DATA_SET = 305
    UNKNOWN_DATA_SET = 306
    DATA_SET_RETIRED = 307
    BAD_TERMS = 310
    NO_TERMS = 311
    REQUEST_EXISTS = 312
    BAD_REQUEST = 313
    NOT_SHARED = 314
    UNKNOWN_FIELD = 315
    UNKNOWN_REQUEST = 316
    NOT_PROVIDER = 317
    NOT_REQUESTER = 318
    NOT_SUPERVISOR = 319
    REQUEST_NOT_OPEN = 320
    MUST_BE_SHARED = 321
    UNKNOWN_GROUND = 322
    NO_FURTHER_EXTENSION = 323
    CLOCK_HAS_RUN_OUT = 324
    NOTHING_TO_APPEAL = 325
    NOTHING_TO_RULE_ON = 326
    UNKNOWN_CONDITION = 330
    BAD_GRANT = 331
    UNKNOWN_GRANT = 332
    GRANT_ENDED = 333
    GRANT_USED_UP = 334
    USE_OUT_OF_ORDER = 335
    ASSET_EXISTS = 380
    UNKNOWN_ASSET = 381
    BAD_ASSET = 382
    NOTHING_TO_SETTLE = 383
    NOT_ASSET_ISSUER = 384
    NOT_ASSET_SUPERVISOR = 385
    ASSET_PURPOSE_NOT_ALLOWED = 386
    ASSET_EXPIRED = 387
    HOLDING_TOO_SMALL = 388
    HOLDING_FROZEN = 389
    TOO_MUCH_ISSUED = 390
    TRANSFER_TO_ITSELF = 391
    BAD_SETTLEMENT = 392
    PROVIDER_NOT_VOLUNTARY = 393
    UNKNOWN_HOLDING = 394
    ALREADY_FROZEN = 395
    NOT_FROZEN = 396
    TOO_MANY_FREEZES = 397

    REQUEST_DIFFERS = 350
    DELIVERY_OUT_OF_ORDER = 351
    NO_DELIVERY_KEY = 352
    UNKNOWN_DELIVERY = 353
    NOT_RECEIVER = 354
    DELIVERY_LOST = 355
    ALREADY_RECEIVED = 356
    COMMITMENT_DIFFERS = 357
    ALREADY_DISPUTED = 358
    NOT_SENDER = 359
    ALREADY_CORRECTED = 360
    BAD_ERASURE = 361
    ERASURE_ORDERED = 362
    NO_ERASURE_ORDERED = 363
    NOT_A_HOLDER = 364
    ALREADY_ANSWERED = 365
    RECEIPT_SAYS_OTHERWISE = 366
    NOT_A_PARTY = 367
    DELIVERY_KEY_REPLACED = 368
    BAD_OVERLAP = 369
    NOT_CONTRADICTORY = 420
    EVIDENCE_NOT_SIGNED = 421
    ALREADY_REPORTED = 422

    SIDE_VALUE_EXISTS = 400
    UNKNOWN_SIDE_VALUE = 401
    SIDE_VALUE_REMOVED = 402
    BAD_READERS = 403
    PARTY_LEFT_OUT = 404
    NOT_OF_THE_REQUEST = 405


_ROWS = (
    *basics.ROWS,
    *registers.ROWS,
    *governance.ROWS,
    *standings.ROWS,
    *door.ROWS,
    *exchange.ROWS,
    *deliveries.ROWS,
    *assets.ROWS,
    *side_values.ROWS,
    *evidence.ROWS,
)

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
