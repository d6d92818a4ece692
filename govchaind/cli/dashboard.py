"""A dashboard for Grafana, made from the metrics that a node declares.

Each panel comes from a metric of the registry: its description is the metric's help text, its query
follows from its type, its unit from its name. So it shows every metric, and none that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from govchaind.runtime.metrics import Declared

PANEL_WIDTH, PANEL_HEIGHT, GRID_WIDTH = 8, 7, 24
SCHEMA_VERSION = 39  # of Grafana 10; later ones read it
# A row of the dashboard for each beginning of a name; what begins otherwise stands in the last.
ROWS = (
    ("Consensus", ("raft_", "height", "commit_", "log_height", "certified_", "block", "clock_",
                   "in_configuration", "transactions")),
    ("Clients", ("http_", "refused")),
    ("Disk", ("storage_", "write_", "transaction_stored")),
    ("Loop and pool", ("step_", "event_loop_", "inbox_", "pool_", "signatures_")),
    ("Peers and gossip", ("peer", "gossip_")),
    ("Institutions", ("governance_", "governing_", "mandates_", "office_", "request_",
                      "evidence_")),
    ("Sealed files", ("delivery_", "side_")),
    ("Other", ("",)),
)  # fmt: skip
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_WHICH = 'job=~"$job", instance=~"$instance"'


def dashboard_of(metrics: Iterable[Declared]) -> dict[str, Any]:
    """Return the dashboard as Grafana's JSON has it."""
    named = sorted(metrics, key=lambda metric: metric.name)
    left = {metric.name: metric for metric in named}
    panels: list[dict[str, Any]] = []
    top = 0
    for title, beginnings in ROWS:
        row = [m for m in left.values() if m.name.removeprefix("govchaind_").startswith(beginnings)]
        for metric in row:
            del left[metric.name]
        panels.append(_row(title, len(panels) + 1, top))
        top += 1
        for place, metric in enumerate(row):
            x = place * PANEL_WIDTH % GRID_WIDTH
            y = top + place * PANEL_WIDTH // GRID_WIDTH * PANEL_HEIGHT
            panels.append(_panel(metric, len(panels) + 1, x, y))
        top += -(-len(row) * PANEL_WIDTH // GRID_WIDTH) * PANEL_HEIGHT
    return {
        "title": "govchaind",
        "uid": "govchaind",
        "tags": ["govchaind"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source(), _choice("job"), _choice("instance")]},
        "panels": panels,
    }


def _row(title: str, number: int, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": GRID_WIDTH, "h": 1}
    return {"type": "row", "id": number, "title": title, "collapsed": False, "gridPos": place,
            "panels": []}  # fmt: skip


def _panel(metric: Declared, number: int, x: int, y: int) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "id": number,
        "title": metric.name.removeprefix("govchaind_").replace("_", " "),
        "description": metric.text,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": PANEL_WIDTH, "h": PANEL_HEIGHT},
        "fieldConfig": {"defaults": {"unit": _unit(metric)}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": query,
             "legendFormat": legend}
            for place, (query, legend) in enumerate(_queries(metric))
        ],
    }  # fmt: skip


def _queries(metric: Declared) -> list[tuple[str, str]]:
    """Return (query, legend) for a metric, as its type asks for."""
    if metric.kind == "counter":
        return [(f"rate({metric.name}_total{{{_WHICH}}}[$__rate_interval])", "__auto")]
    if metric.kind == "histogram":
        rate = f"rate({metric.name}_bucket{{{_WHICH}}}[$__rate_interval])"
        summed = f"sum by (instance, le) ({rate})"
        return [
            (f"histogram_quantile({quantile}, {summed})", f"{{{{instance}}}} {words}")
            for quantile, words in (("0.5", "median"), ("0.99", "99 %"))
        ]
    return [(f"{metric.name}{{{_WHICH}}}", "__auto")]


def _unit(metric: Declared) -> str:
    name = metric.name.removesuffix("_max")
    if name.endswith("_bytes"):
        return "Bps" if metric.kind == "counter" else "bytes"
    if name.endswith("_seconds"):
        return "s"
    return "ops" if metric.kind == "counter" else "short"


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _choice(label: str) -> dict[str, Any]:
    return {
        "name": label,
        "type": "query",
        "datasource": _SOURCE,
        "query": f"label_values(govchaind_height, {label})",
        "multi": True,
        "includeAll": True,
        "refresh": 2,
    }
