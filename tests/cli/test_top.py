"""`govchaind top`: a row a node, also of one that is silent; a rate of two answers."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from govchaind.base.errors import PeerError
from govchaind.cli.main import UNREACHABLE
from govchaind.cli.top import COLUMNS, Seen, drawn, row, seen, summary
from tests.cli.command import Command

URL, OTHER = "http://127.0.0.1:1", "http://127.0.0.1:2"


def status(**changes: Any) -> dict[str, Any]:
    return {
        "node": "north", "role": "leader", "term": 3, "height": 70, "certified_lag": 2,
        "pool_transactions": 5, "transactions": 1_000, "storage_full_in_seconds": 864_000,
        "peers_linked": ["east", "south"], "ready": True, "reasons": [],
    } | changes  # fmt: skip


def test_a_row_has_the_rate_of_two_answers() -> None:
    found = seen(URL, {URL: status()}, {URL: status(transactions=900)}, 2.0)
    assert row(found) == ["north", "leader", "3", "70", "2", "5", "50.0", "10", "2", "yes"]


def test_after_a_restart_and_at_first_there_is_no_rate() -> None:
    for before in ({}, {URL: status(transactions=2_000)}, {URL: PeerError("gone")}):
        assert seen(URL, {URL: status()}, before, 2.0).transactions_a_second is None


def test_a_store_that_does_not_grow_has_no_last_day() -> None:
    found = seen(URL, {URL: status(storage_full_in_seconds=None)}, {}, 1.0)
    assert (found.disk_days, row(found)[COLUMNS.index("disk days")]) == (None, "–")


def test_a_silent_node_keeps_its_row_and_says_why() -> None:
    found = seen(OTHER, {OTHER: PeerError("refused", code="unreachable")}, {}, 1.0)
    assert row(found) == [OTHER, "unreachable", *["–"] * 8]
    assert summary([found]) == "0 of 1 nodes answer, nobody leads"


def test_a_terminal_shows_all_rows_and_why_a_node_is_not_ready() -> None:
    rows = [
        seen(URL, {URL: status()}, {}, 1.0),
        Seen(OTHER, node="south", role="follower", ready=False, trouble="storage full: [red]no"),
    ]
    file = io.StringIO()
    Console(file=file, width=120).print(drawn(rows))
    text = file.getvalue()
    assert "2 of 2 nodes answer, north leads, height 70" in text
    assert "south: storage full: [red]no" in text
    assert all(column in text for column in COLUMNS)


def test_nobody_answering_has_its_exit_code(govchaind: Command) -> None:
    ended = govchaind("top", "--url", URL, "--timeout", "1", "--json")
    assert ended.code == UNREACHABLE
    assert [one["trouble"] for one in ended.json] == ["unreachable"]
    assert "none of 1 nodes answered" in ended.errors
