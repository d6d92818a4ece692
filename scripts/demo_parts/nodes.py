"""The demonstration's daemons: processes of their own, asked over HTTP how they are."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import trio

from demo_parts.telling import ROOT, fail
from govchaind.client.network import Network

START_SECONDS_MAX = 60.0


class Nodes:
    """The daemons, as processes of their own."""

    def __init__(self, directory: Path, network: Network) -> None:
        self.directory = directory
        self.network = network
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        log = (self.directory / f"{name}.log").open("ab")
        with log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "govchaind", "run", str(self.directory / "nodes" / name)],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )

    def start_all(self) -> None:
        for node in self.network.nodes:
            self.start(node.name)

    def stop_all(self) -> None:
        """Stop cleanly: SIGTERM, and only after the grace time SIGKILL."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for name, process in self.processes.items():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                fail(f"{name} did not stop within 30 s of SIGTERM; see {name}.log")
        self.processes.clear()

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def check_alive(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                tail = (self.directory / f"{name}.log").read_text(errors="replace")[-800:]
                fail(f"{name} ended with {process.returncode}. The end of its log:\n{tail}")

    def api(self, name: str) -> str:
        return next(node.api for node in self.network.nodes if node.name == name)

    async def statuses(self) -> dict[str, dict[str, Any] | None]:
        """Ask every node how it is; None for one that does not answer."""
        found: dict[str, dict[str, Any] | None] = {}

        async def ask(name: str, url: str) -> None:
            async with httpx.AsyncClient(base_url=url, timeout=5) as http:
                try:
                    reply = await http.get("/v1/status")
                    found[name] = reply.json() if reply.status_code == 200 else None
                except httpx.HTTPError:
                    found[name] = None

        async with trio.open_nursery() as nursery:
            for node in self.network.nodes:
                nursery.start_soon(ask, node.name, node.api)
        return found

    async def wait_ready(self) -> None:
        """Wait until every node says that it is ready."""
        with trio.move_on_after(START_SECONDS_MAX):
            for node in self.network.nodes:
                async with httpx.AsyncClient(base_url=node.api, timeout=5) as http:
                    while True:
                        self.check_alive()
                        try:
                            if (await http.get("/readyz")).status_code == 200:
                                break
                        except httpx.HTTPError:
                            pass
                        await trio.sleep(0.1)
            return
        fail(f"the nodes are not ready within {START_SECONDS_MAX:.0f} s; see {self.directory}")

    async def leader(self) -> str:
        with trio.move_on_after(START_SECONDS_MAX):
            while True:
                for status in (await self.statuses()).values():
                    if status is not None and status.get("role") == "leader":
                        return str(status["node"])
                await trio.sleep(0.1)
        fail("no leader was elected")
        raise AssertionError
