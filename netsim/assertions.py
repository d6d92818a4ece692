"""What one can say of a world between two verbs of a scenario, and whether it is so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from govchaind.raft.core import Role
from netsim.marks import MARKS
from netsim.stage import Stage
from netsim.words import Word
from netsim.workload import Asker

ROLES = ("leader", "follower", "candidate", "pre-candidate", "learner", "observer")
Holds = Callable[[Stage, list[Word]], bool]


@dataclass(frozen=True, slots=True)
class Assertion:
    """One thing that may hold: how it is written, when it holds, how many words follow it."""

    usage: str
    text: str
    holds: Holds
    least: int
    most: int | None


def leader(stage: Stage, rest: list[Word]) -> bool:
    found = stage.world.leader()
    if found is None or found.replica is None or not found.replica.raft.own_term_committed():
        return False
    return not rest or stage.node(rest[0]) is found


def no_leader(stage: Stage, rest: list[Word]) -> bool:
    nodes = stage.nodes(rest) if rest else stage.world.running()
    return all(node.replica is None or node.replica.raft.role is not Role.LEADER for node in nodes)


def _asker(stage: Stage, word: Word) -> Asker:
    return stage.askers[word.one_of(stage.askers, "write or read")]


def committed(stage: Stage, rest: list[Word]) -> bool:
    word = rest[0]
    if word.text.isdecimal():
        return len(stage.world.ghost.committed) >= word.whole()
    _asker(stage, word)
    return stage.height_of(word.text) is not None


def certified(stage: Stage, rest: list[Word]) -> bool:
    word, world = rest[0], stage.world
    if word.text.isdecimal():
        wanted: int | None = word.whole()
    else:
        _asker(stage, word)
        wanted = stage.height_of(word.text)
    return wanted is not None and any(world.certified(node) >= wanted for node in world.running())


def term_at_most(stage: Stage, rest: list[Word]) -> bool:
    terms = [node.replica.raft.term for node in stage.world.running() if node.replica]
    return max(terms, default=0) <= rest[0].whole()


def role(stage: Stage, rest: list[Word]) -> bool:
    replica = stage.node(rest[0]).replica
    wanted = rest[1].one_of(ROLES, "role")
    return replica is not None and replica.role() == wanted


def equal(stage: Stage, rest: list[Word]) -> bool:
    world = stage.world
    nodes = stage.nodes(rest) if rest else world.running()
    heights = {world.ghost.applied(node.disk) for node in nodes}
    if heights != {len(world.ghost.committed)}:
        return False
    return len({world.state_digest(node) for node in nodes}) == 1


def answered(stage: Stage, rest: list[Word]) -> bool:
    asker = _asker(stage, rest[0])
    operation = asker.operation
    if operation is None or operation.ended is None:
        return False
    return len(rest) < 2 or operation.value == rest[1].whole()


def voter(stage: Stage, rest: list[Word]) -> bool:
    found = stage.world.leader()
    if found is None or found.replica is None:
        return False
    raft = found.replica.raft
    in_force = raft.configuration_index <= raft.commit
    return in_force and stage.node(rest[0]).name in raft.configuration.voter_ids()


def running(stage: Stage, rest: list[Word]) -> bool:
    return bool(stage.node(rest[0]).life)


def mark(stage: Stage, rest: list[Word]) -> bool:
    return rest[0].one_of(MARKS, "mark") in stage.world.marks.reached


ASSERTIONS: Mapping[str, Assertion] = MappingProxyType({
    "leader": Assertion("leader [NODE]", "this node, or some node, leads the newest term and has "
                        "committed in it", leader, 0, 1),
    "no-leader": Assertion("no-leader [NODES]", "none of these, or no running node, leads",
                           no_leader, 0, None),
    "committed": Assertion("committed NAME | HEIGHTS", "this write is committed and applied, or so "
                           "many heights are committed", committed, 1, 1),
    "certified": Assertion("certified NAME | HEIGHT", "some running node holds a certificate that "
                           "covers it", certified, 1, 1),
    "term-at-most": Assertion("term-at-most NUMBER", "no running node is in a later term",
                              term_at_most, 1, 1),
    "role": Assertion("role NODE ROLE", f"the node says that it is {', '.join(ROLES[:-1])} or "
                      f"{ROLES[-1]}", role, 2, 2),
    "equal": Assertion("equal [NODES]", "these, or all running nodes, have applied all that is "
                       "committed, with one digest", equal, 0, None),
    "answered": Assertion("answered NAME [NUMBER]", "the client has its answer; a read has seen "
                          "this number (0: no record)", answered, 1, 2),
    "voter": Assertion("voter NODE", "the leader's configuration has this vote, committed", voter,
                       1, 1),
    "running": Assertion("running NODE", "a process runs", running, 1, 1),
    "mark": Assertion("mark NAME", "this mark is reached", mark, 1, 1),
})  # fmt: skip
