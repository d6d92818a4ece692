"""World files: the library meets its expectations, wrong files are refused with their place."""

from __future__ import annotations

import re
import resource
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from govchaind.base.errors import InvalidSetting
from netsim.expectations import unmet
from netsim.job import Job, play
from netsim.library import worlds
from netsim.run import run
from netsim.scenario import read_text
from netsim.verbs import VERBS
from netsim.world_file import read_world, world_plan

HEAD = 'title = "A"\n\n[[sites]]\nname = "a"\nvoters = 3\n'
TWO = HEAD + '[[sites]]\nname = "b"\nvoters = 0\n'
PAIR = '[[latencies]]\nsites = ["a", "b"]\nmin_ms = 1\nmean_ms = 2\n'
ACT = HEAD + '[[faults.at]]\nseconds = 1\nact = "heal"\n'
EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "cut": (" n0 n1", " leader others"),
    "one-way": (" n0 n1 n2",),
    "partition": (" n0 | n1 | n2", " n0 n1 | others"),
    "star": (" n0",),
    "chain": (" n0 n1 n2",),
    "mend": (" n0 n1",),
    "clog": (" n0 n1 5", " n0 others 0.5"),
    "half-open": (" n0 n1",),
    "cap": (" n0 n1 500",),
    "read-slowly": (" n0 0.3",),
    "halves": ("",),
    "bridge": (" n0",),
    "drop": (" n0 n1 0.5",),
    "duplicate": (" n0 n1 n2 1",),
    "reorder": (" leader others 0.1",),
    "delay": (" n0 n1 0.3",),
    "hold": (" n0 n1",),
    "release": (" n0 n1",),
    "close": (" n0 n1",),
    "heal": ("", " # all"),
    "deliver-nothing-from": (" n0",),
    "deliver-nothing-to": (" n0",),
    "crash": (" n0", " n0 silently"),
    "restart": (" n0",),
    "upgrade": (" n0", " n0 2"),
    "pause": (" n0",),
    "resume": (" n0",),
    "slow": (" n0 0.3",),
    "wipe": (" n0", " n0 with-guard"),
    "set-back": (" n0 3",),
    "disk": (" n0 slow", " n0 slow 9", " n0 rot", " n0 rot 9", " n0 hang", " n0 mend"),
    "clock": (" n0 -9", " n0 n1 9", " others 9"),
    "clock-drifts": (" n0 -0.01",),
    "clock-jumps": (" n0 -9 5",),
    "clock-stops": (" n0",),
    "sleep": (" 60",),
    "transfer": (" leader", " leader n0"),
    "add": (" n0", " n0 learner"),
    "remove": (" n0",),
    "offer": (" n0 k 1", " n0 k 1 as w"),
    "read": (" n0 k as r",),
    "flood": (" n0", " leader 9"),
    "attest-twice": (" n1",),
    "call": (" old leader",),
}
OBSERVERS_SECONDS = 60
OBSERVERS_KIBIBYTES = 2 * 1024 * 1024


def job(path: Path) -> Job:
    return Job(0, world=read_text(path), source=path.name)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", worlds(), ids=lambda path: path.stem)
def test_a_world_of_the_library_meets_its_expectations(path: Path) -> None:
    began = time.process_time()
    verdict = play(job(path))
    assert verdict.violation is None
    assert verdict.unmet == []
    if path.stem == "thousand-observers":
        assert time.process_time() - began < OBSERVERS_SECONDS
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < OBSERVERS_KIBIBYTES


