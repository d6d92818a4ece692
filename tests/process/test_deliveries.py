"""Real daemons carry a sealed file, are killed half-way, go on; the whole life of a delivery.

So do the commands: `deliver` and `receive` are interrupted half-way and given again.

Railways has a node, which is its post box; the savings bank has none: one key and any node's door.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from govchaind.cli.init_network import GOVERNING_OFFICE
from govchaind.cli.main import INTERRUPTED
from govchaind.config import CONFIG_FILE
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from tests.ledger.exchange import data_set, terms
from tests.process.network import ROOT, Network, govchaind

pytestmark = pytest.mark.process
MakeNetwork = Callable[..., Network]
GIVER, TAKER, BANK, JUDGE = "civil-affairs", "railways", "savings-bank", "statistics"
BYTES = 12 * 1024 * 1024
RATE = 4 * 1024 * 1024
DAY = 24 * 3600 * 1000


def ready(network: Network) -> None:
    """Have the institutions share: a mandate, terms, a data set; requests of two, both granted."""
    now = time.time_ns() // 1_000_000
    via = network.validators[0]
    mandate = ["law", "Sharing of data", "809", "State Council", bytes(32), now - DAY, None, None]
    votes = [
        (MotionKind.ADOPT_MANDATE, mandate),
        (MotionKind.SET_TERMS, terms(supervisor=[JUDGE, GOVERNING_OFFICE])),
    ]
    for kind, arguments in votes:
        for voter in (GIVER, JUDGE, TAKER):
            network.submit(via, network.sign(voter, [(int(Kind.VOTE), [0, int(kind), arguments])]))
    duty = (int(Kind.ASSIGN_DUTY), ["civil", "Civil status", GOVERNING_OFFICE, "law"])
    network.submit(via, network.sign(GIVER, [duty]))
    network.submit(via, network.sign(GIVER, [(int(Kind.PUBLISH_DATA_SET), data_set())]))
    for who in (TAKER, BANK):
        asked = ["r-1", GIVER, "marriages", ["status"], "law", bytes(32)]
        network.submit(via, network.sign(who, [(int(Kind.REQUEST), asked)]))
        granted = [who, "r-1", [], now + 30 * DAY, None]
        network.submit(via, network.sign(GIVER, [(int(Kind.GRANT), granted)]))


class Desk:
    """One institution's own machine: its keys, its folder, the network's file."""

    def __init__(self, network: Network, institution: str, *urls: str) -> None:
        self.network = network
        self.institution = institution
        self.folder = network.directory / f"desk-{institution}"
        self.folder.mkdir(exist_ok=True)
        self.key = self.folder / "office.delivery-key"
        self.where = ("--network", str(network.directory / "network.json"), *urls)
        key = str(network.directory / "keys" / f"{institution}.key")
        self.signs, self.reads = ("--key", key, *self.where), ("--read-key", key, *self.where)
        self.kept = ("--folder", str(self.folder / "deliveries"))

    def publish(self, *box: str) -> None:
        govchaind(
            *("delivery-keys", "new", "--institution", self.institution),
            *("--office", GOVERNING_OFFICE, "-o", str(self.key)),
        )
        govchaind("delivery-keys", "publish", str(self.key), *box, *self.signs)

    def deliver(self, file: Path, who: str, *more: str, expected: int = 0) -> str:
        return govchaind(
            *("deliver", str(file), "--grant", f"{who}/r-1", *more, *self.kept, *self.signs),
            expected=expected,
        )

    def receive(self, who: str, number: int, name: str, *more: str, expected: int = 0) -> str:
        return govchaind(
            *("receive", f"{who}/r-1/{number}", "--delivery-key", str(self.key)),
            *("-o", str(self.folder / name), *more, *self.kept, *self.signs),
            expected=expected,
        )

    def interrupted(self, arguments: list[str], half_way: Callable[[], bool]) -> None:
        """Run a command in a process of its own, and interrupt it half-way."""
        whole = [sys.executable, "-m", "govchaind", *arguments, *self.kept, *self.signs]
        process = subprocess.Popen(whole, cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            self.network.wait_for(half_way, f"{arguments[0]} does not come half-way")
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == INTERRUPTED
        finally:
            process.kill()
            process.wait()

    def act(self, *arguments: str, expected: int = 0) -> str:
        return govchaind(*arguments, *self.signs, expected=expected)


def delivery(network: Network, who: str, number: int) -> dict[str, Any]:
    via = network.validators[0]
    leave = network.leave(via, JUDGE)
    return network.json(via, f"/v1/deliveries/{who}/r-1/{number}", **leave)


def held(network: Network, name: str) -> dict[str, int]:
    """Return the sealed files that lie at a node, with their sizes."""
    folder = network.folder(name) / "deliveries"
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def counted(network: Network, name: str, metric: str) -> float:
    port = tomllib.loads((network.folder(name) / CONFIG_FILE).read_text())["metrics"]["listen"]
    text = network._http.get(f"http://{port}/metrics").text
    found = [line for line in text.splitlines() if line.startswith(metric)]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def box_of(network: Network, name: str) -> str:
    return str(
        tomllib.loads((network.folder(name) / CONFIG_FILE).read_text())["delivery"]["listen"]
    )


def bring_over_a_killed_node(network: Network, giver: Desk, plain: Path) -> None:
    """Have the sender's command interrupted, and the receiver's node killed, half-way."""
    sender, box = f"{GIVER}-1", f"{TAKER}-1"
    giver.interrupted(
        ["deliver", str(plain), "--grant", f"{TAKER}/r-1", "--rows", "1200"],
        lambda: sum(held(network, sender).values()) > BYTES // 4,
    )
    brought = counted(network, sender, 'govchaind_delivery_bytes_total{way="brought"}')
    assert BYTES // 4 <= brought < BYTES
    said = giver.deliver(plain, TAKER, "--rows", "1200", "--json")
    assert said.startswith("Going on with the delivery that was interrupted.")
    told = json.loads(said[said.index("{") :])
    whole = counted(network, sender, 'govchaind_delivery_bytes_total{way="brought"}')
    assert whole <= BYTES + 100_000  # it went on, it did not begin again
    assert (told["delivery"], told["node"]) == (f"{TAKER}/r-1/1", network.nodes[sender].api)
    network.wait_for(lambda: sum(held(network, box).values()) > BYTES // 4, "nothing comes")
    network.kill(box)
    before = sum(held(network, box).values())
    assert BYTES // 4 < before < BYTES
    network.start(box)
    network.wait_ready(box)
    network.wait_event(box, "delivery.held", delivery=f"{TAKER}/r-1/1")
    received = counted(network, box, 'govchaind_delivery_bytes_total{way="received"}')
    assert received <= BYTES - before + 100_000  # it went on, it did not begin again
    network.wait_for(lambda: not held(network, sender), "the sender's node keeps its copy")


def receive_in_two_runs(network: Network, taker: Desk) -> None:
    """Have the receiver's command interrupted half-way, and given again."""
    box = f"{TAKER}-1"
    part = taker.folder / "deliveries" / "in" / f"{TAKER}.r-1.1" / "sealed.part"
    taker.interrupted(
        ["receive", f"{TAKER}/r-1/1", "--delivery-key", str(taker.key), "-o",
         str(taker.folder / "first.csv")],
        lambda: part.exists() and part.stat().st_size > BYTES // 4,
    )  # fmt: skip
    assert not (taker.folder / "first.csv").exists()
    taker.receive(TAKER, 1, "first.csv")
    assert counted(network, box, 'govchaind_delivery_bytes_total{way="fetched"}') < 1.5 * BYTES


