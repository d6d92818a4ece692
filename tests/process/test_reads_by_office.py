"""Real nodes, as `govchaind init` makes them, show to each office what concerns it; so the commands
are given a key, by an option or by the environment, and say what is wrong where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from govchaind.cli.main import OK, REFUSED
from tests.process.network import Network, govchaind
from tests.process.test_deliveries import BANK, GIVER, JUDGE, TAKER, ready

pytestmark = pytest.mark.process
MakeNetwork = Callable[..., Network]


def test_each_office_sees_what_concerns_it(
    make_network: MakeNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make_network(validators=1)
    network.start_all()
    ready(network)
    [node] = network.validators
    keys = {name: str(network.directory / "keys" / f"{name}.key") for name in (GIVER, TAKER, BANK)}
    keys[JUDGE] = str(network.directory / "keys" / f"{JUDGE}.key")
    where = ("--network", str(network.directory / "network.json"))

    def seen(*options: str) -> list[str]:
        found = json.loads(govchaind("requests", "--json", *options, *where))
        return [each["requester"] for each in found["requests"]]

    assert [sorted(seen("--read-key", keys[name])) for name in (GIVER, JUDGE)] == [
        sorted((TAKER, BANK))
    ] * 2
    assert [seen("--read-key", keys[name]) for name in (TAKER, BANK)] == [[TAKER], [BANK]]
    monkeypatch.setenv("GOVCHAIND_READ_KEY", keys[BANK])
    assert seen() == [BANK]
    refused = govchaind("requests", "show", f"{TAKER}/r-1", *where, expected=REFUSED)
    monkeypatch.delenv("GOVCHAIND_READ_KEY")
    keyless = govchaind("requests", *where, expected=REFUSED)
    assert "not-a-party" in refused
    assert ("read-leave-missing" in keyless, "--read-key" in keyless) == (True, True)

    url = network.nodes[node].api
    packs = ("exit-pack", str(tmp_path / "pack"), "--node", url)
    assert "block-not-for-all" in govchaind(
        *packs, "--read-key", keys[BANK], expected=REFUSED
    )  # it has no node
    keeper = str(network.directory / "keys" / f"{node.rpartition('-')[0]}.key")
    govchaind(*packs, "--read-key", keeper, expected=OK)
    genesis = str(network.directory / "genesis.bin")
    files = ("export", "parquet", str(tmp_path / "files"), "--node", url, "--genesis", genesis)
    assert "read-leave-missing" in govchaind(*files, expected=REFUSED)
    govchaind(*files, "--read-key", keeper, expected=OK)
    backup = ("backup", str(tmp_path / "backup"), "--node", url)
    assert "read-leave-missing" in govchaind(*backup, expected=REFUSED)
    govchaind(*backup, "--read-key", keeper, expected=OK)
    logged = network.events(node, "http.office_read")
    assert {line["institution"] for line in logged} >= {GIVER, TAKER, BANK, JUDGE}
    assert {tuple(sorted(set(line) & {"institution", "office", "matter"})) for line in logged} == {
        ("institution", "matter", "office")
    }
