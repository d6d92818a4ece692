"""Rates under load: the same closed loop at several concurrencies, its knee, and repetitions there.

The knee is the lowest concurrency that reaches `KNEE_SHARE` of the best rate seen: beyond it only
waiting grows. A transaction costs more in a larger store, and minutes of load make a small one
large: with few records each stretch begins with the stores set back to what they were. Where they
are large already, levels are swept upward and then downward, and a level's rate is the mean of
both. Half of the connections wait for `committed`, half for `certified`; replies are counted inside
the measured stretch only, after a warm-up.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_parts.network import ROOT, BenchFailed, TrialNetwork
from bench_parts.presigned import Presigner, Shape
from bench_parts.readings import between, read_all, require_syncs

KNEE_SHARE = 0.95
WARM_UP_SECONDS = 1.5
PREPARE_SHARE = 1.3  # load signed beforehand, times what the rate so far would use


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one stretch of load showed."""

    connections: int
    transactions_a_second: float
    operations_a_second: float
    missed: int
    committed_ms: dict[str, float]
    certified_ms: dict[str, float]
    nodes: dict[str, dict[str, Any]]
    exhausted: bool

    def facts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50 and p99 in milliseconds; empty without values."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return {"p50": round(statistics.median(ordered) * 1000, 2), "p99": round(p99 * 1000, 2)}


@dataclass(slots=True)
class LoadFile:
    """A file of signed requests, used up from its beginning."""

    path: Path
    requests: int
    used: int = 0


class RateBench:
    """Drives one network with one shape of load."""

    def __init__(self, network: TrialNetwork, presigner: Presigner, shape: Shape) -> None:
        self._network = network
        self._presigner = presigner
        self.shape = shape
        self._load: LoadFile | None = None

    def prepare(self, requests: int, *, existing: int | None) -> None:
        """Sign the load of the stretches to come."""
        path = self._presigner.make(self.shape, requests, existing=existing)
        self._load = LoadFile(path, requests)

    def stretch(self, connections: int, seconds: float, *, fully: bool = False) -> Stretch:
        """Run load for `seconds` after the warm-up; `fully`: until the file is used up."""
        load = self._load
        if load is None or load.used >= load.requests:
            raise BenchFailed("the load that was signed beforehand is used up")
        process = self._start_driver(load, connections, seconds, fully=fully)
        assert process.stdout is not None
        if process.stdout.readline().strip() != "started":
            raise BenchFailed(f"the load process did not start: {process.communicate()[1]}")
        time.sleep(0 if fully else WARM_UP_SECONDS)
        before, began = read_all(self._network), time.monotonic()
        if fully:
            output = process.communicate()[0]
            after, ended = read_all(self._network), time.monotonic()
        else:
            time.sleep(seconds)
            after, ended = read_all(self._network), time.monotonic()
            output = process.communicate()[0]
        if process.returncode:
            raise BenchFailed("the load process failed; its error is above")
        self._network.check_alive()
        found = json.loads(output)
        load.used += len(found["requests"])
        return self._judge(found, connections, began, ended, before, after)

    def _start_driver(
        self, load: LoadFile, connections: int, seconds: float, *, fully: bool
    ) -> subprocess.Popen[str]:
        nodes = [node for node in self._network.nodes if node.name in self._network.processes]
        kinds = ("committed", "certified")
        specification = {
            "load": str(load.path),
            "first": load.used,
            "requests_max": load.requests - load.used,
            "seconds": 3600 if fully else seconds + WARM_UP_SECONDS + 0.5,
            "connections": [
                [*nodes[place % len(nodes)].api, kinds[place // len(nodes) % 2]]
                for place in range(connections)
            ],
        }
        path = self._network.directory / "driver.json"
        path.write_text(json.dumps(specification))
        return subprocess.Popen(
            [sys.executable, "-m", "bench_parts.driver", str(path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT / "scripts",
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"},
        )

    def _judge(
        self,
        found: dict[str, Any],
        connections: int,
        began: float,
        ended: float,
        before: dict[str, Any],
        after: dict[str, Any],
    ) -> Stretch:
        inside = [item for item in found["requests"] if began <= item[2] <= ended]
        applied = sum(item[3] for item in inside)
        rate = applied / (ended - began)
        nodes = {
            name: between(before[name], after[name], applied) for name in before if name in after
        }
        require_syncs(nodes)
        waits = {
            kind: percentiles([item[2] - item[1] for item in inside if item[0] == kind])
            for kind in ("committed", "certified")
        }
        return Stretch(
            connections=connections,
            transactions_a_second=round(rate, 1),
            operations_a_second=round(rate * self.shape.operations, 1),
            missed=sum(item[4] for item in inside),
            committed_ms=waits["committed"],
            certified_ms=waits["certified"],
            nodes=nodes,
            exhausted=bool(found["exhausted"]),
        )


def find_knee(stretches: Sequence[Stretch]) -> int:
    """Return the number of connections of the knee."""
    by_level: dict[int, list[float]] = {}
    for stretch in stretches:
        by_level.setdefault(stretch.connections, []).append(stretch.transactions_a_second)
    rates = {level: statistics.mean(found) for level, found in by_level.items()}
    best = max(rates.values())
    return min(level for level, rate in rates.items() if rate >= KNEE_SHARE * best)


def measure_rate(
    bench: RateBench,
    *,
    levels: Sequence[int],
    sweep_seconds: float,
    repetitions: int,
    seconds: float,
    existing: int,
    rate_guess: float,
    set_back: Callable[[], None] | None,
) -> dict[str, Any]:
    """Sweep `levels` of connections, then repeat at the knee; the median repetition is reported.

    Args:
        set_back: called before each stretch, so that all begin with the same stores; None: the
            stores grow, and levels are swept both ways.
    """
    each = bench.shape.transactions
    levels = levels if set_back else [*levels, *reversed(levels)]
    begin = set_back or (lambda: None)

    def stretch(connections: int, seconds: float) -> Stretch:
        begin()
        return bench.stretch(connections, seconds)

    spent = (len(levels) * (sweep_seconds + 2.5)) * rate_guess
    bench.prepare(int(PREPARE_SHARE * spent / each) + max(levels), existing=existing)
    sweep = [stretch(level, sweep_seconds) for level in levels]
    knee = find_knee(sweep)
    best = max(stretch.transactions_a_second for stretch in sweep)
    needed = PREPARE_SHARE * repetitions * (seconds + 2.5) * max(best, 50.0)
    bench.prepare(int(needed / each) + knee, existing=existing)
    repeated = [stretch(knee, seconds) for _ in range(repetitions)]
    ordered = sorted(repeated, key=lambda stretch: stretch.transactions_a_second)
    median = ordered[len(ordered) // 2]
    return {
        "knee_connections": knee,
        "transactions_a_request": each,
        "median": median.facts(),
        "rates": [stretch.transactions_a_second for stretch in repeated],
        "sweep": [
            [s.connections, s.transactions_a_second, s.committed_ms.get("p50")] for s in sweep
        ],
    }