def correct(network: Network, giver: Desk, taker: Desk, plain: Path) -> None:
    """Dispute the first delivery; correct it by a second, and receive that."""
    box = f"{TAKER}-1"
    taker.act(
        *("deliveries", "dispute", f"{TAKER}/r-1/1", "--ground", "incomplete"),
        *("--details", "March is missing", "--opening", str(taker.folder / "dispute.opening")),
    )
    assert delivery(network, TAKER, 1)["status"] == "disputed"
    plain.write_bytes(b"corrected\n" * 1000)
    giver.deliver(plain, TAKER, "--corrects", "1")
    found = delivery(network, TAKER, 2)
    assert (found["corrects"], delivery(network, TAKER, 1)["corrected_by"]) == (1, 2)
    network.wait_event(box, "delivery.held", delivery=f"{TAKER}/r-1/2")
    taker.receive(TAKER, 2, "second.csv")
    assert (taker.folder / "second.csv").read_bytes() == plain.read_bytes()


def erase(network: Network, giver: Desk, taker: Desk) -> None:
    """Order the second delivery erased, see who is missing, answer, and find nothing left."""
    order = ("deliveries", "order-erasure", f"{TAKER}/r-1/2", "--within-days", "30")
    early = govchaind("erase", f"{TAKER}/r-1/2", *taker.kept, *taker.signs, expected=1)
    assert "error[no-erasure-ordered]" in early
    assert (taker.folder / "second.csv").exists()
    giver.act(*order, "--holder", f"{TAKER}/{GOVERNING_OFFICE}")
    missing = govchaind("deliveries", "missing", *taker.reads)
    assert f"{TAKER}/{GOVERNING_OFFICE}\t{TAKER}/r-1/2" in missing
    network.wait_level()
    govchaind("erase", f"{TAKER}/r-1/2", *taker.kept, *taker.signs)
    assert delivery(network, TAKER, 2)["status"] == "erased"
    assert govchaind("deliveries", "missing", *taker.reads).count("\n") == 1
    assert not (taker.folder / "second.csv").exists()
    kept = taker.folder / "deliveries" / "in" / f"{TAKER}.r-1.2"
    assert sorted(path.name for path in kept.iterdir()) == ["facts.json", "transaction"]


