"""A validator whose key a signer holds: under load, with the signer killed, set back and gone."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from govchaind.base.encoding import decode
from govchaind.identity import ATTESTATION_KEY_FILE, GREETINGS_FILE
from govchaind.ledger.statement import Statement
from govchaind.runtime.greetings import FILE_BYTES_MAX
from govchaind.runtime.signer_frames import FRAME_BYTES_MAX, read_reply, request_bytes
from tests.process.conftest import MakeNetwork
from tests.process.holder import Holder
from tests.process.network import WAIT_SECONDS, Network
from tests.process.writer import Writer


@pytest.fixture(name="held")
def a_network_with_a_signer(make_network: MakeNetwork) -> Iterator[Holder]:
    network = make_network()
    holder = Holder(network, network.validators[1])
    yield holder
    if holder.daemon is not None:
        holder.kill()


def begin(held: Holder) -> tuple[Network, str]:
    """Start the signer and all nodes; return the network and a node beside the signer's."""
    held.start("--begin-above", "0")
    held.network.start_all()
    other = held.network.validators[0]
    held.network.create_register(other)
    held.network.wait_level()
    return held.network, other


def kept(greetings: Path) -> int:
    """Return how many greetings a node's file holds; it is written after the links are up."""
    if not greetings.exists():
        return 0
    _, rows = decode(greetings.read_bytes(), bytes_max=FILE_BYTES_MAX)
    return len(rows)


def test_what_the_signer_signs_makes_the_quorum(held: Holder) -> None:
    network, other = begin(held)
    network.stop(network.validators[2])  # two of three must sign from now on
    network.leader()
    network.submit(other, network.put("needs-both"), wait="certified")
    height = network.wait_level()["height"]
    assert held.signers(height) == {other, held.name}
    assert not (network.folder(held.name) / ATTESTATION_KEY_FILE).exists()
    assert held.reasons() == []


def test_a_signer_killed_under_load_stops_nothing_and_is_found_again(held: Holder) -> None:
    network, other = begin(held)
    with Writer(network, "load") as writer:
        network.wait_for(lambda: writer.count > 50, "nothing is written")
        held.kill()
        held.wait_reason("signer away")
        network.wait_event(held.name, "signer.away")
        before, height = writer.count, network.status(held.name)["height"]
        network.wait_for(lambda: writer.count > before + 100, "writing stops without the signer")
        network.wait_for(
            lambda: network.status(held.name)["certified"] > height, "it follows no certificate"
        )
        held.start()
        network.wait_for(lambda: held.reasons() == [], "it does not find the signer again")
    assert writer.unexpected == []
    network.stop(network.validators[2])
    network.leader()
    network.submit(other, network.put("needs-both"), wait="certified")
    assert held.signers(network.wait_level()["height"]) == {other, held.name}


def test_heights_that_waited_for_the_signer_are_signed_when_it_is_back(held: Holder) -> None:
    network, other = begin(held)
    network.stop(network.validators[2])
    network.leader()
    held.kill()
    held.wait_reason("signer away")
    certified = network.status(other)["certified"]
    for number in range(150):  # more than are asked for at once
        network.submit(other, network.put(f"waits-{number}"))
    assert network.status(other)["certified"] <= certified + 1
    held.start()
    network.wait_level()
    assert held.reasons() == []


def test_heights_that_waited_are_signed_when_the_key_is_back_in_the_node(held: Holder) -> None:
    network, other = begin(held)
    network.stop(network.validators[2])  # two of three must sign from now on
    network.leader()
    held.kill()
    held.wait_reason("signer away")
    for number in range(20):
        network.submit(other, network.put(f"waits-{number}"))
    certified = network.status(other)["certified"]
    network.stop(held.name)
    held.key.rename(network.folder(held.name) / ATTESTATION_KEY_FILE)
    network.set(held.name, attestation__signer=None)
    network.start(held.name)
    network.leader()
    height = network.wait_level()["height"]
    assert height > certified + 1
    assert held.signers(certified + 2) == {other, held.name}


