"""A network of real validators for measuring: processes of their own, TLS on, every sync on.

Rules kept here: nothing is switched off that production has on; the nodes run from the settings
that `govchaind init` writes. With `Isolation`, each node lives in a network namespace made for
this run, so that its cable can be pulled: its packets vanish, and nobody sends a reset.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from govchaind.base.crypto import SEED_BYTES, SigningKey
from govchaind.base.types import Hash
from govchaind.cli.init_network import GOVERNING_OFFICE, founded
from govchaind.cli.node_files import Ports, make_node
from govchaind.client.keyfile import OfficeKeyFile, new_key
from govchaind.identity import GENESIS_FILE
from govchaind.ledger.genesis import make_genesis

ROOT = Path(__file__).resolve().parent.parent.parent
INSTITUTIONS = ("north", "east", "south", "west", "coast", "hills")  # each has live ids of its own
VALIDATORS = 3
READY_SECONDS_MAX = 120.0
POLL_SECONDS = 0.02


class BenchFailed(Exception):
    """The network did not do what a measurement needs."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node listens, and in which network namespace it runs (None: this one)."""

    host: str
    base_port: int
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class NodePlace:
    """One node as the bench reaches it."""

    name: str
    directory: Path
    api: tuple[str, int]
    metrics: tuple[str, int]
    namespace: str | None


