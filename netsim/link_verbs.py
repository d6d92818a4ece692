"""The verbs about links: what passes between which nodes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from netsim.node import Node
from netsim.partitions import Directions, between
from netsim.stage import Stage
from netsim.words import Word

Undo = Callable[[], None]


def say(stage: Stage, node: Node | None, text: str) -> None:
    world = stage.world
    world.trace.line(world.heap.now, "-" if node is None else node.name, f"* {text}")


def _cut(stage: Stage, directions: Directions, text: str) -> Undo:
    network = stage.world.network
    say(stage, None, text)
    network.cut(directions)
    return lambda: network.mend(directions)


def names_of(nodes: list[Node]) -> list[str]:
    return [node.name for node in nodes]


# --- network -------------------------------------------------------------------------------------


def cut(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    one, *others = names_of(stage.nodes(rest))
    return _cut(stage, between([one], others), f"cut {one} from {' '.join(others)}")


def one_way(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    one, *others = names_of(stage.nodes(rest))
    return _cut(stage, [(one, other) for other in others], f"{one} reaches no {' '.join(others)}")


def _sides(stage: Stage, head: Word, rest: list[Word]) -> list[list[str]]:
    sides: list[list[Word]] = [[]]
    for word in rest:
        if word.text == "|":
            sides.append([])
        else:
            sides[-1].append(word)
    if len(sides) < 2 or not all(sides):
        raise head.wrong("a partition has two sides or more, with | between")
    named = [word for side in sides for word in side if word.text != "others"]
    taken = names_of(stage.nodes(named))
    for again in [word for word in rest if word.text == "others"][1:]:
        raise again.wrong("others stands there twice")
    found: list[list[str]] = []
    for side in sides:
        names = names_of([stage.node(word) for word in side if word.text != "others"])
        if any(word.text == "others" for word in side):
            names += [name for name in stage.world.nodes if name not in taken]
        found.append(names)
    return found


def partition(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    sides = _sides(stage, head, rest)
    directions = [
        pair
        for place, left in enumerate(sides)
        for right in sides[place + 1 :]
        for pair in between(left, right)
    ]
    return _cut(stage, directions, "partition " + " | ".join(" ".join(side) for side in sides))


def star(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    centre = stage.node(rest[0]).name
    others = [name for name in stage.world.nodes if name != centre]
    directions = [(a, b) for a in others for b in others if a != b]
    return _cut(stage, directions, f"star around {centre}")


def halves(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    return _part(stage, list(stage.world.nodes), "halves")


def bridge(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    middle = stage.node(rest[0]).name
    others = [name for name in stage.world.nodes if name != middle]
    return _part(stage, others, f"bridge {middle} between")


def _part(stage: Stage, names: list[str], text: str) -> Undo:
    """Cut these nodes into two halves, as chance has it."""
    stage.random.shuffle(names)
    left, right = sorted(names[: len(names) // 2]), sorted(names[len(names) // 2 :])
    return _cut(stage, between(left, right), f"{text} {' '.join(left)} | {' '.join(right)}")


def chain(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    names = names_of(stage.nodes(rest))
    directions = [
        (a, b) for i, a in enumerate(names) for j, b in enumerate(names) if abs(i - j) > 1
    ]
    return _cut(stage, directions, f"chain {' '.join(names)}")


def mend(stage: Stage, head: Word, rest: list[Word]) -> None:
    one, *others = names_of(stage.nodes(rest))
    pairs = between([one], others)
    say(stage, None, f"mend {one} {' '.join(others)}")
    while left := [pair for pair in pairs if stage.world.network.cuts.get(pair)]:
        stage.world.network.mend(left)


def heal(stage: Stage, head: Word, rest: list[Word]) -> None:
    say(stage, None, "heal")
    stage.world.network.mend_all()


def nothing_from(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    name = stage.node(rest[0]).name
    others = [other for other in stage.world.nodes if other != name]
    return _cut(stage, [(name, other) for other in others], f"nothing from {name} arrives")


def nothing_to(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    name = stage.node(rest[0]).name
    others = [other for other in stage.world.nodes if other != name]
    return _cut(stage, [(other, name) for other in others], f"nothing to {name} arrives")


def clog(stage: Stage, head: Word, rest: list[Word]) -> None:
    *which, lasts = rest
    one, *others = names_of(stage.nodes(which))
    seconds = lasts.number()
    say(stage, None, f"clogged for {seconds:g} s from {one} to {' '.join(others)}")
    until = stage.world.heap.now + seconds
    stage.world.network.pipes.clog([(one, other) for other in others], until)


def half_open(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    one, other = (node.name for node in stage.two(rest))
    stage.world.network.half_open(one, other)
    return _cut(
        stage, between([one], [other]), f"half-open: {other} has not noticed that {one} left"
    )


def cap(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    one, other = stage.two(rest[:2])
    direction = (one.name, other.name)
    rate = rest[2].number()
    pipes = stage.world.network.pipes
    say(stage, None, f"{'>'.join(direction)} passes {rate:g} bytes a second")
    pipes.cap([direction], rate)
    return partial(pipes.cap, [direction], 0.0)


def read_slowly(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    node, seconds = stage.node(rest[0]), rest[1].number()
    pipes = stage.world.network.pipes
    say(stage, node, f"takes {seconds:g} s for each message")
    pipes.read_slowly(node.name, seconds)
    return partial(pipes.read_slowly, node.name, 0.0)


# --- a share of what is sent, and how late it comes -----------------------------------------------


def _from_first(stage: Stage, words: list[Word]) -> Directions:
    one, *others = names_of(stage.nodes(words))
    return [(one, other) for other in others]


def _shown(directions: Directions) -> str:
    return " ".join(">".join(each) for each in directions)


def _share(kind: str, stage: Stage, head: Word, rest: list[Word]) -> Undo:
    *which, last = rest
    share, directions = last.share(), _from_first(stage, which)
    say(stage, None, f"{share:g} of what is sent is {kind}: {_shown(directions)}")
    mishaps = stage.world.network.mishaps
    mishaps.share(kind, directions, share)
    return partial(mishaps.share, kind, directions, 0.0)


drop, duplicate, reorder = (partial(_share, kind) for kind in ("lost", "doubled", "overtaken"))


def delay(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    *which, last = rest
    seconds, directions = last.number(), _from_first(stage, which)
    say(stage, None, f"{seconds:g} s later: {_shown(directions)}")
    pipes = stage.world.network.pipes
    pipes.wind(directions, float("inf"), seconds)
    return partial(pipes.wind, directions, 0.0, 0.0)


def hold(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    directions = _from_first(stage, rest)
    say(stage, None, f"held: {_shown(directions)}")
    stage.world.network.mishaps.hold(directions)
    return partial(stage.world.network.mishaps.release, directions)


def release(stage: Stage, head: Word, rest: list[Word]) -> None:
    directions = _from_first(stage, rest)
    say(stage, None, f"released: {_shown(directions)}")
    stage.world.network.mishaps.release(directions)


def close(stage: Stage, head: Word, rest: list[Word]) -> None:
    one, other = stage.two(rest)
    say(stage, one, f"the connection with {other.name} is closed")
    stage.world.network.break_link(one.name, other.name)
