"""The command line against a real daemon: what a newcomer does on the first day, end to end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from govchaind.cli.main import INVALID, OK, REFUSED, UNREACHABLE
from tests.cli.command import Command
from tests.process.ports import free_base_port

pytestmark = pytest.mark.process
KEY = ("--key", "net/keys/civil-affairs.key", "--network", "net/network.json")
NETWORK = ("--network", "net/network.json")
START_SECONDS_MAX = 60.0


@pytest.fixture
def network(govchaind: Command, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a network of one validator in the test's folder."""
    made = govchaind(
        "init", "network", "--directory", "net", "--validators", 1, "--observers", 0,
        "--base-port", free_base_port(),
    )  # fmt: skip
    assert made.code == OK
    with (tmp_path / "node.log").open("wb") as log:
        node = subprocess.Popen(
            [sys.executable, "-m", "govchaind", "run", "net/nodes/civil-affairs-1"], stderr=log
        )
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while govchaind("status", *NETWORK).code != OK:
            assert node.poll() is None, (tmp_path / "node.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield node
    finally:
        node.kill()
        node.wait()


def test_the_first_day(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    rows = "\n".join(f"{code},Place {code}" for code in range(100, 350))
    (tmp_path / "places.csv").write_text(f"code,name\n{rows}\n")

    loaded = govchaind(
        "submit", "file", "places.csv", "--register", "places", "--create", "Places",
        "--operations", 7, *KEY, "--json",
    )  # fmt: skip
    put = govchaind("submit", "put", "places", "100", "Changed", "--expect", 1, *KEY)
    identifier = put.output.strip()
    receipt = govchaind("receipt", identifier, "-o", "r.cbor", *NETWORK)
    present = govchaind("get", "places", "100", "--proof", "a.cbor", *NETWORK)
    absent = govchaind("get", "places", "nowhere", "--proof", "b.cbor", *NETWORK)
    history = govchaind("get", "places", "100", "--history", "--json", *NETWORK)

    assert (loaded.code, loaded.json["records"]) == (OK, 250)
    assert len(set(loaded.json["transactions"])) == 36
    assert [put.code, receipt.code, present.code, absent.code] == [OK] * 4
    assert [change["revision"] for change in history.json["changes"]] == [2, 1]
    assert govchaind("get", "places", "100", "--newest", *NETWORK).output == "name  Changed\n"

    govchaind("trust", "new", "t", "--genesis", "net/genesis.bin")
    assert govchaind("trust", "advance", "t", *NETWORK).code == OK
    network.send_signal(signal.SIGTERM)
    assert network.wait(timeout=60) == OK

    for file in ("r.cbor", "a.cbor", "b.cbor"):
        assert govchaind("verify-receipt", file, "--genesis", "net/genesis.bin").code == OK
        assert govchaind("verify-receipt", file, "--trust", "t").code == OK
    assert "The store holds" in govchaind("verify", "net/nodes/civil-affairs-1").output


def test_refusals_of_a_running_node(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    create = ("submit", "create-register", "places", "--title", "Places")
    assert govchaind(*create, "--field", "name:text", *KEY).code == OK
    other = ("--key", "net/keys/railways.key", *NETWORK)

    ended = {
        "register-exists": govchaind(*create, *KEY),
        "not-a-writer": govchaind("submit", "put", "places", "1", "x", *other),
        "unknown-record": govchaind("submit", "retire", "places", "1", *KEY),
        "revision-conflict": govchaind("submit", "put", "places", "1", "x", "--expect", 9, *KEY),
        "not-found": govchaind("receipt", "00" * 32, "-o", "x", *NETWORK),
        "already-running": govchaind("verify", "net/nodes/civil-affairs-1"),
    }
    bad = govchaind("submit", "put", "places", "1", "x", "y", *KEY)

    assert {code: end.errors.partition("]")[0] for code, end in ended.items()} == {
        code: f"error[{code}" for code in ended
    }
    assert {end.code for end in ended.values()} == {REFUSED}
    assert (bad.code, "has 1 fields (name:text), not 2" in bad.errors) == (INVALID, True)
    assert all(end.errors.count("\n") == 1 for end in ended.values())


def test_what_may_still_happen_is_kept_and_sent_again(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    create = ("submit", "create-register", "places", "--title", "Places")
    signed = govchaind(*create, *KEY, "-o", "create.tx")
    once = govchaind("submit", "raw", "create.tx", *NETWORK)
    twice = govchaind("submit", "raw", "create.tx", *NETWORK)
    network.kill()
    network.wait()
    lost = govchaind("submit", "retire", "places", "1", *KEY, "--timeout", 1)

    assert signed.output == once.output == twice.output
    # the same place both times; meanwhile it may have become certified
    assert {end.errors.partition(" at ")[2] for end in (once, twice)} == {"height 2, place 0\n"}
    assert (lost.code, "submit raw" in lost.errors) == (UNREACHABLE, True)
    kept = [path.name for path in tmp_path.glob("*.tx") if path.name != "create.tx"]
    assert [f"submit raw {name}`" in lost.errors for name in kept] == [True]
