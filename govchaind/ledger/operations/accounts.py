"""Accounts: what each institution gave, took, refused and how it kept its clocks, month by month.

A row of counters for each month, data set and requester, and beside the rows the sums of each
institution, as provider and as requester: a statement whose rows come to the sums has left none
out, and all of them stand in the authenticated state and can be proved. Months are those of the
zone that the terms name. Nobody files anything: the operations on requests and grants count.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from govchaind.ledger.state_keys import account_key, account_sum_key
from govchaind.ledger.working_state import WorkingState


class Entry(IntEnum):
    """Places in an account's row. Numbers are for ever; new ones come behind."""

    ASKED = 0
    GRANTED = 1
    REFUSED = 2
    IN_TIME = 3  # answers that came before their clock ran out
    LATE = 4  # answers that came after it, and silences that were appealed against
    EXTENDED = 5
    APPEALED = 6
    UPHELD = 7
    OVERTURNED = 8
    WITHDRAWN = 9
    USED = 10
    REVOKED = 11
    DELIVERED = 12
    RECEIVED = 13
    DISPUTED = 14
    CORRECTED = 15


def count(
    month: int,
    provider: str,
    data_set: str,
    requester: str,
    entries: Mapping[Entry, int],
    state: WorkingState,
) -> None:
    """Add to a row and to both sides' sums.

    Args:
        month: twelve times the year, and the month from 0.
    """
    key = account_key(month, provider, data_set, requester)
    state.put_value(key, _added(state.decoded(key), entries))
    for side, institution in enumerate((provider, requester)):
        key = account_sum_key(month, institution)
        sums = list(state.decoded(key) or [[], []])
        sums[side] = _added(sums[side], entries)
        state.put_value(key, sums)


def _added(row: list[int] | None, entries: Mapping[Entry, int]) -> list[int]:
    counters = list(row or [])
    counters += [0] * (len(Entry) - len(counters))  # a row of before there were so many
    for entry, times in entries.items():
        counters[entry] += times
    return counters
