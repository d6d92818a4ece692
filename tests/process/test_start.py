"""Starts that must fail, each with one line that says what is wrong, and harm nothing."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from govchaind.config import CONFIG_FILE
from tests.process.conftest import MakeNetwork
from tests.process.network import ROOT, Network, run_command, set_settings
from tests.process.ports import free_base_port


def refused_start(folder: Path) -> tuple[int, str]:
    """Start a node that must not start; return its exit code and its last line."""
    done = subprocess.run(
        run_command(folder), capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )
    return done.returncode, done.stderr.strip().splitlines()[-1]


@pytest.fixture
def network(make_network: MakeNetwork) -> Network:
    return make_network(validators=1)


def test_an_unknown_or_misspelt_setting_is_named_with_the_nearest_known(network: Network) -> None:
    folder = network.folder(network.names[0])
    text = (folder / CONFIG_FILE).read_text()
    for wrong, shown in (
        ("[storage]\nmap_byte_max = 1", "did you mean storage.map_bytes_max?"),
        ("[storrage]\nmap_bytes_max = 1", "did you mean the section [storage]?"),
        ("[storage]\nfrobnicate = 1", "unknown setting storage.frobnicate"),
    ):
        (folder / CONFIG_FILE).write_text(text.replace("[storage]", wrong, 1))
        code, said = refused_start(folder)
        assert code == 2
        assert said.startswith("error[invalid-setting]: ")
        assert shown in said
        assert not (folder / "store").exists()
    (folder / CONFIG_FILE).write_text(text)
    network.start_all()


def test_a_taken_port_is_named_with_its_setting(network: Network) -> None:
    name = network.names[0]
    folder = network.folder(name)
    base = free_base_port()  # one for all: each names another port
    for setting, at in (("peer", 0), ("api", 100), ("metrics", 200)):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # links end in TIME_WAIT
            taken.bind(("127.0.0.1", base + at))
            taken.listen()
            set_settings(folder, **{f"{setting}__listen": f"127.0.0.1:{base + at}"})
            code, said = refused_start(folder)
        assert code == 1, said  # it may be free in a moment: a supervisor tries again
        assert said.startswith(("error[port-taken]: ", "error[address-unusable]: ")), said
        assert f"{setting}.listen" in said
        assert str(base + at) in said
    table = {"peer__listen": f"127.0.0.1:{free_base_port()}"}
    host, port = network.api_address(name)
    set_settings(folder, **table, api__listen=f"{host}:{port}", metrics__enabled=False)
    network.start_all()  # the store that the failed starts left behind is whole


def test_another_nodes_key_file_is_refused(make_network: MakeNetwork) -> None:
    network = make_network(validators=3)
    own, other = (network.folder(name) for name in network.names[:2])
    for file in ("attestation.key", "tls.key"):
        kept = (own / file).read_text()
        (own / file).write_text((other / file).read_text())
        code, said = refused_start(own)
        assert code == 2
        assert said.startswith("error[wrong-key]: "), said
        assert file in said
        (own / file).write_text(kept)
    (own / "attestation.key").chmod(0o644)
    code, said = refused_start(own)
    assert code == 2
    assert said.startswith("error[key-readable]: "), said


def test_another_chains_genesis_is_refused_by_the_store(make_network: MakeNetwork) -> None:
    network, other = make_network(validators=1), make_network("other", validators=1)
    name = network.names[0]
    network.start_all()
    network.stop(name)
    genesis = network.folder(name) / "genesis.bin"
    kept = genesis.read_bytes()
    genesis.write_bytes((other.directory / "genesis.bin").read_bytes())
    code, said = refused_start(network.folder(name))
    assert code == 2
    assert said.startswith("error[store-chain]: "), said
    genesis.write_bytes(kept)
    network.start_all()


def test_one_identity_runs_once(network: Network) -> None:
    name = network.names[0]
    network.start_all()
    network.create_register(name)
    code, said = refused_start(network.folder(name))
    assert code == 1
    assert said.startswith("error[already-running]: "), said
    assert "started twice" in said
    network.submit(name, network.put("after-the-second-start"))


def test_a_log_that_takes_nothing_stops_nothing(network: Network) -> None:
    """Standard error is a full disk: /dev/full refuses each write with ENOSPC."""
    name = network.names[0]
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(
            run_command(network.folder(name)), stdout=full, stderr=full, cwd=ROOT
        )
    try:
        network.wait_for(
            lambda: network.ready(name) or process.poll() is not None, "it is not ready"
        )
        assert process.poll() is None
        network.create_register(name)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_a_copy_of_a_running_node_loses_and_doubles_nothing(make_network: MakeNetwork) -> None:
    """The same identity, store and all, started again from a copied folder on other ports."""
    network = make_network(validators=3)
    network.start_all()
    leader = network.leader()
    network.create_register(leader)
    victim = next(name for name in network.names if name != leader)
    network.stop(victim)
    folder = network.folder(victim)
    twin = network.directory / "twin"
    shutil.copytree(folder, twin)
    base = free_base_port()
    set_settings(
        twin,
        peer__listen=f"127.0.0.1:{base}",
        api__listen=f"127.0.0.1:{base + 100}",
        metrics__listen=f"127.0.0.1:{base + 200}",
        delivery__listen=f"127.0.0.1:{base + 300}",
    )
    network.start(victim)
    network.wait_ready(victim)
    ids = network.submit(leader, *[network.put(f"before-{i}") for i in range(5)])
    network.daemons["twin"] = network.spawn_command(run_command(twin), network.log_path("twin"))
    for i in range(20):
        ids += network.submit(network.leader(), network.put(f"beside-{i}"))
    network.wait_event(leader, "link.identity_twice", peer=victim)
    for one in (victim, "twin"):
        ends = network.events(one, "link.down")
        assert any("started twice" in end["reason"] for end in ends)
    network.kill("twin")
    ids += network.submit(network.leader(), network.put("alone-again"))
    final = network.wait_level(*network.names)
    blocks = {name: network.block(name, final["height"]).hash for name in network.names}
    assert len(set(blocks.values())) == 1
    for transaction in ids:
        told = network.json(victim, f"/v1/transactions/{transaction.hex()}")
        assert told["status"] == "certified"
    assert os.path.exists(twin / "store")


def test_a_node_with_locked_keys_starts_with_the_passphrase_alone(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = network.folder(network.names[0])
    secret = tmp_path / "govchaind-passphrase"
    secret.write_text("correct horse battery staple\n")
    keys = [str(path) for path in sorted(folder.rglob("*.key"))]
    assert [Path(path).name for path in keys] == ["attestation.key", "tls.key"]
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(tmp_path)}
    locking = [*run_command(folder)[:-2], "keys", "lock", *keys]
    subprocess.run(locking, check=True, cwd=ROOT, env=environment, capture_output=True)
    code, said = refused_start(folder)
    assert code == 2
    assert "error[key-locked]" in said
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    network.start_all()
