"""What runs out: the first key of an office to end, and requests whose clock has run out.

Looked at every ten minutes for the metrics, page by page, with the loop let go between pages; a
ledger of more than PAGES_MAX pages is counted as far as they go. What is told is judged by block
time, as the ledger judges it.
"""

from __future__ import annotations

import math

import trio

from govchaind.api.context import Context
from govchaind.api.outlook import DAYS_MAX, office_page
from govchaind.api.reading import ledger_time
from govchaind.api.requests import request_page
from govchaind.api.viewer import all_seeing
from govchaind.base.limits import RANGE_ITEMS_MAX

WATCH_SECONDS = 600.0  # keys and clocks end by days
PAGES_MAX = 50  # of at most LISTING_ROWS_MAX rows


async def key_ends_in_seconds(context: Context) -> float:
    """Return when the first key ends whose seat has no other then, in seconds; inf: none does."""
    nearest, after = math.inf, None
    for _ in range(PAGES_MAX):
        with context.reading() as reader:
            now = ledger_time(reader, context.genesis.time)
            offices, after = office_page(
                reader, now, context.genesis.time, after, RANGE_ITEMS_MAX,
                ending_within_days=DAYS_MAX,
            )  # fmt: skip
        ends = [e.until_ms for each in offices for e in each.endings if not e.covered]
        nearest = min([nearest, *((end - now) / 1000 for end in ends)])
        if after is None:
            break
        await trio.lowlevel.checkpoint()
    return nearest


async def clocks_lapsed(context: Context) -> int:
    """Return how many requests and appeals nobody has answered in their time."""
    count, after = 0, None
    for _ in range(PAGES_MAX):
        with context.reading() as reader:
            now = ledger_time(reader, context.genesis.time)
            viewer = all_seeing(reader)
            found, after = request_page(reader, viewer, now, after, RANGE_ITEMS_MAX, overdue=True)
        count += len(found)
        if after is None:
            break
        await trio.lowlevel.checkpoint()
    return count


async def watch_expiries(context: Context) -> None:
    """Look until the node stops, and set the metrics."""
    metrics = context.metrics
    while not context.stopping.is_set():
        metrics.office_key_ends.set(await key_ends_in_seconds(context))
        metrics.clocks_lapsed.set(await clocks_lapsed(context))
        with context.patience(WATCH_SECONDS):
            await trio.sleep_forever()
