"""The page on decisions counts votes as the ledger does; what it names is there."""

from __future__ import annotations

import re

from govchaind.cli.calendar_file import shipped
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.operations.rules import Rule
from tests.docs.tables import DOCS

PAGE = (DOCS / "decisions.md").read_text()


def test_the_table_of_votes_is_what_the_ledger_counts() -> None:
    table = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    rules = [Rule(numerator, denominator, 0) for numerator, denominator in
             ((1, 2), (2, 3), (3, 4), (1, 1))]  # fmt: skip
    assert len(table) == 4
    for row in table:
        institutions, *needed = map(int, row)
        assert needed == [rule.ballots(institutions) for rule in rules], institutions


def test_calendars_and_kinds_that_it_names_exist() -> None:
    calendars = set(re.findall(r"\bchina-\d{4}\b", PAGE))
    kinds = set(re.findall(r"propose rule ([a-z-]+)", PAGE)) | {"recover-office"}
    assert calendars == set(shipped())
    assert kinds <= {motion.name for motion in MOTIONS.values()}
