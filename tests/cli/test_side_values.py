"""What commands on side values refuse before they ask anybody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from govchaind.cli.main import INVALID
from tests.cli.command import Command

NODE = ("--url", "http://127.0.0.1:1", "--key", "a.key")
OPENING = {"what": "details", "salt": "00" * 16, "value": ["a purpose"]}


@pytest.mark.parametrize(
    "shown",
    [
        "not json",
        json.dumps([]),
        json.dumps({**OPENING, "salt": "00"}),
        json.dumps({**OPENING, "salt": "zz" * 16}),
        json.dumps({**OPENING, "value": "a purpose"}),
        json.dumps({**OPENING, "value": [1.5]}),
        json.dumps({**OPENING, "value": ["x" * 300_000]}),
    ],
)
def test_a_file_that_opens_nothing_is_said_at_once(
    govchaind: Command, tmp_path: Path, shown: str
) -> None:
    (tmp_path / "o").write_text(shown)
    ended = govchaind("side-values", "record", "o", "--about", "bank/r-1", *NODE)
    assert (ended.code, "error[bad-opening]" in ended.errors) == (INVALID, True)


def test_a_file_that_is_missing_is_said_at_once(govchaind: Command) -> None:
    ended = govchaind("side-values", "record", "nothing", "--about", "bank/r-1", *NODE)
    assert (ended.code, "error[bad-opening]" in ended.errors) == (INVALID, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("side-values", "record", "o"),
        ("side-values", "record", "o", "--reader", "court"),
        ("side-values", "record", "o", "--about", "bank"),
        ("side-values", "open", "bank", "--delivery-key", "k", "-o", "out"),
        ("side-values", "open", "bank/abc", "--delivery-key", "k", "-o", "out"),
        ("side-values", "open", f"Bank/{'00' * 32}", "--delivery-key", "k", "-o", "out"),
        ("propose", "remove-side-value", f"bank/{'00' * 31}", "--ground", "personal-data"),
        ("propose", "remove-side-value", f"bank/{'00' * 32}"),
    ],
)
def test_a_name_that_is_none_is_said_at_once(
    govchaind: Command, arguments: tuple[str, ...]
) -> None:
    ended = govchaind(*arguments, *NODE)
    assert ended.code == INVALID
    assert ended.errors.count("\n") == 1 or "Usage" in ended.errors