def test_a_delivery_from_sealing_to_its_erasure_over_a_killed_node(
    make_network: MakeNetwork,
) -> None:
    network = make_network(validators=3)
    for name in network.names:
        network.set(name, delivery__bytes_per_second_max=RATE)
    network.start_all()
    network.leader()
    ready(network)
    giver = Desk(network, GIVER, "--url", network.nodes[f"{GIVER}-1"].api)
    taker = Desk(network, TAKER)
    box = f"{TAKER}-1"
    taker.publish("--post-box", f"{box}={box_of(network, box)}")
    plain = network.directory / "households.csv"
    plain.write_bytes(os.urandom(BYTES))

    bring_over_a_killed_node(network, giver, plain)
    receive_in_two_runs(network, taker)
    assert (taker.folder / "first.csv").read_bytes() == plain.read_bytes()
    assert delivery(network, TAKER, 1)["status"] == "received"
    correct(network, giver, taker, plain)
    erase(network, giver, taker)


def test_a_bank_with_one_key_and_no_node_gives_and_takes(make_network: MakeNetwork) -> None:
    network = make_network(validators=3)
    network.start_all()
    network.leader()
    ready(network)
    giver, bank = Desk(network, GIVER), Desk(network, BANK)
    plain = network.directory / "loans.csv"
    plain.write_bytes(b"4711,married\n" * 5000)
    early = giver.deliver(plain, BANK, expected=1)
    assert "error[not-recorded]" in early  # the bank has published no delivery key
    bank.publish()
    giver.publish()

    giver.deliver(plain, BANK)  # over any node's door
    wrong = network.directory / "wrong.delivery-key"
    govchaind("delivery-keys", "new", "--institution", BANK, "--office", "head", "-o", str(wrong))
    refused = govchaind(
        *("receive", f"{BANK}/r-1/1", "--delivery-key", str(wrong), "-o"),
        *(str(bank.folder / "loans.csv"), *bank.kept, *bank.signs),
        expected=2,
    )
    assert "error[wrong-delivery-key]" in refused
    assert not (bank.folder / "loans.csv").exists()
    bank.receive(BANK, 1, "loans.csv")
    assert (bank.folder / "loans.csv").read_bytes() == plain.read_bytes()
    again = bank.receive(BANK, 1, "loans.csv", expected=2)
    assert "error[already-there]" in again

    sealed = network.directory / "by-courier.sealed"  # by another channel
    giver.deliver(plain, BANK, "--to-file", str(sealed))
    spoilt = network.directory / "spoilt.sealed"
    data = bytearray(sealed.read_bytes())
    data[-1] ^= 1
    spoilt.write_bytes(bytes(data))
    refused = bank.receive(BANK, 2, "courier.csv", "--from-file", str(spoilt), expected=2)
    assert "error[not-the-recorded-file]" in refused
    bank.receive(BANK, 2, "courier.csv", "--from-file", str(sealed))
    assert (bank.folder / "courier.csv").read_bytes() == plain.read_bytes()

    back = network.directory / "usage.csv"
    back.write_bytes(b"answers,used\n")
    bank.deliver(back, BANK, "--return-flow")  # 回流
    giver.receive(BANK, 3, "usage.csv")
    assert (giver.folder / "usage.csv").read_bytes() == back.read_bytes()
    listed = govchaind("deliveries", "--requester", BANK, *bank.reads)
    assert [row.split("\t")[1] for row in listed.splitlines()[1:]] == ["received"] * 3
