"""A backup of a running network, and a node that comes back from it after its disk is lost.

The restored node follows at once, signs nothing until it is re-admitted, and never again what an
earlier store of it has signed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from govchaind.ledger.certificate import read_certificate
from tests.process.conftest import MakeNetwork
from tests.process.network import ROOT, Network, govchaind
from tests.process.writer import Writer


def certified(
    network: Network, name: str, first: int, last: int
) -> dict[int, tuple[bytes, set[str]]]:
    """Return each height's statement and who has signed it, as a node has them."""
    found = {}
    for height in range(first, last + 1):
        reply = network.get(name, f"/v1/blocks/{height}/certificate", accept="application/cbor")
        assert reply.status_code == 200, (height, reply.text)
        certificate = read_certificate(reply.content)
        found[height] = certificate.statement, {signer for signer, _ in certificate.signatures}
    return found


def backed_up(target: Path, network: Network, name: str) -> dict[str, int]:
    told = govchaind("backup", str(target), "--from", str(network.folder(name)), "--json")
    found: dict[str, int] = json.loads(told[told.index("{\n") :])
    return found


@pytest.mark.parametrize("guard", ["kept", "lost"])
def test_a_node_comes_back_from_a_backup_while_others_write(
    make_network: MakeNetwork, tmp_path: Path, guard: str
) -> None:
    network = make_network(observers=0)
    network.start_all()
    leader = network.leader()
    network.create_register(leader)
    lost = next(name for name in network.names if name != leader)
    backup = tmp_path / "backup"
    with Writer(network, "facts") as writer:
        network.wait_for(lambda: writer.count > 100, "nothing is written")
        first = backed_up(backup, network, leader)
        network.wait_for(lambda: writer.count > 250, "nothing is written")
        second = backed_up(backup, network, leader)
        network.wait_for(lambda: writer.count > 350, "nothing is written")
        network.kill(lost)
        gone = network.status(leader)["last_height"]
        shutil.rmtree(network.folder(lost) / "store")
        if guard == "lost":
            (network.folder(lost) / "guard").unlink()
        network.wait_for(lambda: writer.count > 400, "the others do not go on")

        told = govchaind("restore", str(backup), str(network.folder(lost)), "--json")
        restored = json.loads(told[told.index("{\n") :])
        network.start(lost)
        caught_up = network.wait_for(
            lambda: _reached(network, lost, second["last"] + 50), "it does not follow"
        )
        outside = network.status(leader)["certified"]
        for institution in [*[node.institution for node in network.info.nodes][:2], "savings-bank"]:
            govchaind(
                *("members", "readmit", lost, "--store", restored["store"]),
                *("--key", str(network.directory / "keys" / f"{institution}.key")),
                *("--network", str(network.directory / "network.json")),
            )
        network.wait_for(
            lambda: network.status(lost)["in_configuration"], "it is not taken back as a voter"
        )
        count = writer.count
        network.wait_for(lambda: writer.count > count + 50, "it holds up the others")
        network.wait_for(partial(_signs, network, leader, lost), "it signs nothing again")
    assert writer.unexpected == []
    head = network.wait_level()

    assert (first["first"], second["first"]) == (1, first["last"] + 1)
    assert restored["height"] == second["last"]
    assert caught_up["store"] == restored["store"]
    told_by = [certified(network, name, 1, head["height"]) for name in network.names]
    for height in range(1, head["height"] + 1):
        assert len({seen[height][0] for seen in told_by}) == 1, height
    signed = {h for seen in told_by for h, (_, signers) in seen.items() if lost in signers}
    assert gone < outside
    assert {height for height in signed if gone < height <= outside} == set()
    assert max(signed) > outside  # it signs again
    keys = list(writer.acknowledged.values())
    assert [key for key in keys[::20] if network.record(lost, key) is None] == []
    network.stop(*network.names)
    assert "The store holds" in govchaind("verify", str(network.folder(lost)))


def _signs(network: Network, node: str, name: str) -> bool:
    """Say whether a validator is among those who signed one of the newest heights."""
    newest = network.status(node)["certified"]
    found = certified(network, node, max(1, newest - 20), newest)
    return any(name in signers for _, signers in found.values())


