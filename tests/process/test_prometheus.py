"""A real Prometheus judges and scrapes a real node's metrics."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import httpx

from tests.process.conftest import MakeNetwork
from tests.process.network import Network

CONFIGURATION = """
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: govchaind
    static_configs:
      - targets: [{targets}]
"""


def scrape(network: Network, name: str) -> str:
    url = network.nodes[name].metrics
    assert url is not None
    reply = httpx.get(url, trust_env=False)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain")
    return reply.text


def test_promtool_finds_nothing_wrong_with_a_scrape(make_network: MakeNetwork) -> None:
    network = make_network(observers=1)
    network.start_all()
    leader = network.leader()
    network.create_register(leader)
    network.submit(leader, *[network.put(f"k{i}") for i in range(50)], wait="certified")
    network.post(leader, [b"no transaction"])
    for name in network.names:
        text = scrape(network, name)
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "govchaind_commit_latency_seconds_count" in scrape(network, leader)


def test_a_real_prometheus_scrapes_real_nodes(make_network: MakeNetwork, tmp_path: Path) -> None:
    network = make_network()
    network.start_all()
    network.create_register(network.leader())
    targets = [
        str(node.metrics).removeprefix("http://").split("/")[0] for node in network.info.nodes
    ]
    file = tmp_path / "prometheus.yml"
    file.write_text(CONFIGURATION.format(targets=", ".join(f"'{one}'" for one in targets)))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(
                    "prometheus",
                    f"--config.file={file}",
                    f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                ),
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        found = network.wait_for(
            lambda: values(address, "govchaind_height", len(targets)), "it has not scraped all"
        )
        height = network.status(network.leader())["height"]
        assert all(0 < value <= height for value in found.values())
        up = values(address, "up", len(targets))
        assert up == dict.fromkeys(targets, 1.0)
        leaders = values(address, 'govchaind_raft_role{role="leader"} == 1', 1)
        assert leaders is not None
        assert len(leaders) == 1
    finally:
        process.kill()
        process.wait()


def values(address: str, query: str, count: int) -> dict[str, float] | None:
    """Return value by instance once Prometheus has at least `count` of them."""
    url = f"http://{address}/api/v1/query?query={urllib.parse.quote(query)}"
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            answer: dict[str, Any] = json.load(reply)
    except OSError:
        return None
    rows = answer["data"]["result"]
    found = {row["metric"]["instance"]: float(row["value"][1]) for row in rows}
    return found if len(found) >= count else None
