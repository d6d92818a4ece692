"""The shipped rules: each alert comes when it should, has a page, and names what exists."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from govchaind.cli.dashboard import ROWS, dashboard_of
from govchaind.cli.rules import RUNBOOKS, rules_text
from govchaind.runtime.metrics import Metrics
from tests.cli.command import Command
from tests.cli.rules_cases import CASES
from tests.docs.code import commands
from tests.docs.tables import DOCS, metric_names

ALERTS = re.findall(r"- alert: (\w+)\n((?:        ? .*\n|          .*\n)+)", rules_text())
PAGES = DOCS / "operate"
LABELS = {"job", "instance", "severity", "alertname", "alertstate", "peer", "role"}


def page_of(alert: str) -> str:
    """Return the name of an alert's page: GovchaindNoLeader → no-leader."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", alert.removeprefix("Govchaind")).lower()


def known_names() -> set[str]:
    """Return every name under which a series of ours is scraped."""
    known: set[str] = set()
    for name, kind, _ in metric_names():
        ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        known.update(name + end for end in ends)
    return known


def test_promtool_finds_nothing_wrong_with_the_rules(govchaind: Command, tmp_path: Path) -> None:
    file = tmp_path / "govchaind.rules.yml"
    printed = govchaind("rules", "--runbooks", "https://wiki.example/ledger/")
    assert printed.code == 0
    file.write_text(printed.output)
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint-fatal", file],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "34 rules found" in done.stdout
    assert "runbook_url: https://wiki.example/ledger/no-leader.md" in printed.output
    assert RUNBOOKS not in printed.output


def test_every_alert_has_a_case() -> None:
    assert sorted(name for name, _ in ALERTS) == sorted(CASES)


@pytest.mark.parametrize("alert", sorted(CASES))
def test_an_alert_comes_when_it_should_and_only_then(alert: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(rules_text())
    query = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    bad, good = CASES[alert]
    tests = [
        {
            "interval": "30s",
            "input_series": [{"series": name, "values": values} for name, values in case.items()],
            "promql_expr_test": [
                {"expr": query, "eval_time": "2h", "exp_samples": samples},
            ],
        }
        for case, samples in ((bad, [{"labels": "{}", "value": 1}]), (good, []))
    ]  # fmt: skip
    file = tmp_path / "test.json"
    file.write_text(
        json.dumps({"rule_files": [str(rules)], "evaluation_interval": "2m", "tests": tests})
    )
    done = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_words_and_a_page_of_its_own() -> None:
    index = (PAGES / "README.md").read_text()
    for name, body in ALERTS:
        assert re.search(r"^ +summary: \".+\"$", body, re.MULTILINE), name
        assert re.search(r"^ +description: \".+\"$", body, re.MULTILINE), name
        severity = re.search(r"severity: (page|ticket)\n", body)
        assert severity is not None, name
        slug = page_of(name)
        assert f"runbook_url: docs/operate/{slug}.md\n" in body
        page = (PAGES / f"{slug}.md").read_text()
        assert page.startswith(f"# {name}\n")
        assert "\n## Look\n\n```sh\n" in page
        assert "prints, for example:" in page
        assert "\n## Do\n\n1. " in page
        assert f"| [{name}]({slug}.md) | {severity[1]} |" in index


def test_no_page_is_left_over() -> None:
    pages = {p.stem for p in PAGES.glob("*.md") if p.read_text().startswith("# Govchaind")}
    assert pages == {page_of(name) for name, _ in ALERTS}


def test_every_metric_that_rules_and_pages_name_exists() -> None:
    texts = [rules_text(), *(page.read_text() for page in PAGES.glob("*.md"))]
    named = set(re.findall(r"\bgovchaind_[a-z0-9_]+", "\n".join(texts)))
    assert len(named) > 20
    assert sorted(named - known_names()) == []


def test_rules_use_only_what_other_rules_record() -> None:
    text = rules_text()
    recorded = set(re.findall(r"record: (govchaind:\S+)", text))
    used = set(re.findall(r"(govchaind:[a-z0-9_:]+)", text))
    assert used == recorded


def queries(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def test_the_dashboard_shows_every_metric_and_none_that_is_not_there(govchaind: Command) -> None:
    printed = govchaind("rules", "--dashboard")
    assert printed.code == 0
    dashboard = json.loads(printed.output)
    named = set(re.findall(r"(?:govchaind|process)_[a-z0-9_]+", "\n".join(queries(dashboard))))
    metrics = Metrics(version="0")
    own = {name for name in named if name.startswith("govchaind_")}
    assert own <= known_names()
    assert {n.removesuffix("_bucket").removesuffix("_total") for n in own} == {
        metric.name for metric in metrics.declared()
    }
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes"} <= named - own


def test_panels_have_numbers_and_places_of_their_own() -> None:
    panels = dashboard_of(Metrics(version="0").declared())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert [p["title"] for p in panels if p["type"] == "row"] == [title for title, _ in ROWS]


def test_units_follow_names() -> None:
    panels = dashboard_of(Metrics(version="0").declared())["panels"]
    units = {p["title"]: p["fieldConfig"]["defaults"]["unit"] for p in panels if "targets" in p}
    assert units["storage used bytes"] == units["pool bytes max"] == "bytes"
    assert units["peer sent bytes"] == "Bps"
    assert units["commit latency seconds"] == "s"
    assert (units["blocks"], units["height"]) == ("ops", "short")


@pytest.mark.parametrize("prefix", ["a b", 'x"y', "{{"])
def test_a_prefix_that_would_break_the_file_is_refused(govchaind: Command, prefix: str) -> None:
    refused = govchaind("rules", "--runbooks", prefix)
    assert refused.code == 2
    assert "without spaces or quotes" in refused.errors


def test_commands_that_pages_name_exist() -> None:
    known = set(commands())
    named = {
        " ".join(words.split()[:2])
        for page in PAGES.glob("*.md")
        for words in re.findall(r"(?:`|^)govchaind((?: [a-z-]+)+)", page.read_text(), re.MULTILINE)
    }
    assert len(named) > 10
    wrong = [
        name
        for name in named
        if f"govchaind {name}" not in known and f"govchaind {name.split()[0]}" not in known
    ]
    assert wrong == []
