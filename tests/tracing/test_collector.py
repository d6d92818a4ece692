"""Addresses are judged; without the extra there is one line that says what to install."""

from __future__ import annotations

import sys

import pytest

from govchaind.base.errors import InvalidSetting
from govchaind.tracing.collector import open_exporter, traces_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
        ("https://traces.example/otlp/v1", "https://traces.example/otlp/v1"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
    ],
)
def test_an_address_without_a_path_gets_the_usual_one(text: str, expected: str) -> None:
    assert traces_address(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "must be an address like"),
        ("127.0.0.1:4318", "must be an address like"),
        ("ftp://127.0.0.1", "must be an address like"),
        ("http://", "must be an address like"),
        ("http://a:99999", "must be an address like"),
        ("http://a b", "must be an address like"),
        ("http://[::1", "must be an address like"),
        ("http://me:secret@a:1", "without a password"),
        ("http://a:1/?key=secret", "without a password, a query"),
        ("http://a:1/#x", "without a password, a query"),
        ("http://a\n", "at most 512 characters"),
        ("http://ä", "at most 512 characters"),
        ("http://" + "a" * 512, "at most 512 characters"),
    ],
)
def test_other_addresses_are_refused(text: str, expected: str) -> None:
    with pytest.raises(InvalidSetting, match=expected):
        traces_address(text)


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "govchaind.tracing.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(InvalidSetting) as raised:
        open_exporter("http://127.0.0.1:4318/v1/traces", {})
    assert raised.value.code == "no-opentelemetry"
    assert "govchaind[otel]" in raised.value.remedy
