"""The network that things happen to, seen from inside the hub's namespace.

Each node's folder is a small tmpfs. It is mounted in the mount namespace that `ip netns exec` makes
for this process, so it survives a node's death and goes with this process. A clock that is off is
the tests' own seam (`tests/process/altered_node.py`): CLOCK_REALTIME has no namespace.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

from bench_parts.network import ROOT, BenchFailed, Isolation, Place, TrialNetwork

from chaos_parts.plan import Fault
from govchaind.config import CONFIG_FILE, render_config

DISK_MIB = 160
BASE_PORT = 7400
FILLER = "filler"
SCRAPE_SECONDS = 0.5  # a cut node must not hold up the other faults


class Arena(TrialNetwork):
    """Validators in namespaces, and the faults that befall them."""

    def __init__(self, directory: Path, isolation: Isolation) -> None:
        self._isolation = isolation
        places = [
            Place(host, BASE_PORT, namespace)
            for host, namespace in zip(isolation.hosts, isolation.namespaces, strict=True)
        ]
        for number in range(len(places)):
            folder = directory / "nodes" / f"validator-{number + 1}"
            folder.mkdir(parents=True)
            _run("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0700", "chaos", str(folder))
        super().__init__(directory, places)
        for node in self.nodes:
            _without_reserve(node.directory / CONFIG_FILE)
        self.paused: set[str] = set()
        self.fallen: list[str] = []  # nodes that ended by themselves

    def start_at(self, name: str, ahead_milliseconds: int) -> None:
        """Start a node whose wall clock is so far ahead."""
        node = self.node(name)
        inside = ["ip", "netns", "exec", str(node.namespace), sys.executable]
        program = ["-m", "tests.process.altered_node", str(node.directory)]
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*inside, *program, f"--clock-ahead={ahead_milliseconds}"],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,
            )

    def begin(self, fault: Fault) -> None:
        """Have it go wrong."""
        for place in fault.nodes:
            self._begin(fault, place, self.nodes[place].name)

    def _begin(self, fault: Fault, place: int, name: str) -> None:
        node = self.nodes[place]
        if fault.kind == "cut":
            self._isolation.cut(place)
        elif fault.kind == "slow":
            shape = ("delay", f"{fault.amount}ms", "20ms", "loss", "5%")
            _run("ip", "netns", "exec", str(node.namespace), "tc", "qdisc", "replace", "dev",
                 "cable", "root", "netem", *shape)  # fmt: skip
        elif fault.kind == "pause" and name in self.processes:
            self.processes[name].send_signal(signal.SIGSTOP)
            self.paused.add(name)
        elif fault.kind in ("kill", "clock") and name in self.processes:
            self.kill(name)
            self.paused.discard(name)
            if fault.kind == "clock":
                self.start_at(name, fault.amount)
        elif fault.kind == "disk-full":
            _fill(node.directory / FILLER)

    def end(self, fault: Fault) -> None:
        """Mend it."""
        for place in fault.nodes:
            node = self.nodes[place]
            if fault.kind == "cut":
                self._isolation.join(place)
            elif fault.kind == "slow":
                self._unshape(str(node.namespace))
            elif fault.kind == "pause":
                self._resume(node.name)
            elif fault.kind == "kill" and node.name not in self.processes:
                self.start(node.name)
            elif fault.kind == "clock" and node.name in self.processes:
                self.kill(node.name)
                self.paused.discard(node.name)
                self.start(node.name)
            elif fault.kind == "disk-full":
                (node.directory / FILLER).unlink(missing_ok=True)

    def _unshape(self, namespace: str) -> None:
        command = ("ip", "netns", "exec", namespace, "tc", "qdisc", "del", "dev", "cable", "root")
        subprocess.run(command, capture_output=True, check=False)  # it may be gone already

    def _resume(self, name: str) -> None:
        self.paused.discard(name)
        if name in self.processes:
            self.processes[name].send_signal(signal.SIGCONT)

    def mend(self) -> None:
        """End every fault, whatever there is; start whoever is down, with its clock right."""
        for place, node in enumerate(self.nodes):
            self._isolation.join(place)
            self._unshape(str(node.namespace))
            self._resume(node.name)
            (node.directory / FILLER).unlink(missing_ok=True)
            if node.name not in self.processes:
                self.start(node.name)

    def raise_fallen(self) -> None:
        """Note nodes that ended by themselves, and start them again as a supervisor would."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                log = (self.directory / f"{name}.log").read_text(errors="replace").splitlines()
                self.fallen.append(f"{name} ended with {process.returncode}: {log[-1:]}")
                del self.processes[name]
                self.start(name)

    def metrics_or_none(self, name: str) -> str | None:
        """Return a node's metrics; None if it does not answer at once."""
        host, port = self.node(name).metrics
        url = f"http://{host}:{port}/metrics"
        try:
            with urllib.request.urlopen(url, timeout=SCRAPE_SECONDS) as reply:
                return bytes(reply.read()).decode()
        except (urllib.error.URLError, OSError):
            return None

    def kill_all(self) -> None:
        """End every process, also those that stand still."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()


def has_netem(namespace: str) -> bool:
    """Say whether packets can be delayed and lost here: some kernels come without netem."""
    command = ("tc", "-n", namespace, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "0ms")
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _without_reserve(settings: Path) -> None:
    """Have writes themselves meet the full disk."""
    table = tomllib.loads(settings.read_text())
    chosen = {f"{section}.{k}": v for section, part in table.items() for k, v in part.items()}
    settings.write_text(render_config({**chosen, "storage.reserve_bytes": 0}))


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"{' '.join(command)}: {done.stderr.strip()}")
