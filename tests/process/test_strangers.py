"""Peers that are nobody here, or somebody with wrong papers: refused by name, nobody is hurt."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from govchaind.config import CONFIG_FILE
from govchaind.identity import CERTIFICATE_FILE, GENESIS_FILE, load_identity
from govchaind.ledger.genesis import make_genesis
from govchaind.runtime.tls import make_certificate
from tests.process.network import Network, set_settings

PAST = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Three validators that run, and an observer that is a member and does not."""
    made = Network(tmp_path_factory.mktemp("strangers") / "net", observers=1)
    made.start(*made.validators)
    made.wait_ready(*made.validators)
    made.create_register(made.leader())
    yield made
    made.close()


@pytest.fixture
def observer(network: Network) -> Iterator[str]:
    """The observer's name; its files come back as they were after the test."""
    name = network.names[-1]
    folder = network.folder(name)
    kept = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    network.log_path(name).unlink(missing_ok=True)
    yield name
    network.kill(*({name} & network.daemons.keys()))
    for path, data in kept.items():
        path.write_bytes(data)


def goes_on(network: Network, key: str) -> None:
    """The honest ones commit and certify, and none has lost a link to another."""
    network.submit(network.leader(), network.put(key), wait="certified")
    for name in network.validators:
        linked = set(network.status(name)["peers_linked"])
        assert linked >= set(network.validators) - {name}


def certificate_of(network: Network, name: str, pem: bytes) -> None:
    (network.folder(name) / CERTIFICATE_FILE).write_bytes(pem)


def refusals(network: Network) -> set[str]:
    """Return the codes with which the validators have refused links."""
    return {
        told["code"] for name in network.validators for told in network.events(name, "link.refused")
    }


def test_a_node_of_another_chain(network: Network, observer: str) -> None:
    """It has a member's keys, but another genesis: perhaps the operator's mistake."""
    genesis = network.genesis()
    other = make_genesis(
        name="other",
        time=genesis.time,
        institutions=list(genesis.institutions),
        nodes=list(genesis.nodes),
    )
    (network.folder(observer) / GENESIS_FILE).write_bytes(other.bytes)
    network.start(observer)
    told = network.wait_event(observer, "link.refused", code="other-chain")
    assert network.chain_id.hex()[:16] in told["reason"]
    assert other.chain_id.hex()[:16] in told["reason"]
    network.wait_for(lambda: "other-chain" in refusals(network), "no validator refused it")
    network.wait_serving(observer)
    assert network.status(observer)["height"] == 0
    goes_on(network, "beside-another-chain")
    network.kill(observer)
    store = network.folder(observer) / "store"
    for path in store.iterdir():
        path.unlink()


def test_a_node_that_nobody_has_admitted(network: Network, tmp_path: Path) -> None:
    stranger = Network(tmp_path / "stranger", validators=1, name="stranger")
    name = stranger.names[0]
    # It has copied the genesis, and its own membership says whom to call.
    (stranger.folder(name) / GENESIS_FILE).write_bytes(network.genesis().bytes)
    for validator in network.validators:
        host, port = network.peer_address(validator)
        set_settings(stranger.folder(name), peer__dial=[f"{host}:{port}"])
    try:
        stranger.start(name)
        network.wait_for(lambda: "peer-unknown" in refusals(network), "no validator refused it")
        stranger.wait_serving(name)
        assert stranger.status(name)["peers_linked"] == []
        assert stranger.status(name)["height"] == 0
        assert stranger.get(name, "/readyz").status_code == 503
        goes_on(network, "beside-a-stranger")
    finally:
        stranger.close()


def test_a_members_certificate_that_says_ca_true(network: Network, observer: str) -> None:
    seed = load_identity(network.folder(observer)).tls_seed
    certificate_of(network, observer, make_certificate(seed, authority=True))
    network.start(observer)
    network.wait_for(lambda: "certificate-authority" in refusals(network), "nobody refused it")
    network.wait_serving(observer)
    assert network.status(observer)["peers_linked"] == []
    goes_on(network, "beside-an-authority")
    network.kill(observer)
    certificate_of(network, observer, make_certificate(seed))
    network.start(observer)
    network.wait_ready(observer)
    network.wait_level()


def test_expired_certificates_stop_nothing(network: Network) -> None:
    for name in network.validators:
        seed = load_identity(network.folder(name)).tls_seed
        certificate_of(network, name, make_certificate(seed, last_day=PAST))
    for name in network.validators:  # one after the other: old and new ones meet
        network.stop(name)
        network.start(name)
        network.wait_ready(name)
        network.leader()
        goes_on_eventually(network, f"expired-at-{name}")
    assert (network.folder(network.names[0]) / CONFIG_FILE).exists()


def goes_on_eventually(network: Network, key: str) -> None:
    network.wait_for(
        lambda: all(
            set(network.status(name)["peers_linked"]) >= set(network.validators) - {name}
            for name in network.validators
        ),
        "the validators do not link",
    )
    goes_on(network, key)
