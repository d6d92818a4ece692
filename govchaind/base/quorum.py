"""The two quorums: a majority commits (crash faults), a certificate tolerates f liars.

With n validators, f = ⌊(n−1)/3⌋ and a certificate needs ⌊(n+f)/2⌋ + 1 signatures:
3 → 2, 4 → 3, 5 → 4, 7 → 5. With at most f liars no two certificates contradict. At n = 3, f is 0:
a lying validator can help to make two, which then share a signer, and that is a proof of guilt.
"""

from __future__ import annotations

from collections.abc import Iterable


def majority(members: int) -> int:
    """Return how many of `members` are a majority (0 of 0: nothing can be decided)."""
    return members // 2 + 1


def liars_tolerated(members: int) -> int:
    """Return f, the number of lying members that a certificate tolerates."""
    return max(members - 1, 0) // 3


def certificate_quorum(members: int) -> int:
    """Return how many signatures of `members` make a certificate."""
    return (members + liars_tolerated(members)) // 2 + 1


def committed_index(matches: Iterable[int]) -> int:
    """Return the highest index that a majority of `matches` (one a voter) has reached, or 0."""
    ordered = sorted(matches, reverse=True)
    if not ordered:
        return 0
    return ordered[majority(len(ordered)) - 1]