@pytest.mark.parametrize(
    ("name", "seed"),
    [("rolling-upgrade", 3), ("rolling-upgrade", 5), ("malicious-member", 2), ("city", 17)],
)
def test_a_seed_that_goes_another_way_meets_them_too(name: str, seed: int) -> None:
    path = next(path for path in worlds() if path.stem == name)
    verdict = play(replace(job(path), seed=seed))
    assert (verdict.violation, verdict.unmet) == (None, [])


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("title = 3\n" + HEAD[12:], "1:1", "title: Expected `str`, got `int`"),
        ('title = "A"\n', "1:1", "missing required field `sites`"),
        ("title = \n", "1:9", "Invalid value"),
        (HEAD + "votes = 3\n", "6:1", "sites.0.votes: Object contains unknown field `votes`"),
        (HEAD + "observers = -1\n", "6:1", "sites.0.observers: Expected `int` >= 0"),
        (HEAD + "[[sites]]\nname = 'a'\n", "7:1", "there are two sites 'a'"),
        (HEAD.replace("voters = 3", "spares = 1"), "3:3", "no site has voters"),
        (HEAD + "[network]\nloss = 3\n", "7:1", "network.loss: Expected `float` <= 1"),
        (HEAD + "network = 3\n", "6:1", "network"),
        (HEAD + '[faults]\non = ["crush"]\n', "7:1", "there is no fault 'crush'"),
        (HEAD + "[expect]\nmarks = ['x']\n", "7:1", "there is no mark 'x'"),
        (HEAD + "[expect]\nproperties = ['I-99']\n", "7:1", "there is no property 'I-99'"),
        (
            HEAD + "[timing]\nheartbeat_seconds = 9.0\n",
            "6:2",
            "heartbeat < election_min < election_max does not hold",
        ),
        (
            HEAD + '[[latencies]]\nsites = ["a", "b"]\nmin_ms = 1\nmean_ms = 2\n',
            "7:1",
            "there is no site 'b'",
        ),
        (
            TWO + '[[latencies]]\nsites = ["a", "b"]\nmin_ms = 3\nmean_ms = 2\n',
            "12:1",
            "it is below min_ms",
        ),
        (
            TWO + '[[latencies]]\nsites = ["a", "a"]\nmin_ms = 1\nmean_ms = 2\n',
            "10:1",
            "one site twice",
        ),
        (
            TWO + PAIR + PAIR.replace('"a", "b"', '"b", "a"').replace("2", "9"),
            "14:1",
            "the latency of these two sites is given already",
        ),
        (HEAD + "min_ms = 2\n", "6:1", "sites.0.min_ms: mean_ms is missing beside it"),
        (HEAD + "min_ms = 2\nmean_ms = 1\n", "7:1", "sites.0.mean_ms: it is below min_ms"),
        (HEAD.replace("3", "30"), "5:1", "sites.0.voters: 30 voters so far; at most 25"),
        (TWO.replace("voters = 0", "voters = 23"), "8:1", "26 voters so far; at most 25"),
        (ACT + "every_seconds = 9\n", "9:1", "every_seconds: times is missing beside it"),
        (ACT + "times = 9\n", "9:1", "times: every_seconds is missing beside it"),
        (
            ACT + "every_seconds = 60\ntimes = 11\n",
            "10:1",
            "times: the run is over before the last of them",
        ),
        (
            HEAD + '[[faults.at]]\nseconds = 1\nact = "crush n0"\n',
            "8:8",
            "did you mean crash?",
        ),
        (
            HEAD + '[[faults.at]]\nseconds = 1\nact = "crash"\n',
            "8:13",
            "a word is missing: crash NODE",
        ),
        (
            HEAD + '[duration]\nminutes = 1\n[[faults.at]]\nseconds = 60\nact = "heal"\n',
            "9:1",
            "faults.at.0.seconds: the run is over by then: see duration.minutes",
        ),
        (
            HEAD + '[[faults.at]]\nseconds = 1\nact = "heal"\n[[faults.at]]\nsecond = 1\n',
            "10:1",
            "faults.at.1.second: Object contains unknown field `second`",
        ),
        (
            'title = "A"\nsites = [{ name = "a", voters = 3, votes = 1 }]\n',
            "2:36",
            "sites.0.votes: Object contains unknown field `votes`",
        ),
        (
            'title = "A"\ntext = """\nvotes = 1\n"""\n' + HEAD[13:] + "votes = 1\n",
            "8:1",
            "unknown field `votes`",
        ),
    ],
)
def test_a_wrong_field_is_told_with_its_place(text: str, place: str, told: str) -> None:
    with pytest.raises(InvalidSetting) as wrong:
        read_world(text, "my.toml")
    assert wrong.value.message.startswith(f"my.toml:{place}: ")
    assert told in wrong.value.message


