"""Scenario files: what happens, one verb a line, and what must be so in between.

The first lines say what the network is; `network` makes it and lets it run until it has a leader
and its register is founded. From then on verbs take no time. Time passes with `run`, `within`,
`for` and `lead` only. Every property is looked at all the while, as in any run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import VALIDATORS_MAX
from netsim.assertions import ASSERTIONS
from netsim.options import Options, draw
from netsim.properties.base import Violation
from netsim.stage import Stage
from netsim.verbs import VERBS, perform
from netsim.words import Word, exactly, words, wrong
from netsim.world import World

UP_SECONDS = 60.0  # within which a new network has a leader and its register
LEAD_SECONDS = 60.0
MESSAGES_MAX = 2_000_000
HEADS: Mapping[str, tuple[str, str, int, int | None]] = MappingProxyType({
    "seed": ("seed NUMBER", "what chance decides in this scenario (0)", 1, 1),
    "latency": ("latency LEAST MEAN", "of a message one way, milliseconds (1 2)", 2, 2),
    "cuts-are-noticed": ("cuts-are-noticed", "a cut link is given up, in ten seconds at most; else "
                         "only Raft's own time-outs notice", 0, 0),
    "network": ("network VOTERS [spares NUMBER] [observers NUMBER]",
                "make n0, n1 …, s0 … and o0 …, and start them", 1, 5),
})  # fmt: skip
STEPS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "run": ("run SECONDS", "time passes"),
    "lead": ("lead NODE", "time passes until this node leads, a minute at most; the present leader "
             "is asked to hand over"),
    "within": ("within SECONDS ASSERTION", "time passes until it holds, so long at most"),
    "for": ("for SECONDS ASSERTION", "time passes, and it holds all the while"),
    "not": ("not ASSERTION", "it does not hold; also after within and for"),
})  # fmt: skip


class Unmet(Exception):
    """An assertion does not hold."""

    def __init__(self, word: Word, text: str) -> None:
        super().__init__(f"{word.source}:{word.line}:{word.column}: {text}")


@dataclass(slots=True)
class Played:
    """What came of a scenario: nothing wrong if `unmet` and `violation` are None."""

    world: World | None
    lines: int = 0
    unmet: str | None = None
    violation: Violation | None = None


def calm(seed: int, voters: int, spares: int = 0, observers: int = 0) -> Options:
    """Return options in which nothing goes wrong by itself, on the product's own time-outs."""
    drawn = draw(seed, nodes=voters, minutes=1e9, messages_max=MESSAGES_MAX)
    return replace(
        drawn, spares=spares, observers=observers, faults=(), real_signatures=False,
        links_notice_cuts=False, mesh_is_strict=False, heartbeat=0.5, election_min=1.5,
        election_max=3.0, delay_min=0.001, delay_mean=0.002, write_mean=0.002, clients=0,
        clock_skew=0.0, callers=0, clerks=0, eager=0.0,
    )  # fmt: skip


def read_scenario(text: str, source: str) -> list[list[Word]]:
    """Return the lines of a scenario. Raises InvalidSetting at the first wrong word."""
    lines = [
        line
        for number, raw in enumerate(text.splitlines(), 1)
        if (line := words(raw, source, number))
    ]
    made = False
    for head, *rest in lines:
        known = [*HEADS, *STEPS, *VERBS, *ASSERTIONS]
        name = head.one_of(known, "verb or assertion")
        if name in HEADS:
            usage, _, least, most = HEADS[name]
            exactly(head, rest, least, most, usage)
            if made:
                raise head.wrong(f"{name} comes before the network runs")
            made = name == "network"
            if made and rest[0].whole(1) > VALIDATORS_MAX:
                raise rest[0].wrong(f"{rest[0].text} voters are more than {VALIDATORS_MAX}")
        elif not made:
            raise head.wrong("the first verb is network: network VOTERS")
        else:
            _check(head, rest)
    if not made:
        raise wrong(source, 1, 1, "there is no network: network VOTERS")
    return lines


def _check(head: Word, rest: list[Word]) -> None:
    name = head.text
    if name in ("run", "lead"):
        exactly(head, rest, 1, 1, STEPS[name][0])
        if name == "run":
            rest[0].number()
    elif name in ("within", "for"):
        exactly(head, rest, 2, None, STEPS[name][0])
        rest[0].number()
        _check_assertion(rest[1:])
    elif name == "not" or name in ASSERTIONS:
        _check_assertion([head, *rest])
    else:
        verb = VERBS[name]
        exactly(head, rest, verb.least, verb.most, verb.usage)


def _check_assertion(line: list[Word]) -> None:
    head, *rest = line
    if head.text == "not":
        exactly(head, rest, 1, None, STEPS["not"][0])
        head, *rest = rest
    assertion = ASSERTIONS[head.one_of(ASSERTIONS, "assertion")]
    exactly(head, rest, assertion.least, assertion.most, assertion.usage)


