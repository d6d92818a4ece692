"""One run of gear 2 as it is asked for, and many on all cores, each in two processes if asked to.

Processes are given jobs, not options, so that the command that plays one again is the job's own.
Two digests of a seed come from processes with different PYTHONHASHSEED (I-33).
"""

from __future__ import annotations

import multiprocessing
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.pool import Pool
from typing import TYPE_CHECKING, Any

from netsim.gear2.options import SECONDS, Options, draw, falling_behind
from netsim.gear2.run import Verdict, run
from netsim.job import mutant, spared
from netsim.job import planting as plant

if TYPE_CHECKING:  # the tables are read only by runs that plant one
    from netsim.mutants.whole.bug import WholeMutant

HASH_SEEDS = ("1", "4242")


@dataclass(frozen=True, slots=True)
class Job:
    """What one process is asked.

    A bug of gear 2's own table asks something of the runs in which it is looked for; what the job
    names itself goes before that.
    """

    seed: int
    nodes: int | None = None
    seconds: float | None = None  # None: as usual, or as the planted bug asks
    without: tuple[str, ...] = ()
    plant: str = ""  # a bug that is in place during the run
    also: tuple[str, ...] = ()  # kinds of faults that are on, whatever the seed draws
    property: str = ""  # the only one that is looked at

    def options(self) -> Options:
        """Return what the seed decides of this run. Raises InvalidSetting."""
        bug = whole_mutant(self.plant)
        nodes, seconds, also, only = self.nodes, self.seconds, self.also, None
        if bug is not None:
            nodes = bug.nodes if nodes is None else nodes
            seconds = bug.seconds if seconds is None else seconds
            also += tuple(kind for kind in bug.also if kind not in self.without)
            only = bug.only
        drawn = draw(
            self.seed,
            nodes=nodes,
            seconds=SECONDS if seconds is None else seconds,
            without=self.without,
            only=only,
            also=also,
        )
        return falling_behind(drawn) if bug is not None and bug.falling_behind else drawn

    def watched(self) -> frozenset[str] | None:
        """Return which properties are looked at; None: all."""
        return frozenset((self.property,)) if self.property else None

    def command(self) -> str:
        """Return the one command that plays this run again, to the byte."""
        arguments = ["netsim", "gear2", "--seed", str(self.seed)]
        if self.nodes is not None:
            arguments += ["--nodes", str(self.nodes)]
        if self.seconds is not None:
            arguments += ["--seconds", f"{self.seconds:g}"]
        for fault in self.without:
            arguments += ["--without", fault]
        for fault in self.also:
            arguments += ["--with", fault]
        if self.plant:
            arguments += ["--plant", self.plant]
        if self.property:
            arguments += ["--property", self.property]
        return shlex.join(arguments)


def whole_mutant(name: str) -> WholeMutant | None:
    """Return a bug of gear 2's own table, if there is one of this name."""
    if not name:
        return None
    from netsim.mutants.whole.table import WHOLE

    return next((each for each in WHOLE if each.name == name), None)


def planting(name: str) -> AbstractContextManager[Any]:
    """Return what plants a bug of either table while it is entered; of no name: nothing.

    Raises InvalidSetting.
    """
    return plant(name, lambda known: whole_mutant(known) or mutant(known))


def of_seed(job: Job, seed: int) -> Job:
    """Return the same job with another seed."""
    return replace(job, seed=seed)


def play(job: Job) -> Verdict:
    """Run one job."""
    with planting(job.plant):
        return run(job.options(), None, job.watched())


def judged(job: Job) -> Verdict:
    """Run one job of many."""
    return spared(lambda: play(job), lambda failure: Verdict(job.options(), "", violation=failure))


def play_chunk(jobs: Sequence[Job]) -> list[Verdict]:
    """Run some jobs one after another, on a worker of a cluster."""
    return [judged(job) for job in jobs]


@contextmanager
def _processes(count: int, hash_seed: str) -> Iterator[Pool]:
    """Give so many processes, which order their sets by `hash_seed`."""
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = hash_seed
    try:
        pool = multiprocessing.get_context("spawn").Pool(count)
    finally:
        if before is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = before
    with pool:
        yield pool


def verdicts(jobs: Sequence[Job], processes: int, *, twice: bool = False) -> Iterator[Verdict]:
    """Yield verdicts in the order of the jobs; `twice` compares each with that of another process.

    Twice takes two processes at least.
    """
    if not twice:
        if processes <= 1:
            yield from map(judged, jobs)
            return
        with _processes(processes, HASH_SEEDS[0]) as pool:
            yield from pool.imap(judged, jobs)
        return
    each = max(1, processes // 2)
    with _processes(each, HASH_SEEDS[0]) as pool, _processes(each, HASH_SEEDS[1]) as other:
        pairs = zip(pool.imap(judged, jobs), other.imap(judged, jobs), strict=True)
        for one, two in pairs:
            yield agreed(one, two)


def agreed(one: Verdict, two: Verdict) -> Verdict:
    """Return a run's verdict; its violation if the run of another process was another."""
    if one.digest != two.digest and one.violation is None:
        text = f"digests {one.digest} and {two.digest} in two processes"
        one.violation = ("I-33", "-", text, one.simulated_seconds)
        one.tail = [text]
    return one