def _reached(network: Network, name: str, height: int) -> dict[str, object] | None:
    status = network.status_or_none(name)
    return status if status is not None and status["height"] >= height else None


def test_nodes_that_never_ran_begin_from_a_backup(
    make_network: MakeNetwork, tmp_path: Path
) -> None:
    """They have said nothing yet: no vote is needed, and they begin where the backup ends."""
    network = make_network(observers=1)
    *running, late = network.validators
    network.start(*running)
    network.wait_ready(*running)
    leader = network.leader()
    network.create_register(leader)
    network.submit(leader, *[network.put(f"early-{i}") for i in range(30)], wait="certified")
    backup = tmp_path / "backup"
    reached = backed_up(backup, network, leader)["last"]
    observer = network.names[-1]

    for name in (late, observer):
        told = govchaind("restore", str(backup), str(network.folder(name)))
        assert "it has never run, and takes part as any new node does" in told
    network.start(late, observer)
    network.wait_ready(late, observer)
    network.kill(running[0])
    leader = network.leader()
    network.submit(leader, network.put("needs-the-late-one"), wait="certified")
    head = network.wait_level()

    assert network.record(observer, "needs-the-late-one") == "value"
    signed = certified(network, leader, reached, head["height"])
    assert late in signed[head["height"]][1]
    assert network.events(late, "store.made") + network.events(late, "store.set_back") == []


def test_streams_and_what_is_refused(make_network: MakeNetwork, tmp_path: Path) -> None:
    network = make_network(validators=1, observers=0)
    network.start_all()
    [name] = network.names
    network.create_register(name)
    network.submit(name, *[network.put(f"fact-{i}") for i in range(30)], wait="certified")
    folder, url = network.folder(name), network.nodes[name].api
    stream = tmp_path / "stream.backup"
    with stream.open("wb") as file:
        command = [sys.executable, "-m", "govchaind", "backup", "-", "--node", url]
        ended = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, cwd=ROOT, check=False)
    assert (ended.returncode, b"Wrote 1 part" in ended.stderr) == (0, True)
    backup = str(tmp_path / "backup")
    source = ("--from", str(folder))
    network.wait_level()

    assert "every certificate verified" in govchaind("backup", backup, *source)
    assert "Nothing new: the backup reaches height" in govchaind("backup", backup, *source)
    govchaind("backup", backup, "--node", url, "--chain-id", "00" * 32, expected=2)
    govchaind("backup", backup, expected=2)
    full = govchaind("restore", backup, str(folder), expected=1)
    checked = govchaind("restore", backup, str(folder), "--check")
    assert network.ready(name)
    assert "Could restore" in checked
    network.stop(name)
    assert "error[already-there]" in full
    assert not (folder / "store.restoring").exists()
    assert "error[unreachable]" in govchaind(
        "backup", backup, *source, "--timeout", "0.5", expected=3
    )
    (folder / "store").rename(folder / "old-store")
    assert "error[no-backup]" in govchaind("restore", backup + "x", str(folder), expected=2)
    data = bytearray(stream.read_bytes())
    data[-200] ^= 1
    (tmp_path / "flipped").write_bytes(data)
    (tmp_path / "cut").write_bytes(data[:-200])
    for wrong in ("flipped", "cut"):
        told = govchaind("restore", str(tmp_path / wrong), str(folder), expected=2)
        assert "error[backup-damaged]" in told
        assert not list(folder.glob("store*"))
    told = govchaind("restore", str(stream), str(folder))
    assert "every signature, link, certificate and result was checked" in told
    assert "The store holds" in govchaind("verify", str(folder))


def test_a_full_disk_leaves_no_half_file(make_network: MakeNetwork, tmp_path: Path) -> None:
    network = make_network(validators=1, observers=0)
    network.start_all()
    [name] = network.names
    network.create_register(name)
    large = [network.put(f"large-{i}", "x" * 15_000) for i in range(100)]
    for start in range(0, 100, 20):
        network.submit(name, *large[start : start + 20], wait="certified")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=512k none {disk} && "
        f"{sys.executable} -m govchaind backup {disk}/ledger --from {network.folder(name)}; "
        f"echo code=$?; ls -A {disk}/ledger"
    )
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "error[backup-no-room]: no room for the backup" in ended.stderr
    assert ended.stdout == "code=1\n"
