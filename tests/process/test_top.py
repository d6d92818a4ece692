"""`govchaind top` and `db stats` on a real network: what scripts read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from govchaind.cli.main import OK
from govchaind.cli.main import main as command
from tests.process.conftest import MakeNetwork


def test_a_network_at_a_glance_with_one_node_dead(
    make_network: MakeNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    network = make_network()
    network.start_all()
    leader = network.leader()
    network.create_register(leader)
    dead = next(name for name in network.names if name != leader)
    network.kill(dead)
    capsys.readouterr()
    code = command(["top", "--network", str(network.directory / "network.json"), "--json"])
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert code == OK
    seen = {row["node"]: row for row in rows if row["node"] is not None}
    assert set(seen) == set(network.names) - {dead}
    assert [row["trouble"] for row in rows if row["node"] is None] == ["unreachable"]
    assert seen[leader]["role"] == "leader"
    assert all(row["height"] > 0 for row in seen.values())
    assert all(row["transactions_a_second"] is not None for row in seen.values())
    assert seen[leader]["disk_days"] is None  # not known so soon
    status = network.status(leader)
    assert status["transactions"] == 1
    assert status["storage_used_bytes"] > 0
    assert status["storage_free_bytes"] > status["storage_used_bytes"]
