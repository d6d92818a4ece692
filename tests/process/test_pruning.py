"""Nodes that archive and remove old blocks while clients write, and peers that need them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from govchaind.ledger.receipt import verify_receipt
from govchaind.ledger.trust import TrustRoot
from tests.process.conftest import MakeNetwork
from tests.process.network import Network, govchaind
from tests.process.writer import Writer

KEPT = 260
BLOCKS = 420


def gone(network: Network, name: str, path: str) -> dict[str, object]:
    reply = network.get(name, path)
    assert reply.status_code == 410, (path, reply.status_code, reply.text)
    error: dict[str, object] = reply.json()["error"]
    assert error["code"] == "height-pruned"
    return error


def told(*arguments: object) -> dict[str, int]:
    printed = govchaind(*map(str, arguments), "--json")
    found: dict[str, int] = json.loads(printed[printed.index("{\n") :])
    return found


def answers_for_what_it_keeps(network: Network, name: str, early: bytes) -> None:
    """What is removed is named as gone, by API and page; the state and new blocks are served."""
    first = network.status(name)["first_height"]
    assert 2 < first <= network.status(name)["height"] - KEPT + 1
    error = gone(network, name, "/v1/blocks/2")
    assert (error["first_height"], error["archived_at"]) == (first, "State Archives, room 12")
    gone(network, name, "/v1/blocks/2/certificate")
    gone(network, name, "/v1/blocks?first=2")
    gone(network, name, f"/v1/transactions/{early.hex()}")
    gone(network, name, f"/v1/transactions/{early.hex()}/receipt")
    gone(network, name, "/v1/events?from=2")
    assert network.get(name, f"/v1/blocks/{first}").status_code == 200
    assert network.record(name, "early") == "value"
    listed = network.get(name, f"/blocks?before={first + 5}")
    assert (listed.status_code, f'/blocks/{first}"' in listed.text) == (200, True)
    assert network.get(name, "/blocks/2").status_code == 410
    [again] = network.submit(name, network.put(f"late {name}"), wait="certified")
    assert network.get(name, f"/v1/transactions/{again.hex()}/receipt").status_code == 200


@pytest.mark.timeout(300)
def test_old_blocks_go_while_clients_write_and_peers_find_them_elsewhere(
    make_network: MakeNetwork, tmp_path: Path
) -> None:
    network = make_network(observers=1)
    *pruning, full = network.validators
    [observer] = set(network.names) - set(network.validators)
    for name in pruning:
        network.set(
            name,
            storage__keep_blocks=KEPT,
            storage__archive_directory=str(tmp_path / name),
            storage__archived_at="State Archives, room 12",
        )
    # The observer is to take blocks, all of them, and not to join by snapshot.
    network.set(observer, snapshot__behind_blocks=0, snapshot__new_blocks=0)
    network.start_all()
    network.create_register(full)
    [early] = network.submit(full, network.put("early"), wait="certified")
    receipt = network.get(full, f"/v1/transactions/{early.hex()}/receipt").content
    network.stop(observer)
    with Writer(network, "one", batch=1), Writer(network, "two", batch=1, first_node=1) as writer:
        network.wait_for(lambda: network.status(full)["height"] > BLOCKS, "few blocks", 120)
        for name in pruning:  # each looks a few seconds after its start
            network.stop(name)
            network.start(name)
            network.wait_ready(name)
        for name in pruning:
            network.wait_event(name, "store.pruned")
        count = writer.count
        network.wait_for(lambda: writer.count > count + 20, "writing does not go on")
        network.start(observer)
        network.wait_ready(observer)
    assert writer.unexpected == []
    network.wait_level()

    for name in pruning:
        answers_for_what_it_keeps(network, name, early)
    proved = verify_receipt(receipt, TrustRoot.from_genesis(network.genesis()))
    assert proved.transaction_id == early
    assert network.get(observer, "/v1/blocks/2").status_code == 200

    network.kill(*pruning)
    network.start(*pruning)
    network.wait_ready(*pruning)
    network.wait_level()
    firsts = {name: network.status(name)["first_height"] for name in pruning}
    network.stop(*network.names)
    for name, first in firsts.items():
        assert told("verify", network.folder(name))["first"] == first
        restored = told("restore", tmp_path / name, network.folder(observer), "--check")
        assert restored["height"] == first - 1
        found = told("db", "compact", network.folder(name))
        assert found["after_bytes"] < found["before_bytes"]
    network.start_all()
    network.submit(pruning[0], network.put("after all"), wait="certified")
