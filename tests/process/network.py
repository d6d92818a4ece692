"""A network of real daemons: processes of their own, in a folder of their own, on free ports.

Everything a bad day needs: start, stop, kill, wait, ask, submit, and read the logs. What a node is
asked goes over real HTTP. Nothing here touches production's settings but through `govchaind.toml`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx

from govchaind.base.encoding import encode
from govchaind.cli.main import main as command
from govchaind.client.client import Client, wall_milliseconds
from govchaind.client.keyfile import Author, author_of
from govchaind.client.network import NetworkNode, read_network
from govchaind.client.reader import READ_LEAVE_HEADER
from govchaind.client.transport import HttpTransport
from govchaind.config import CONFIG_FILE, render_config
from govchaind.ledger.block import Block, read_block
from govchaind.ledger.genesis import Genesis, read_genesis
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.read_leave import READ_LEAVE_MILLISECONDS, build_read_leave
from govchaind.ledger.transaction import build_body, read_transaction, sign_body
from tests.process.daemon import Daemon
from tests.process.ports import free_base_port

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent.parent
WAIT_SECONDS = 60.0  # on a machine that does other things besides
POLL_SECONDS = 0.05
LIFETIME_MILLISECONDS = 10 * 60 * 1000
REGISTER = "facts"


class Network:
    """Validators first, then observers; all in `directory`, none started yet."""

    def __init__(
        self,
        directory: Path,
        *,
        validators: int = 3,
        observers: int = 0,
        name: str = "trial",
        made_by: Callable[..., str] | None = None,
    ) -> None:
        """`made_by` is another release's command line, to make it and its genesis."""
        self.directory = directory
        (made_by or govchaind)(
            *("init", "network", "--directory", str(directory), "--name", name),
            *("--base-port", str(free_base_port())),
            *("--validators", str(validators), "--observers", str(observers)),
        )
        self.info = read_network(directory / "network.json")
        self.nodes = {node.name: node for node in self.info.nodes}
        self.names = tuple(self.nodes)
        self.validators = self.names[:validators]
        self.chain_id = self.info.chain_id
        self.daemons: dict[str, Daemon] = {}
        self.spawn: Callable[[str, Path], Daemon] = self._spawn_child
        self._http = httpx.Client(timeout=30, trust_env=False)

    # --- files ------------------------------------------------------------------------------------

    def folder(self, name: str) -> Path:
        return self.directory / "nodes" / name

    def log_path(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def genesis(self) -> Genesis:
        return read_genesis((self.directory / "genesis.bin").read_bytes())

    def set(self, name: str, **values: Any) -> None:
        """Change settings; `storage__map_bytes_max=…` is storage.map_bytes_max."""
        set_settings(self.folder(name), **values)

    def peer_address(self, name: str) -> tuple[str, int]:
        table = tomllib.loads((self.folder(name) / CONFIG_FILE).read_text())
        host, _, port = str(table["peer"]["listen"]).rpartition(":")
        return host, int(port)

    def api_address(self, name: str) -> tuple[str, int]:
        host, _, port = self.nodes[name].api.removeprefix("http://").rpartition(":")
        return host, int(port)

    def author(self, institution: str) -> Author:
        return author_of([self.directory / "keys" / f"{institution}.key"])

    # --- processes --------------------------------------------------------------------------------

    def _spawn_child(self, name: str, log: Path) -> Daemon:
        return self.spawn_command(run_command(self.folder(name)), log)

    @staticmethod
    def spawn_command(arguments: Sequence[str], log: Path) -> Daemon:
        """Start any command as a node's process."""
        with log.open("ab") as file:
            child = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=ROOT,
                start_new_session=True,
            )
        return Daemon(child.pid, child)

    def start(self, *names: str) -> None:
        """Start nodes and do not wait."""
        for name in names:
            assert name not in self.daemons, f"{name} runs already"
            self.daemons[name] = self.spawn(name, self.log_path(name))

    def start_as(self, name: str, arguments: Sequence[str]) -> None:
        """Start a node by a command of the test's own."""
        self.daemons[name] = self.spawn_command(arguments, self.log_path(name))

    def start_all(self) -> None:
        """Start all nodes and wait until each is ready."""
        self.start(*self.names)
        for name in self.names:
            self.wait_ready(name)

    def kill(self, *names: str) -> None:
        """SIGKILL: the nodes have no say in it."""
        daemons = [self.daemons.pop(name) for name in names]
        for daemon in daemons:
            daemon.kill()
        for daemon in daemons:
            daemon.wait(WAIT_SECONDS)

    def stop(self, *names: str, number: int = signal.SIGTERM) -> int | None:
        """Stop nodes cleanly; return the last one's exit code."""
        for name in names:
            self.daemons[name].send(number)
        code = None
        for name in names:
            code = self.daemons.pop(name).wait(WAIT_SECONDS)
        return code

    def wait_end(self, name: str, seconds: float = WAIT_SECONDS) -> int | None:
        """Wait until a node ends by itself; return its exit code."""
        return self.daemons.pop(name).wait(seconds)

    def close(self) -> None:
        """Kill whatever still runs."""
        self.kill(*self.daemons)
        self._http.close()

    def check_alive(self) -> None:
        for name, daemon in self.daemons.items():
            assert not daemon.ended(), f"{name} ended by itself:\n{self.log_tail(name)}"

    # --- logs -------------------------------------------------------------------------------------

    def log_tail(self, name: str) -> str:
        path = self.log_path(name)
        return path.read_text(errors="replace")[-3000:] if path.exists() else "(no log)"

    def events(self, name: str, event: str | None = None) -> list[dict[str, Any]]:
        """Return what the node's log tells, oldest first."""
        found = []
        path = self.log_path(name)
        for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
            if line.startswith("{"):
                with contextlib.suppress(ValueError):  # a line cut by SIGKILL
                    told = json.loads(line)
                    if event is None or told.get("event") == event:
                        found.append(told)
        return found

    def wait_event(self, name: str, event: str, **values: object) -> dict[str, Any]:
        """Wait until a node has told of an event with these values; return the newest such."""

        def newest() -> dict[str, Any] | None:
            told = self.events(name, event)
            fitting = [one for one in told if all(one.get(k) == v for k, v in values.items())]
            return fitting[-1] if fitting else None

        return self.wait_for(newest, f"{name} did not tell of {event} {values or ''}")

    # --- asking -----------------------------------------------------------------------------------

    def get(self, name: str, path: str, **headers: str) -> httpx.Response:
        return self._http.get(f"{self.nodes[name].api}{path}", headers=headers)

    def leave(self, name: str, institution: str) -> dict[str, str]:
        """Return the header by which an institution's governing office reads at a node."""
        author = self.author(institution)
        made = build_read_leave(
            author.keys[0],
            chain_id=self.chain_id,
            node=name,
            office=(author.institution, author.office),
            until=wall_milliseconds() + READ_LEAVE_MILLISECONDS,
        )
        return {READ_LEAVE_HEADER: made.hex()}

    def json(self, name: str, path: str, **headers: str) -> dict[str, Any]:
        reply = self.get(name, path, **headers)
        assert reply.status_code == 200, f"{path} of {name}: {reply.status_code} {reply.text}"
        found: dict[str, Any] = reply.json()
        return found

    def status(self, name: str) -> dict[str, Any]:
        return self.json(name, "/v1/status")

    def status_or_none(self, name: str) -> dict[str, Any] | None:
        """Return a node's status; None if it does not answer (or is no node of genesis)."""
        try:
            return self.status(name)
        except (httpx.HTTPError, KeyError):
            return None

    def ready(self, name: str) -> bool:
        try:
            return self.get(name, "/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def wait_for(
        self, condition: Callable[[], T | None], what: str, seconds: float = WAIT_SECONDS
    ) -> T:
        """Poll until `condition` gives something; return it."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            self.check_alive()
            assert time.monotonic() < end, f"after {seconds:.0f} s: {what}\n{self._situation()}"
            time.sleep(POLL_SECONDS)
        return found

    def _situation(self) -> str:
        return "\n".join(
            f"--- {name}: {self.status_or_none(name)}\n{self.log_tail(name)[-1500:]}"
            for name in self.daemons
        )

    def wait_ready(self, *names: str, seconds: float = WAIT_SECONDS) -> None:
        for name in names:
            self.wait_for(partial(self.ready, name), f"{name} is not ready", seconds)

    def wait_serving(self, name: str) -> None:
        """Wait until a node's API answers: its links may stand, or be refused, before that."""
        self.wait_for(lambda: self.status_or_none(name), f"{name} does not serve its API")

    def leader(self) -> str:
        """Wait until all running validators name one running leader; return it."""

        def agreed() -> str | None:
            running = [name for name in self.validators if name in self.daemons]
            told = [self.status_or_none(name) for name in running]
            named = {status["leader"] if status else None for status in told}
            leader = named.pop() if len(named) == 1 else None
            return leader if leader in self.daemons else None

        return self.wait_for(agreed, "the running validators have no leader in common")

    def wait_level(self, *names: str, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """Wait until these (all running) nodes have one height, root and newest certificate."""

        def level() -> dict[str, Any] | None:
            told = [self.status_or_none(name) for name in names or self.daemons]
            if any(status is None for status in told):
                return None
            known = [status for status in told if status is not None]
            facts = {(one["height"], one["block_hash"], one["state_root"]) for one in known}
            certified = all(one["certified"] == one["height"] for one in known)
            idle = all(one["pool_transactions"] == 0 for one in known)
            return known[0] if len(facts) == 1 and certified and idle else None

        return self.wait_for(level, "the nodes do not come to one certified height", seconds)

    # --- writing ----------------------------------------------------------------------------------

    def sign(
        self, institution: str, operations: Iterable[tuple[int, list[Any]]], **changes: Any
    ) -> bytes:
        """Return a signed transaction; `changes` replace parts of its body."""
        author = self.author(institution)
        parts: dict[str, Any] = {
            "chain_id": self.chain_id,
            "institution": author.institution,
            "office": author.office,
            "operations": list(operations),
            "valid_until": time.time_ns() // 1_000_000 + LIFETIME_MILLISECONDS,
            "salt": os.urandom(16),
        }
        return sign_body(build_body(**{**parts, **changes}), author.keys)

    def put(self, key: str, value: str = "value", *, institution: str = "civil-affairs") -> bytes:
        """Return a signed transaction that puts one record into the register of facts."""
        return self.sign(institution, [put(key, value)])

    def create_register(self, name: str) -> None:
        """Create the register of facts through node `name`, for civil affairs to write."""
        operation = (int(Kind.CREATE_REGISTER), [REGISTER, "Facts", [["v", "text"]], "clear", []])
        self.submit(name, self.sign("civil-affairs", [operation]))

    def post(
        self, name: str, raws: Sequence[bytes], *, wait: str = "committed", seconds: float = 10
    ) -> httpx.Response:
        return self._http.post(
            f"{self.nodes[name].api}/v1/transactions",
            params={"wait": wait, "timeout_seconds": str(seconds)},
            content=encode(list(raws)),
            headers={"content-type": "application/cbor"},
        )

    def submit(self, name: str, *raws: bytes, wait: str = "committed") -> list[bytes]:
        """Submit through one node until all are applied; return their ids."""

        def applied() -> bool:
            try:
                reply = self.post(name, raws, wait=wait)
            except httpx.HTTPError:
                return False
            rows = reply.json().get("transactions", [])
            wrong = [
                row for row in rows if row["status"] == "expired" or row["code"] not in (0, None)
            ]
            assert not wrong or reply.status_code in (503, 507), f"{name} said: {wrong}"
            good = ("certified",) if wait == "certified" else ("committed", "certified")
            return bool(rows) and all(row["status"] in good for row in rows)

        self.wait_for(applied, f"{name} does not commit")
        return [read_transaction(raw).id for raw in raws]

    def record(self, name: str, key: str) -> str | None:
        """Return the value of a fact as a node has it; None if it has none."""
        reply = self.get(name, f"/v1/registers/{REGISTER}/records/{key}")
        if reply.status_code == 404:
            return None
        assert reply.status_code == 200, reply.text
        return str(reply.json()["value"]["v"])

    def block(self, name: str, height: int) -> Block:
        reply = self.get(name, f"/v1/blocks/{height}", accept="application/cbor")
        assert reply.status_code == 200, reply.text
        return read_block(reply.content, lambda _: None)

    def client(self, *names: str) -> Client:
        """Return the SDK's client of these (all) nodes."""
        nodes: list[NetworkNode] = [self.nodes[name] for name in names or self.names]
        return Client([HttpTransport(node.api) for node in nodes], chain_id=self.chain_id)


def put(key: str, value: str = "value") -> tuple[int, list[Any]]:
    return int(Kind.PUT), [REGISTER, key.encode(), [value], None]


def run_command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "govchaind", "run", str(folder)]


def commanded(*arguments: str) -> tuple[int, str]:
    """Run the command line in this process; return its exit code and what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = command(arguments)
    return code, printed.getvalue()


def govchaind(*arguments: str, expected: int = 0) -> str:
    """Run the command line in this process; return what it printed."""
    code, printed = commanded(*arguments)
    assert code == expected, f"govchaind {' '.join(arguments)}: {code}: {printed}"
    return printed


def set_settings(folder: Path, **values: Any) -> None:
    """Change settings in a node's folder; a double underscore stands for the dot, None for none."""
    path = folder / CONFIG_FILE
    table = tomllib.loads(path.read_text())
    chosen = {f"{section}.{k}": v for section, part in table.items() for k, v in part.items()}
    chosen.update({name.replace("__", "."): value for name, value in values.items()})
    chosen = {name: value for name, value in chosen.items() if value is not None}
    path.write_text(render_config(chosen))
