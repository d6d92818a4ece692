"""A monthly statement: what an institution gave and took, with the proofs of every number in it.

    {"statement": 1, "chain": …, "institution": …, "month": "2026-09", "height": …,
     "sums": {"proof": hex},
     "rows": [{"provider": …, "data_set": …, "requester": …, "proof": hex}, …]}

The numbers stand in the proofs alone. Each is a state proof at one height, signed by the chain's
validators through its certificate. The rows that the institution has a part in must come to its
sums, so none can be left out. It verifies with the chain's genesis or a trust file alone; a month
in which nothing happened has a proof that there are no sums.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from govchaind.base.encoding import decode
from govchaind.base.errors import Gone, GovchaindError, InvalidProof, PeerError
from govchaind.base.limits import STATEMENT_ROWS_MAX
from govchaind.base.types import BlockTime, Height
from govchaind.ledger.operations.accounts import Entry
from govchaind.ledger.state_keys import account_key, account_sum_key
from govchaind.ledger.state_proof import VerifiedState, verify_state_proof
from govchaind.ledger.transaction import is_name
from govchaind.ledger.trust import TrustRoot

if TYPE_CHECKING:
    from govchaind.client.client import Client

VERSION = 1
TRIES = 3  # a node proves the state of a height for a while only
MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
NAMES = tuple(entry.name.lower() for entry in Entry)
Counters = dict[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """What one institution asked another for, of one data set."""

    provider: str
    data_set: str
    requester: str
    counters: Counters


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement proves."""

    institution: str
    month: str
    height: Height
    time: BlockTime  # of that height
    gave: Counters
    took: Counters
    rows: tuple[Row, ...]


def month_number(month: str) -> int:
    """Return twelve times the year, and the month from 0. Raises InvalidProof."""
    found = MONTH.fullmatch(month)
    if found is None:
        raise InvalidProof(f"a month is written as 2026-09, not {month[:20]!r}", code="bad-month")
    return int(found[1]) * 12 + int(found[2]) - 1


async def fetch_statement(
    client: Client, institution: str, month: str, trust: TrustRoot
) -> dict[str, Any]:
    """Return the statement of an institution's month, as of the newest checkpoint of a node.

    Raises:
        Gone: the node could not prove that height long enough to give all rows.
        PeerError: the node has more rows than a statement holds.
        InvalidProof: what it gives does not hold.
    """
    for _ in range(TRIES - 1):
        with suppress(Gone):
            return await _fetch(client, institution, month, trust)
    return await _fetch(client, institution, month, trust)


async def _fetch(client: Client, institution: str, month: str, trust: TrustRoot) -> dict[str, Any]:
    number = month_number(month)
    proof = await client.proof_of(account_sum_key(number, institution))
    height = verify_state_proof(proof, trust).height
    rows: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = await client.accounts(month, institution=institution, after=after)
        for row in page["accounts"]:
            named = {name: str(row[name]) for name in ("provider", "data_set", "requester")}
            found = await client.proof_of(account_key(number, *named.values()), height=height)
            rows.append({**named, "proof": found.hex()})
        if len(rows) > STATEMENT_ROWS_MAX:
            raise PeerError("the month has more rows than a statement holds")
        if page["next"] is None:
            break
        after = str(page["next"])
    return {
        "statement": VERSION,
        "chain": trust.chain_id.hex(),
        "institution": institution,
        "month": month,
        "height": height,
        "sums": {"proof": proof.hex()},
        "rows": rows,
    }


def verify_statement(table: Mapping[str, Any], trust: TrustRoot) -> Statement:
    """Return what a statement proves.

    Raises:
        InvalidProof: a proof does not hold, is of another row or another height, or rows are
            missing.
    """
    try:
        return _verify(table, trust)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InvalidProof(f"it is no statement ({error})", code="not-a-statement") from None


def _verify(table: Mapping[str, Any], trust: TrustRoot) -> Statement:
    if table["statement"] != VERSION:
        raise InvalidProof(
            f"a statement of version {table['statement']!s:.20}; this release knows {VERSION}",
            code="unknown-version",
            remedy="Use the release of govchaind that made it, or a later one.",
        )
    institution, month = table["institution"], table["month"]
    number = month_number(month)
    if not is_name(institution):
        raise InvalidProof("it is of no institution", code="not-a-statement")
    if len(table["rows"]) > STATEMENT_ROWS_MAX:
        raise InvalidProof("it has too many rows", code="not-a-statement")
    sums = _proved(table["sums"]["proof"], account_sum_key(number, institution), trust, "the sums")
    rows: list[Row] = []
    named: set[tuple[str, str, str]] = set()
    for row in table["rows"]:
        names = (row["provider"], row["data_set"], row["requester"])
        if not all(map(is_name, names)) or institution not in (names[0], names[2]):
            raise InvalidProof("a row is not the institution's", code="other-row")
        what = "the row " + "/".join(names)
        if names in named:
            raise InvalidProof(f"{what} stands twice", code="other-row")
        named.add(names)
        proved = _proved(row["proof"], account_key(number, *names), trust, what)
        if proved.height != sums.height:
            raise InvalidProof(f"{what} is of another height", code="other-height")
        if proved.value is not None:
            rows.append(Row(*names, _counters(_decoded(proved.value))))
    gave, took = [[], []] if sums.value is None else _decoded(sums.value)
    made = Statement(
        institution,
        month,
        sums.height,
        sums.time,
        _counters(gave),
        _counters(took),
        tuple(rows),
    )
    _compare(made)
    return made


def _proved(proof: str, key: bytes, trust: TrustRoot, what: str) -> VerifiedState:
    try:
        proved = verify_state_proof(bytes.fromhex(proof), trust)
    except GovchaindError as error:
        raise InvalidProof(f"{what}: {error.message}", code=error.code) from None
    if proved.key != key:
        raise InvalidProof(f"the proof of {what} is of something else", code="other-key")
    return proved


def _compare(made: Statement) -> None:
    """Raise InvalidProof unless the rows come to the sums."""
    for side, sums in (("provider", made.gave), ("requester", made.took)):
        rows = [row for row in made.rows if getattr(row, side) == made.institution]
        for name in NAMES:
            if sum(row.counters[name] for row in rows) != sums[name]:
                raise InvalidProof(
                    f"the rows do not come to the sum of {name!r} as {side}: one is missing",
                    code="rows-missing",
                )


def _decoded(value: bytes) -> Any:
    return decode(value, bytes_max=len(value))


def _counters(row: list[int]) -> Counters:
    return {name: row[place] if place < len(row) else 0 for place, name in enumerate(NAMES)}
