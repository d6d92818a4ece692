"""The trial network in containers: confined, pinned, in step with the docs and the node."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from govchaind.config import split_address
from govchaind.config_sections import ShutdownSection
from govchaind.node import HAND_OVER_SECONDS, load
from tests.docs.tables import metric_names
from tests.docs.test_image import instructions

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "packaging" / "compose"
PAGE = (ROOT / "docs" / "operate" / "service.md").read_text()
# What a series may be called beyond its metric's name.
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


def read_yaml(path: Path) -> Any:
    return importlib.import_module("yaml").safe_load(path.read_text())


SERVICES: dict[str, dict[str, Any]] = read_yaml(FOLDER / "compose.yaml")["services"]
NODES = sorted(name for name, row in SERVICES.items() if row["image"] == "govchaind:trial")


def test_three_validators_and_who_watches_them() -> None:
    assert NODES == ["civil-affairs-1", "railways-1", "statistics-1"]
    assert sorted(set(SERVICES) - set(NODES)) == ["grafana", "prometheus"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_confined(name: str) -> None:
    row = SERVICES[name]
    assert row["read_only"] is True
    assert row["cap_drop"] == ["ALL"]
    assert row["security_opt"] == ["no-new-privileges:true"]
    assert row["restart"] == "unless-stopped"
    assert row["mem_limit"]
    assert row["pids_limit"] > 0
    assert row["logging"]["options"]["max-size"]
    known = {
        "read_only", "cap_drop", "security_opt", "restart", "pids_limit", "logging", "image",
        "build", "stop_grace_period", "mem_limit", "networks", "volumes", "ports", "command",
        "environment", "depends_on", "tmpfs",
    }  # fmt: skip
    assert sorted(set(row) - known) == []  # so nothing privileged, no device, no host's namespace
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in row["ports"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_an_image_is_pinned_and_what_is_mounted_is_there(name: str) -> None:
    row = SERVICES[name]
    assert re.fullmatch(r"(govchaind:trial|[a-z]+/[a-z]+:v?\d+\.\d+\.\d+)", row["image"])
    for volume in row["volumes"]:
        source, _, rest = volume.partition(":")
        if source.startswith("./trial/"):  # what `prepare` makes
            assert source == f"./trial/nodes/{name}"
            assert rest == "/node"
        elif source.startswith("./"):
            assert (FOLDER / source).exists()
            assert rest.endswith(":ro")
        else:
            assert source in read_yaml(FOLDER / "compose.yaml")["volumes"]


def test_a_node_is_what_the_image_makes() -> None:
    exposed = {p for name, value in instructions() if name == "EXPOSE" for p in value.split()}
    for name in NODES:
        row = SERVICES[name]
        assert (FOLDER / row["build"]["context"] / "Dockerfile").resolve() == ROOT / "Dockerfile"
        assert {port.rpartition(":")[2] for port in row["ports"]} <= exposed
        patience = float(row["stop_grace_period"].removesuffix("s"))
        assert patience > 2 * (ShutdownSection().grace_seconds + HAND_OVER_SECONDS)


def test_prepare_makes_the_nodes_that_are_started(tmp_path: Path) -> None:
    environment = {**os.environ, "GOVCHAIND": f"{sys.executable} -m govchaind"}
    command = [str(FOLDER / "prepare"), str(tmp_path / "trial")]
    subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True)
    made = sorted(path.name for path in (tmp_path / "trial" / "nodes").iterdir())
    assert made == NODES
    targets = read_yaml(FOLDER / "prometheus.yaml")["scrape_configs"][0]["static_configs"][0]
    chains = set()
    for name in NODES:
        config, identity, genesis = load(tmp_path / "trial" / "nodes" / name)
        chains.add(genesis.chain_id)
        assert identity.name == name
        [member] = [each for each in genesis.nodes if each.name == name]
        assert member.addresses == (f"{name}:7400",)  # by the service's name
        assert split_address(config.peer.listen) == ("0.0.0.0", 7400)
        inside = SERVICES[name]["ports"][0].rpartition(":")[2]
        assert split_address(config.api.listen) == ("0.0.0.0", int(inside))
        assert f"{name}:{split_address(config.metrics.listen)[1]}" in targets["targets"]
    assert len(chains) == 1
    again = subprocess.run(command, env=environment, cwd=ROOT, check=False, capture_output=True)
    assert again.returncode == 1
    assert b"never overwritten" in again.stderr


def test_prometheus_takes_its_settings_and_alarms() -> None:
    command = ["promtool", "check", "config", str(FOLDER / "prometheus.yaml")]
    judged = subprocess.run(command, check=False, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert "rules found" in judged.stdout


def expressions() -> list[str]:
    """Return every expression of the alarms and of the dashboard."""
    groups = read_yaml(FOLDER / "alarms.yaml")["groups"]
    board = json.loads((FOLDER / "grafana" / "dashboards" / "govchaind.json").read_text())
    alarms = [str(rule["expr"]) for group in groups for rule in group["rules"]]
    return alarms + [str(t["expr"]) for panel in board["panels"] for t in panel["targets"]]


def test_metrics_that_alarms_and_pictures_use_exist() -> None:
    known = {name for name, _, _ in metric_names()}
    used = {word for text in expressions() for word in re.findall(r"govchaind_[a-z_]+", text)}
    assert len(used) > 8
    assert (
        sorted(name for name in used if name not in known and _SUFFIX.sub("", name) not in known)
        == []
    )


def test_the_dashboard_asks_the_source_that_is_there() -> None:
    board = json.loads((FOLDER / "grafana" / "dashboards" / "govchaind.json").read_text())
    provisioned = FOLDER / "grafana" / "provisioning"
    [source] = read_yaml(provisioned / "datasources" / "prometheus.yaml")["datasources"]
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    [provider] = read_yaml(provisioned / "dashboards" / "folder.yaml")["providers"]
    mounted = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounted


def test_the_page_names_each_service_with_its_address() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| `(127\.0\.0\.1:\d+)` \|", PAGE, re.MULTILINE)
    there = {name: row["ports"][0].rpartition(":")[0] for name, row in SERVICES.items()}
    assert dict(rows) == there


def test_keys_of_the_trial_are_never_committed() -> None:
    judged = subprocess.run(
        ["git", "check-ignore", "packaging/compose/trial/keys/x.key"], cwd=ROOT, check=False
    )
    assert judged.returncode == 0
