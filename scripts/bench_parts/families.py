"""What one transaction of each kind costs a node, against a put in the same run.

Each round leads new requests, deliveries, vouchers and motions from their beginning to their end,
a block of one kind at a time, and before each such block goes a block of as many puts. A kind's
ratio is the median, over the rounds, of its block against the puts just before it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench_parts.trial_ledger import (
    ASKER,
    INSTITUTIONS,
    ISSUER,
    OFFICE,
    PROVIDER,
    SUPERVISOR,
    Act,
    Spent,
    TrialLedger,
)
from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.deliveries import request_hash
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.state_keys import request_key

RATIO_MAX = 4.0
RECORDS = 2000
DAY = 24 * 3600 * 1000
HASH = bytes(range(32))
Stage = tuple[str, list[Act]]


async def measure_families(folder: Path, rounds: int, transactions: int) -> dict[str, Any]:
    """Return microseconds and ratios by kind: medians of `rounds` blocks of `transactions`."""
    ledger = TrialLedger(folder)
    try:
        await ledger.found()
        await _prepare(ledger)
        kinds: dict[str, list[tuple[Spent, Spent]]] = {}
        for turn in range(-1, rounds):  # the first warms up, and is not counted
            place = 0
            for name, acts in _stages(ledger, turn + 1, transactions):
                put = await ledger.apply(_puts(turn + 1, place, transactions))
                spent = await ledger.apply(acts)
                place += transactions
                if turn >= 0:
                    kinds.setdefault(name, []).append((spent, put))
    finally:
        ledger.close()
    puts = [put for pairs in kinds.values() for _, put in pairs]
    return {
        "put": _parts(puts),
        "kinds": {
            name: {
                **_parts([spent for spent, _ in pairs]),
                "ratio": round(statistics.median(s.whole / put.whole for s, put in pairs), 2),
            }
            for name, pairs in kinds.items()
        },
    }


def _parts(spent: list[Spent]) -> dict[str, float]:
    return {
        name: round(statistics.median(getattr(each, name) for each in spent), 1)
        for name in ("decode", "verify", "apply", "whole", "rows")
    }


async def _prepare(ledger: TrialLedger) -> None:
    """Found what all rounds rest on."""
    vote = [0, int(MotionKind.ADOPT_MANDATE), _mandate("law", ledger.now)]
    terms = ["law", "china", 480, [10, True], [5, True], "supervisor", [7, False], [15, True],
             [5, True], ["no-basis"], [SUPERVISOR, OFFICE]]  # fmt: skip
    fields = [["number", "Number", "text"], ["status", "Status", "text"]]
    conditions = [["no-copies", "The answer is not kept"]]
    data_set = ["lines", "Lines", "civil", fields, "daily", "conditional", conditions, None, "law"]
    voters = INSTITUTIONS[:3]
    steps: list[list[Act]] = [
        [(name, Kind.VOTE, vote) for name in voters],
        [(name, Kind.VOTE, [0, int(MotionKind.SET_TERMS), terms]) for name in voters],
        [(PROVIDER, Kind.ASSIGN_DUTY, ["civil", "Civil status", OFFICE, "law"])],
        [(PROVIDER, Kind.PUBLISH_DATA_SET, data_set)],
        [(name, Kind.PUBLISH_DELIVERY_KEY, [HASH, 0, None]) for name in (ASKER, PROVIDER)],
        [(ISSUER, Kind.CREATE_ASSET,
          ["voucher", "Vouchers", "answers", "law", [SUPERVISOR, OFFICE], [], None])],
        [(PROVIDER, Kind.CREATE_REGISTER,
          ["records", "Records", [["code", "text"], ["area", "integer"]], "clear", []])],
    ]  # fmt: skip
    for acts in steps:
        await ledger.apply(acts)
    for first in range(0, RECORDS, 500):
        await ledger.apply(_puts(0, first, 500))


def _puts(turn: int, place: int, count: int) -> list[Act]:
    """Return puts of so many of the records."""
    numbers = [(place + number) % RECORDS for number in range(count)]
    return [
        (PROVIDER, Kind.PUT, ["records", b"%06d" % number, [f"{number}", turn], None])
        for number in numbers
    ]


def _mandate(name: str, now: int) -> list[Any]:
    return [name, "Sharing of data", "No. 809", "State Council", HASH, now, None, None]


def _stages(ledger: TrialLedger, turn: int, count: int) -> Iterator[Stage]:
    """Give the blocks of a round, each made when those before it are applied."""
    names = [f"{turn}-{number}" for number in range(count)]
    yield from _requests(ledger, names)
    yield from _assets(names)
    yield from _deliveries(ledger, names)
    yield from _motions(ledger, names)


def _requests(ledger: TrialLedger, names: list[str]) -> Iterator[Stage]:
    def ask(name: str) -> Act:
        return ASKER, Kind.REQUEST, [name, PROVIDER, "lines", ["status"], "law", HASH]

    yield "request", [ask(f"q-{name}") for name in names]
    yield "request", [ask(f"r-{name}") for name in names]
    until = ledger.now + 30 * DAY
    yield "extend", [(SUPERVISOR, Kind.EXTEND, [ASKER, f"q-{name}"]) for name in names]
    given = ["no-copies"]
    yield (
        "grant",
        [(PROVIDER, Kind.GRANT, [ASKER, f"q-{name}", given, until, None]) for name in names],
    )
    yield "use-grant", [(ASKER, Kind.USE_GRANT, [f"q-{name}", 1, HASH]) for name in names]
    refusal = ["no-basis", HASH]
    yield "refuse", [(PROVIDER, Kind.REFUSE, [ASKER, f"r-{name}", *refusal]) for name in names]
    yield "appeal", [(ASKER, Kind.APPEAL, [f"r-{name}", HASH]) for name in names]
    ruling = [True, "no-basis", None]
    yield "rule", [(SUPERVISOR, Kind.RULE, [ASKER, f"r-{name}", *ruling]) for name in names]


def _assets(names: list[str]) -> Iterator[Stage]:
    holder, taker = [ASKER, OFFICE], [PROVIDER, OFFICE]
    yield (
        "issue-asset",
        [(ISSUER, Kind.ISSUE_ASSET, ["voucher", holder, 100, f"p-{name}"]) for name in names],
    )
    yield (
        "freeze-asset",
        [
            (SUPERVISOR, Kind.FREEZE_ASSET, ["voucher", holder, f"p-{name}", 10, "audit", HASH])
            for name in names
        ],
    )
    yield (
        "thaw-asset",
        [
            (SUPERVISOR, Kind.THAW_ASSET, ["voucher", holder, f"p-{name}", None, "audit"])
            for name in names
        ],
    )
    yield (
        "transfer-asset",
        [(ASKER, Kind.TRANSFER_ASSET, ["voucher", taker, 40, f"p-{name}", None]) for name in names],
    )
    yield (
        "redeem-asset",
        [(PROVIDER, Kind.REDEEM_ASSET, ["voucher", 10, f"p-{name}"]) for name in names],
    )


def _deliveries(ledger: TrialLedger, names: list[str]) -> Iterator[Stage]:
    references = [f"q-{name}" for name in names]
    asked = ledger.values([request_key(ASKER, reference) for reference in references])
    yield "deliver", [
        (PROVIDER, Kind.DELIVER,
         [ASKER, reference, 1, HASH, 1000, 20, request_hash(ASKER, reference, value), HASH])
        for reference, value in zip(references, asked, strict=True)
    ]  # fmt: skip
    yield "receive", [(ASKER, Kind.RECEIVE, [ASKER, each, 1, HASH]) for each in references]
    taker = [PROVIDER, OFFICE]
    yield "transfer-asset that settles", [
        (ASKER, Kind.TRANSFER_ASSET,
         ["voucher", taker, 5, f"p-{name}", [ASKER, f"q-{name}", 1, True]])
        for name in names
    ]  # fmt: skip
    yield "dispute", [(ASKER, Kind.DISPUTE, [ASKER, each, 1, "wrong", HASH]) for each in references]
    better = [HASH, 900, None, HASH]
    yield (
        "correct",
        [(PROVIDER, Kind.CORRECT, [ASKER, each, 1, HASH, 2, *better]) for each in references],
    )
    yield (
        "return-flow",
        [(ASKER, Kind.RETURN_FLOW, [ASKER, each, 3, *better]) for each in references],
    )
    order = [ledger.now + DAY, [[ASKER, OFFICE]]]
    yield (
        "order-erasure",
        [(PROVIDER, Kind.ORDER_ERASURE, [ASKER, each, 2, *order]) for each in references],
    )
    yield (
        "confirm-erasure",
        [(ASKER, Kind.CONFIRM_ERASURE, [ASKER, each, 2, "destroyed"]) for each in references],
    )


def _motions(ledger: TrialLedger, names: list[str]) -> Iterator[Stage]:
    kind = int(MotionKind.ADOPT_MANDATE)
    wanted = [_mandate(f"m-{name}", ledger.now) for name in names]

    def votes(voter: str) -> list[Act]:
        return [(voter, Kind.VOTE, [0, kind, arguments]) for arguments in wanted]

    yield "vote that moves a motion", votes(INSTITUTIONS[0])
    yield "vote for a motion", votes(INSTITUTIONS[1])
    yield (
        "withdraw",
        [
            (INSTITUTIONS[1], Kind.WITHDRAW, [motion_digest(0, kind, arguments)])
            for arguments in wanted
        ],
    )
    yield "vote for a motion", votes(INSTITUTIONS[1])
    yield "vote that carries a motion", votes(INSTITUTIONS[2])
