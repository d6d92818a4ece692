"""Memory, open files and lateness of each node over time, and whether they stay flat.

A slope is the least-squares line through the samples behind the first third: a process that has
just started grows for a while, and nobody asks that it does not. Samples of one life are compared
with each other only; a life too short for five of them is left out. Memory is the process's own
(RssAnon): pages of the store, which grows with what is written, are the kernel's to take back.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

SAMPLES_LEAST = 5
MEMORY_SLOPE_MAX = 60.0  # MiB an hour: caches take some
FILES_SLOPE_MAX = 60.0  # open files an hour
_LATE = re.compile(
    r"^govchaind_event_loop_lateness_seconds_(sum|count) ([0-9.e+-]+)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one process."""

    at_seconds: float
    memory_mib: float
    files: int
    late_milliseconds: float | None  # mean since the last look; None: not heard


@dataclass(slots=True)
class Lives:
    """All samples, by node and process."""

    of: dict[tuple[str, int], list[Sample]] = field(default_factory=lambda: defaultdict(list))
    _late: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)

    def look(self, name: str, pid: int, at: float, metrics: str | None) -> None:
        """Take a sample; a process that has gone gives none."""
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        except OSError:
            return
        resident = re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)
        if resident is None:
            return
        late = None if metrics is None else self._lateness((name, pid), metrics)
        self.of[name, pid].append(Sample(at, int(resident[1]) / 1024, files, late))

    def _lateness(self, life: tuple[str, int], metrics: str) -> float | None:
        read = {what: float(number) for what, number in _LATE.findall(metrics)}
        total, count = read.get("sum", 0.0), read.get("count", 0.0)
        before = self._late.get(life, (0.0, 0.0))
        self._late[life] = total, count
        return (total - before[0]) / (count - before[1]) * 1000 if count > before[1] else None

    def longest(self) -> dict[str, list[Sample]]:
        """Return each node's longest life, if it is long enough for a slope."""
        found: dict[str, list[Sample]] = {}
        for (name, _), samples in self.of.items():
            if len(samples) >= SAMPLES_LEAST and len(samples) > len(found.get(name, ())):
                found[name] = samples
        return found


def slope_an_hour(points: list[tuple[float, float]]) -> float:
    """Return the slope of the least-squares line through (seconds, value), for an hour."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if not spread:
        return 0.0
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread * 3600


def settled(samples: list[Sample]) -> list[Sample]:
    """Return the samples that a slope is drawn through."""
    return samples[len(samples) // 3 :]
