"""`scripts/chaos`: makes namespaces, plays inside them, removes them whatever comes."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import trio
from bench_parts.network import ROOT, BenchFailed, Isolation

from chaos_parts.arena import Arena, has_netem
from chaos_parts.clients import REGISTER, Customer, Log
from chaos_parts.gauges import Lives
from chaos_parts.judging import (
    fetch_receipts,
    history_wrong,
    receipts_wrong,
    stores_wrong,
    trust_of,
)
from chaos_parts.plan import KINDS, Fault, plan
from chaos_parts.report import Report
from govchaind.ledger.operations.costs import Kind

HOLDS, WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130
INSIDE = "inside"
VALIDATORS, CUSTOMERS = 3, 3
SAMPLE_SECONDS, TURN_SECONDS = 5.0, 0.05
MENDED_SECONDS_MAX = 240.0


def _parser() -> argparse.ArgumentParser:
    kinds = "\n".join(f"  {name:10} {text}" for name, text in KINDS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Let things go wrong on real nodes, and check what clients were told.",
        epilog=f"faults:\n{kinds}\n\nEnds with 0: all holds, 1: it does not, 2: it cannot be run.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="how long (default 5)")
    parser.add_argument("--seed", type=int, default=1, help="decides the faults (default 1)")
    parser.add_argument("--without", default="", help="kinds of faults to leave out, with commas")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there too")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep logs and history there")
    return parser


def main(arguments: list[str]) -> int:
    """Read the arguments; be the outer part, or the inner one that it starts."""
    if arguments[:1] == [INSIDE]:
        return _inside(arguments[1], Path(arguments[2]), json.loads(arguments[3]))
    options = _parser().parse_args(arguments)
    left_out = {name for name in options.without.split(",") if name}
    if unknown := left_out - set(KINDS):
        return _refuse("unknown-fault", f"there is no fault {min(unknown)}", "see --help")
    if options.minutes <= 0:
        return _refuse("minutes", "a run lasts longer than nothing", "give --minutes 5")
    if os.geteuid() or not all(map(shutil.which, ("ip", "tc", "mount"))):
        return _refuse("not-root", "namespaces need root, iproute2 and mount", "run it as root")
    given = {
        "minutes": options.minutes,
        "seed": options.seed,
        "kinds": [name for name in KINDS if name not in left_out],
        "json": str(options.json.resolve()) if options.json else None,
        "keep": str(options.keep.resolve()) if options.keep else None,
    }
    return _outside(given)


def _refuse(code: str, text: str, remedy: str) -> int:
    print(f"error[{code}]: {text} — {remedy}", file=sys.stderr)
    return USAGE


def _outside(given: dict[str, object]) -> int:
    """Make the namespaces, start the inner part in the hub's, remove everything at its end."""
    tag = f"gchaos{os.getpid()}"
    isolation = Isolation(VALIDATORS, tag)
    folder = tempfile.mkdtemp(prefix="chaos-")
    inner: subprocess.Popen[bytes] | None = None
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell may have had SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        isolation.make()
        if not has_netem(isolation.hub):
            given["kinds"] = [kind for kind in _kinds(given) if kind != "slow"]
            print("note: this kernel has no netem, so the fault slow is left out", file=sys.stderr)
        program = [
            sys.executable,
            str(ROOT / "scripts" / "chaos"),
            INSIDE,
            tag,
            folder,
            json.dumps(given),
        ]
        inner = subprocess.Popen(
            ["ip", "netns", "exec", isolation.hub, *program], cwd=ROOT, start_new_session=True
        )
        return inner.wait()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BenchFailed as error:
        return _refuse("no-namespaces", str(error), "run it as root on Linux")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _end_all(isolation)
        if inner is not None:
            inner.wait()
        isolation.remove()
        shutil.rmtree(folder)  # its small disks went with the processes that saw them


def _kinds(given: dict[str, object]) -> list[str]:
    kinds = given["kinds"]
    return [str(kind) for kind in kinds] if isinstance(kinds, list) else []


