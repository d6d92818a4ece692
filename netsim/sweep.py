"""Many seeds on all cores, or on a cluster: rate, marks, and the first failure of each kind."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from netsim.job import Job, judged, play
from netsim.marks import MARKS
from netsim.run import Verdict

__all__ = ["Job", "Sweep", "gather", "play", "progress", "sweep", "verdicts"]

PROGRESS_SECONDS = 2.0


class Seeded(Protocol):
    """Options of either gear, as far as a sweep reads them."""

    @property
    def seed(self) -> int: ...


class Judged(Protocol):
    """A verdict of either gear, as far as a sweep reads it."""

    tail: list[str]

    @property
    def options(self) -> Seeded: ...

    @property
    def messages(self) -> int: ...

    @property
    def heights(self) -> int: ...

    @property
    def real_seconds(self) -> float: ...

    @property
    def digest(self) -> str: ...

    @property
    def marks(self) -> frozenset[str]: ...

    @property
    def unmet(self) -> list[str]: ...

    @property
    def violation(self) -> tuple[str, str, str, float] | None: ...


V = TypeVar("V", bound=Judged)


@dataclass(slots=True)
class Sweep(Generic[V]):
    """What came of many seeds."""

    wanted: Mapping[str, str] = field(default_factory=lambda: MARKS)  # marks to reach
    seeds: int = 0
    messages: int = 0
    seconds: float = 0.0
    heights: int = 0
    marks: dict[str, list[int]] = field(default_factory=dict)  # which seeds have reached each
    failures: dict[str, list[V]] = field(default_factory=dict)
    unmet: dict[int, list[str]] = field(default_factory=dict)  # seed → a world's expectations
    slowest: tuple[float, int] = (0.0, -1)
    digests: dict[int, str] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """Return the marks that no seed has reached."""
        return [name for name in self.wanted if name not in self.marks]

    @property
    def failed(self) -> int:
        """Return how many seeds have shown a property that does not hold."""
        return sum(map(len, self.failures.values()))

    def add(self, verdict: V) -> None:
        seed = verdict.options.seed
        self.seeds += 1
        self.messages += verdict.messages
        self.heights += verdict.heights
        self.digests[seed] = verdict.digest
        self.slowest = max(self.slowest, (verdict.real_seconds, seed))
        for mark in verdict.marks:
            self.marks.setdefault(mark, []).append(seed)
        if verdict.unmet:
            self.unmet[seed] = verdict.unmet
        if verdict.violation is not None:
            self.failures.setdefault(verdict.violation[0], []).append(verdict)

    def settle(self) -> None:
        """Put seeds in order: a cluster tells of them as they come."""
        for seeds in self.marks.values():
            seeds.sort()
        for failed in self.failures.values():
            failed.sort(key=lambda verdict: verdict.options.seed)

    def as_json(self) -> dict[str, Any]:
        """Return what a script reads."""
        return {
            "seeds": self.seeds,
            "messages": self.messages,
            "seconds": round(self.seconds, 3),
            "seeds_a_second": round(self.seeds / max(self.seconds, 1e-9), 2),
            "messages_a_second": round(self.messages / max(self.seconds, 1e-9)),
            "heights": self.heights,
            "marks": {name: len(seeds) for name, seeds in sorted(self.marks.items())},
            "missed": self.missed,
            "failures": {
                name: [
                    {
                        "seed": verdict.options.seed,
                        "node": verdict.violation[1],
                        "text": verdict.violation[2],
                        "at": verdict.violation[3],
                    }
                    for verdict in failed
                    if verdict.violation is not None
                ]
                for name, failed in sorted(self.failures.items())
            },
            "unmet": {str(seed): texts for seed, texts in sorted(self.unmet.items())},
        }


def calm_collector() -> None:
    """Look for cyclic garbage between runs only, and never among what was loaded at the start."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _play(job: Job) -> Verdict:
    """Run one job in a process whose collector is calm."""
    verdict = judged(job)
    gc.collect()  # at once: what a run leaves is still near, and found in half the time
    return verdict


def verdicts(jobs: Sequence[Job], processes: int) -> Iterator[Verdict]:
    """Yield verdicts in the order of the jobs, worked out by so many processes."""
    if processes > 1:
        context = multiprocessing.get_context("spawn")
        with context.Pool(processes, calm_collector) as pool:
            yield from pool.imap(_play, jobs, chunksize=4)
        return
    calm_collector()
    try:
        yield from map(_play, jobs)
    finally:
        gc.unfreeze()
        gc.enable()


def sweep(
    jobs: list[Job],
    *,
    processes: int,
    say: Callable[[str], None],
    stop_at: int = 0,
    source: Callable[[list[Job]], Iterable[Verdict]] | None = None,
    tick: Callable[[], None] | None = None,
) -> Sweep[Verdict]:
    """Run all jobs of gear 1 and return what came of them.

    `source` works jobs out elsewhere than in `processes` of this machine.
    """
    found = verdicts(jobs, processes) if source is None else source(jobs)
    return gather(found, len(jobs), say=say, stop_at=stop_at, tick=tick, marks=MARKS)


def gather(
    found: Iterable[V],
    total: int,
    *,
    say: Callable[[str], None],
    stop_at: int = 0,
    tick: Callable[[], None] | None = None,
    marks: Mapping[str, str],
) -> Sweep[V]:
    """Take verdicts as they come and return what they amount to.

    `say` hears of the first failure of each kind and, unless `tick` draws it, of progress. Stops
    after `stop_at` failures.
    """
    result: Sweep[V] = Sweep(wanted=marks)
    began = told = time.monotonic()
    for verdict in found:
        result.add(verdict)
        now = time.monotonic()
        result.seconds = now - began
        if verdict.violation is not None:
            property_id, node, text, at = verdict.violation
            if len(result.failures[property_id]) == 1:
                say(f"seed {verdict.options.seed}: {property_id} at {node}, {at:.3f} s: {text}")
            else:
                verdict.tail = []  # of each kind the first is told whole
                if isinstance(verdict, Verdict):
                    verdict.occurrences = ()
            if stop_at and result.failed >= stop_at:
                break
        if tick is not None:
            tick()
        elif now - told >= PROGRESS_SECONDS:
            told = now
            say(progress(result, total))
    result.settle()
    return result


def progress(result: Sweep[V], total: int) -> str:
    """Return one line of progress."""
    seconds = max(result.seconds, 1e-9)
    left = (total - result.seeds) * seconds / max(result.seeds, 1)
    return (
        f"{result.seeds}/{total} seeds, {result.seeds / seconds:.1f} a second, "
        f"{result.messages / seconds:,.0f} messages a second, "
        f"{len(result.marks)}/{len(result.wanted)} marks, {result.failed} failed, {left:.0f} s left"
    )
