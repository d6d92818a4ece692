"""Scenario files: those that come with netsim hold, and wrong ones name line and column."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from govchaind.base.errors import InvalidSetting
from netsim.__main__ import main
from netsim.library import scenarios
from netsim.mutants.plant import planted
from netsim.mutants.table import MUTANTS, OPEN
from netsim.scenario import play_scenario, read_scenario, read_text


@pytest.mark.parametrize("path", scenarios(), ids=lambda path: path.stem)
def test_a_scenario_that_comes_with_netsim_holds(path: Path) -> None:
    text = read_text(path)
    played = play_scenario(text, path.name)
    assert (played.unmet, played.violation) == (None, None)
    assert played.lines == len(read_scenario(text, path.name))
    again = play_scenario(text, path.name)
    assert played.world is not None
    assert again.world is not None
    assert again.world.trace.digest == played.world.trace.digest


@pytest.mark.parametrize(
    ("bug", "name"),
    [
        ("no-check-quorum", "leader-that-hears-nobody"),
        ("no-pre-vote", "partly-cut-voters"),
        ("no-pre-vote", "cloudflare-outage"),
        ("hung-disk-leads", "leader-with-hung-disk"),
        ("reads-without-quorum", "stale-leader-read"),
        ("vote-before-write", "no-majority"),
        ("match-of-old-store", "wiped-node"),
        ("term-forgotten", "restart-of-all"),
    ],
)
def test_a_scenario_is_red_with_the_bug_that_it_is_about(bug: str, name: str) -> None:
    path = next(path for path in scenarios() if path.stem == name)
    with planted(next(each for each in (*MUTANTS, *OPEN) if each.name == bug)):
        played = play_scenario(read_text(path), path.name)
    assert played.unmet is not None or played.violation is not None


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("", "1:1", "there is no network"),
        ("run 3", "1:1", "the first verb is network"),
        ("network 3\nnetwork 3", "2:1", "network comes before the network runs"),
        ("network", "1:8", "a word is missing: network VOTERS"),
        ("network 30", "1:9", "30 voters are more than 25"),
        ("network 3 spare 1", "1:11", "did you mean spares?"),
        ("network 3 spares", "1:11", "a number is missing"),
        ("latency 5 2\nnetwork 3", "1:11", "the mean is below the least"),
        ("network 3\n  crush n0", "2:3", "did you mean crash?"),
        ("network 3\nrun soon", "2:5", "'soon' is no number"),
        ("network 3\nrun -1", "2:5", "-1 is not 0 or more"),
        ("network 3\ncrash n7", "2:7", "there is no node 'n7'"),
        ("network 3\ncrash", "2:6", "a word is missing: crash NODE"),
        ("network 3\nheal n0", "2:6", "'n0' is too much"),
        ("network 3\nwithin 5 loader", "2:10", "did you mean leader?"),
        ("network 3\nwithin 5 crash n0", "2:10", "there is no assertion 'crash'"),
        ("network 3\nnot", "2:4", "a word is missing: not ASSERTION"),
        ("network 3\npartition n0 n1 n2", "2:1", "a partition has two sides"),
        ("network 3\ndisk n0 slowly", "2:9", "did you mean slow?"),
        ("network 3\ndisk n0 hang 3", "2:14", "'3' is too much"),
        ("network 3\noffer n0 k1 x as w", "2:13", "'x' is no whole number"),
        ("network 3\noffer n0 K 1 as w", "2:10", "'K' is no name"),
        ("network 3\noffer n0 k 1 as", "2:14", "a name is missing"),
        ("network 3\noffer n0 k 1 as w\nread n0 k as w", "3:14", "w is taken"),
        ("network 3\ncommitted w", "2:11", "there is no write or read 'w'"),
        ("network 3\ncommitted w", "2:11", "there are none yet"),
        ("network 3\ncut n0 n0", "2:8", "n0 stands there twice"),
        ("network 3\ncut n0 n1 n1", "2:11", "n1 stands there twice"),
        ("network 3\npartition n0 | n0 n1", "2:16", "n0 stands there twice"),
        ("network 3\npartition others | others n0", "2:20", "others stands there twice"),
        ("network 3\ntransfer leader leader", "2:17", "stands there twice"),
        ("network 3\nlead n0\nhalf-open n0 leader", "3:14", "n0 stands there twice"),
        ("network 3\nhalf-open n0 others", "2:14", "there is no node 'others'"),
        ("network 3\ncap n1 n1 9", "2:8", "n1 stands there twice"),
        ("network 3\nmark two-lenders", "2:6", "did you mean two-leaders?"),
        ("network 3\nset-back n0 999", "2:13", "n0 has made"),
        ("network 3\nlead leader\ncrash leader\nrun 0\ncrash leader", "5:7", "nobody leads now"),
    ],
)
def test_a_wrong_word_is_told_with_its_place(text: str, place: str, told: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^my.txt:{place}: ") as wrong:
        play_scenario(text, "my.txt")
    assert told in wrong.value.message


@pytest.mark.parametrize(
    ("text", "unmet"),
    [
        ("network 3\nno-leader", r"my.txt:2:1: at .* s: `no-leader` does not hold"),
        ("network 3\nwithin 2 term-at-most 0", r"my.txt:2:1: not within 2 s: `term-at-most 0`"),
        ("network 3\nlead n0\nrun 1\ncrash n0\nfor 9 no-leader", r"my.txt:5:1: no longer at .* s"),
        ("network 1\nfor 5 not leader n0", r"my.txt:2:1: no longer at"),
        ("network 3\ncut n0 n1 n2\nlead n0", r"my.txt:3:6: n0 does not lead within 60 s"),
    ],
)
def test_what_does_not_hold_is_told_with_its_place(text: str, unmet: str) -> None:
    played = play_scenario(text, "my.txt")
    assert played.unmet is not None
    assert re.match(unmet, played.unmet)


def test_the_command_plays_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "one.txt"
    file.write_text("network 1\noffer n0 k1 1 as w\nwithin 5 certified w\n")
    assert main(["scenario", str(file), "--trace"]) == 0
    said = capsys.readouterr().out
    assert "--- 2: offer n0 k1 1 as w\n" in said
    assert "one.txt: all 3 lines hold; " in said
    file.write_text("network 1\nno-leader\n")
    assert main(["scenario", str(file)]) == 1
    assert "one.txt:2:1: at " in capsys.readouterr().out
    bug = ["scenario", "leader-that-hears-nobody", "--plant", "no-check-quorum"]
    assert main(bug) == 1
    assert main(["scenario", "restart-of-all", "--plant", "answer-before-write"]) == 1
    assert "I-9 DOES NOT HOLD at " in capsys.readouterr().out


def test_a_scenario_that_fails_tells_its_last_events_and_how_to_play_it_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["scenario", "restart-of-all", "--plant", "term-forgotten"]
    assert main(asked) == 1
    said = capsys.readouterr().out
    events = said.split("the last events:\n")[1].split("\n\n")[0].splitlines()
    assert len(events) == 40
    again = "netsim scenario restart-of-all --plant term-forgotten"
    assert said.endswith(f"\nagain              {again}\n")
    assert main([*asked, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["again"], told["last_events"]) == (again, events)
    assert main(["scenario", "restart-of-all"]) == 0
    assert "last events" not in capsys.readouterr().out
