"""Readings of running nodes before and after a stretch of load, and what lies between them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench_parts.network import BenchFailed, TrialNetwork

_SAMPLE = re.compile(r"^govchaind_(\w+)(?:\{[^}]*\})? (\S+)$")


@dataclass(frozen=True, slots=True)
class NodeReading:
    """One node at one moment: processor seconds so far, and its metrics (labels summed up)."""

    at: float
    cpu_seconds: float
    metrics: dict[str, float]


def parse_metrics(text: str) -> dict[str, float]:
    """Return value by name without prefix; samples that differ in labels only are added up."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        match = _SAMPLE.match(line)
        if match:
            name = match.group(1)
            found[name] = found.get(name, 0.0) + float(match.group(2))
    return found


def read_node(network: TrialNetwork, name: str) -> NodeReading:
    metrics = parse_metrics(network.scrape(name))
    times = psutil.Process(network.processes[name].pid).cpu_times()
    return NodeReading(time.monotonic(), times.user + times.system, metrics)


def read_all(network: TrialNetwork) -> dict[str, NodeReading]:
    return {name: read_node(network, name) for name in sorted(network.processes)}


def between(before: NodeReading, after: NodeReading, transactions: int) -> dict[str, Any]:
    """Return what a node did a second, and where its time went, between two readings."""
    seconds = after.at - before.at

    def grew(name: str) -> float:
        return after.metrics.get(name, 0.0) - before.metrics.get(name, 0.0)

    syncs = grew("storage_sync_seconds_count")
    steps = grew("step_seconds_count")
    late = grew("event_loop_lateness_seconds_count")
    cpu = after.cpu_seconds - before.cpu_seconds
    each = max(transactions, 1)
    return {
        "cpu_percent": round(100 * cpu / seconds, 1),
        "cpu_us_per_transaction": round(cpu * 1e6 / each, 1),
        "syncs_a_second": round(syncs / seconds, 1),
        "sync_ms": round(1000 * grew("storage_sync_seconds_sum") / syncs, 2) if syncs else None,
        "steps_a_second": round(steps / seconds, 1),
        "step_percent": round(100 * grew("step_seconds_sum") / seconds, 1),
        "step_us_per_transaction": round(grew("step_seconds_sum") * 1e6 / each, 1),
        "lateness_ms": (
            round(1000 * grew("event_loop_lateness_seconds_sum") / late, 2) if late else 0.0
        ),
        "blocks_a_second": round(grew("blocks_total") / seconds, 1),
        "written_bytes_per_transaction": round(grew("storage_written_bytes_total") / each),
        "sent_bytes_per_transaction": round(grew("peer_sent_bytes_total") / each),
    }


def require_syncs(nodes: dict[str, dict[str, Any]]) -> None:
    """Raise BenchFailed if a node made no sync: then nothing measured means anything."""
    for name, node in nodes.items():
        if not node["syncs_a_second"]:
            raise BenchFailed(f"{name} made no sync under load: these are not results")


def memory_megabytes(pid: int) -> dict[str, float]:
    """Return a process's resident memory in MB: its own (anonymous) and of files (page cache)."""
    found: dict[str, float] = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("RssAnon", "RssFile", "VmRSS", "VmHWM"):
            found[name] = round(int(value.split()[0]) * 1024 / 1e6, 1)
    return found
