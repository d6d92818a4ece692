"""Who read what kind of thing is told once a minute; what is remembered of it is bounded."""

from __future__ import annotations

from govchaind.api.reads_noted import ReadsNoted

BRANCH, HEAD = ("bank", "branch"), ("ministry", "head")


def test_each_office_and_kind_is_due_once_a_minute() -> None:
    noted = ReadsNoted()
    asked = [(BRANCH, "requests", 0.0), (BRANCH, "requests", 59.9), (BRANCH, "blocks", 59.9),
             (HEAD, "requests", 59.9), (BRANCH, "requests", 60.0)]  # fmt: skip
    assert [noted.is_due(*one) for one in asked] == [True, False, True, True, True]


def test_the_oldest_is_forgotten_first() -> None:
    noted = ReadsNoted(count_max=2)
    offices = [("bank", f"office-{number}") for number in range(3)]
    assert [noted.is_due(office, "requests", 1.0) for office in offices] == [True] * 3
    again = [noted.is_due(office, "requests", 2.0) for office in (offices[2], offices[0])]
    assert again == [False, True]
