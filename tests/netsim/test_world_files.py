"""World files: the library meets its expectations, wrong files are refused with their place."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest

from govchaind.base.errors import InvalidSetting
from netsim.expectations import unmet
from netsim.job import Job, play
from netsim.library import worlds
from netsim.run import run
from netsim.scenario import read_text
from netsim.world_file import read_world, world_plan

HEAD = 'title = "A"\n\n[[sites]]\nname = "a"\nvoters = 3\n'
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
            HEAD + '[[latencies]]\nsites = ["a", "a"]\nmin_ms = 3\nmean_ms = 2\n',
            "9:1",
            "it is below min_ms",
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


def test_a_node_that_is_not_there_is_told_when_its_act_comes() -> None:
    text = HEAD + '[[faults.at]]\nseconds = 1\nact = "crash n7"\n'
    with pytest.raises(InvalidSetting, match=r"^my.toml:8:14: there is no node 'n7'"):
        play(Job(0, world=text, source="my.toml"))


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
