"""A real Prometheus judges and scrapes a real node's metrics."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from govchaind.cli.rules import rules_text
from tests.process.conftest import MakeNetwork
from tests.process.network import Network

CONFIGURATION = """
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [govchaind.rules.yml]
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


@contextmanager
def prometheus(network: Network, folder: Path) -> Iterator[str]:
    """Run a real Prometheus with the shipped rules, in a hurry; yield its address."""
    targets = [
        str(node.metrics).removeprefix("http://").split("/")[0] for node in network.info.nodes
    ]
    rules = re.sub(r"(?m)^( +)for: \S+$", r"\1for: 2s", rules_text())
    (folder / "govchaind.rules.yml").write_text(rules)
    file = folder / "prometheus.yml"
    file.write_text(CONFIGURATION.format(targets=", ".join(f"'{one}'" for one in targets)))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield address
    finally:
        process.kill()
        process.wait()


def test_a_real_prometheus_scrapes_real_nodes(make_network: MakeNetwork, tmp_path: Path) -> None:
    network = make_network()
    network.start_all()
    network.create_register(network.leader())
    count = len(network.names)
    with prometheus(network, tmp_path) as address:
        found = network.wait_for(
            lambda: values(address, "govchaind_height", count), "it has not scraped all"
        )
        height = network.status(network.leader())["height"]
        assert all(0 < value <= height for value in found.values())
        up = values(address, "up", count)
        assert up == dict.fromkeys(found, 1.0)
        leaders = values(address, 'govchaind_raft_role{role="leader"} == 1', 1)
        assert leaders is not None
        assert len(leaders) == 1


def test_alerts_come_when_a_node_is_killed_and_go_when_it_returns(
    make_network: MakeNetwork, tmp_path: Path
) -> None:
    network = make_network()
    network.start_all()
    leader = network.leader()
    network.create_register(leader)
    with prometheus(network, tmp_path) as address:
        network.wait_for(lambda: values(address, "up == 1", 3), "it has not scraped all")
        assert not firing(address) & {"GovchaindNodeDown", "GovchaindLinkDown"}
        network.kill(leader)
        network.wait_for(
            lambda: firing(address) >= {"GovchaindNodeDown", "GovchaindLinkDown"},
            "no alert although a node is dead",
        )
        network.start(leader)
        network.wait_ready(leader)
        network.wait_for(
            lambda: not firing(address) & {"GovchaindNodeDown", "GovchaindLinkDown"},
            "the alerts do not end although the node is back",
        )
        assert network.status(leader)["ready"]


def firing(address: str) -> set[str]:
    """Return the names of the alerts that are firing."""
    with urllib.request.urlopen(f"http://{address}/api/v1/alerts", timeout=5) as reply:
        found: list[dict[str, Any]] = json.load(reply)["data"]["alerts"]
    for alert in found:
        assert alert["annotations"]["runbook_url"].endswith(".md")
        assert "{{" not in alert["annotations"]["summary"]
    return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}


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