def _end_all(isolation: Isolation) -> None:
    """Kill every process in the namespaces of this run, and nothing else."""
    for name in (isolation.hub, *isolation.namespaces):
        listed = subprocess.run(
            ["ip", "netns", "pids", name], capture_output=True, text=True, check=False
        )
        for pid in listed.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def _inside(tag: str, folder: Path, given: dict[str, object]) -> int:
    """Play the run; this process is in the hub's namespace."""
    minutes, seed = float(str(given["minutes"])), int(str(given["seed"]))
    kinds = _kinds(given)
    faults = plan(seed, seconds=minutes * 60, nodes=VALIDATORS, kinds=kinds)
    counts = {kind: sum(1 for each in faults if each.kind == kind) for kind in kinds}
    report = Report(seed, minutes, {kind: count for kind, count in counts.items() if count})
    log = Log()
    arena = Arena(folder, Isolation(VALIDATORS, tag))
    try:
        _play(arena, faults, minutes * 60, log, report)
    except BenchFailed as error:
        report.wrong.append(str(error))
    finally:
        arena.kill_all()
        report.calls, report.acknowledged = len(log.lines) // 2, len(log.acknowledged)
        _keep(given["keep"], arena.directory, log)
    if given["json"]:
        Path(str(given["json"])).write_text(json.dumps(report.json(), indent=1) + "\n")
    print("\n".join(report.lines()))
    return WRONG if report.wrong else HOLDS


def _play(arena: Arena, faults: list[Fault], seconds: float, log: Log, report: Report) -> None:
    arena.start_all()
    urls = [f"http://{node.api[0]}:{node.api[1]}" for node in arena.nodes]
    customers = [
        Customer(log, urls, arena.chain_id, arena.keys[0], report.seed * 10 + number)
        for number in range(1, CUSTOMERS + 1)
    ]
    _create_register(customers[0])
    lives = Lives()
    with ExitStack() as stack:
        for customer in customers:
            stack.enter_context(customer)
        _go_wrong(arena, faults, seconds, lives)
    arena.mend()
    arena.wait_for(lambda: _level(arena), "the mended nodes are not level", MENDED_SECONDS_MAX)
    report.heights = int(arena.status(arena.nodes[0].name)["height"])
    roots = {arena.status(node.name)["state_root"] for node in arena.nodes}
    if len(roots) != 1:
        report.wrong.append(f"the mended nodes have {len(roots)} roots")
    receipts = trio.run(fetch_receipts, customers[0].client(), log.acknowledged)
    arena.stop_all()
    folders = [node.directory for node in arena.nodes]
    report.receipts, report.fallen = len(receipts), arena.fallen
    report.wrong += log.unexpected + stores_wrong(folders, log.acknowledged)
    report.wrong += receipts_wrong(receipts, trust_of(folders[0])) + history_wrong(log.lines)
    if not log.acknowledged:
        report.wrong.append("no write was acknowledged at all, so nothing was shown")
    report.take_lives(lives)


def _create_register(customer: Customer) -> None:
    arguments: list[object] = [REGISTER, "Facts", [["v", "text"]], "clear", []]
    raw = customer.raw(int(Kind.CREATE_REGISTER), arguments)

    async def create() -> None:
        async with customer.client() as client:
            [fate] = await client.submit([raw], deadline_seconds=60)
            if not fate.applied:
                raise BenchFailed(f"the register was not made: {fate}")

    trio.run(create)


def _go_wrong(arena: Arena, faults: list[Fault], seconds: float, lives: Lives) -> None:
    """Begin and end the faults at their times; look at the processes in between."""
    began, sampled = time.monotonic(), -SAMPLE_SECONDS
    ahead, running = list(faults), list[Fault]()
    while (now := time.monotonic() - began) < seconds:
        for fault in [each for each in running if each.at_seconds + each.lasts_seconds <= now]:
            running.remove(fault)
            arena.end(fault)
        while ahead and ahead[0].at_seconds <= now:
            fault = ahead.pop(0)
            print(fault.line(), flush=True)
            arena.begin(fault)
            running.append(fault)
        if now - sampled >= SAMPLE_SECONDS:
            sampled = now
            arena.raise_fallen()
            for name, process in arena.processes.items():
                metrics = None if name in arena.paused else arena.metrics_or_none(name)
                lives.look(name, process.pid, now, metrics)
        time.sleep(TURN_SECONDS)


def _level(arena: Arena) -> bool:
    arena.raise_fallen()
    try:
        seen = [arena.status(node.name) for node in arena.nodes]
    except OSError:
        return False
    heights = {item["height"] for item in seen} | {item["certified"] for item in seen}
    return len(heights) == 1 and all(not item["pool_transactions"] for item in seen)


def _keep(wanted: object, directory: Path, log: Log) -> None:
    """Keep logs and the history, if they are wanted."""
    if wanted:
        target = Path(str(wanted))
        target.mkdir(parents=True, exist_ok=True)
        for path in directory.glob("*.log"):
            shutil.copy(path, target / path.name)
        (target / "history.txt").write_text("\n".join(log.lines) + "\n")
