"""A majority's disks are destroyed, and the institutions have the survivors go on.

Real daemons, real stores, the commands of docs/operate/quorum-lost.md in their order.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from govchaind.replica.store import StoredLog, View
from govchaind.runtime.lmdb_storage import LmdbStorage
from tests.process.conftest import MakeNetwork
from tests.process.network import Network, govchaind
from tests.process.writer import Writer


def told(text: str) -> dict[str, Any]:
    """Return the JSON that a command printed."""
    found: dict[str, Any] = json.loads(text[text.index("{\n") :])
    return found


def key(network: Network, institution: str) -> str:
    return str(network.directory / "keys" / f"{institution}.key")


def recorded(network: Network, record: Path, survivors: list[str]) -> dict[str, Any]:
    folders = [str(network.folder(name)) for name in survivors]
    return told(govchaind("recover", "prepare", str(record), *folders, "--json"))


def test_the_survivors_go_on_by_office_keys_and_everybody_sees_it(
    make_network: MakeNetwork, tmp_path: Path
) -> None:
    network = make_network(validators=5, observers=1)
    network.start_all()
    leader = network.leader()
    network.create_register(leader)
    info = str(network.directory / "network.json")
    trust, before = str(tmp_path / "trust.file"), tmp_path / "before.receipt"
    genesis = str(network.directory / "genesis.bin")
    govchaind("trust", "new", trust, "--genesis", genesis)
    [first] = network.submit(leader, network.put("before"), wait="certified")
    govchaind("receipt", first.hex(), "--output", str(before), "--network", info)
    govchaind("trust", "advance", trust, "--network", info)
    survivors = [name for name in network.validators if name != leader][:2]
    observer = network.names[-1]
    lost = [name for name in network.validators if name not in survivors]
    behind, ahead = survivors
    with Writer(network, "facts") as writer:
        network.wait_for(lambda: writer.count > 60, "nothing is written")
        network.kill(behind)  # its log is the shorter one, whatever the disks do
        network.wait_for(lambda: writer.count > 120, "nothing is written with one away")
        network.kill(*lost)
    network.kill(ahead, observer)
    held = {one for name in survivors for one in transactions_held(network, name)}
    surviving = {one: name for one, name in writer.acknowledged.items() if one in held}
    assert len(surviving) > 50
    for name in lost:
        shutil.rmtree(network.folder(name) / "store")

    record = tmp_path / "recovery.record"
    facts = recorded(network, record, [*survivors, observer])
    assert facts["validators"] == sorted(survivors)
    assert facts["left_out"] == sorted(lost)
    height = facts["recovery_height"]
    refused(network, behind, record, reason="0 institutions have signed")
    institutions = sorted({node.institution for node in network.info.nodes})
    names = [path.stem for path in sorted((network.directory / "keys").glob("*.key"))]
    for name in names:
        copy = tmp_path / f"{name}.record"
        shutil.copy(record, copy)
        govchaind("recover", "sign", str(copy), "--key", key(network, name), "--trust", trust)
    copies = [tmp_path / f"{name}.record" for name in names]
    shown = told(govchaind("recover", "show", *map(str, copies), "--trust", trust, "--json"))
    needed = shown["needed"]
    assert (needed, shown["signed_by"]) == (len(names) // 2 + 1, names)
    assert set(institutions) <= set(names)
    beside = ("--blocks", f"{record}.blocks")
    refused(network, behind, *copies[:needed], reason="name it with --blocks", code=1)
    refused(network, behind, *copies[: needed - 1], *beside, reason=f"{needed} are needed")
    carry_out(network, survivors, record, copies[:needed], height)

    network.start(*survivors, observer)
    network.wait_ready(*survivors, observer)
    leader = network.leader()
    [second] = network.submit(leader, network.put("after"), wait="certified")
    for name in surviving.values():
        assert network.record(leader, name) == f"fact {name}"
    block = network.block(leader, height)
    assert block.recovery is not None
    assert block.transactions == []
    shown_at(network, leader, height, lost)
    check_proofs(network, tmp_path, trust, before, second, height)
    network.wait_level(*survivors, observer)
    network.stop(*survivors, observer)
    for name in (*survivors, observer):
        assert "The store holds" in govchaind("verify", str(network.folder(name)))


def transactions_held(network: Network, name: str) -> set[bytes]:
    """Return the ids of all transactions in the log of a stopped node."""
    storage = LmdbStorage(network.folder(name) / "store")
    try:
        with storage.snapshot() as snapshot:
            log = StoredLog(View(snapshot), lambda _: None)
            heights = range(1, log.last_index() + 1)
            return {one.id for height in heights for one in log.block(height).transactions}
    finally:
        storage.close()


def refused(
    network: Network, name: str, *arguments: Path | str, reason: str, code: int = 2
) -> None:
    folder = str(network.folder(name))
    text = govchaind("recover", "apply", folder, *map(str, arguments), expected=code)
    assert reason in text
    assert "The store holds" in govchaind("verify", str(network.folder(name)))


def carry_out(
    network: Network, survivors: list[str], record: Path, copies: list[Path], height: int
) -> None:
    blocks = Path(f"{record}.blocks")
    beside = ["--blocks", str(blocks)] if blocks.exists() else []
    for name in survivors:
        arguments = [str(network.folder(name)), *map(str, copies), *beside, "--json"]
        carried = told(govchaind("recover", "apply", *arguments))
        assert (carried["height"], carried["changed"]) == (height, True)


def shown_at(network: Network, name: str, height: int, lost: list[str]) -> None:
    """The block says at the API and on its page who let the chain go on, and without whom."""
    block = network.json(name, f"/v1/blocks/{height}")
    assert block["recovery"]["kept"] == height - 1
    assert block["recovery"]["left_out"] == sorted(lost)
    assert "civil-affairs" in block["recovery"]["signed_by"]
    for language, words in (("en", "The quorum was lost here"), ("zh", "此处曾丧失法定人数")):
        page = network.get(
            name, f"/blocks/{height}", accept="text/html", **{"accept-language": language}
        )
        assert words in page.text
        assert lost[0] in page.text


def check_proofs(
    network: Network, tmp_path: Path, trust: str, before: Path, second: bytes, height: int
) -> None:
    """An old receipt holds, a new one shows the recovery, and the survivors' word is not enough."""
    info = str(network.directory / "network.json")
    old = tmp_path / "old.trust"
    shutil.copy(trust, old)
    new = tmp_path / "new.receipt"
    govchaind("receipt", second.hex(), "--output", str(new), "--network", info)
    assert "was recovered" not in govchaind("verify-receipt", str(before), "--trust", str(old))
    govchaind("verify-receipt", str(new), "--trust", str(old), expected=2)
    said = govchaind("trust", "advance", trust, "--network", info)
    assert f"recovered at height {height} by the keys of its institutions" in said
    shown = told(govchaind("verify-receipt", str(new), "--trust", trust, "--json"))
    assert [each["height"] for each in shown["recoveries"]] == [height]
    text = govchaind("verify-receipt", str(new), "--trust", trust)
    assert f"recovered at height {height}" in text
