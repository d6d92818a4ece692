"""A node whose disk was wiped or set back, started under its old key: new until re-admitted.

Until a majority of the institutions has taken it back it votes nothing and signs nothing; it
follows the ledger as a learner, and afterwards it is a voter whose signatures count again.
"""

from __future__ import annotations

import shutil

import pytest

from govchaind.ledger.certificate import read_certificate
from govchaind.ledger.statement import read_statement
from tests.process.conftest import MakeNetwork
from tests.process.network import Network, govchaind


def signers(network: Network, name: str, height: int) -> set[str]:
    """Return who signed the certificate that a node holds of a height."""
    reply = network.get(name, f"/v1/blocks/{height}/certificate", accept="application/cbor")
    if reply.status_code != 200:
        return set()
    certificate = read_certificate(reply.content)
    assert read_statement(certificate.statement).height >= height
    return {signer for signer, _ in certificate.signatures}


def readmit(network: Network, name: str, institutions: list[str]) -> None:
    store = network.events(name, "store.made") + network.events(name, "store.set_back")
    newest = max(store, key=lambda told: str(told["timestamp"]))["store"]
    for institution in institutions:
        govchaind(
            *("members", "readmit", name, "--store", str(newest)),
            *("--key", str(network.directory / "keys" / f"{institution}.key")),
            *("--network", str(network.directory / "network.json")),
        )


def lose(network: Network, name: str, how: str) -> None:
    """Wipe the store of a stopped node, or set it back to an older copy (not so the guard)."""
    store = network.folder(name) / "store"
    shutil.rmtree(store)
    if how == "set back":
        shutil.copytree(network.directory / "older-store", store)


@pytest.mark.parametrize("how", ["wiped", "set back"])
def test_a_lost_store_is_new_until_it_is_readmitted(how: str, make_network: MakeNetwork) -> None:
    network = make_network()
    network.start_all()
    leader = network.leader()
    network.create_register(leader)
    lost = next(name for name in network.names if name != leader)
    other = next(name for name in network.names if name not in (leader, lost))
    network.submit(leader, network.put("in-the-older-copy"))
    network.wait_level()
    network.stop(lost)
    shutil.copytree(network.folder(lost) / "store", network.directory / "older-store")
    network.start(lost)
    network.wait_ready(lost)
    leader = network.leader()
    network.submit(leader, *[network.put(f"lost-{i}") for i in range(20)])
    before = network.wait_level()["height"]
    network.wait_for(lambda: remembered(network, lost, before), "the guard file is not written")
    network.kill(lost)
    lose(network, lost, how)
    network.start(lost)

    if how == "wiped":
        network.wait_event(lost, "store.made", first=False)
    else:
        problem = network.wait_event(lost, "store.set_back")["problem"]
        assert "remembers" in problem or "has signed" in problem
    leader = network.leader()
    for i in range(5):  # each a height that the others certify without it
        network.submit(leader, network.put(f"while-it-is-out-{i}"), wait="certified")
    height = network.status(leader)["height"]
    told = network.wait_for(lambda: not_admitted(network, lost), "it does not say so")
    assert told["role"] in ("learner", "follower"), told

    # It neither votes nor signs: with another node gone, nothing can be committed.
    third = next(name for name in network.names if name not in (leader, lost))
    network.wait_for(lambda: signers(network, leader, height), "the height is not certified")
    for one in range(before + 1, height + 1):
        assert lost not in signers(network, leader, one)
    network.kill(third)
    reply = network.post(leader, [network.put("needs-a-majority")], seconds=4)
    rows = reply.json().get("transactions", [])
    assert all(row["status"] == "pending" for row in rows), rows
    assert network.status(lost)["role"] not in ("leader", "candidate")
    network.start(third)
    network.wait_ready(third)

    institutions = [node.institution for node in network.info.nodes]
    readmit(network, lost, [*institutions[:2], "savings-bank"])
    network.wait_for(
        lambda: network.status(lost)["in_configuration"], "it is not taken back as a voter"
    )
    network.wait_ready(lost)
    network.wait_level()
    assert other in network.daemons

    # A voter again: with another node gone, its vote and its signature are needed and are there.
    network.kill(third)
    leader = network.leader()
    network.submit(leader, network.put("its-vote-counts"), wait="certified")
    final = network.wait_level()
    assert lost in signers(network, leader, final["height"])
    assert network.record(lost, "lost-7") == "value"
    network.start(third)
    network.wait_level()
    network.stop(*network.names)
    for name in network.names:
        assert "The store holds" in govchaind("verify", str(network.folder(name)))


def remembered(network: Network, name: str, height: int) -> bool:
    from govchaind.runtime.guard import read_guard

    path = network.folder(name) / "guard"
    return path.exists() and read_guard(path.read_bytes()).signed_height >= height


def not_admitted(network: Network, name: str) -> dict[str, object] | None:
    reply = network.get(name, "/readyz")
    reasons = reply.json()["reasons"]
    refused = reply.status_code == 503 and any("store not admitted" in one for one in reasons)
    return network.status(name) if refused else None