class Isolation:
    """Network namespaces joined by a bridge in a hub; this run makes and removes all of them."""

    def __init__(self, count: int, tag: str = "gbench") -> None:
        self.hub = f"{tag}-hub"
        self.namespaces = [f"{tag}-{place}" for place in range(count)]
        self.hosts = [f"10.231.7.{place + 1}" for place in range(count)]
        self.hub_host = "10.231.7.254"

    def make(self) -> None:
        """Make namespaces, bridge and cables. Needs the right to (root)."""
        self.remove()
        for name in (self.hub, *self.namespaces):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.hub, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self.hub, "addr", "add", f"{self.hub_host}/24", "dev", "bridge")
        _ip("-n", self.hub, "link", "set", "bridge", "up")
        for place, name in enumerate(self.namespaces):
            port = f"port{place}"
            _ip("-n", self.hub, "link", "add", port, "type", "veth", "peer", "cable", "netns", name)
            _ip("-n", self.hub, "link", "set", port, "master", "bridge", "up")
            _ip("-n", name, "addr", "add", f"{self.hosts[place]}/24", "dev", "cable")
            _ip("-n", name, "link", "set", "cable", "up")

    def cut(self, place: int) -> None:
        """Pull the cable of a node out of the bridge: packets vanish both ways, no carrier lost."""
        _ip("-n", self.hub, "link", "set", f"port{place}", "nomaster")

    def join(self, place: int) -> None:
        """Plug the cable in again."""
        _ip("-n", self.hub, "link", "set", f"port{place}", "master", "bridge")

    def remove(self) -> None:
        """Remove what this run made; what is not there is no error."""
        for name in (self.hub, *self.namespaces):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class TrialNetwork:
    """Three validators, made anew in a directory."""

    def __init__(self, directory: Path, places: list[Place]) -> None:
        self.directory = directory
        self.chain_id: Hash
        self.keys: list[OfficeKeyFile] = []
        self.nodes: list[NodePlace] = []
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._make(places)

    @classmethod
    def on_loopback(cls, directory: Path, base_port: int) -> TrialNetwork:
        """Make a network whose nodes listen on loopback from `base_port` on, ten ports a node."""
        return cls(directory, [Place("127.0.0.1", base_port + 10 * i) for i in range(VALIDATORS)])

    def _make(self, places: list[Place]) -> None:
        self.keys = [
            new_key(
                institution=name,
                office=GOVERNING_OFFICE,
                title=f"Head of {name}",
                seed=os.urandom(SEED_BYTES),
            )
            for name in INSTITUTIONS
        ]
        members = []
        for number, place in enumerate(places):
            peer, api, metrics = (f"{place.host}:{place.base_port + k}" for k in range(3))
            name = f"validator-{number + 1}"
            directory = self.directory / "nodes" / name
            members.append(
                make_node(
                    directory,
                    name=name,
                    institution=INSTITUTIONS[number % len(INSTITUTIONS)],
                    role="validator",
                    ports=Ports(peer, api, metrics),
                    advertised=peer,
                )
            )
            at = place.host, place.base_port
            self.nodes.append(
                NodePlace(name, directory, (at[0], at[1] + 1), (at[0], at[1] + 2), place.namespace)
            )
        genesis = make_genesis(
            name="bench",
            time=time.time_ns() // 1_000_000,
            institutions=[founded(key, key.institution) for key in self.keys],
            nodes=members,
        )
        self.chain_id = genesis.chain_id
        for node in self.nodes:
            (node.directory / GENESIS_FILE).write_bytes(genesis.bytes)

    def signing_key(self, institution: str) -> SigningKey:
        return next(key for key in self.keys if key.institution == institution).signing_key()

    def node(self, name: str) -> NodePlace:
        return next(node for node in self.nodes if node.name == name)

    def start(self, name: str) -> None:
        """Start one node's daemon."""
        node = self.node(name)
        inside = ["ip", "netns", "exec", node.namespace] if node.namespace else []
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*inside, sys.executable, "-m", "govchaind", "run", str(node.directory)],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,
            )

    def start_all(self) -> None:
        for node in self.nodes:
            self.start(node.name)
        for node in self.nodes:
            self.wait_ready(node.name)

    def kill(self, name: str) -> None:
        """SIGKILL: the node has no say in it."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> None:
        """SIGTERM, and wait for the end."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_all(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for name in list(self.processes):
            self.stop(name)

    def keep(self) -> None:
        """Remember what all nodes hold now, for `set_back`."""
        self.stop_all()
        _copy(self.directory / "nodes", self.directory / "kept")
        self.start_all()

    def set_back(self) -> None:
        """Give all nodes what `keep` remembered, as if nothing had come since."""
        self.stop_all()
        shutil.rmtree(self.directory / "nodes")
        _copy(self.directory / "kept", self.directory / "nodes")
        self.start_all()
        self.wait_level()

    def check_alive(self) -> None:
        """Raise BenchFailed if a node ended by itself."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = (self.directory / f"{name}.log").read_text(errors="replace")
                raise BenchFailed(f"{name} ended with {process.returncode}: {log[-800:]}")

    def status(self, name: str) -> dict[str, Any]:
        """Return a node's /v1/status; raises OSError when it does not answer."""
        host, port = self.node(name).api
        with urllib.request.urlopen(f"http://{host}:{port}/v1/status", timeout=5) as reply:
            found: dict[str, Any] = json.load(reply)
        return found

    def scrape(self, name: str) -> str:
        """Return a node's metrics in Prometheus's text format."""
        host, port = self.node(name).metrics
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=10) as reply:
            text: str = reply.read().decode()
        return text

    def is_ready(self, name: str) -> bool:
        """Ask /readyz once, over a connection of its own."""
        host, port = self.node(name).api
        try:
            with urllib.request.urlopen(f"http://{host}:{port}/readyz", timeout=2) as reply:
                ready: bool = reply.status == 200
        except (urllib.error.URLError, OSError):
            return False
        return ready

    def wait_ready(self, name: str, seconds: float = READY_SECONDS_MAX) -> None:
        self.wait_for(lambda: self.is_ready(name), f"{name} is not ready", seconds)

    def wait_for(
        self, condition: Callable[[], bool], what: str, seconds: float = READY_SECONDS_MAX
    ) -> None:
        """Poll until `condition` holds. Raises BenchFailed saying `what` is not so."""
        end = time.monotonic() + seconds
        while not condition():
            self.check_alive()
            if time.monotonic() > end:
                raise BenchFailed(f"after {seconds:.0f} s {what}")
            time.sleep(POLL_SECONDS)

    def leader(self) -> str:
        """Wait until running nodes agree on a running leader; return its name."""
        found: list[str] = []

        def agreed() -> bool:
            try:
                leaders = {self.status(name)["leader"] for name in self.processes}
            except (OSError, urllib.error.URLError):
                return False
            found[:] = [leader for leader in leaders if leader in self.processes]
            return len(leaders) == 1 and len(found) == 1

        self.wait_for(agreed, "the nodes have no leader in common", 30.0)
        return found[0]

    def wait_level(self, seconds: float = READY_SECONDS_MAX) -> None:
        """Wait until all running nodes have one certified height and nothing in their pools."""

        def level() -> bool:
            seen = [self.status(name) for name in self.processes]
            heights = {item["height"] for item in seen} | {item["certified"] for item in seen}
            return len(heights) == 1 and all(not item["pool_transactions"] for item in seen)

        self.wait_for(level, "the nodes are not at one certified height", seconds)


def _copy(source: Path, target: Path) -> None:
    """Copy a folder; holes in files stay holes."""
    done = subprocess.run(["cp", "-a", str(source), str(target)], capture_output=True, check=False)
    if done.returncode:
        raise BenchFailed(f"the stores were not copied: {done.stderr.decode().strip()}")


def free_base_port(first: int, count: int = 10 * VALIDATORS) -> int:
    """Return the first port at or above `first` from which on `count` ports are free."""
    for base in range(first, 60_000, count):
        if all(_is_free(base + k) for k in range(count)):
            return base
    raise BenchFailed("no free ports on loopback")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
