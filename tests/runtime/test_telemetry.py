"""Nothing secret is shown; lines are for machines or people; metrics keep Prometheus's customs."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path

import pytest

from govchaind.base.crypto import SigningKey
from govchaind.runtime.log_level import LogLevel
from govchaind.runtime.metrics import Metrics
from govchaind.runtime.telemetry import (
    Secret,
    Telemetry,
    is_journal,
    level_of,
    log_to,
    redacted,
)
from tests.runtime.test_noticeboard import STATUS

SEED = bytes(range(32))


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("peer", "ben", "ben"),
        ("term", 7, 7),
        ("leader", None, None),
        ("seed", "00ff", "…"),
        ("tls_seed", SEED, "…"),
        ("Passphrase", "open sesame", "…"),
        ("value", Secret(SEED), "…"),
        ("hash", SEED, "0001020304050607… (32 bytes)"),
        ("short", b"\x01\x02", "0102"),
        (
            "nested",
            {"secret": "x", "ids": [SEED]},
            {"secret": "…", "ids": ["0001020304050607… (32 bytes)"]},
        ),
        ("key", SigningKey(SEED), "SigningKey"),
    ],
)
def test_values_are_redacted_by_type_and_by_name(name: str, value: object, shown: object) -> None:
    assert redacted(name, value) == shown


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("open sesame")
    assert "sesame" not in f"{secret} {secret!r}"
    assert secret.reveal() == "open sesame"


def test_lines_for_machines_are_json() -> None:
    stream = io.StringIO()
    telemetry = Telemetry(version="0", sink=log_to(stream, form="auto", level="info", node="ada"))
    telemetry.event("link.up", peer="ben", hash=SEED, seed=SEED)
    telemetry.event("link.dial_failed", peer="ben")  # debug: not shown
    telemetry.event("storage.full", problem="no room")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["level"], first["node"]) == ("link.up", "info", "ada")
    assert first["peer"] == "ben"
    assert (second["event"], second["level"]) == ("storage.full", "warning")
    assert SEED.hex() not in stream.getvalue()
    assert re.match(r"\d{4}-\d\d-\d\dT", first["timestamp"])


@pytest.mark.parametrize("form", ["json", "console"])
def test_lines_for_the_journal_begin_with_their_priority(form: str) -> None:
    stream = io.StringIO()
    sink = log_to(stream, form=form, level="debug", node="ada", journal=True)
    telemetry = Telemetry(version="0", sink=sink)
    for name in ("link.dial_failed", "link.up", "storage.full", "node.failed"):
        telemetry.event(name)
    lines = stream.getvalue().splitlines()
    assert [line[:3] for line in lines] == ["<7>", "<6>", "<4>", "<3>"]
    if form == "json":
        assert json.loads(lines[0][3:])["event"] == "link.dial_failed"


def test_the_journal_is_known_by_its_device_and_inode(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        found = os.fstat(stream.fileno())
        assert is_journal(stream, f"{found.st_dev}:{found.st_ino}")
        assert not is_journal(stream, f"{found.st_dev}:{found.st_ino + 1}")  # sent elsewhere
        assert not is_journal(stream, None)
    assert not is_journal(io.StringIO(), "1:2")


def test_the_level_may_change_while_it_logs() -> None:
    stream, level = io.StringIO(), LogLevel("warning")
    telemetry = Telemetry(version="0", sink=log_to(stream, form="json", level=level, node="ada"))
    telemetry.event("link.up", peer="one")
    level.change("debug", 900.0)
    telemetry.event("link.up", peer="two")
    assert not level.end_at(899.0)
    telemetry.event("link.up", peer="three")
    assert level.end_at(900.0)
    telemetry.event("link.up", peer="four")
    assert not level.end()
    assert [json.loads(line)["peer"] for line in stream.getvalue().splitlines()] == ["two", "three"]


def test_lines_for_people_are_text() -> None:
    stream = io.StringIO()
    telemetry = Telemetry(
        version="0", sink=log_to(stream, form="console", level="debug", node="ada")
    )
    telemetry.event("link.dial_failed", peer="ben")
    assert "link.dial_failed" in stream.getvalue()
    assert "peer=ben" in stream.getvalue()


def test_levels_follow_names() -> None:
    assert [
        level_of(name) for name in ("node.failed", "storage.low", "link.up", "link.dial_failed")
    ] == [
        "error",
        "warning",
        "info",
        "debug",
    ]


def test_what_somebody_should_look_at_is_a_warning() -> None:
    seen: list[tuple[str, str]] = []
    telemetry = Telemetry(version="0", sink=lambda level, name, _: seen.append((level, name)))
    names = [
        *("block.own_refused", "block.refused", "clock.wrong", "peer.misbehaved"),
        *("store.made", "store.set_back"),
    ]
    for name in names:
        telemetry.event(name, first=False)
    assert seen == [("warning", name) for name in names]
    telemetry.event("store.made", first=True)
    assert seen[-1] == ("info", "store.made")


def test_metrics_have_help_units_and_a_registry_of_their_own() -> None:
    first, second = Metrics(version="0.1.0"), Metrics(version="0.1.0")
    first.blocks.inc()
    first.watch(lambda: STATUS)
    text = first.text().decode()
    assert "govchaind_blocks_total 1.0" in text
    assert "govchaind_blocks_total 0.0" in second.text().decode()
    assert 'govchaind_raft_role{role="leader"} 1.0' in text
    assert 'govchaind_raft_role{role="follower"} 0.0' in text
    assert "govchaind_build_info{python=" in text
    for line in text.splitlines():
        if line.startswith("# HELP"):
            _, _, name, *words = line.split()
            assert name.startswith("govchaind_")
            assert len(words) >= 2, line
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split()
            assert (kind == "counter") == name.endswith("_total") or name.endswith("_created")


def test_events_are_counted_by_name() -> None:
    telemetry = Telemetry(version="0")
    telemetry.event("link.up", peer="ben")
    telemetry.event("link.up", peer="cid")
    assert b'govchaind_events_total{event="link.up"} 2.0' in telemetry.metrics.text()
