"""The report of a run: what was done, what was checked, and whether memory and files stay flat."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from chaos_parts.gauges import (
    FILES_SLOPE_MAX,
    MEMORY_SLOPE_MAX,
    Lives,
    Sample,
    settled,
    slope_an_hour,
)

FLAT_SECONDS_LEAST = 1800.0  # before, caches still fill: the slope is told and not judged
LATER_TIMES_MAX, LATER_MILLISECONDS = 2.0, 10.0  # of the first half of a life: noise is within


@dataclass(slots=True)
class Report:
    """What came of a run."""

    seed: int
    minutes: float
    faults: dict[str, int]
    calls: int = 0
    acknowledged: int = 0
    receipts: int = 0
    heights: int = 0
    fallen: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lives: dict[str, list[Sample]] = field(default_factory=dict)

    def take_lives(self, lives: Lives) -> None:
        """Take what was measured, and judge the lives that are long enough."""
        self.lives = lives.longest()
        for name, samples in self.lives.items():
            if samples[-1].at_seconds - samples[0].at_seconds < FLAT_SECONDS_LEAST:
                continue
            memory, files = slopes(samples)
            if memory > MEMORY_SLOPE_MAX:
                self.wrong.append(f"{name}: memory grows by {memory:.0f} MiB an hour")
            if files > FILES_SLOPE_MAX:
                self.wrong.append(f"{name}: open files grow by {files:.0f} an hour")
            before, after = lateness(samples)
            if after > LATER_TIMES_MAX * before + LATER_MILLISECONDS:
                self.wrong.append(
                    f"{name}: its loop gets later: {before:.0f} ms in one half, then {after:.0f}"
                )

    def lines(self) -> list[str]:
        """Return the report for people."""
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        told = [
            f"seed {self.seed}, {self.minutes:g} minutes, faults: {faults or 'none'}",
            f"{self.calls} calls, {self.acknowledged} writes acknowledged, {self.heights} heights",
            f"{self.receipts} receipts fetched and verified",
        ]
        for name, samples in self.lives.items():
            memory, files = slopes(samples)
            looked = [each.late_milliseconds for each in samples]
            late = [each for each in looked if each is not None]
            lateness = f"{sum(late) / len(late):.1f} ms late" if late else "lateness unknown"
            last = samples[-1]
            told.append(
                f"{name}: {last.memory_mib:.0f} MiB ({memory:+.1f} an hour), {last.files} files "
                f"({files:+.1f} an hour), {lateness}, over {len(samples)} samples of one life"
            )
        told += [f"ended by itself: {each}" for each in self.fallen]
        told += [f"WRONG: {each}" for each in self.wrong]
        return [*told, "all holds" if not self.wrong else f"{len(self.wrong)} things do not hold"]

    def json(self) -> dict[str, Any]:
        """Return the report for a program."""
        return {
            "seed": self.seed,
            "minutes": self.minutes,
            "faults": self.faults,
            "calls": self.calls,
            "acknowledged": self.acknowledged,
            "heights": self.heights,
            "receipts": self.receipts,
            "fallen": self.fallen,
            "wrong": self.wrong,
            "samples": {
                name: [
                    [each.at_seconds, each.memory_mib, each.files, each.late_milliseconds]
                    for each in samples
                ]
                for name, samples in self.lives.items()
            },
        }


def lateness(samples: list[Sample]) -> tuple[float, float]:
    """Return the median lateness (milliseconds) of each half of a life; 0: not heard."""
    points = settled(samples)
    halves = points[: len(points) // 2], points[len(points) // 2 :]
    heard = [[each.late_milliseconds or 0.0 for each in half] or [0.0] for half in halves]
    return median(heard[0]), median(heard[1])


def slopes(samples: list[Sample]) -> tuple[float, float]:
    """Return how much memory (MiB) and open files grow an hour."""
    points = settled(samples)
    memory = slope_an_hour([(each.at_seconds, each.memory_mib) for each in points])
    return memory, slope_an_hour([(each.at_seconds, float(each.files)) for each in points])
