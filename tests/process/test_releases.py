"""The release before this one and this code form one network: forward, back, and a vote.

Each node is stopped and started on the other release while clients write; what they were told is
committed must be on every node at the end, once. A node goes back to the older release as long as
the ledger's version is one that it knows, and stops, with a word, when a vote goes past that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from govchaind.ledger.versions import KNOWN_VERSION
from tests.process.conftest import MakeNetwork
from tests.process.network import Network, govchaind
from tests.process.stored_ledger import lost_or_doubled, read_ledger
from tests.process.writer import Writer
from tests.releases.older import OlderRelease

EXIT_FATAL = 70
NEWER_KIND = 60_000  # an operation that neither release has


@pytest.fixture(name="older")
def the_older_release(tmp_path: Path) -> Iterator[OlderRelease]:
    release = OlderRelease(tmp_path / "older")
    yield release
    release.close()


def start_older(network: Network, older: OlderRelease, name: str) -> None:
    network.start_as(name, older.command("run", str(network.folder(name))))


def versions(network: Network) -> dict[str, str]:
    return {name: str(network.status(name)["version"]) for name in network.daemons}


@contextmanager
def writers(network: Network) -> Iterator[list[Writer]]:
    with Writer(network, "first") as first, Writer(network, "second", first_node=1) as second:
        yield [first, second]


def wait_more(network: Network, written: list[Writer], more: int = 20) -> None:
    """Wait until the clients were told of so many more commits."""
    wanted = sum(writer.count for writer in written) + more
    network.wait_for(
        lambda: sum(writer.count for writer in written) >= wanted, "nothing more is committed"
    )


def wait_heard(network: Network, name: str) -> None:
    """Wait until a node that has just started is ready and level with the others."""
    network.wait_ready(name)
    others = [other for other in network.daemons if other != name]
    reached = min(network.status(other)["height"] for other in others)
    network.wait_for(lambda: network.status(name)["height"] >= reached, f"{name} lags")


def roll(network: Network, written: list[Writer], name: str, older: OlderRelease | None) -> None:
    """Stop a node, start it on the other release, and see the network go on without and with it."""
    assert network.stop(name) == 0
    wait_more(network, written)
    if older is None:
        network.start(name)
    else:
        start_older(network, older, name)
    wait_heard(network, name)
    wait_more(network, written)


def check_proofs(network: Network, older: OlderRelease, name: str, key: str, folder: Path) -> None:
    """Have both releases fetch a receipt and a proof from a node, and verify each other's."""
    [identity] = network.submit(name, network.put(key), wait="certified")
    genesis = ("--genesis", str(network.directory / "genesis.bin"))
    url = ("--url", network.nodes[name].api)
    for label, command in (("old", older.govchaind), ("new", govchaind)):
        receipt, proof = folder / f"{key}-{label}.receipt", folder / f"{key}-{label}.proof"
        command("receipt", identity.hex(), "-o", str(receipt), *url)
        command("get", "facts", key, "--proof", str(proof), *url)
        for verify in (older.govchaind, govchaind):
            for file in (receipt, proof):
                found = json.loads(verify("verify-receipt", str(file), *genesis, "--json"))
                assert found["height"] > 0, found


def activate(network: Network, *validators: str) -> None:
    """Declare validators ready for this software's version, and vote it into force."""
    there = ("--network", str(network.directory / "network.json"))
    keys = {name: network.directory / "keys" / f"{name}.key" for name in institutions(network)}
    for name in validators:
        institution = institutions_of(network)[name]
        govchaind(
            *("members", "ready", name, "--ledger-version", str(KNOWN_VERSION)),
            *("--key", str(keys[institution]), *there),
        )
    for path in keys.values():
        found = json.loads(govchaind("parameters", "--json", *there))
        if found["ledger_version"] == KNOWN_VERSION:
            return
        govchaind("propose", "upgrade", str(KNOWN_VERSION), "--key", str(path), *there)


def institutions(network: Network) -> list[str]:
    return [institution.name for institution in network.genesis().institutions]


def institutions_of(network: Network) -> dict[str, str]:
    return {node.name: node.institution for node in network.genesis().nodes}


def ledger_version(network: Network, name: str) -> int:
    return int(network.json(name, "/v1/parameters")["ledger_version"])


@pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")  # of cut requests
@pytest.mark.timeout(600)
def test_two_releases_are_one_network_forward_back_and_past_a_vote(
    make_network: MakeNetwork, older: OlderRelease, tmp_path: Path
) -> None:
    assert older.govchaind("--version").split() == ["govchaind", older.version]
    network = make_network(observers=1, made_by=older.govchaind)
    first, *_, last = network.validators
    for name in network.names:
        start_older(network, older, name)
    network.wait_ready(*network.names)
    assert set(versions(network).values()) == {older.version}
    network.create_register(network.leader())
    with writers(network) as written:
        wait_more(network, written)
        check_proofs(network, older, first, "on-the-older", tmp_path)
        for name in network.names:  # the observer last
            roll(network, written, name, None)
            mixed = set(versions(network).values())
            assert len(mixed) == (1 if name == network.names[-1] else 2)
            if name == first:
                check_proofs(network, older, name, "from-the-newer", tmp_path)
                check_proofs(network, older, last, "from-the-older", tmp_path)
        assert older.version not in versions(network).values()

        # Nothing that the newer code wrote keeps the older from opening the store.
        roll(network, written, last, older)
        assert versions(network)[last] == older.version
        assert ledger_version(network, last) == 1
        unknown = network.sign("civil-affairs", [(NEWER_KIND, [])])
        for name in (first, last):  # both refuse at the door, by the same outcome
            [row] = network.post(name, [unknown]).json()["transactions"]
            assert row["outcome"] == "unknown-operation"

        # The others vote past it: it stops with a word, and does not go its own way.
        activate(network, *network.validators[:2])
        assert network.wait_end(last) == EXIT_FATAL
        wait_more(network, written)
        said = older.run(network.folder(last), expected=EXIT_FATAL)
        for told in (said, network.log_tail(last)):
            assert f"version {KNOWN_VERSION} from here on" in told
            assert "Install a release of govchaind that knows this version" in told
        network.start(last)
        wait_heard(network, last)
        wait_more(network, written)
        assert {ledger_version(network, name) for name in network.names} == {KNOWN_VERSION}
        check_proofs(network, older, last, "past-the-vote", tmp_path)
    network.wait_level()
    acknowledged = {item for writer in written for item in writer.acknowledged}
    assert len(acknowledged) > 100
    assert [line for writer in written for line in writer.unexpected] == []
    network.stop(*network.names)
    ledgers = [read_ledger(network.folder(name)) for name in network.names]
    for name, ledger in zip(network.names, ledgers, strict=True):
        assert lost_or_doubled(ledger, acknowledged) == {}, name
    assert len({ledger.hashes for ledger in ledgers}) == 1
    for name in network.names:
        assert "The store holds" in govchaind("verify", str(network.folder(name)))
