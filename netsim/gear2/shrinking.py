"""Making a failing run of gear 2 smaller: fewer kinds of faults, a shorter run, fewer voters.

A smaller run counts if the same property does not hold in it. Each kind of fault draws from a
source of its own, so leaving one out changes nothing that is drawn for the others; a shorter run
begins as the longer one does. What is left is one command, as short as the budget finds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from netsim.gear2.job import Job, play
from netsim.gear2.run import Verdict

Say = Callable[[str], None]
Play = Callable[[Job], Verdict]

SECONDS_LEAST = 1.0  # a network needs some time to come to anything


@dataclass(slots=True)
class Shrunk:
    """The smallest run found, what came of it, and how many runs that took."""

    job: Job
    verdict: Verdict
    runs: int


class Shrinker:
    """Looks for smaller runs, within a budget of runs."""

    def __init__(
        self, job: Job, verdict: Verdict, budget: int, say: Say, *, player: Play = play
    ) -> None:
        if verdict.violation is None:
            raise ValueError("a run in which every property holds cannot be made smaller")
        self._found = Shrunk(job, verdict, 0)
        self._property = verdict.violation[0]
        self._budget = budget
        self._say = say
        self._play = player

    def shrink(self) -> Shrunk:
        """Return the smallest failing run that the budget finds."""
        for change in (self._without_kinds, self._shorter, self._fewer_voters, self._without_kinds):
            for smaller, what in change():
                self._try(smaller, what)
        return self._found

    def _try(self, job: Job, what: str) -> None:
        """Take `job` if the same property does not hold in it either."""
        found = self._found
        if found.runs >= self._budget:
            return
        found.runs += 1
        verdict = self._play(job)
        if verdict.violation is not None and verdict.violation[0] == self._property:
            found.job, found.verdict = job, verdict
            self._say(f"still {self._property} {what}")

    def _without_kinds(self) -> Iterator[tuple[Job, str]]:
        faults = self._found.job.options().faults
        if len(faults) > 1:
            without = (*self._found.job.without, *faults)
            yield replace(self._found.job, without=without), "without any fault"
        for kind in faults:
            job = self._found.job
            if kind in job.options().faults:
                yield replace(job, without=(*job.without, kind)), f"without {kind}"

    def _shorter(self) -> Iterator[tuple[Job, str]]:
        violation = self._found.verdict.violation
        if violation is not None and violation[3] < self._found.job.options().seconds:
            seconds = max(SECONDS_LEAST, float(math.ceil(violation[3])))
            yield replace(self._found.job, seconds=seconds), f"in {seconds:g} s"
        while (half := math.ceil(self._found.job.options().seconds) / 2) >= SECONDS_LEAST:
            before = self._found.job
            yield replace(before, seconds=half), f"in {half:g} s"
            if self._found.job is before:
                return

    def _fewer_voters(self) -> Iterator[tuple[Job, str]]:
        for number in range(1, self._found.job.options().voters):
            if number < self._found.job.options().voters:
                yield replace(self._found.job, nodes=number), f"with {number} voters"
