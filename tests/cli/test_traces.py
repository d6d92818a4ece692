"""A command that cannot send spans says so, once, and does its work all the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from govchaind.cli.main import UNREACHABLE
from tests.cli.command import Command, Ended
from tests.runtime.made import raw_transaction

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(name="submit")
def a_command(govchaind: Command, tmp_path: Path) -> Command:
    (tmp_path / "put.tx").write_bytes(raw_transaction(1))
    return govchaind


def submitted(govchaind: Command, *options: str) -> Ended:
    return govchaind(*options, "submit", "raw", "put.tx", "--url", NOWHERE, "--timeout", "0.2")


def test_without_the_extra(submit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", NOWHERE)
    monkeypatch.delitem(sys.modules, "govchaind.tracing.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    ended = submitted(submit)
    assert ended.code == UNREACHABLE
    assert ended.errors.splitlines()[:2] == [
        "No spans are sent: traces need the SDK of OpenTelemetry, which is not installed.",
        "Install govchaind with its extra `otel` (pip install 'govchaind[otel]').",
    ]
    chinese = submitted(submit, "--lang", "zh").errors.splitlines()[:2]
    assert chinese == [
        "未发送追踪数据：追踪需要 OpenTelemetry SDK，尚未安装。",
        "请安装 govchaind 的 `otel` 附加组件（`pip install 'govchaind[otel]'`）。",
    ]


def test_with_an_address_that_is_none(submit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "me:secret@nowhere")
    ended = submitted(submit)
    assert ended.code == UNREACHABLE
    said = "No spans are sent: the address of traces must be an address like http://127.0.0.1:4318."
    assert said in ended.errors
    assert "secret" not in ended.errors
    chinese = submitted(submit, "--lang", "zh").errors
    assert "追踪数据的地址：必须是形如 http://127.0.0.1:4318 的地址。" in chinese


def test_unasked_there_is_nothing_to_say(submit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", raising=False)
    monkeypatch.delitem(sys.modules, "govchaind.tracing.otlp", raising=False)
    ended = submitted(submit)
    assert (ended.code, "spans" in ended.errors) == (UNREACHABLE, False)
    assert "govchaind.tracing.otlp" not in sys.modules
