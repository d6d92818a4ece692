"""`scripts/bench netsim`: how fast the simulator is, on this machine, in one table and as JSON.

What runs in one process is measured in seconds of its processor, so a busy machine does not show;
sweeps are measured in seconds of the clock, and their processor seconds stand beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from bench_parts.network import ROOT
from netsim.gear2.options import draw as draw_whole
from netsim.gear2.run import Verdict as WholeVerdict
from netsim.gear2.run import run as run_whole
from netsim.job import Job, play
from netsim.library import found
from netsim.run import Verdict, run
from netsim.scenario import calm
from netsim.sweep import sweep
from netsim.world import World

REST_WARM_SECONDS = 10.0
REST_SECONDS = 3000.0
LOAD_CLIENTS = 30
LOAD_MINUTES = 2.0
TARGET_SEEDS = 10_000
OBSERVERS_COMMAND = "observers-inside"  # in a process of its own, for its memory
WHOLE_REST_SECONDS = 600.0
WHOLE_LOAD_SECONDS = 20.0
WHOLE_CUSTOMERS = 30
WORKLOADS = ("rest", "load", "whole-rest", "whole-load", "seeds", "compiled", "observers")
V = TypeVar("V", Verdict, WholeVerdict)
COMPILED = str(ROOT / "scripts" / "compiled")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: what was measured, and what is asked of it."""

    title: str
    shown: str
    floor: str
    aim: str
    ok: bool


def rest(seconds: float) -> dict[str, float]:
    """Five idle voters: simulated seconds a real second."""
    world = World(calm(1, 5))
    world.start()
    world.run_until(REST_WARM_SECONDS, lambda: False, 10**9)
    messages, began = world.network.messages, time.process_time()
    world.run_until(REST_WARM_SECONDS + seconds, lambda: False, 10**9)
    took = time.process_time() - began
    return {
        "simulated_a_second": round(seconds / took),
        "messages_a_second": round((world.network.messages - messages) / took),
    }


def _timed(play_it: Callable[[], V]) -> tuple[V, float]:
    """Return the verdict of a run, and the seconds of this process's processor that it took."""
    began = time.process_time()
    verdict = play_it()
    took = time.process_time() - began
    if verdict.violation is not None:
        raise RuntimeError(f"a property does not hold where nothing is wrong: {verdict.violation}")
    return verdict, took


def load(minutes: float) -> dict[str, float]:
    """Five voters, clients that hardly think, all properties: messages a second."""
    options = replace(calm(1, 5), minutes=minutes, clients=LOAD_CLIENTS, think_mean=2.0, keys=4)
    verdict, took = _timed(lambda: run(options))
    return {
        "messages_a_second": round(verdict.messages / took),
        "calls_a_second": round(verdict.answered / took),
        "messages": verdict.messages,
    }


