"""The bridges as processes beside real daemons and real servers, killed and started again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from govchaind.base.errors import GovchaindError
from tests.bridge import nats_server
from tests.bridge.nats_server import NatsServer
from tests.bridge.postgres_server import PASSWORD, PostgresServer
from tests.process.conftest import MakeNetwork
from tests.process.network import ROOT, Network
from tests.process.network import put as put_operation

GOVCHAIND = [sys.executable, "-m", "govchaind"]


@pytest.fixture(scope="module", name="postgres")
def a_database_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="module", name="nats")
def a_stream_server() -> Iterator[NatsServer]:
    server = NatsServer()
    yield server
    server.close()


@pytest.fixture(name="bridges")
def some_bridges() -> Iterator[list[subprocess.Popen[str]]]:
    """Give a list for the bridges that a test starts; they end with it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for one in started:
        one.kill()
        one.communicate()


def command(network: Network, *arguments: str) -> list[str]:
    urls = [word for name in network.names for word in ("--node", network.nodes[name].api)]
    return [*GOVCHAIND, "bridge", *arguments, *urls,
            "--genesis", str(network.directory / "genesis.bin")]  # fmt: skip


def secret(folder: Path) -> str:
    path = folder / "password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    return str(path)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_postgres_holds_each_height_once_though_both_sides_are_killed(
    make_network: MakeNetwork,
    postgres: PostgresServer,
    tmp_path: Path,
    bridges: list[subprocess.Popen[str]],
) -> None:
    network = make_network(validators=1)
    network.start_all()
    [node] = network.names
    network.create_register(node)
    postgres.database("facts")
    words = command(
        network, "postgres", "--dsn", postgres.dsn("facts"), "--password-file", secret(tmp_path),
        "--metrics", "127.0.0.1:0",
    )  # fmt: skip

    def start() -> subprocess.Popen[str]:
        one = subprocess.Popen(
            words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        bridges.append(one)
        return one

    def count() -> int:
        try:
            rows = postgres.run("SELECT count(*) FROM govchain.register_facts", database="facts")
        except Exception:  # it is not there yet, or the server is coming up again
            return -1
        return int(rows[0][0])

    running = start()
    for number in range(6):
        raws = [
            network.sign("civil-affairs", [put_operation(f"{number}-{i}", f"value {i}")])
            for i in range(20)
        ]
        network.submit(node, *raws)
        if number in (1, 3):
            wait_for(lambda wanted=number * 20: count() >= wanted)  # type: ignore[misc]
            running.kill()
            running = start()
        if number == 2:
            postgres.kill()
            postgres.start()
    wait_for(lambda: count() == 120)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    assert "postgres stands at height" in out
    assert PASSWORD not in out + err

    network.wait_level(node)
    once = subprocess.run(
        [*words, "--once", "--json"], cwd=ROOT, text=True, capture_output=True, check=True
    )
    reached: dict[str, Any] = json.loads(once.stdout)
    status = network.status(node)
    assert (reached["height"], reached["block_hash"]) == (status["height"], status["block_hash"])
    assert reached["bridge"] == "postgres"
    history = postgres.run(
        "SELECT count(*), count(DISTINCT key), max(revision) FROM govchain.govchain_history",
        database="facts",
    )
    assert history == [[120, 120, 1]]
    heights = postgres.run(
        "SELECT DISTINCT height, transaction FROM govchain.govchain_history", database="facts"
    )
    for height, identifier in heights[:5]:
        assert identifier in {one.id.hex() for one in network.block(node, height).transactions}


def test_nats_holds_each_message_once_though_both_sides_are_killed(
    make_network: MakeNetwork,
    nats: NatsServer,
    tmp_path: Path,
    bridges: list[subprocess.Popen[str]],
) -> None:
    network = make_network(validators=1)
    network.start_all()
    [node] = network.names
    network.create_register(node)
    path = tmp_path / "word"
    path.write_text(nats_server.PASSWORD)
    path.chmod(0o600)
    words = command(
        network, "nats", "--server", f"nats://{nats_server.USER}@127.0.0.1:{nats.port}",
        "--password-file", str(path),
    )  # fmt: skip

    def start() -> subprocess.Popen[str]:
        one = subprocess.Popen(
            words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        bridges.append(one)
        return one

    def bodies() -> list[dict[str, Any]]:
        found = trio.run(nats.messages, "govchain")
        return [one["body"] for one in found if one["subject"] == "govchain.registers.facts"]

    def count() -> int:
        try:
            return len(bodies())
        except (GovchaindError, KeyError):  # the stream is not there yet
            return -1

    running = start()
    for number in range(4):
        raws = [
            network.sign("civil-affairs", [put_operation(f"{number}-{i}", f"value {i}")])
            for i in range(20)
        ]
        network.submit(node, *raws)
        if number in (0, 2):
            wait_for(lambda wanted=number * 20: count() >= wanted)  # type: ignore[misc]
            running.kill()
            running = start()
        if number == 1:
            nats.kill()
            nats.start()
    wait_for(lambda: count() == 80)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=30)
    assert (running.returncode, nats_server.PASSWORD in out + err) == (0, False), err
    keys = [body["key"] for body in bodies()]
    assert sorted(keys) == sorted(f"{number}-{i}" for number in range(4) for i in range(20))
    places = [(body["height"], body["position"], body["place"]) for body in bodies()]
    assert places == sorted(places)


def test_an_export_that_is_killed_leaves_a_whole_state(
    make_network: MakeNetwork, tmp_path: Path, bridges: list[subprocess.Popen[str]]
) -> None:
    network = make_network(validators=1)
    network.start_all()
    [node] = network.names
    network.create_register(node)
    for number in range(40):
        network.submit(node, network.put(f"{number}"))
    network.wait_level(node)
    genesis = ["--genesis", str(network.directory / "genesis.bin")]
    words = [*GOVCHAIND, "export", "parquet", "facts", "--node", network.nodes[node].api, *genesis,
             "--part-heights", "2"]  # fmt: skip
    folder = tmp_path / "facts"
    kills = 0
    for wanted in (1, 6, 14):
        one = subprocess.Popen(
            words, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        bridges.append(one)
        wait_for(lambda ended=one, wanted=wanted: (  # type: ignore[misc]
            len(list(folder.glob("heights=*"))) >= wanted or ended.poll() is not None
        ))  # fmt: skip
        kills += one.poll() is None
        one.kill()
        one.wait()
        if (folder / "manifest.json").exists():
            manifest = json.loads((folder / "manifest.json").read_text())
            named = {
                f"heights={part['first']:012}-{part['last']:012}" for part in manifest["parts"]
            }
            present = {path.name for path in folder.glob("heights=*")}
            assert named <= present
            assert len(present - named) <= 1
    assert kills > 0
    for _ in range(2):
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    told = subprocess.run(
        [*GOVCHAIND, "export", "verify", "facts", *genesis, "--json"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(told.stdout)["height"] == network.status(node)["height"]
    assert not (folder / ".unfinished").exists()
