"""docs/netsim/gear2.md cannot fall behind: it names every property, fault and option."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from netsim.gear2.judge import PROPERTIES
from netsim.gear2.marks import MARKS
from netsim.gear2.options import FAULTS, Options

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "netsim" / "gear2.md").read_text(encoding="utf-8")
SOURCES = sorted((ROOT / "netsim" / "gear2").glob("*.py"))


@pytest.mark.parametrize("property_id", PROPERTIES)
def test_every_property_is_documented(property_id: str) -> None:
    assert f"| {property_id} | {PROPERTIES[property_id]} |" in PAGE


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_documented(fault: str) -> None:
    assert f"\n| {fault} | " in PAGE


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_is_documented_and_can_be_reached(mark: str) -> None:
    assert f"| {mark} | {MARKS[mark]} |" in PAGE
    assert any(f'reach("{mark}")' in path.read_text(encoding="utf-8") for path in SOURCES)


def test_every_option_is_documented() -> None:
    named = {item.name for item in fields(Options)}
    assert {name for name in named if f"`{name}`" not in PAGE} == set()