class Scenario:
    """One scenario being played."""

    def __init__(self, lines: list[list[Word]], write: Callable[[str], None] | None) -> None:
        self._lines = lines
        self._write = write
        self._seed = 0
        self._changes: dict[str, float | bool] = {}
        self.stage: Stage | None = None

    def play(self) -> Played:
        """Play all lines. Raises InvalidSetting for a word that means nothing by then."""
        played = Played(None)
        try:
            for line in self._lines:
                self._line(line)
                played.lines += 1
            if self.stage is not None:
                self.stage.world.checks.end()
                self.stage.world.workload.history.check_search()
        except Unmet as error:
            played.unmet = str(error)
        except Violation as violation:
            played.violation = violation
        played.world = None if self.stage is None else self.stage.world
        return played

    def _line(self, line: list[Word]) -> None:
        head, *rest = line
        if head.text in HEADS:
            self._head(head, rest)
            return
        stage = self.stage
        if stage is None:
            raise head.wrong("the first verb is network: network VOTERS")
        if self._write is not None:
            self._write(f"--- {head.line}: {' '.join(word.text for word in line)}")
        match head.text:
            case "run":
                self._until(stage, rest[0].number(), lambda: False)
            case "lead":
                self._lead(stage, rest[0])
            case "within":
                holds = self._assertion(stage, rest[1:])
                if not self._until(stage, rest[0].number(), holds):
                    raise Unmet(head, f"not within {rest[0].text} s: {_text(rest[1:])}")
            case "for":
                holds = self._assertion(stage, rest[1:])
                if self._until(stage, rest[0].number(), lambda: not holds()):
                    now = stage.world.heap.now
                    raise Unmet(head, f"no longer at {now:.3f} s: {_text(rest[1:])}")
            case name if name == "not" or name in ASSERTIONS:
                if not self._assertion(stage, line)():
                    raise Unmet(head, f"at {stage.world.heap.now:.3f} s: {_text(line)}")
            case _:
                perform(stage, line)

    def _head(self, head: Word, rest: list[Word]) -> None:
        match head.text:
            case "seed":
                self._seed = rest[0].whole()
            case "latency":
                least, mean = rest[0].number() / 1000, rest[1].number() / 1000
                if mean < least:
                    raise rest[1].wrong("the mean is below the least")
                self._changes |= {"delay_min": least, "delay_mean": mean}
            case "cuts-are-noticed":
                self._changes["links_notice_cuts"] = True
            case _:
                self._network(head, rest)

    def _network(self, head: Word, rest: list[Word]) -> None:
        voters = rest[0].whole(1)
        numbers = {"spares": 0, "observers": 0}
        if len(rest) % 2 == 0:
            raise rest[-1].wrong(f"a number is missing: {HEADS['network'][0]}")
        for place in range(1, len(rest), 2):
            numbers[rest[place].one_of(numbers, "kind of node")] = rest[place + 1].whole()
        options = replace(calm(self._seed, voters, **numbers), **self._changes)  # type: ignore[arg-type]
        world = World(options, self._write)
        self.stage = Stage(world)
        world.start()

        def up() -> bool:
            found = world.leader()
            heights = len(world.ghost.committed)
            return (
                found is not None
                and all(node.life for node in world.nodes.values())
                and heights >= 2  # the leader's first block, and the register
                and world.certified(found) == heights
            )

        if not self._until(self.stage, UP_SECONDS, up):
            raise Unmet(head, f"the network is not up within {UP_SECONDS:g} s")

    def _until(self, stage: Stage, seconds: float, done: Callable[[], bool]) -> bool:
        world = stage.world
        return world.run_until(world.heap.now + seconds, done, MESSAGES_MAX)

    def _assertion(self, stage: Stage, line: list[Word]) -> Callable[[], bool]:
        negated = line[0].text == "not"
        head, *rest = line[1:] if negated else line
        holds = ASSERTIONS[head.text].holds
        return lambda: holds(stage, rest) is not negated

    def _lead(self, stage: Stage, word: Word) -> None:
        world, node = stage.world, stage.node(word)
        until = world.heap.now + LEAD_SECONDS
        holds = self._assertion(stage, [Word("leader", word.source, word.line, 1), word])
        while not holds():
            leader = world.leader()
            if world.heap.now >= until:
                raise Unmet(word, f"{node.name} does not lead within {LEAD_SECONDS:g} s")
            if leader is not None and leader is not node:
                perform(stage, [replace(word, text=w) for w in
                                ("transfer", leader.name, node.name)])  # fmt: skip
            self._until(stage, 5.0, holds)


def _text(line: list[Word]) -> str:
    said = " ".join(word.text for word in line)
    return f"`{said}` does not hold"


def play_scenario(text: str, source: str, write: Callable[[str], None] | None = None) -> Played:
    """Read and play a scenario. Raises InvalidSetting if it cannot be read."""
    return Scenario(read_scenario(text, source), write).play()


def read_text(path: Path) -> str:
    """Return the text of a file. Raises InvalidSetting if there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidSetting(
            f"{path} is no text in UTF-8: byte {error.start + 1} is none",
            code="wrong-file",
            remedy="Save it as UTF-8, or name another file.",
        ) from error
    except OSError as error:
        raise InvalidSetting(
            f"{path} cannot be read: {error.strerror}",
            code="no-file",
            remedy="Name a file that is there; `netsim library` lists those that come with it.",
        ) from error
