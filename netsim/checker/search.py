"""The one search for linearizations: Wing and Gong 1993, with Lowe's memory of states 2017.

Calls overlap in time; an order explains them if each comes after all that had ended before it
began and every answer is what the model gives in that order. A call that ended must be placed; one
that never did may be placed anywhere after its beginning, or nowhere. There are three answers: the
search is exponential at worst, is given a budget of steps, and says when that was not enough.

What keeps it short, each without changing an answer:

- a call that cannot change the state is placed as soon as it fits (nothing is lost by it);
- a place is a window (first unplaced call, bits after it), so its size is that of the concurrency;
- a place is left out if one was seen with the same state and fewer unanswered calls used up;
- of unanswered calls that do the same, the one that began first is placed first;
- an unanswered call is placed only where the next call depends on what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

FOREVER = float("inf")

State = TypeVar("State", bound=Hashable)


class Answer(Enum):
    """Whether there is a linearization."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Span(Generic[State]):
    """One call: from when to when, and what it does.

    `effect` returns the state after the call, or None if it cannot be answered so in that state.
    """

    begun: float
    ended: float  # FOREVER: nobody knows whether it happened, or will
    effect: Callable[[State], State | None]
    pure: bool = False  # it never changes the state
    blind: bool = False  # it is always possible, and what was before it makes no difference
    rank: tuple[float, ...] = ()  # what to try first, by default what ends first; changes no answer
    same: Hashable = None  # unanswered calls with one `same` do the same; None: like no other


@dataclass(frozen=True, slots=True)
class Found(Generic[State]):
    """What a search found. Calls are told by their place in what was given."""

    answer: Answer
    order: tuple[int, ...]  # the linearization, or the longest that begins one
    state: State  # after `order`
    stuck: int | None  # no order gets past the end of this call, unless the answer is yes
    steps: int


_Path = tuple["_Path", int] | None  # the calls placed so far, last one first
# A place in the search: the first unplaced call, which after it are placed, which unanswered ones
# are used, whether the last was one of these and nobody has seen its effect, the state, the path.
_Place = tuple[int, int, int, bool, State, _Path]


class _Search(Generic[State]):
    """The calls, sorted, and what has been seen."""

    def __init__(self, spans: Sequence[Span[State]]) -> None:
        by_begin = sorted(range(len(spans)), key=lambda at: (spans[at].begun, at))
        self.must = [at for at in by_begin if spans[at].ended != FOREVER]
        self.may = [at for at in by_begin if spans[at].ended == FOREVER and not spans[at].pure]
        self.spans = spans
        self.begun = [spans[at].begun for at in self.must]
        self.ended = [spans[at].ended for at in self.must]
        # Unanswered calls that do the same, as bits; in the order in which the first of each began,
        # which stands before them.
        alike: dict[Hashable, tuple[float, int]] = {}
        for number, at in enumerate(self.may):
            same = spans[at].same
            like = ("", at) if same is None else ("same", same)
            first, bits = alike.get(like, (spans[at].begun, 0))
            alike[like] = (first, bits | 1 << number)
        self.alike = list(alike.values())
        self.looks = [spans[at].effect if spans[at].pure else None for at in self.must]
        self.seen: dict[tuple[int, int, bool, State], list[int]] = {}

    def known(self, low: int, done: int, used: int, unseen: bool, state: State) -> bool:
        """Say whether this place, or a better one, was seen; remember it."""
        place = (low, done, unseen, state)
        found = self.seen.get(place)
        if found is None:
            self.seen[place] = [used]
            return False
        for other in found:
            if other & used == other:
                return True
        found.append(used)
        return False

    def settle(self, place: _Place[State]) -> tuple[_Place[State], list[int], float]:
        """Place all calls that change nothing; return the place, which answered calls may come
        next, and the end that none of them may begin after."""
        must, begun, ended, looks = self.must, self.begun, self.ended, self.looks
        low, done, used, unseen, state, path = place
        while True:
            while done & 1:
                done >>= 1
                low += 1
            nearest, choices, placed, left = FOREVER, list[int](), False, done
            for at in range(low, len(must)):
                if left & 1:
                    left >>= 1
                    continue
                left >>= 1
                if begun[at] > nearest:
                    break
                look = looks[at]
                if look is None:
                    choices.append(at)
                elif look(state) is not None:
                    done |= 1 << (at - low)
                    path = (path, must[at])
                    placed = True
                    continue
                nearest = min(nearest, ended[at])
            if not placed:
                return (low, done, used, unseen, state, path), choices, nearest
            unseen = False

    def following(
        self, place: _Place[State], choices: list[int], nearest: float
    ) -> list[_Place[State]]:
        """Return the places that may follow, the likeliest last."""
        spans = self.spans
        low, done, used, unseen, state, path = place
        found: list[tuple[tuple[float, ...], int, _Place[State]]] = []
        free = ~used
        for first, alike in self.alike:
            if first > nearest:
                break  # so did all that follow
            rest = alike & free
            if not rest:
                continue
            number = (rest & -rest).bit_length() - 1  # the first that is left
            span = spans[at := self.may[number]]
            if (unseen and span.blind) or span.begun > nearest:
                continue
            after = span.effect(state)
            if after is not None and after != state:
                then = (low, done, used | 1 << number, True, after, (path, at))
                found.append((span.rank or (FOREVER,), at, then))
        for chosen in choices:
            at = self.must[chosen]
            span = spans[at]
            after = None if unseen and span.blind else span.effect(state)
            if after is not None:
                then = (low, done | 1 << (chosen - low), used, False, after, (path, at))
                found.append((span.rank or (span.ended,), at, then))
        found.sort(reverse=True)  # by rank, then by call, of which each stands there once
        return [then for _, _, then in found]


def search(spans: Sequence[Span[State]], initial: State, budget: int) -> Found[State]:
    """Look for an order that explains all calls, in so many steps at most."""
    work = _Search(spans)
    stack: list[_Place[State]] = [(0, 0, 0, False, initial, None)]
    furthest: tuple[float, _Path, State] = (-FOREVER, None, initial)
    steps = 0
    asked = set[tuple[int, int, int, bool, State]]()
    while stack:
        place = stack.pop()
        key = place[:-1]
        if key in asked:
            continue
        asked.add(key)
        place, choices, nearest = work.settle(place)
        state, path = place[4:]
        if nearest > furthest[0]:
            furthest = (nearest, path, state)
        if place[0] == len(work.must):
            return Found(Answer.YES, _order(path), state, None, steps)
        if work.known(*place[:-1]):
            continue
        if steps >= budget:
            return _told(work, Answer.UNKNOWN, furthest, steps)
        steps += 1
        stack.extend(work.following(place, choices, nearest))
    return _told(work, Answer.NO, furthest, steps)


def _told(
    work: _Search[State], answer: Answer, furthest: tuple[float, _Path, State], steps: int
) -> Found[State]:
    """Return the answer with the furthest place: all that ended before its nearest end is placed,
    so that the history up to there has a linearization, and up to and with it has none."""
    nearest, path, state = furthest
    order = _order(path)
    placed = set(order)
    stuck = next(at for at in work.must if work.spans[at].ended == nearest and at not in placed)
    return Found(answer, order, state, stuck, steps)


def _order(path: _Path) -> tuple[int, ...]:
    found = []
    while path is not None:
        path, at = path
        found.append(at)
    return tuple(reversed(found))
