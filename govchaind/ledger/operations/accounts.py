"""Accounts: what each institution gave, took, refused and how it kept its clocks, month by month.

A row of counters for each month, data set and requester, so that each side's account is a sum of
rows that stand in the authenticated state and can be proved. Months are those of the zone that the
terms name. Nobody files anything: the operations on requests and grants count what they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from govchaind.ledger.state_keys import account_key
from govchaind.ledger.working_state import WorkingState


class Entry(IntEnum):
    """Places in an account's row. Numbers are for ever; new ones come behind."""

    ASKED = 0
    GRANTED = 1
    REFUSED = 2
    IN_TIME = 3  # answers that came before their clock ran out
    LATE = 4
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
    """Add to the counters of one row. `month` is twelve times the year, and the month from 0."""
    key = account_key(month, provider, data_set, requester)
    row = state.decoded(key)
    counters = [0] * len(Entry) if row is None else list(row)
    counters += [0] * (len(Entry) - len(counters))  # a row of before there were so many
    for entry, times in entries.items():
        counters[entry] += times
    state.put_value(key, counters)