def test_a_node_starts_and_links_while_its_signer_is_away(held: Holder) -> None:
    network, other = begin(held)
    greetings = network.folder(held.name) / GREETINGS_FILE
    peers = len(network.validators) - 1
    network.wait_for(lambda: kept(greetings) >= peers, "what was signed for links is not kept")
    network.stop(held.name)
    held.kill()
    network.start(held.name)
    network.wait_serving(held.name)
    network.submit(other, network.put("meanwhile"), wait="certified")
    height = network.status(other)["height"]
    network.wait_for(lambda: network.status(held.name)["certified"] >= height, "it does not follow")
    held.wait_reason("signer away")
    held.start()
    network.wait_ready(held.name)


def test_a_guard_that_was_set_back_is_seen_and_asked_for_nothing(held: Holder) -> None:
    network, other = begin(held)
    network.stop(network.validators[2])  # two of three must sign from now on
    network.leader()
    older = held.folder / "older"
    shutil.copy(held.guard, older)
    for number in range(5):
        network.submit(other, network.put(f"later-{number}"), wait="certified")
    held.kill()
    newer = held.folder / "newer"
    shutil.copy(held.guard, newer)
    shutil.copy(older, held.guard)
    held.start()
    held.wait_reason("signer set back")
    network.submit(other, network.put("goes-on"))
    held.wait_reason("signer set back")
    height = network.status(other)["height"]
    assert network.status(other)["certified"] < height
    held.kill()
    shutil.copy(newer, held.guard)
    held.start()
    network.wait_ready(held.name)
    assert network.wait_level()["certified"] >= height


def ask(held: Holder, body: bytes) -> bytes:
    """Say something to the signer as another process; return its answer, nothing if it ends."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(WAIT_SECONDS)
        asking.connect(str(held.socket))
        asking.sendall(len(body).to_bytes(4, "big") + body)
        head = asking.recv(4)
        return asking.recv(FRAME_BYTES_MAX) if head else b""


def test_two_that_use_one_signer_get_one_signature_a_height(held: Holder) -> None:
    network, other = begin(held)
    height = network.wait_level()["height"]
    ahead = height + 20
    claimed = Statement(network.chain_id, ahead, bytes(32), bytes(32), None, bytes(32)).encode()
    [(signature, _)] = read_reply(ask(held, request_bytes("attest", [claimed]))).answers
    assert signature
    for number in range(4):  # the node's own results, below what another has had signed
        network.submit(other, network.put(f"below-{number}"), wait="certified")
    held.wait_reason("signer refuses")
    network.wait_event(held.name, "signer.refused")
    network.stop(network.validators[2])
    network.leader()
    for number in range(24):
        network.submit(other, network.put(f"beyond-{number}"))
    status = network.status(other)
    assert status["certified"] < ahead <= status["height"]  # nobody can have that height signed
    [(_, reason)] = read_reply(ask(held, request_bytes("attest", [claimed[:-1] + b"x"]))).answers
    assert reason == f"another statement of height {ahead} is signed"
    network.start(network.validators[2])
    network.wait_level()
    network.submit(other, network.put("after"), wait="certified")
    # The next height that it signs ends it: at rest that comes within a minute, if not before.
    network.wait_for(lambda: held.reasons() == [], "it stays a reason", seconds=150)


def test_garbage_on_the_socket_harms_nobody(held: Holder) -> None:
    network, other = begin(held)
    for body in (b"GET / HTTP/1.1", bytes(100), b"\xff" * 29_000):
        assert ask(held, body) == b""
    network.stop(network.validators[2])
    network.leader()
    network.submit(other, network.put("needs-both"), wait="certified")
    assert held.reasons() == []


def test_a_node_with_its_key_beside_the_signer_does_not_start(held: Holder) -> None:
    network = held.network
    shutil.copy(held.key, network.folder(held.name) / ATTESTATION_KEY_FILE)
    network.start(held.name)
    assert network.wait_end(held.name) == 2
    assert "a key in two places can sign two things" in network.log_tail(held.name)
