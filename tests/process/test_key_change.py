"""A validator's two keys change under load, step by step as the operators' page has it."""

from __future__ import annotations

import pytest

from govchaind.cli.main import INVALID
from govchaind.identity import NEXT_FOLDER, load_identity
from govchaind.ledger.certificate import check_certificate, read_certificate
from govchaind.ledger.membership import Membership
from tests.process.conftest import MakeNetwork
from tests.process.holder import Holder
from tests.process.network import Network, commanded, govchaind
from tests.process.writer import Writer


def network_file(network: Network) -> str:
    return str(network.directory / "network.json")


def vote(network: Network, name: str, *institutions: str) -> None:
    card = network.folder(name) / NEXT_FOLDER / "node.card"
    for institution in institutions:
        govchaind(
            *("members", "change-keys", str(card), "--network", network_file(network)),
            *("--key", str(network.directory / "keys" / f"{institution}.key")),
        )


def restart(network: Network, name: str) -> None:
    network.stop(name)
    network.start(name)
    network.wait_ready(name)


def check_signed(network: Network, name: str) -> dict[int, set[str]]:
    """Verify every certificate that a node has, set by set; return who signed each height."""
    before: Membership = network.genesis().membership()
    signed: dict[int, set[str]] = {}
    for height in range(1, int(network.status(name)["certified"]) + 1):
        path = f"/v1/blocks/{height}/certificate"
        reply = network.get(name, path, accept="application/cbor")
        assert reply.status_code == 200, reply.text
        after = network.block(name, height).membership or before
        certificate = read_certificate(reply.content)
        if certificate.height == height:  # else the node proves it by a later one
            check_certificate(certificate, before, after)
            signed[height] = {signer for signer, _ in certificate.signatures}
        before = after
    return signed


def test_keys_that_signers_hold_change_too(make_network: MakeNetwork) -> None:
    network = make_network()
    name, other = network.validators[:2]
    first = Holder(network, name)
    first.start("--begin-above", "0")
    network.start_all()
    network.create_register(other)
    govchaind("keys", "next", str(network.folder(name)))
    second = Holder(network, name, following=True)
    second.start("--begin-above", "0")
    restart(network, name)
    vote(network, name, *(node.rpartition("-")[0] for node in network.validators))
    network.wait_event(name, "link.own_key")
    network.wait_level()
    govchaind("keys", "settle", str(network.folder(name)), "--network", network_file(network))
    first.kill()
    network.stop(name)
    network.set(name, attestation__signer=str(second.socket), attestation__next_signer=None)
    network.start(name)
    network.wait_ready(name)
    network.stop(network.validators[2])  # two of three must sign from now on
    network.leader()
    network.submit(other, network.put("afterwards"), wait="certified")
    assert second.signers(network.wait_level()["height"]) == {name, other}
    second.kill()


def settles(network: Network, name: str) -> bool:
    """Settle a node's keys; False while a block, at rest too, has no certificate yet."""
    folder = str(network.folder(name))
    code, said = commanded("keys", "settle", folder, "--network", network_file(network))
    assert code == 0 or "not every height has a certificate yet" in said
    return code == 0


@pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")  # of cut requests
@pytest.mark.parametrize("who", ["leader", "follower"])
def test_a_validators_keys_change_under_load(who: str, make_network: MakeNetwork) -> None:
    network = make_network()
    network.start_all()
    leader = network.leader()
    network.create_register(leader)
    trust = network.directory / "trust"
    govchaind("trust", "new", str(trust), "--genesis", str(network.directory / "genesis.bin"))
    followers = [name for name in network.validators if name != leader]
    name = leader if who == "leader" else followers[0]
    with Writer(network, "load") as writer:
        network.wait_for(lambda: writer.count > 20, "nothing is written")
        govchaind("keys", "next", str(network.folder(name)))
        refused = govchaind(
            *("keys", "settle", str(network.folder(name)), "--network", network_file(network)),
            expected=INVALID,
        )
        assert "the change is not in force" in refused
        restart(network, name)
        term = network.status(network.leader())["term"]
        before = writer.count
        vote(network, name, *(node.rpartition("-")[0] for node in network.validators))
        keys = load_identity(network.folder(name) / NEXT_FOLDER)
        network.wait_for(
            lambda: any(
                told["tls_key"].startswith(keys.tls_public.hex()[:16])
                for told in network.events(name, "link.own_key")
            ),
            "it does not show its new key",
        )
        network.wait_for(lambda: writer.count > before + 50, "writing stops at the change")
        assert network.status(network.leader())["term"] == term  # nobody was elected anew
    assert writer.unexpected == []
    height = network.wait_level()["height"]
    network.wait_for(lambda: settles(network, name), "the new keys cannot be settled")
    restart(network, name)
    assert not (network.folder(name) / NEXT_FOLDER).exists()
    assert load_identity(network.folder(name)).attestation_public == keys.attestation_public
    third = next(other for other in network.validators if other not in (name, leader))
    network.stop(third)  # two of three must sign from now on
    leader = network.leader()
    network.submit(leader, network.put("afterwards"), wait="certified")
    network.start(third)
    network.wait_level()
    signed = check_signed(network, leader)
    assert name in signed[max(signed)]
    assert max(signed) > height
    govchaind("trust", "advance", str(trust), "--network", network_file(network))
