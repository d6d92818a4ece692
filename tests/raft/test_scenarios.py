"""Runs the plain-text scenarios beside this file: one command a line, `#` begins a comment.

nodes n1 n2 n3 [learners n4] [outside n5]   a fresh cluster; `nodes 3` names them n1 to n3
caller off            new leaders get no opening entry from their caller
log n1 1 1 4          restart with a durable log of these terms; `durable-term n1 7` likewise
elect n1              its time-out passes first, and everything is delivered
timeout n1 | tick n1 2.0 | pass 2.0      its deadline; n1 alone; all, settling in between
deliver [n1 n2] | drop n1->n2 | keep n1->n2 | replay    letters under way (`*` is any node);
                      `keep` sets them aside, `replay` puts them back on the network
settle                write and deliver until nothing moves
cut n1->n2 | isolate n1 | heal | link-broken n2 n1
hold-writes n1 | release-writes n1 | write n1 [count]
propose n1 x | propose-refused n1 code | members n1 n1,n2 [n3] | members-refused n1 code n1,n2
transfer n1 n2 | transfer-refused n1 n2 code | step-down n1 5 | read n1 7
crash n1 | restart n1 | wipe n1
assert-leader n1 | assert-no-leader | assert-role n1 follower | assert-term n1 2
assert-commit n1 3 | assert-persisted n1 3 | assert-log n1 1:1 2:1 | assert-members n1 n1,n2
assert-read n1 7 3 | assert-read-refused n1 7 | assert-no-read n1 7 | assert-quiet
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from govchaind.base.errors import Refused
from govchaind.base.types import NodeId
from govchaind.raft.core import Role
from govchaind.raft.messages import Configuration, HardState
from tests.raft.cluster import Cluster, Letter
from tests.raft.disk import configuration

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))


class Play:
    """One scenario under way."""

    def __init__(self) -> None:
        self.cluster = Cluster(["n1"])
        self.kept: list[Letter] = []

    def line(self, line: str) -> None:
        words = line.split("#", maxsplit=1)[0].split()
        if words:
            self.commands()[words[0]](words[1:])

    def commands(self) -> dict[str, Callable[[list[str]], None]]:
        return {
            name.removeprefix("do_").replace("_", "-"): getattr(self, name)
            for name in dir(self)
            if name.startswith("do_")
        }

    # --- commands --------------------------------------------------------------------------

    def do_nodes(self, words: list[str]) -> None:
        groups: dict[str, list[NodeId]] = {"voters": [], "learners": [], "outside": []}
        group = "voters"
        for word in words:
            if word in groups:
                group = word
            elif word.isdigit():
                groups[group] += [f"n{number}" for number in range(1, int(word) + 1)]
            else:
                groups[group].append(word)
        self.cluster = Cluster(
            groups["voters"], learners=groups["learners"], outside=groups["outside"]
        )

    def do_caller(self, words: list[str]) -> None:
        self.cluster.opens = words[0] == "on"

    def do_log(self, words: list[str]) -> None:
        self.cluster.give_log(words[0], [int(term) for term in words[1:]])

    def do_durable_term(self, words: list[str]) -> None:
        self.cluster.disks[words[0]].durable_hard = HardState(int(words[1]))
        self.cluster.start(words[0])

    def do_elect(self, words: list[str]) -> None:
        self.cluster.elect(words[0])

    def do_timeout(self, words: list[str]) -> None:
        raft = self.cluster.nodes[words[0]]
        self.cluster.now = max(self.cluster.now, raft.deadline)
        raft.expire(self.cluster.now)
        self.cluster.turn(words[0])

    def do_tick(self, words: list[str]) -> None:
        self.cluster.now += float(words[1])
        self.cluster.nodes[words[0]].expire(self.cluster.now)
        self.cluster.turn(words[0])

    def do_pass(self, words: list[str]) -> None:
        self.cluster.pass_time(float(words[0]))

    def do_deliver(self, words: list[str]) -> None:
        sender, to = (None if word == "*" else word for word in (words or ["*", "*"]))
        assert self.cluster.deliver(sender, to), "nothing was under way"

    def do_settle(self, _words: list[str]) -> None:
        self.cluster.settle()

    def take(self, arrow: str) -> list[Letter]:
        sender, to = (None if word == "*" else word for word in arrow.split("->"))
        letters = self.cluster.take(sender, to)
        assert letters, "nothing was under way"
        return letters

    def do_drop(self, words: list[str]) -> None:
        self.take(words[0])

    def do_keep(self, words: list[str]) -> None:
        self.kept += self.take(words[0])

    def do_replay(self, _words: list[str]) -> None:
        self.cluster.letters += self.kept
        self.kept = []

    def do_cut(self, words: list[str]) -> None:
        sender, to = words[0].split("->")
        self.cluster.cut.add((sender, to))

    def do_isolate(self, words: list[str]) -> None:
        self.cluster.isolate(words[0])

    def do_heal(self, _words: list[str]) -> None:
        self.cluster.heal()

    def do_link_broken(self, words: list[str]) -> None:
        self.cluster.nodes[words[0]].link_broken(self.cluster.now, words[1])
        self.cluster.turn(words[0])

    def do_hold_writes(self, words: list[str]) -> None:
        self.cluster.held_disks.add(words[0])

    def do_release_writes(self, words: list[str]) -> None:
        self.cluster.held_disks.discard(words[0])

    def do_write(self, words: list[str]) -> None:
        self.cluster.write(words[0], int(words[1]) if len(words) > 1 else None)

    def do_propose(self, words: list[str]) -> None:
        self.cluster.propose(words[0], words[1])

    def do_propose_refused(self, words: list[str]) -> None:
        with pytest.raises(Refused) as refusal:
            self.cluster.propose(words[0], "refused")
        assert refusal.value.code == words[1]

    def members(self, words: list[str]) -> Configuration:
        learners = words[1].split(",") if len(words) > 1 else []
        return configuration(words[0].split(","), learners)

    def do_members(self, words: list[str]) -> None:
        self.cluster.propose(words[0], "members", self.members(words[1:]))

    def do_members_refused(self, words: list[str]) -> None:
        with pytest.raises(Refused) as refusal:
            self.cluster.propose(words[0], "members", self.members(words[2:]))
        assert refusal.value.code == words[1]

    def do_transfer(self, words: list[str]) -> None:
        self.cluster.nodes[words[0]].transfer(self.cluster.now, words[1])
        self.cluster.turn(words[0])

    def do_transfer_refused(self, words: list[str]) -> None:
        with pytest.raises(Refused) as refusal:
            self.cluster.nodes[words[0]].transfer(self.cluster.now, words[1])
        assert refusal.value.code == words[2]

    def do_step_down(self, words: list[str]) -> None:
        self.cluster.nodes[words[0]].step_down(self.cluster.now, float(words[1]))
        self.cluster.turn(words[0])

    def do_read(self, words: list[str]) -> None:
        self.cluster.nodes[words[0]].read(self.cluster.now, int(words[1]))
        self.cluster.turn(words[0])

    def do_crash(self, words: list[str]) -> None:
        self.cluster.crash(words[0])

    def do_restart(self, words: list[str]) -> None:
        self.cluster.start(words[0])

    def do_wipe(self, words: list[str]) -> None:
        self.cluster.wipe(words[0])

    # --- assertions ------------------------------------------------------------------------

    def do_assert_leader(self, words: list[str]) -> None:
        assert self.cluster.leader() == words[0]

    def do_assert_no_leader(self, _words: list[str]) -> None:
        assert self.cluster.leader() is None

    def do_assert_role(self, words: list[str]) -> None:
        assert self.cluster.nodes[words[0]].role is Role(words[1])

    def do_assert_term(self, words: list[str]) -> None:
        assert self.cluster.nodes[words[0]].term == int(words[1])

    def do_assert_commit(self, words: list[str]) -> None:
        assert self.cluster.nodes[words[0]].commit == int(words[1])

    def do_assert_persisted(self, words: list[str]) -> None:
        assert self.cluster.nodes[words[0]].persisted == int(words[1])

    def do_assert_log(self, words: list[str]) -> None:
        terms = enumerate(self.cluster.terms(words[0]), start=1)
        assert [f"{index}:{term}" for index, term in terms] == words[1:]

    def do_assert_members(self, words: list[str]) -> None:
        assert self.cluster.nodes[words[0]].configuration == self.members(words[1:])

    def reads(self, words: list[str]) -> list[int]:
        return [i for request, i in self.cluster.reads[words[0]] if request == int(words[1])]

    def do_assert_read(self, words: list[str]) -> None:
        assert self.reads(words) == [int(words[2])]

    def do_assert_read_refused(self, words: list[str]) -> None:
        assert self.reads(words) == [0]

    def do_assert_no_read(self, words: list[str]) -> None:
        assert self.reads(words) == []

    def do_assert_quiet(self, _words: list[str]) -> None:
        assert self.cluster.letters == []


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    play = Play()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            play.line(line)
        except Exception as failure:
            raise AssertionError(f"{path.name}:{number}: {line}") from failure
    assert not play.cluster.peer_errors, play.cluster.peer_errors


def test_every_file_asserts_something() -> None:
    assert len(SCENARIOS) >= 15
    for path in SCENARIOS:
        assert "\nassert-" in path.read_text(encoding="utf-8"), path.name
