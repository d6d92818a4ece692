"""One client, one transaction at a time; and how long writes stand still when a leader is lost.

After a kill or a cut, a fresh transaction goes at once to a surviving node, whose reply comes when
it is committed there: its time is the stand-still as a client sees it. The surviving client keeps
no idle time in it, and nothing that was under way before the kill counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench_parts.driver import Connection, ask, connect
from bench_parts.network import BenchFailed, Isolation, TrialNetwork
from bench_parts.presigned import Presigner, Shape, read_requests
from bench_parts.rates import percentiles

LONE = Shape(operations=1, transactions=1)
SETTLE_SECONDS = 2.0  # between losses: links are up again, terms are quiet


class Alone:
    """A client that sends one transaction and waits for it."""

    def __init__(self, presigner: Presigner, requests: int, existing: int) -> None:
        self._bodies: Iterator[tuple[bytes, int]] = read_requests(
            presigner.make(LONE, requests, existing=existing)
        )

    def send(self, connection: Connection) -> float:
        """Return the seconds until the next transaction was committed."""
        found = next(self._bodies, None)
        if found is None:
            raise BenchFailed("the lone client has no signed transaction left")
        seconds, applied = ask(connection, *found)
        if applied != 1:
            raise BenchFailed(f"a lone transaction was not applied: {bytes(connection.received)!r}")
        return seconds


def measure_lone(network: TrialNetwork, alone: Alone, rounds: int, wait: str) -> dict[str, Any]:
    """Return p50 and p99 of lone transactions: through each node in turn, and by role."""
    leader = network.leader()
    seen: dict[str, list[float]] = {"leader": [], "follower": []}
    connections = [
        ("leader" if node.name == leader else "follower", connect(*node.api, wait))
        for node in network.nodes
    ]
    for _ in range(rounds):
        for role, connection in connections:
            seen[role].append(alone.send(connection))
    for _, connection in connections:
        connection.socket.close()
    return {
        **percentiles([*seen["leader"], *seen["follower"]]),
        "by_role": {role: percentiles(times) for role, times in seen.items()},
    }


def measure_loss(
    network: TrialNetwork,
    alone: Alone,
    repetitions: int,
    lose: Callable[[str], None],
    restore: Callable[[str], None],
) -> dict[str, Any]:
    """Lose the leader again and again; return the seconds until the next commit."""
    times: list[float] = []
    for _ in range(repetitions):
        leader = network.leader()
        survivor = next(node for node in network.nodes if node.name != leader)
        connection = connect(*survivor.api, "committed")
        alone.send(connection)
        lost_at = time.monotonic()
        lose(leader)
        alone.send(connection)
        times.append(time.monotonic() - lost_at)
        connection.socket.close()
        restore(leader)
        network.leader()
        network.wait_level()
        time.sleep(SETTLE_SECONDS)
    return {
        "median_ms": round(statistics.median(times) * 1000, 1),
        "worst_ms": round(max(times) * 1000, 1),
        "times_ms": [round(seconds * 1000, 1) for seconds in times],
    }


def measure_kill(network: TrialNetwork, alone: Alone, repetitions: int) -> dict[str, Any]:
    """SIGKILL the leader; start it again after each time."""

    def restore(name: str) -> None:
        network.start(name)
        network.wait_ready(name)

    return measure_loss(network, alone, repetitions, network.kill, restore)


def measure_cut(
    network: TrialNetwork, isolation: Isolation, alone: Alone, repetitions: int
) -> dict[str, Any]:
    """Pull the leader's cable, as when its power is cut: no packet of it comes any more.

    The process is killed once the survivors have committed, and starts again with its cable in.
    """
    numbers = {node.name: number for number, node in enumerate(network.nodes)}

    def lose(name: str) -> None:
        isolation.cut(numbers[name])

    def restore(name: str) -> None:
        network.kill(name)
        isolation.join(numbers[name])
        network.start(name)
        network.wait_ready(name)

    return measure_loss(network, alone, repetitions, lose, restore)


def measure_restart(network: TrialNetwork, name: str, repetitions: int) -> dict[str, Any]:
    """SIGKILL a node, start it, and time from its process's start to /readyz."""
    times: list[float] = []
    for _ in range(repetitions):
        network.kill(name)
        time.sleep(0.5)
        started = time.monotonic()
        network.start(name)
        network.wait_ready(name)
        times.append(time.monotonic() - started)
        network.wait_level()
    return {
        "median_seconds": round(statistics.median(times), 2),
        "times_seconds": [round(seconds, 2) for seconds in times],
    }
