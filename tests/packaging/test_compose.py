"""The trial network in containers: confined, pinned, in step with the docs and the node."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from govchaind.cli.rules import rules_text
from govchaind.config import split_address
from govchaind.config_sections import ShutdownSection
from govchaind.node import HAND_OVER_SECONDS, load
from tests.docs.test_image import instructions

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "packaging" / "compose"
PAGE = (ROOT / "docs" / "operate" / "service.md").read_text()


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
            assert (source, rest) in (
                (f"./trial/nodes/{name}", "/node"),
                ("./trial/dashboards", "/etc/grafana/dashboards:ro"),
            )
        elif source.startswith(("./", "../")):
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
    board = json.loads((tmp_path / "trial" / "dashboards" / "govchaind.json").read_text())
    assert board["title"] == "govchaind"
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


def test_prometheus_takes_its_settings_and_the_rules_that_come_with_the_node(
    tmp_path: Path,
) -> None:
    mounts = [volume.split(":") for volume in SERVICES["prometheus"]["volumes"] if "./" in volume]
    for source, place, _ in mounts:
        shutil.copy(FOLDER / source, tmp_path / Path(place).name)
    assert (tmp_path / "govchaind.rules.yml").read_text() == rules_text()
    command = ["promtool", "check", "config", str(tmp_path / "prometheus.yaml")]
    judged = subprocess.run(command, check=False, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert "rules found" in judged.stdout
    [job] = read_yaml(FOLDER / "prometheus.yaml")["scrape_configs"]
    assert job["job_name"].startswith("govchaind")  # as the rules ask


def test_the_dashboard_lies_where_grafana_looks() -> None:
    provisioned = FOLDER / "grafana" / "provisioning"
    [source] = read_yaml(provisioned / "datasources" / "prometheus.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    [provider] = read_yaml(provisioned / "dashboards" / "folder.yaml")["providers"]
    mounted = dict(volume.split(":")[1::-1] for volume in SERVICES["grafana"]["volumes"])
    assert mounted[provider["options"]["path"]] == "./trial/dashboards"


def test_the_page_names_each_service_with_its_address() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| `(127\.0\.0\.1:\d+)` \|", PAGE, re.MULTILINE)
    there = {name: row["ports"][0].rpartition(":")[0] for name, row in SERVICES.items()}
    assert dict(rows) == there


def test_keys_of_the_trial_are_never_committed() -> None:
    judged = subprocess.run(
        ["git", "check-ignore", "packaging/compose/trial/keys/x.key"], cwd=ROOT, check=False
    )
    assert judged.returncode == 0