def seeds(count: int) -> dict[str, float]:
    """Drawn seeds on all cores, and how long ten thousand would take."""
    cores = os.cpu_count() or 1
    jobs = [Job(seed) for seed in range(count)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    began = time.perf_counter()
    result = sweep(jobs, processes=cores, say=lambda _: None)
    took = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return _sweep(count, cores, took, used, result.messages) | {"failed": result.failed}


def _sweep(count: int, cores: int, took: float, used: float, messages: int) -> dict[str, float]:
    return {
        "seeds": count,
        "cores": cores,
        "seconds": round(took, 1),
        "seconds_for_10000": round(took / count * TARGET_SEEDS),
        "seconds_for_10000_undisturbed": round(used / cores / count * TARGET_SEEDS),
        "messages_a_second": round(messages / took),
    }


def whole(seconds: float, customers: int) -> dict[str, float]:
    """Five whole nodes (gear 2) without faults: simulated seconds and messages a real second."""
    calm_one = draw_whole(1, nodes=5, seconds=seconds, only=())
    busy = replace(calm_one, customers=customers, watchers=0, think_mean=0.3)
    timing = replace(busy, heartbeat=0.5, election_min=1.5, election_max=3.0)
    options = replace(timing, delay_min=0.0005, delay_mean=0.001, write_mean=0.001)
    verdict, took = _timed(lambda: run_whole(options))
    return {
        "simulated_a_second": round(verdict.simulated_seconds / took),
        "messages_a_second": round(verdict.messages / took),
        "messages": verdict.messages,
    }


def compiled(count: int) -> dict[str, float]:
    """The same seeds on compiled code, as `scripts/compiled sweep` runs them."""
    cores = os.cpu_count() or 1
    # A run compiles, if need be, and says so: that takes a minute and a half.
    subprocess.run([COMPILED, "run", "--seed", "0"], stdout=subprocess.DEVNULL, check=True)
    command = [COMPILED, "sweep", "--no-marks", "--json", "--seeds", str(count)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the sweep on compiled code failed: {done.stderr[-2000:]}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    told: dict[str, Any] = json.loads(done.stdout)
    return _sweep(count, cores, told["seconds"], used, told["messages"])


def observers_inside() -> dict[str, float]:
    """Be the process that runs a thousand observers."""
    path = found("thousand-observers")
    began = time.perf_counter()
    verdict = play(Job(0, world=path.read_text(encoding="utf-8"), source=path.name))
    if verdict.violation is not None or verdict.unmet:
        raise RuntimeError(f"not as expected: {verdict.violation} {verdict.unmet}")
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "messages": verdict.messages,
    }


def observers() -> dict[str, float]:
    """A thousand observers, in a process of their own."""
    program = [sys.executable, str(ROOT / "scripts" / "bench"), "netsim", OBSERVERS_COMMAND]
    done = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def figures(results: dict[str, Any]) -> list[Figure]:
    """Return the table's rows for what was measured."""
    rows: list[Figure] = []
    if "rest" in results:
        rate = results["rest"]["simulated_a_second"]
        rows.append(Figure("five voters at rest", f"{rate:,} s/s", "1,000", "10,000", rate >= 1000))
    if "load" in results:
        rate = results["load"]["messages_a_second"]
        rows.append(
            Figure("under load, all properties", f"{rate:,} messages/s", "15,000", "–",
                   rate >= 15_000)
        )  # fmt: skip
    if "whole-rest" in results:
        rate = results["whole-rest"]["simulated_a_second"]
        rows.append(Figure("five whole nodes at rest", f"{rate:,} s/s", "100", "–", rate >= 100))
    if "whole-load" in results:
        rate = results["whole-load"]["messages_a_second"]
        shown = f"{rate:,} messages/s"
        rows.append(Figure("the same under load", shown, "1,000", "5,000", rate >= 1000))
    for name, title in (("seeds", "seeds"), ("compiled", "seeds, compiled")):
        if name not in results:
            continue
        each = results[name]
        minutes = each["seconds_for_10000"] / 60
        alone = each["seconds_for_10000_undisturbed"] / 60
        shown = f"{minutes:.0f} min for 10,000 on {each['cores']} cores, {alone:.0f} if undisturbed"
        rows.append(Figure(f"{each['seeds']} {title}", shown, "30 min", "–", minutes <= 30))
    if "observers" in results:
        each = results["observers"]
        shown = f"{each['seconds']} s, {each['megabytes']:,} MB"
        ok = each["seconds"] <= 60 and each["megabytes"] <= 2048
        rows.append(Figure("a thousand observers, one write", shown, "60 s, 2,048 MB", "–", ok))
    return rows


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    if list(arguments) == [OBSERVERS_COMMAND]:
        print(json.dumps(observers_inside()))
        return 0
    parser = argparse.ArgumentParser(
        prog="scripts/bench netsim", description="Measure the simulator on this machine."
    )
    parser.add_argument("--seeds", type=int, default=60, help="how many seeds to sweep (60)")
    parser.add_argument("--only", help=f"workloads, by commas: {', '.join(WORKLOADS)}")
    parser.add_argument("--tiny", action="store_true", help="seconds: only to see that it works")
    parser.add_argument("--json", help="file for the whole result, - for standard output")
    options = parser.parse_args(arguments)
    chosen = options.only.split(",") if options.only else list(WORKLOADS)
    console = Console(highlight=False, stderr=options.json == "-")
    unknown = sorted(set(chosen) - set(WORKLOADS))
    if unknown:
        console.print(f"no such workload: {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
        return 2
    results: dict[str, Any] = {"load_average": os.getloadavg()[0]}
    if "rest" in chosen:
        results["rest"] = rest(60.0 if options.tiny else REST_SECONDS)
    if "load" in chosen:
        results["load"] = load(0.05 if options.tiny else LOAD_MINUTES)
    if "whole-rest" in chosen:
        results["whole-rest"] = whole(5.0 if options.tiny else WHOLE_REST_SECONDS, 0)
    if "whole-load" in chosen:
        seconds = 5.0 if options.tiny else WHOLE_LOAD_SECONDS
        results["whole-load"] = whole(seconds, WHOLE_CUSTOMERS)
    if "compiled" in chosen:
        results["compiled"] = compiled(4 if options.tiny else options.seeds)
    if "seeds" in chosen:
        results["seeds"] = seeds(4 if options.tiny else options.seeds)
    if "observers" in chosen:
        results["observers"] = observers()
    table = Table("workload", "result", "at least", "aim", "")
    for row in figures(results):
        mark = "[green]ok[/green]" if row.ok else "[red]short[/red]"
        table.add_row(row.title, row.shown, row.floor, row.aim, mark)
    console.print(table)
    text = json.dumps(results, indent=2)
    if options.json == "-":
        print(text)
    elif options.json:
        Path(options.json).write_text(text + "\n", encoding="utf-8")
    return 0