@pytest.mark.parametrize(
    ("act", "column", "told"),
    [
        ("crash n7", 12, "there is no node 'n7'"),
        ("crash n1 silent", 15, "did you mean silently?"),
        ("slow n1 fast", 14, "'fast' is no number"),
        ("clog n0 n1 n2 soon", 20, "'soon' is no number"),
        ("disk n0 hang 3", 19, "'3' is too much"),
        ("cut n0 n0", 13, "n0 stands there twice"),
        ("partition n0 | n1 |", 6, "a partition has two sides"),
        ("partition n0 | others n0", 28, "n0 stands there twice"),
        ("offer n0 k 1 as", 19, "a name is missing"),
        ("set-back n0 0", 18, "'0' is no whole number of 1 or more"),
        ("drop n0 n1 2", 17, "2 is no share: 0 to 1"),
        ("clock-drifts n0 -2", 22, "-2 is not -1 or more"),
        ("disk n0 rot x", 18, "'x' is no number"),
        ("attest-twice n0", 6, "of fewer than 4 validators none may lie"),
        ("crash old", 12, "there is no node 'old'"),
    ],
)
def test_a_wrong_word_of_an_act_is_told_before_a_seed_runs(
    act: str, column: int, told: str
) -> None:
    with pytest.raises(InvalidSetting) as wrong:
        read_world(HEAD + f'[[faults.at]]\nseconds = 1\nact="{act}"\n', "my.toml")
    assert wrong.value.message.startswith(f"my.toml:8:{column}: ")
    assert told in wrong.value.message


@pytest.mark.parametrize("verb", VERBS)
def test_an_act_of_every_verb_can_be_read(verb: str) -> None:
    for example in EXAMPLES[verb]:
        act = f'[[faults.at]]\nseconds = 1\nact = "{verb}{example}"\n'
        text = HEAD.replace("voters = 3", "voters = 4") + act
        assert read_world(text, "my.toml").faults.at[0].act == verb + example


def test_a_name_stands_for_a_node_once_an_earlier_act_has_given_it() -> None:
    later = '[[faults.at]]\nseconds = 2\nact = "crash old"\n'
    read_world(HEAD + later + later.replace("2", "1").replace("crash old", "call old n0"), "w")


def test_what_a_world_gives_holds_and_the_rest_is_drawn() -> None:
    text = HEAD + '[workload]\nkeys = 3\n[faults]\non = ["crash"]\n[network]\nloss = 0.5\n'
    world = read_world(text, "my.toml")
    one, other = (world_plan(world, text, "my.toml", seed).options for seed in (1, 2))
    assert (one.voters, one.keys, one.faults, one.loss) == (3, 3, ("loss", "crash"), 0.5)
    assert one.think_mean != other.think_mean or one.clients != other.clients
    less = world_plan(world, text, "my.toml", 1, without=("crash",), minutes=3.0, messages=9)
    assert (less.options.faults, less.options.minutes, less.options.messages_max) == (
        ("loss",),
        3.0,
        9,
    )


