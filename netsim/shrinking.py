"""Making a failing run smaller: fewer kinds of faults, nodes and clients, then fewer faults.

A smaller run counts if the same property does not hold in it. Kinds, nodes and clients are tried
first, each change being a run of its own; then the faults that happened are recorded, and their
list is cut down by delta debugging (Zeller and Hildebrandt 2002). What is left is a plan that names
every fault in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from netsim.options import FAULTS
from netsim.plan import Occurrence, Plan
from netsim.run import Verdict, run

Say = Callable[[str], None]


@dataclass(slots=True)
class Shrunk:
    """The smallest run found, what came of it, and how many runs that took."""

    plan: Plan
    verdict: Verdict
    runs: int
    before: int  # how many faults happened at first
    watched: frozenset[str]


class Shrinker:
    """Looks for smaller runs, within a budget of runs."""

    def __init__(self, plan: Plan, verdict: Verdict, budget: int, say: Say) -> None:
        if verdict.violation is None:
            raise ValueError("a run in which every property holds cannot be made smaller")
        self.plan = plan
        self.verdict = verdict
        self.runs = 0
        self._budget = budget
        self._say = say
        self._property = verdict.violation[0]
        self._watched = frozenset((self._property, "N-1"))

    def shrink(self) -> Shrunk:
        """Return the smallest failing run that the budget finds."""
        before = len(self.verdict.occurrences)
        # Other properties are not looked at from here on: the run may go on beyond them.
        self._try(self.plan, "as it was")
        for change in (self._fewer_kinds, self._fewer_nodes, self._fewer_clients):
            for smaller, what in change():
                self._try(smaller, what)
        self._fewer_occurrences()
        for smaller, what in self._fewer_acts():
            self._try(smaller, what)
        return Shrunk(self.plan, self.verdict, self.runs, before, self._watched)

    def _try(self, plan: Plan, what: str) -> bool:
        """Take `plan` if the same property does not hold in it either."""
        if self.runs >= self._budget:
            return False
        self.runs += 1
        verdict = run(plan.options, None, self._watched, plan)
        if verdict.violation is None or verdict.violation[0] != self._property:
            return False
        self.plan, self.verdict = plan, verdict
        self._say(f"still {self._property} {what}; {len(verdict.occurrences)} faults happen")
        return True

    # --- options ---------------------------------------------------------------------------------

    def _fewer_kinds(self) -> Iterator[tuple[Plan, str]]:
        options = self.plan.options
        if options.faults:
            yield replace(self.plan, options=replace(options, faults=())), "without any fault"
        for kind in FAULTS:
            options = self.plan.options
            if kind in options.faults:
                left = tuple(each for each in options.faults if each != kind)
                yield replace(self.plan, options=replace(options, faults=left)), f"without {kind}"

    def _fewer_nodes(self) -> Iterator[tuple[Plan, str]]:
        if self.plan.sites.of:
            return  # a world file has placed them
        for field, least in (("observers", 0), ("spares", 0), ("voters", 1)):
            for number in range(least, getattr(self.plan.options, field)):
                if number < getattr(self.plan.options, field):
                    changed: dict[str, Any] = {field: number}
                    options = replace(self.plan.options, **changed)
                    yield replace(self.plan, options=options), f"with {number} {field}"

    def _fewer_clients(self) -> Iterator[tuple[Plan, str]]:
        for field in ("clients", "clerks"):
            for number in (0, 1, 2):
                if number < getattr(self.plan.options, field):
                    changed: dict[str, Any] = {field: number}
                    options = replace(self.plan.options, **changed)
                    yield replace(self.plan, options=options), f"with {number} {field}"

    # --- the list of faults ----------------------------------------------------------------------

    def _fewer_occurrences(self) -> None:
        kept = self.verdict.occurrences
        if not self._try(replace(self.plan, occurrences=kept), "played from the list of faults"):
            return
        if kept and self._try(replace(self.plan, occurrences=()), "without the whole list"):
            return
        parts = 2
        while len(kept) >= 2:
            size = max(1, len(kept) // parts)
            for at in range(0, len(kept), size):
                fewer = (*kept[:at], *kept[at + size :])
                if self._try(
                    replace(self.plan, occurrences=fewer), f"with {len(fewer)} faults listed"
                ):
                    # Those after the new end do not happen any more.
                    kept = self._happened(fewer)
                    parts = max(parts - 1, 2)
                    break
            else:
                if size == 1:
                    break
                parts = min(2 * parts, len(kept))
            if self.runs >= self._budget:
                break
        self.plan = replace(self.plan, occurrences=kept)

    def _happened(self, listed: tuple[Occurrence, ...]) -> tuple[Occurrence, ...]:
        happened = set(self.verdict.occurrences)
        return tuple(each for each in listed if each in happened)

    def _fewer_acts(self) -> Iterator[tuple[Plan, str]]:
        for act in self.plan.acts:
            if act in self.plan.acts:
                left = tuple(each for each in self.plan.acts if each is not act)
                yield replace(self.plan, acts=left), f"without `{act.line}` at {act.at:g} s"
