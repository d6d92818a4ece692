"""Tables in the docs are what the code says."""

from __future__ import annotations

from govchaind.ledger.outcomes import OUTCOMES
from tests.docs.tables import TABLES, fresh, marked, pages


def test_every_table_is_as_the_code_makes_it() -> None:
    stale = [page.name for page in pages() if fresh(page.read_text()) != page.read_text()]
    assert stale == [], "run: .venv/bin/python -m tests.docs.tables"


def test_every_table_stands_somewhere_once() -> None:
    found = [name for page in pages() for name in marked(page.read_text())]
    assert sorted(found) == sorted(TABLES)


def test_a_stale_table_is_made_anew() -> None:
    text = "before\n<!-- table: outcomes -->\n| old |\n<!-- /table -->\nafter\n"
    made = fresh(text)
    assert made != text
    assert made.startswith("before\n<!-- table: outcomes -->\n| code |")
    assert made.endswith("<!-- /table -->\nafter\n")
    assert fresh(made) == made


def test_the_table_of_outcomes_has_a_line_for_each() -> None:
    lines = TABLES["outcomes"]().splitlines()[2:]
    assert [int(line.split("|")[1]) for line in lines] == list(OUTCOMES)
    assert all(line.count("|") == 8 for line in lines)
