"""The end of a network: its packs, made of a stopped store and over the API, checked where nothing
of this project is installed."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

from govchaind.base.encoding import encode
from govchaind.ledger.operations.costs import Kind
from tests.exit_pack.packed import seal, verify
from tests.process.conftest import MakeNetwork
from tests.process.network import Network, govchaind

VOTERS = ("civil-affairs", "statistics", "railways")


def options(network: Network, institution: str) -> tuple[str, ...]:
    return (
        *("--key", str(network.directory / "keys" / f"{institution}.key")),
        *("--network", str(network.directory / "network.json")),
    )


def live(network: Network) -> list[bytes]:
    """Let the network do what networks do; return the ids of what civil affairs entered."""
    network.start_all()
    leader = network.leader()
    network.create_register(leader)
    entered = network.submit(leader, *[network.put(f"fact-{i}") for i in range(30)])
    network.post(leader, [network.put("not-mine", institution="railways")])  # refused
    law = network.directory / "law.txt"
    law.write_text("Article 1")
    for institution in VOTERS:
        govchaind(
            *("propose", "mandate", "law", "--title", "共享条例", "--number", "第809号"),
            *("--issuer", "国务院", "--document", str(law), "--from", "2026-03-01"),
            *options(network, institution),
        )
    gone = next(name for name in network.names if name != leader)
    for institution in VOTERS:
        govchaind("members", "remove", gone, *options(network, institution))
    network.wait_for(
        lambda: gone not in _in_force(network, leader), "the membership does not change"
    )
    entered += network.submit(leader, network.put("with-fewer"), wait="certified")
    network.kill(gone)
    network.wait_level(*network.daemons)
    return entered


def _in_force(network: Network, name: str) -> set[str]:
    return {row["name"] for row in network.json(name, "/v1/members")["members"] if row["in_force"]}


def secrets_of(network: Network) -> list[str]:
    """Return every secret that the network's key files hold, as their text has it."""
    found: list[str] = []
    for path in (*network.directory.rglob("*.key"), *network.directory.rglob("identity.toml")):
        table = tomllib.loads(path.read_text()) if path.suffix == ".toml" or _is_toml(path) else {}
        found += [str(value) for name, value in _flat(table) if "secret" in name or "seed" in name]
    return found


def _is_toml(path: Path) -> bool:
    try:
        tomllib.loads(path.read_text())
    except ValueError:
        return False
    return True


def _flat(table: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, value in table.items():
        place = f"{before}{name}"
        found += _flat(value, f"{place}.") if isinstance(value, dict) else [(place, value)]
    return found


def test_the_end_of_a_network(make_network: MakeNetwork, tmp_path: Path, empty_python: str) -> None:
    network = make_network(observers=0)
    entered = live(network)
    running = sorted(network.daemons)
    url = network.nodes[running[0]].api
    receipt = tmp_path / "receipt.cbor"
    govchaind("receipt", entered[3].hex(), "-o", str(receipt), "--url", url)
    fetched, stored = tmp_path / "fetched", tmp_path / "stored"

    told = govchaind("exit-pack", str(fetched), "--node", url, "--json")
    height = str(json.loads(told[told.index("{\n") :])["certified"])
    network.stop(*running)
    source = ("--from", str(network.folder(running[0])), "--until", height)
    second = govchaind("exit-pack", str(stored), *source, "--chain-id", network.chain_id.hex())

    # Both ways give the same folder, but for who signed: nodes keep what reached them first.
    for folder in (fetched, stored):
        done = verify(folder, "--receipt", receipt, python=empty_python)
        assert (done.code, done.errors) == (0, "")
        assert "HOLDS" in done.output
        assert f"transaction {entered[3].hex()} stands at height" in done.output
    assert "HOLDS" in second
    lines = [(folder / "transactions.jsonl").read_text() for folder in (fetched, stored)]
    assert lines[0] == lines[1]
    assert {identifier.hex() for identifier in entered} <= {
        json.loads(line)["id"] for line in lines[0].splitlines()
    }
    nodes = [json.loads(line) for line in (stored / "nodes.jsonl").read_text().splitlines()]
    assert [row["node"] for row in nodes if row.get("removed")]
    assert "第809号" in (stored / "mandates.jsonl").read_text()
    assert not list(tmp_path.glob("*.unfinished"))
    check_secrets(network, stored)
    check_damage(stored, empty_python)


def check_secrets(network: Network, folder: Path) -> None:
    secrets = secrets_of(network)
    assert len(secrets) >= 4
    forms = {form for text in secrets for form in _forms(text)}
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert [form for form in forms if form in data] == [], path


def _forms(text: str) -> list[bytes]:
    try:
        raw = [bytes.fromhex(text)]
    except ValueError:
        raw = []
    return [text.encode(), *(form for form in raw if len(form) >= 16)]


def check_damage(folder: Path, python: str) -> None:
    path = folder / "blocks" / "000001.cbor"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    hashes = verify(folder, python=python)
    seal(folder)
    signatures = verify(folder, python=python)
    assert (hashes.code, signatures.code) == (1, 1)
    assert "its SHA-256 is not the manifest's" in hashes.errors
    assert "blocks/000001.cbor: height " in signatures.errors


def test_a_fetch_goes_on_where_it_was_cut(make_network: MakeNetwork, tmp_path: Path) -> None:
    network = make_network(validators=1, observers=0)
    network.start_all()
    [name] = network.names
    network.create_register(name)
    for i in range(4):
        network.submit(name, network.put(f"fact-{i}"), wait="certified")
    url = network.nodes[name].api
    pack = tmp_path / "pack"
    govchaind("exit-pack", str(pack), "--node", url, "--chain-id", "00" * 32, expected=2)
    govchaind("exit-pack", str(pack), "--node", url, "--until", "999999", expected=2)
    blocked = tmp_path / "pack.unfinished" / "pack"
    blocked.write_text("in the way")  # as a full disk would be, once all blocks are fetched
    govchaind("exit-pack", str(pack), "--node", url, expected=2)
    assert not pack.exists()
    os.unlink(blocked)

    told = govchaind("exit-pack", str(pack), "--node", url, "--without-tables")

    assert "Going on after height" in told
    assert verify(pack).code == 0
    govchaind("exit-pack", str(pack), "--node", url, "--without-tables", expected=1)  # not empty
    operation = (int(Kind.PUT), ["facts", b"later", ["x"], None])
    network.submit(name, network.sign("civil-affairs", [operation]), wait="certified")
    rows = network.get(name, "/v1/blocks?first=2&limit=2", accept="application/cbor")
    [second, third] = [network.block(name, height) for height in (2, 3)]
    assert rows.content.startswith(b"\x82\x82" + encode(second.raw))
    assert encode(third.raw) in rows.content
