"""Commands tell sentences in the language that is asked for: by option, setting or system."""

from __future__ import annotations

import pytest

from govchaind.cli.language import said
from govchaind.cli.main import INVALID, OK
from tests.cli.command import Command

CHINESE = "  没有此登记册。\n  原因：未曾创建该名称的登记册。\n  办法：请核对名称。\n"
ENGLISH = "  There is no such register.\n"


@pytest.mark.parametrize(
    ("option", "setting", "system", "chinese"),
    [
        (None, None, {"LANG": "zh_CN.UTF-8"}, True),
        (None, None, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, False),
        (None, None, {"LANG": "en_US", "LC_ALL": "", "LC_MESSAGES": "zh"}, True),
        (None, None, {"LANG": "de_DE"}, False),
        (None, None, {}, False),
        (None, "zh", {"LANG": "en_US"}, True),
        ("en", "zh", {"LANG": "zh_CN"}, False),
        ("zh", "en", {}, True),
    ],
)
def test_the_language_is_chosen(
    govchaind: Command,
    monkeypatch: pytest.MonkeyPatch,
    option: str | None,
    setting: str | None,
    system: dict[str, str],
    chinese: bool,
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "GOVCHAIND_LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**system, **({"GOVCHAIND_LANG": setting} if setting else {})}.items():
        monkeypatch.setenv(name, value)
    chosen = ("--lang", option) if option else ()

    ended = govchaind(*chosen, "outcomes", "unknown-register")

    assert ended.code == OK
    assert ended.output.startswith("101 unknown-register (not-found)\n")
    assert (CHINESE in ended.output, ENGLISH in ended.output) == (chinese, not chinese)


def test_another_language_is_refused(govchaind: Command) -> None:
    ended = govchaind("--lang", "fr", "outcomes")

    assert (ended.code, ended.errors.startswith("error[usage]")) == (INVALID, True)


def test_json_tells_both_whatever_is_chosen(govchaind: Command) -> None:
    plain = govchaind("outcomes", "unknown-register", "--json").json
    chinese = govchaind("--lang", "zh", "outcomes", "unknown-register", "--json").json

    assert plain == chinese
    assert plain[0]["text"] == "There is no such register."
    assert plain[0]["chinese"]["text"] == "没有此登记册。"


def test_what_a_node_does_not_tell_is_not_told() -> None:
    assert said(None) is None
    assert said({"chinese": "无"}) is None
    assert said({"english": "none", "chinese": "无"}) in ("none", "无")
