"""What runs out is seen over pages: the first key that ends uncovered, and unanswered requests."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import trio
import trio.testing

from govchaind.api import expiries as module
from govchaind.api.expiries import clocks_lapsed, key_ends_in_seconds, watch_expiries
from govchaind.api.reading import ledger_time
from tests.api.node import running
from tests.api.test_exchange import ask, get, prepare
from tests.api.test_outlook import shorten
from tests.api.voting import DAY

YEAR_SECONDS = 365 * 86_400


async def test_the_first_key_that_ends_is_found_beyond_the_first_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RANGE_ITEMS_MAX", 1)
    async with running(tmp_path) as node:
        before = await key_ends_in_seconds(node.context)
        await shorten(node, 60)
        await get(node, "/v1/outlook")  # reads wait until what was told can be read
        after = await key_ends_in_seconds(node.context)
    assert 10 * YEAR_SECONDS < before < math.inf  # the keys of genesis
    assert 59.9 * 86_400 < after <= 60 * 86_400


async def test_requests_that_nobody_answered_in_time_are_counted_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RANGE_ITEMS_MAX", 2)
    async with running(tmp_path) as node:
        await prepare(node, "marriages")
        for reference in ("a", "b", "c"):
            await ask(node, reference)
        await get(node, "/v1/outlook")
        in_time = await clocks_lapsed(node.context)
        monkeypatch.setattr(
            module, "ledger_time", lambda reader, start: ledger_time(reader, start) + 12 * DAY
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_expiries, node.context)
            await trio.testing.wait_all_tasks_blocked()
            registry = node.context.metrics.registry
            lapsed = registry.get_sample_value("govchaind_request_clocks_lapsed")
            ends = registry.get_sample_value("govchaind_office_key_ends_in_seconds")
            node.context.stop()
    assert (in_time, lapsed) == (0, 3)
    assert ends is not None
    assert ends > 10 * YEAR_SECONDS
