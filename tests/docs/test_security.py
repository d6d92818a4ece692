"""The threat model names tests that exist, and none of its rows is without one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
ROLES = ("citizen", "office holder", "member", "validator", "leader", "observer", "operator",
         "network attacker", "thief of a disk", "supervisor")  # fmt: skip


def named(text: str) -> list[tuple[str, str]]:
    """Return (file, function or nothing) of every test that is named."""
    return re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)


def test_every_test_that_the_page_names_exists() -> None:
    missing = [
        f"{file}::{function}"
        for file, function in named(PAGE)
        if not (ROOT / file).is_file()
        or (function and not re.search(rf"^(async )?def {function}\(", (ROOT / file).read_text(),
                                       re.MULTILINE))
    ]  # fmt: skip
    assert missing == []


def test_every_row_says_where_it_is_tested() -> None:
    rows = [
        line for line in PAGE.splitlines() if line.startswith("| ") and "| tested in" not in line
    ]

    assert len(rows) >= len(ROLES) + 6
    assert [row for row in rows if not named(row)] == []


def test_every_role_has_a_row() -> None:
    assert [role for role in ROLES if f"\n| **{role}**" not in PAGE] == []
