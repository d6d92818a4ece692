"""A random source that knows how far it has come, so that a draw in its middle can be repeated.

A fault that happened is named by its kind and by how much its source had drawn until then. To let
some of a run's faults happen again and others not, each of those kept is given its source at just
that place: what the others would have drawn is skipped.
"""

from __future__ import annotations

import random

WORD_BITS = 32


class Draws(random.Random):
    """`random.Random`, draw for draw, that counts the words of 32 bits taken from it."""

    def __init__(self, seed: str) -> None:
        self.drawn = 0
        super().__init__(seed)

    def random(self) -> float:
        self.drawn += 2
        return super().random()

    def getrandbits(self, k: int, /) -> int:
        self.drawn += -(-k // WORD_BITS)
        return super().getrandbits(k)


def draws(seed: int, purpose: str, drawn: int = 0) -> Draws:
    """Return the source of one purpose, as `options.source` does, after so many words."""
    found = Draws(f"netsim/{seed}/{purpose}")
    for _ in range(drawn):
        found.getrandbits(WORD_BITS)
    return found
