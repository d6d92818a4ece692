"""Real nodes that join by snapshot, while others lie, die, and go on writing."""

from __future__ import annotations

import shutil
import sys
from typing import Any

from govchaind.runtime.store_exchange import second_directory
from tests.process.conftest import MakeNetwork
from tests.process.network import Network, govchaind, put
from tests.process.test_lost_disk import readmit, signers

VALUE = "v" * 8000  # so that few records make many chunks


def fill(network: Network, through: str, records: int, head: str = "record") -> None:
    """Put so many large records, several in a transaction."""
    for first in range(0, records, 6):
        raws = [put(f"{head}-{n}", VALUE + str(n)) for n in range(first, min(first + 6, records))]
        network.submit(through, network.sign("civil-affairs", raws), wait="certified")


def share(network: Network, name: str) -> float:
    told = network.events(name, "snapshot.progress") + network.events(name, "snapshot.begun")
    return max((float(one["share"]) for one in told), default=0.0)


def reasons(network: Network, name: str) -> list[str]:
    try:
        found: list[str] = network.get(name, "/readyz").json()["reasons"]
    except Exception:
        return []
    return found


def test_a_fresh_observer_joins_though_one_lies_one_dies_and_it_dies_itself(
    make_network: MakeNetwork,
) -> None:
    network = make_network(validators=4, observers=1)
    [observer] = network.names[4:]
    for name in network.names:
        network.set(name, snapshot__bytes_per_second_max=65_536)
    network.set(observer, snapshot__new_blocks=20)
    network.start(*network.validators)
    leader = network.leader()
    network.create_register(leader)
    fill(network, leader, 150)
    liar, dying, *_ = [name for name in network.validators if name != leader]
    network.stop(liar)
    alter = [sys.executable, "-m", "tests.process.altered_node", str(network.folder(liar)), "--lie"]
    network.start_as(liar, alter)
    network.wait_ready(liar)

    network.start(observer)
    network.wait_event(observer, "snapshot.peer_left", peer=liar, for_good=True)
    network.wait_for(lambda: share(network, observer) > 0.1, "it makes no progress")
    told = network.wait_for(lambda: joining(network, observer), "/readyz does not say so")
    assert "%" in told
    network.kill(observer)
    network.kill(dying)
    assert (second_directory(network.folder(observer) / "store")).exists()
    before = share(network, observer)
    leader = network.leader()
    network.submit(leader, network.put("meanwhile"))

    network.start(observer)
    begun = network.wait_event(observer, "snapshot.begun", resumed=True)
    assert begun["share"] > 0.1
    assert begun["share"] >= before * 0.5
    joined = network.wait_event(observer, "snapshot.joined")
    network.submit(leader, network.put("after"))
    network.wait_level(leader, observer)
    assert network.record(observer, "record-17") == VALUE + "17"
    assert network.record(observer, "meanwhile") == network.record(observer, "after") == "value"
    check_gone(network, observer, int(joined["height"]))
    assert not (second_directory(network.folder(observer) / "store")).exists()
    assert network.ready(observer)
    network.stop(observer)
    folder = str(network.folder(observer))
    assert "The store holds" in govchaind("verify", folder)
    network.start(observer)
    network.wait_ready(observer)
    network.wait_level(leader, observer)


def joining(network: Network, name: str) -> str | None:
    return next((one for one in reasons(network, name) if "joining by snapshot" in one), None)


def check_gone(network: Network, name: str, height: int) -> None:
    """What lies below the snapshot is gone, with a code, and nothing fails for it."""
    assert network.status(name)["begins"] == height
    assert network.status(network.leader())["begins"] == 0
    reply: Any = network.get(name, f"/v1/blocks/{height - 1}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (410, "before-snapshot")
    assert str(height) in reply.json()["error"]["remedy"]
    assert network.get(name, f"/v1/blocks/{height}").status_code == 200


def test_a_wiped_validator_comes_back_by_snapshot_and_votes_again(
    make_network: MakeNetwork,
) -> None:
    network = make_network()
    for name in network.names:
        network.set(name, snapshot__new_blocks=20)
    network.start_all()
    leader = network.leader()
    network.create_register(leader)
    fill(network, leader, 120)
    lost = next(name for name in network.names if name != leader)
    network.stop(lost)
    shutil.rmtree(network.folder(lost) / "store")
    network.start(lost)
    network.wait_event(lost, "snapshot.joined")
    network.wait_event(lost, "store.made", first=False)
    institutions = [node.institution for node in network.info.nodes]
    readmit(network, lost, [*institutions[:2], "savings-bank"])
    network.wait_for(lambda: admitted(network, lost), "it is not taken back as a voter")
    network.wait_ready(lost)
    network.wait_level()  # its promotion takes the signature of the one that is killed next
    third = next(name for name in network.names if name not in (leader, lost))
    network.kill(third)  # from now on its vote and its signature are needed
    leader = network.leader()
    network.submit(leader, network.put("its-vote-counts"), wait="certified")
    final = network.wait_level()
    assert lost in signers(network, leader, final["height"])
    assert network.record(lost, "record-7") == VALUE + "7"
    network.start(third)
    network.wait_level()
    network.stop(*network.names)
    assert "The store holds" in govchaind("verify", str(network.folder(lost)))


def admitted(network: Network, name: str) -> bool:
    """Say whether a node is a voter of the ledger; it may be starting again on another store."""
    told = network.status_or_none(name)
    return told is not None and bool(told["in_configuration"])
