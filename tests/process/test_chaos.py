"""`scripts/chaos` plays, judges and leaves nothing behind; what it is made of does what it says."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from chaos_parts.gauges import Lives, Sample, slope_an_hour
from chaos_parts.judging import history_wrong
from chaos_parts.main import main
from chaos_parts.plan import KINDS, LASTS_SECONDS, plan
from chaos_parts.report import Report

from tests.process.network import ROOT

CHAOS = str(ROOT / "scripts" / "chaos")


def namespaces() -> set[str]:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    return {line.split()[0] for line in listed.stdout.splitlines() if line.startswith("gchaos")}


def test_a_seed_decides_the_faults() -> None:
    kinds = list(KINDS)
    first = plan(7, seconds=600, nodes=3, kinds=kinds)
    assert first == plan(7, seconds=600, nodes=3, kinds=kinds)
    assert first != plan(8, seconds=600, nodes=3, kinds=kinds)
    assert {fault.kind for fault in first} == set(KINDS)
    assert all(fault.at_seconds + LASTS_SECONDS[1] < 600 for fault in first)
    assert all(0 <= place < 3 for fault in first for place in fault.nodes)
    assert plan(7, seconds=600, nodes=3, kinds=[]) == []


def test_a_slope_is_an_hours_growth_and_long_lives_are_judged_by_it() -> None:
    assert slope_an_hour([(0.0, 5.0), (1.0, 5.0), (2.0, 5.0)]) == 0
    assert slope_an_hour([(0.0, 1.0), (10.0, 2.0)]) == pytest.approx(360)
    lives = Lives()
    lives.of["leaky", 1] = [Sample(300.0 * n, 80.0 + 10 * n, 20, None) for n in range(12)]
    lives.of["flat", 2] = [Sample(300.0 * n, 90.0, 20 + n % 2, 1.0) for n in range(12)]
    lives.of["late", 5] = [Sample(300.0 * n, 90.0, 20, 3.0 + (n > 6) * 20) for n in range(12)]
    lives.of["short", 3] = [Sample(float(n), 80.0 + 50 * n, 20, None) for n in range(12)]
    lives.of["shortest", 4] = [Sample(0.0, 80.0, 20, None)]
    report = Report(1, 12.0, {})
    report.take_lives(lives)
    assert report.wrong == [
        "leaky: memory grows by 120 MiB an hour",
        "late: its loop gets later: 3 ms in one half, then 23",
    ]
    assert set(report.lives) == {"leaky", "flat", "late", "short"}
    assert "2 things do not hold" in report.lines()


def test_a_history_that_is_not_linearizable_is_told() -> None:
    written = ["1\t:invoke\t:write\t[0 1]", "1\t:ok\t:write\t[0 1]"]
    read = ["2\t:invoke\t:read\t[0 nil]", "2\t:ok\t:read\t[0 nil]"]
    assert history_wrong(written) == []
    assert history_wrong(written + read) == ["the history is not linearizable"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--without", "rain"], "unknown-fault"), (["--minutes", "0"], "minutes")],
)
def test_what_it_cannot_do_is_said_in_a_line(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error[{code}]: ")


@pytest.mark.timeout(400)
def test_a_short_run_holds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    command = [CHAOS, "--minutes", "0.5", "--seed", "5", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "all holds"
    report = json.loads(file.read_text())
    assert report["acknowledged"] > 0
    assert report["receipts"] > 0
    assert sum(report["faults"].values()) > 0
    assert namespaces() == set()


def test_an_interrupted_run_leaves_nothing_behind() -> None:
    child = subprocess.Popen(
        [CHAOS, "--minutes", "5"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 60
    while len(namespaces()) < 4:
        assert time.monotonic() < end
        time.sleep(0.1)
    time.sleep(3)
    child.send_signal(signal.SIGINT)
    assert child.wait(60) == 130
    assert namespaces() == set()
    here = subprocess.run(["mount"], capture_output=True, text=True, check=True).stdout
    assert "chaos on" not in here