def test_latency_is_that_of_the_two_sites() -> None:
    text = (
        'title = "A"\nsites = [{ name = "a", voters = 2 }, { name = "b", voters = 1 }]\n'
        '[[latencies]]\nsites = ["a", "b"]\nmin_ms = 500\nmean_ms = 600\n'
        "[faults]\non = []\n[duration]\nminutes = 0.2\nliveness = false\n"
    )
    world = read_world(text, "my.toml")
    plan = world_plan(world, text, "my.toml", 1)
    sent: dict[tuple[str, str], list[float]] = {}
    lines: list[str] = []
    run(plan.options, lines.append, None, plan)
    asked: dict[str, float] = {}
    for line in lines:
        time_text, node, what, *rest = line.split(" ")
        if rest[:1] == ["Heartbeat"]:
            asked.setdefault(f"{node} {what[1:]} {rest[-1]}", float(time_text))
        if rest[:1] == ["HeartbeatReply"]:
            began = asked.get(f"{what[1:]} {node} {rest[2]}")
            if began is not None:
                sent.setdefault((what[1:], node), []).append(float(time_text) - began)
    assert sent
    for (leader, follower), waits in sent.items():
        far = "n2" in (leader, follower)
        assert all((wait >= 0.5) is far for wait in waits)


def test_an_act_is_done_again_and_taken_back() -> None:
    text = HEAD + (
        '[[faults.at]]\nseconds = 2\nact = "pause n0"\nlasts_seconds = 1\nevery_seconds = 3\n'
        "times = 2\n[faults]\non = []\n[duration]\nminutes = 0.2\nliveness = false\n"
    )
    text = text.replace("[[faults.at]]", "[[faults.at]]").replace("[faults]\non = []\n", "")
    world = read_world(text, "my.toml")
    plan = world_plan(world, text, "my.toml", 1, without=("pause",))
    lines: list[str] = []
    run(plan.options, lines.append, None, plan)
    told = [line for line in lines if "* pause" in line or "* over: pause n0" in line]
    assert [line.split(" ")[0] for line in told] == ["2.000000", "3.000000", "5.000000", "6.000000"]


def told_by_acts(text: str) -> list[tuple[float, str]]:
    """Return what the acts of a world leave in the trace, with the time of each."""
    text = HEAD + text + "[duration]\nminutes = 0.5\nliveness = false\n"
    plan = world_plan(read_world(text, "my.toml"), text, "my.toml", 1)
    lines: list[str] = []
    verdict = run(replace(plan.options, faults=()), lines.append, None, plan)
    assert verdict.violation is None
    split = [line.split(" ", 2) for line in lines if " * " in line]
    return [(float(at), what) for at, _, what in split]


def test_an_act_about_the_leader_waits_for_one() -> None:
    told = told_by_acts('[[faults.at]]\nseconds = 0\nact = "crash leader"\n')
    assert [(0 < at < 10, what) for at, what in told] == [(True, "* crash")]


def test_an_act_is_skipped_if_nobody_leads_for_long_and_the_trace_says_so() -> None:
    dead = "".join(f'[[faults.at]]\nseconds = 5\nact = "crash n{n}"\n' for n in range(3))
    told = told_by_acts(dead + '[[faults.at]]\nseconds = 6\nact = "pause leader"\n')
    at, what = told[-1]
    assert what == "* skipped: pause leader: nobody leads now"
    assert 16 <= at < 16.2


def test_an_act_that_the_run_does_not_allow_is_skipped() -> None:
    told = told_by_acts('[[faults.at]]\nseconds = 5\nact = "set-back n0 999"\n')
    assert re.fullmatch(r"\* skipped: set-back n0 999: n0 has made \d+ writes", told[0][1])


def test_every_expectation_can_be_unmet() -> None:
    text = HEAD + (
        "[expect]\ncommitted_min = 9999\ncommitted_an_hour_min = 1e9\ncertified_min = 9999\n"
        "elections_max = 0\nanswered_min = 9999\nanswered_share_min = 1.0\n"
        'observers_height_min = 9999\nmarks = ["store-wiped"]\n'
        '[faults]\non = ["cut"]\n[duration]\nminutes = 0.3\nliveness = false\n'
    )
    world = read_world(text, "my.toml")
    verdict = play(Job(1, world=text, source="my.toml"))
    told = unmet(world.expect, verdict)
    assert [line.split(" ")[0].rstrip(":") for line in told] == [
        "committed_min",
        "committed_an_hour_min",
        "certified_min",
        "answered_min",
        "answered_share_min",
        "observers_height_min",
        "elections_max",
        "marks",
    ]
