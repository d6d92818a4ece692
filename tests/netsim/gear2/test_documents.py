"""docs/netsim/gear2.md cannot fall behind: it names every property, fault and option."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from netsim.gear2.judge import PROPERTIES
from netsim.gear2.options import FAULTS, Options

PAGE = (Path(__file__).parents[3] / "docs" / "netsim" / "gear2.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("property_id", PROPERTIES)
def test_every_property_is_documented(property_id: str) -> None:
    assert f"| {property_id} | {PROPERTIES[property_id]} |" in PAGE


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_documented(fault: str) -> None:
    assert f"\n| {fault} | " in PAGE


def test_every_option_is_documented() -> None:
    named = {item.name for item in fields(Options)}
    assert {name for name in named if f"`{name}`" not in PAGE} == set()
