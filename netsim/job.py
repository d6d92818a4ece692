"""One run as it is asked for: what a worker process, here or on another machine, is given.

A job holds text and numbers only, so it means the same everywhere: a world file goes as its text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from govchaind.base.errors import InvalidSetting
from netsim.expectations import Expect, unmet
from netsim.options import MESSAGES_MAX, MINUTES, draw
from netsim.plan import Plan
from netsim.run import Verdict, first_difference, followers_agree, run
from netsim.world_file import WorldFile, read_world, world_plan

if TYPE_CHECKING:  # the table is read only by runs that plant one
    from netsim.mutants.plant import Mutant

V = TypeVar("V")
NETSIM = "netsim"  # in place of a property that does not hold: netsim itself failed

# Properties that are found by comparing runs, as a sweep does with this option.
COMPARING = {"I-31": "--clocks", "I-33": "--twice"}


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker is asked. Minutes and messages of None are the usual ones, or the world's."""

    seed: int
    nodes: int | None = None
    minutes: float | None = None
    messages: int | None = None
    without: tuple[str, ...] = ()
    twice: bool = False
    world: str = ""  # the text of a world file
    source: str = ""  # its path, for errors and commands
    plant: str = ""  # a bug that is in place during the run
    clocks: bool = False  # run it twice more, with clocks of followers ahead, and compare (I-31)
    property: str = ""  # the only one that is looked at, but for N-1
    bare: bool = False  # look at no property: only what happens is wanted, for its digest

    def world_file(self) -> WorldFile | None:
        """Return the job's world, if it has one. Raises InvalidSetting."""
        return read_world(self.world, self.source) if self.world else None

    def expect(self) -> Expect:
        """Return what the job's world expects."""
        world = self.world_file()
        return Expect() if world is None else world.expect

    def watched(self) -> frozenset[str] | None:
        """Return which properties are looked at; None: all."""
        if self.bare:
            return frozenset()
        if self.property in COMPARING:
            return frozenset((self.property,))  # by another run, whatever comes of this one
        if self.property:
            return frozenset((self.property, "N-1"))
        named = self.expect().properties
        return None if named is None else frozenset(named)

    def plan(self) -> Plan:
        """Return the run that is asked for. Raises InvalidSetting."""
        world = self.world_file()
        if world is None:
            return Plan(
                draw(
                    self.seed,
                    nodes=self.nodes,
                    minutes=MINUTES if self.minutes is None else self.minutes,
                    messages_max=MESSAGES_MAX if self.messages is None else self.messages,
                    without=self.without,
                )
            )
        return world_plan(
            world,
            self.world,
            self.source,
            self.seed,
            minutes=self.minutes,
            messages=self.messages,
            without=self.without,
        )

    def arguments(self) -> list[str]:
        """Return the arguments of `netsim run` that mean this job, or of `netsim sweep`."""
        parts = [self.source] if self.world else []
        if self.property in COMPARING:
            parts += ["--seeds", f"{self.seed}:{self.seed + 1}", COMPARING[self.property]]
        else:
            parts += ["--seed", str(self.seed)]
        if self.nodes is not None:
            parts += ["--nodes", str(self.nodes)]
        if self.minutes is not None:
            parts += ["--minutes", f"{self.minutes:g}"]
        if self.messages is not None:
            parts += ["--messages", str(self.messages)]
        for fault in self.without:
            parts += ["--without", fault]
        if self.plant:
            parts += ["--plant", self.plant]
        if self.property:
            parts += ["--property", self.property]
        return parts


def mutant(name: str) -> Mutant:
    """Return the first planted bug of a name. Raises InvalidSetting."""
    from netsim.mutants.table import MUTANTS, OPEN

    found = next((each for each in (*MUTANTS, *OPEN) if each.name == name), None)
    if found is None:
        raise InvalidSetting(
            f"there is no planted bug {name!r}",
            code="no-mutant",
            remedy="`netsim mutants --list` names them, `netsim mutants --gear2 --list` those that "
            "only `netsim gear2` can plant.",
        )
    return found


def planting(name: str, named: Callable[[str], Mutant] = mutant) -> AbstractContextManager[Any]:
    """Return what plants a bug while it is entered; of no name: nothing. Raises InvalidSetting."""
    if not name:
        return nullcontext()
    from netsim.mutants.plant import planted

    return planted(named(name))


def play_chunk(jobs: Sequence[Job]) -> list[Verdict]:
    """Run some jobs one after another, on a worker of a cluster."""
    return [judged(job) for job in jobs]


def play(job: Job) -> Verdict:
    """Run one job, twice if asked to; two digests must be one (I-33)."""
    plan = job.plan()
    expect = job.expect()
    watched = job.watched()
    with planting(job.plant):
        verdict = run(plan.options, None, watched, plan)
        if job.twice and verdict.violation is None:
            again = run(plan.options, None, watched, plan)
            if again.digest != verdict.digest:
                where = first_difference(verdict, again)
                text = f"digests {verdict.digest} and {again.digest}, first in {where}"
                verdict.violation = ("I-33", "-", text, verdict.simulated_seconds)
        asks = job.clocks and verdict.violation is None
        if asks and not followers_agree(plan.options, frozenset(("I-31",))):
            text = "clocks of followers change what is hashed"
            verdict.violation = ("I-31", "-", text, verdict.simulated_seconds)
    if verdict.violation is None:
        verdict.tail = []
        verdict.unmet = unmet(expect, verdict)
    return verdict


def judged(job: Job) -> Verdict:
    """Run one job of many."""
    return spared(
        lambda: play(job), lambda failure: Verdict(job.plan().options, "", violation=failure)
    )


def spared(run: Callable[[], V], failed: Callable[[tuple[str, str, str, float]], V]) -> V:
    """Return the verdict of one run of many; where netsim itself fails, that is the verdict.

    Raises InvalidSetting: all runs are asked for wrongly alike.
    """
    try:
        return run()
    except InvalidSetting:
        raise
    except Exception as error:  # the others go on, and this one's seed is told
        return failed((NETSIM, "-", f"{type(error).__name__}: {error}", 0.0))


def of_seed(job: Job, seed: int) -> Job:
    """Return the same job with another seed."""
    return replace(job, seed=seed)
