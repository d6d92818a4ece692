"""The bench works from end to end on a tiny load; nothing here is a measurement."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.process
def test_a_tiny_run_has_every_row_and_counts_syncs(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    chosen = ["--tiny", "--only", "single,lone", "--json", str(report)]
    where = ["--directory", str(tmp_path), "--base-port", "18400"]
    done = subprocess.run(
        [str(ROOT / "scripts" / "bench"), *chosen, *where],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(report.read_text())
    assert found["command"].startswith("scripts/bench --tiny --only single,lone")
    assert found["machine"]["cores"] > 0
    assert found["bound"]["pynacl_microseconds"] > 0
    assert found["lone"]["p50"] > 0
    median = found["single"]["median"]
    assert median["transactions_a_second"] > 0
    assert set(median["committed_ms"]) == {"p50", "p99"}
    assert set(median["nodes"]) == {"validator-1", "validator-2", "validator-3"}
    assert all(node["syncs_a_second"] > 0 for node in median["nodes"].values())
    assert "signature bound" in done.stdout
    assert list(tmp_path.glob("govchaind-bench-*")) == []


def test_each_kind_of_operation_is_measured_against_a_put(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [str(ROOT / "scripts" / "bench"), "--tiny", "--only", "families", "--json", str(report),
         "--directory", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(report.read_text())["families"]
    assert found["put"]["rows"] > 1
    families = {"request", "grant", "deliver", "transfer-asset", "vote that moves a motion"}
    assert families <= set(found["kinds"])
    parts = {"decode", "verify", "apply", "whole", "rows", "ratio"}
    for name, kind in found["kinds"].items():
        assert (set(kind), min(kind.values()) > 0) == (parts, True), name
        assert name[:10] in done.stdout
    assert list(tmp_path.glob("govchaind-bench-*")) == []


def test_the_simulator_is_measured(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [str(ROOT / "scripts" / "bench"), "netsim", "--tiny",
         "--only", "rest,load,whole-rest,whole-load,seeds",
         "--json", str(report)],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(report.read_text())
    assert found["rest"]["simulated_a_second"] > 0
    assert found["load"]["messages_a_second"] > 0
    assert found["whole-rest"]["simulated_a_second"] > 0
    assert found["whole-load"]["messages"] > 2 * found["whole-rest"]["messages"]
    assert found["seeds"]["seeds"] == 4
    assert found["seeds"]["failed"] == 0
    assert "five voters at rest" in done.stdout
