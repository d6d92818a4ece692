"""docs/netsim.md cannot fall behind: it names every property, mark, fault and option."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from netsim.catalog import properties
from netsim.marks import MARKS
from netsim.options import FAULTS, Options

PAGE = (Path(__file__).parents[2] / "docs" / "netsim.md").read_text(encoding="utf-8")
UNLISTED = {"seed", "minutes", "messages_max", "reorder_extra", "hold_mean"}


@pytest.mark.parametrize("property_id", properties())
def test_every_property_is_documented(property_id: str) -> None:
    assert f"| {property_id} | {properties()[property_id]} |" in PAGE


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_is_documented(mark: str) -> None:
    assert f"| {mark} | {MARKS[mark]} |" in PAGE


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_documented(fault: str) -> None:
    assert f"\n| {fault} | " in PAGE


def test_every_option_is_documented() -> None:
    named = {item.name for item in fields(Options)} - UNLISTED
    assert {name for name in named if f"`{name}`" not in PAGE} == set()
