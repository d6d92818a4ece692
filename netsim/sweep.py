"""Many seeds on all cores: progress, rate, marks, and the first failure of each kind."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from netsim.marks import MARKS
from netsim.options import draw
from netsim.run import Verdict, first_difference, run

PROGRESS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker is asked."""

    seed: int
    nodes: int | None
    minutes: float
    messages: int
    without: tuple[str, ...]
    twice: bool


@dataclass(slots=True)
class Sweep:
    """What came of many seeds."""

    seeds: int = 0
    messages: int = 0
    seconds: float = 0.0
    heights: int = 0
    marks: dict[str, list[int]] = field(default_factory=dict)  # which seeds have reached each
    failures: dict[str, list[Verdict]] = field(default_factory=dict)
    slowest: tuple[float, int] = (0.0, -1)

    @property
    def missed(self) -> list[str]:
        """Return the marks that no seed has reached."""
        return [name for name in MARKS if name not in self.marks]

    def add(self, verdict: Verdict) -> None:
        self.seeds += 1
        self.messages += verdict.messages
        self.heights += verdict.heights
        self.slowest = max(self.slowest, (verdict.real_seconds, verdict.options.seed))
        for mark in verdict.marks:
            self.marks.setdefault(mark, []).append(verdict.options.seed)
        if verdict.violation is not None:
            self.failures.setdefault(verdict.violation[0], []).append(verdict)


def play(job: Job) -> Verdict:
    """Run one job, twice if asked to; two digests must be one (I-33)."""
    options = draw(
        job.seed,
        nodes=job.nodes,
        minutes=job.minutes,
        messages_max=job.messages,
        without=job.without,
    )
    verdict = run(options)
    if job.twice and verdict.violation is None:
        again = run(options)
        if again.digest != verdict.digest:
            where = first_difference(verdict, again)
            text = f"digests {verdict.digest} and {again.digest}, first in {where}"
            verdict.violation = ("I-33", "-", text, verdict.simulated_seconds)
    if verdict.violation is None:
        verdict.tail = []
    return verdict


def verdicts(jobs: Iterable[Job], processes: int) -> Iterator[Verdict]:
    """Yield verdicts in the order of the jobs, worked out by so many processes."""
    if processes <= 1:
        yield from map(play, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        yield from pool.imap(play, jobs, chunksize=4)


def sweep(
    jobs: list[Job], *, processes: int, say: Callable[[str], None], stop_at: int = 0
) -> Sweep:
    """Run all jobs; `say` hears of progress and of each failure. Stops after `stop_at` failures."""
    result = Sweep()
    began = told = time.monotonic()
    for verdict in verdicts(jobs, processes):
        result.add(verdict)
        now = time.monotonic()
        result.seconds = now - began
        if verdict.violation is not None:
            property_id, node, text, at = verdict.violation
            if len(result.failures[property_id]) == 1:
                say(f"seed {verdict.options.seed}: {property_id} at {node}, {at:.3f} s: {text}")
            if stop_at and sum(map(len, result.failures.values())) >= stop_at:
                break
        if now - told >= PROGRESS_SECONDS:
            told = now
            say(progress(result, len(jobs)))
    return result


def progress(result: Sweep, total: int) -> str:
    """Return one line of progress."""
    seconds = max(result.seconds, 1e-9)
    failed = sum(map(len, result.failures.values()))
    left = (total - result.seeds) * seconds / max(result.seeds, 1)
    return (
        f"{result.seeds}/{total} seeds, {result.seeds / seconds:.1f} a second, "
        f"{result.messages / seconds:,.0f} messages a second, "
        f"{len(result.marks)}/{len(MARKS)} marks, {failed} failed, {left:.0f} s left"
    )
