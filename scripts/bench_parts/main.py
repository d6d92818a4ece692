"""The command: which workloads run, on which networks, and in which order."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import trio
from rich.console import Console

from bench_parts.driver import ask, connect
from bench_parts.families import measure_families
from bench_parts.join import measure_join
from bench_parts.lone import Alone, measure_cut, measure_kill, measure_lone, measure_restart
from bench_parts.machine import describe, signature_bound, sync_milliseconds
from bench_parts.network import (
    INSTITUTIONS,
    ROOT,
    VALIDATORS,
    BenchFailed,
    Isolation,
    Place,
    TrialNetwork,
    free_base_port,
)
from bench_parts.presigned import Presigner, Shape, register_body
from bench_parts.rates import RateBench, measure_rate
from bench_parts.readings import memory_megabytes
from bench_parts.report import show
from bench_parts.verify import measure_verify
from govchaind.base.limits import LIVE_IDS_PER_INSTITUTION_MAX

WORKLOADS = ("single", "batch", "lone", "kill", "cut", "verify", "large", "join", "families")
ALONE = {"cut", "families"}  # these need no network on loopback
QUICK = ("single", "batch", "lone", "kill")
SINGLE = Shape(operations=1, transactions=50)
BATCH = Shape(operations=100, transactions=2)
LOADING = Shape(operations=100, transactions=5, rewrites=0.0)
LOADING_SINGLY = Shape(operations=1, transactions=50, rewrites=0.0)  # as clients send records
# All that is signed lives for hours, and so many ids may live; an eighth is for what came before.
SINGLY_MAX = LIVE_IDS_PER_INSTITUTION_MAX * len(INSTITUTIONS) * 7 // 8
LOADING_IN_PAIRS = Shape(operations=2, transactions=50, rewrites=0.0)
LOADING_CONNECTIONS = 12
BASE_PORT = 17_400
CUT_COMMAND = "cut-inside"  # the power cut's own part, run inside the hub's namespace


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    small_records: int
    large_records: int
    single_levels: tuple[int, ...]
    batch_levels: tuple[int, ...]
    sweep_seconds: float
    repetitions: int
    seconds: float
    lone_rounds: int
    losses: int
    verified_records: int
    families: tuple[int, int]  # rounds, transactions of each kind in a round


FULL = Plan(
    10_000, 1_000_000, (6, 12, 24, 48, 72), (6, 12, 24, 36), 5, 3, 10, 300, 7, 300_000, (15, 50)
)
SHORT = Plan(10_000, 1_000_000, (12, 24, 48), (12, 24), 3, 3, 5, 100, 3, 60_000, (9, 50))
TINY = Plan(500, 2_000, (3,), (3,), 1, 1, 2, 5, 1, 1_000, (1, 5))


class Bench:
    """One run: one network on loopback, and one in namespaces for the power cut."""

    def __init__(self, plan: Plan, folder: Path, console: Console, base_port: int) -> None:
        self._plan = plan
        self._console = console
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        port = free_base_port(base_port)
        self.network = TrialNetwork.on_loopback(folder / "network", port)
        self._presigner = Presigner(self.network, folder)
        self.results: dict[str, Any] = {}

    def say(self, text: str) -> None:
        self._console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {text}")

    def run(self, workloads: Sequence[str]) -> None:
        """Run workloads in the order in which they can stand on one network."""
        plan = self._plan
        self.network.start_all()
        found_registers(self.network)
        self.say(f"three validators are up; loading {plan.small_records:,} records")
        self._load_to(plan.small_records)
        if "lone" in workloads:
            self._lone()
        for name in ("single", "batch"):
            if name in workloads:
                self._rate(name)
        if "kill" in workloads:
            self.say("killing the leader")
            alone = Alone(self._presigner, 3 * plan.losses + 10, plan.small_records)
            self.results["kill"] = measure_kill(self.network, alone, plan.losses)
        if "verify" in workloads:
            self.say("checking a whole store")
            self._load_to(plan.verified_records, LOADING_SINGLY)
            self.results["verify"] = measure_verify(self.network, os.cpu_count() or 1)
        if "large" in workloads:
            self._large()
        if "join" in workloads:
            records = plan.large_records
            self.say(f"joining a chain of {records:,} records, by blocks and by snapshot")
            self._load_to(records, LOADING_SINGLY if records <= SINGLY_MAX else LOADING_IN_PAIRS)
            self.results["join"] = measure_join(self.network, records)

    def _load_to(self, records: int, shape: Shape = LOADING) -> None:
        """Add new records until there are `records`; their numbers are the lowest."""
        missing = records - self._presigner.records
        each = shape.operations * shape.transactions
        if missing <= 0:
            return
        bench = RateBench(self.network, self._presigner, shape)
        bench.prepare(-(-missing // each), existing=None)
        bench.stretch(LOADING_CONNECTIONS, 0, fully=True)
        self.network.wait_level()

    def _lone(self) -> None:
        plan = self._plan
        alone = Alone(self._presigner, 7 * plan.lone_rounds + 10, plan.small_records)
        for name, wait in (("lone", "committed"), ("lone_certified", "certified")):
            self.say(f"one client, one at a time, until {wait}")
            self.results[name] = measure_lone(self.network, alone, plan.lone_rounds, wait)

    def _rate(self, name: str, existing: int | None = None, guess: float = 0) -> dict[str, Any]:
        plan = self._plan
        shape = SINGLE if name == "single" else BATCH
        self.say(f"load of {shape.operations} operation(s) a transaction")
        small = existing is None
        if small:
            self.network.keep()
        result = measure_rate(
            RateBench(self.network, self._presigner, shape),
            levels=plan.single_levels if name == "single" else plan.batch_levels,
            sweep_seconds=plan.sweep_seconds,
            repetitions=plan.repetitions,
            seconds=plan.seconds,
            existing=existing or plan.small_records,
            rate_guess=guess or (5000 if name == "single" else 250),
            set_back=self.network.set_back if small else None,
        )
        self.results.setdefault(name, result)
        self.network.wait_level()
        return result

    def _large(self) -> None:
        """Load a million records; measure the same rate as with few, memory and restart."""
        plan = self._plan
        small = self.results.get("single") or self._rate("single")
        self.say(f"loading {plan.large_records:,} records")
        began = time.monotonic()
        self._load_to(plan.large_records)
        self.say(f"loaded in {time.monotonic() - began:.0f} s")
        rate = self._rate("single", existing=plan.large_records)
        memory = {
            name: memory_megabytes(process.pid) for name, process in self.network.processes.items()
        }
        leader = self.network.leader()
        follower = next(node.name for node in self.network.nodes if node.name != leader)
        self.say("restarting a node")
        self.results["large"] = {
            "records": plan.large_records,
            "small_records": plan.small_records,
            "single": rate,
            "rate_ratio": round(
                rate["median"]["transactions_a_second"] / small["median"]["transactions_a_second"],
                3,
            ),
            "memory": memory,
            "restart": measure_restart(self.network, follower, 3),
        }


def found_registers(network: TrialNetwork) -> None:
    """Found the registers that all load writes into."""
    connection = connect(*network.nodes[0].api, "certified")
    _, applied = ask(connection, register_body(network), len(network.keys))
    connection.socket.close()
    if applied != len(network.keys):
        raise BenchFailed(f"the registers were not founded: {bytes(connection.received)!r}")


def power_cut(folder: Path, losses: int) -> dict[str, Any]:
    """Run the power cut in namespaces of its own; this process only makes and removes them."""
    isolation = Isolation(VALIDATORS)
    isolation.make()
    try:
        done = subprocess.run(
            ["ip", "netns", "exec", isolation.hub, sys.executable, str(ROOT / "scripts" / "bench"),
             CUT_COMMAND, str(folder), str(losses)],
            stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    finally:
        isolation.remove()
    if done.returncode:
        raise BenchFailed("the power cut's part failed; its error is above")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def cut_inside(folder: Path, losses: int) -> dict[str, Any]:
    """Be the power cut's part, inside the hub: nodes in namespaces, cables that can be pulled."""
    isolation = Isolation(VALIDATORS)
    places = [
        Place(host, 7400, namespace)
        for host, namespace in zip(isolation.hosts, isolation.namespaces, strict=True)
    ]
    network = TrialNetwork(folder / "cut", places)
    try:
        network.start_all()
        found_registers(network)
        alone = Alone(Presigner(network, folder), 3 * losses + 10, 0)
        return measure_cut(network, isolation, alone, losses)
    finally:
        network.stop_all()


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    if arguments and arguments[0] == CUT_COMMAND:
        print(json.dumps(cut_inside(Path(arguments[1]), int(arguments[2]))))
        return 0
    if arguments and arguments[0] == "netsim":
        from bench_parts.simulator import main as measure_simulator

        return measure_simulator(arguments[1:])
    options = _options(arguments)
    console = Console(highlight=False, stderr=options.json == "-")
    plan = TINY if options.tiny else SHORT if options.quick else FULL
    if options.records:
        plan = replace(plan, large_records=options.records)
    chosen = options.only.split(",") if options.only else (QUICK if options.quick else WORKLOADS)
    unknown = sorted(set(chosen) - set(WORKLOADS))
    if unknown:
        console.print(f"no such workload: {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
        return 2
    folder = Path(tempfile.mkdtemp(prefix="govchaind-bench-", dir=options.directory))
    command = shlex.join(["scripts/bench", *arguments])
    try:
        results = _measure(plan, chosen, folder, console, options.base_port, command)
    except BenchFailed as error:
        console.print(f"[red]no results:[/red] {error}")
        return 1
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    show(results, console)
    _save(results, options.json, console)
    return 0


def _measure(
    plan: Plan,
    chosen: Sequence[str],
    folder: Path,
    console: Console,
    base_port: int,
    command: str,
) -> dict[str, Any]:
    machine = describe(folder)
    bound = signature_bound()
    results: dict[str, Any] = {
        "command": command,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.facts(),
        "bound": {**asdict(bound), "transactions_a_second": round(bound.transactions_a_second)},
        "sync_ms": sync_milliseconds(folder),
    }
    if "families" in chosen:
        console.print("[dim]one transaction of each kind against a put[/dim]")
        results["families"] = trio.run(measure_families, folder / "families", *plan.families)
    if set(chosen) - ALONE:
        bench = Bench(plan, folder, console, base_port)
        try:
            bench.run(chosen)
        finally:
            bench.network.stop_all()
        results.update(bench.results)
    if "cut" in chosen:
        console.print("[dim]pulling the leader's cable[/dim]")
        results["cut"] = power_cut(folder, plan.losses)
    return results


def _save(results: dict[str, Any], target: str | None, console: Console) -> None:
    text = json.dumps(results, indent=2, ensure_ascii=False)
    if target == "-":
        print(text)
        return
    path = Path(target) if target else ROOT / "bench-results" / f"{results['at'][:19]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    console.print(f"written to {path}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measure real validators on this machine."
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few minutes instead of half an hour"
    )
    parser.add_argument("--tiny", action="store_true", help="seconds: only to see that it works")
    parser.add_argument("--records", type=int, help="how many are many (default 1,000,000)")
    parser.add_argument("--only", help=f"workloads, by commas: {', '.join(WORKLOADS)}")
    parser.add_argument("--json", help="file for the whole result, - for standard output")
    parser.add_argument("--directory", help="where to make the network (its disk is measured)")
    parser.add_argument("--base-port", type=int, default=BASE_PORT, help="first port on loopback")
    parser.add_argument("--keep", action="store_true", help="keep the network's folder")
    return parser.parse_args(arguments)
