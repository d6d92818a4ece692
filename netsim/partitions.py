"""Shapes of partitions: which directions between nodes are cut."""

from __future__ import annotations

import random

from govchaind.base.types import NodeId

Directions = list[tuple[NodeId, NodeId]]

SHAPES = ("one", "halves", "sizes", "one-way", "deaf", "mute", "star", "chain", "bridge")


def between(left: list[NodeId], right: list[NodeId]) -> Directions:
    """Return both directions between each of `left` and each of `right`."""
    return [pair for a in left for b in right for pair in ((a, b), (b, a))]


def cut_out(shape: str, names: list[NodeId], pick: random.Random) -> Directions:
    """Return the directions that a partition of this shape cuts among `names`."""
    mixed = list(names)
    pick.shuffle(mixed)
    first, rest = mixed[0], mixed[1:]
    if shape == "one":
        return between([first], rest)
    if shape == "halves":
        middle = len(mixed) // 2
        return between(mixed[:middle], mixed[middle:])
    if shape == "sizes":
        middle = pick.randrange(1, max(2, len(mixed)))
        return between(mixed[:middle], mixed[middle:])
    if shape == "one-way":
        middle = pick.randrange(1, max(2, len(mixed)))
        return [(a, b) for a in mixed[:middle] for b in mixed[middle:]]
    if shape == "deaf":
        return [(other, first) for other in rest]
    if shape == "mute":
        return [(first, other) for other in rest]
    if shape == "star":  # `first` sees all, the others see only it
        return [(a, b) for a in rest for b in rest if a != b]
    if shape == "chain":  # each sees its neighbours
        return [(a, b) for i, a in enumerate(mixed) for j, b in enumerate(mixed) if abs(i - j) > 1]
    middle = (len(rest) + 1) // 2  # bridge: `first` is in both halves
    return between(rest[:middle], rest[middle:])
