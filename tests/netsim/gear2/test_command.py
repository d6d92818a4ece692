"""`netsim gear2`: one seed with options and summary, many seeds with a line each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netsim.__main__ import main
from netsim.gear2 import report
from netsim.gear2.run import Verdict, draw

DRAWN = draw(2)


def test_one_seed_prints_options_summary_and_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gear2", "--seed", "2"]) == 0
    said = capsys.readouterr().out
    assert f"voters             {DRAWN.voters}\n" in said
    assert "\nevery property holds\n" in said
    assert "\ntrace digest       " in said
    assert said.endswith("again              netsim gear2 --seed 2\n")


def test_what_does_not_hold_is_told_with_its_events(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Verdict(DRAWN, "d1", ("I-9", "n1", "not durable", 1.5), ["1.500000 n1 > n2"])
    found = {1: broken, 2: replace(broken, violation=None, digest="d2")}
    monkeypatch.setattr(report, "run", lambda options, write: found[options.seed])
    assert main(["gear2", "--seeds", "1:3"]) == 1
    assert capsys.readouterr().out == (
        "the last events:\n1.500000 n1 > n2\n"
        "seed 1: I-9 DOES NOT HOLD at n1, 1.500000 s: not durable d1\n"
        "seed 2: every property holds d2\n"
    )


def test_a_seed_must_be_named() -> None:
    assert main(["gear2"]) == 2
    assert main(["gear2", "--seed", "1", "--seeds", "2"]) == 2
