"""Commands tell sentences in the language that is asked for: by option, setting or system."""

from __future__ import annotations

import pytest

from govchaind.cli.language import said
from govchaind.cli.main import INVALID, OK
from govchaind.cli.sending import failure
from govchaind.client.submission import Fate
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


FATE = Fate(
    bytes(32), "refused", 388, "holding-too-small", "There is not enough.", "Less.", 3, 0, 0
)


@pytest.mark.parametrize(
    ("fate", "what", "remedy"),
    [
        (FATE, "交易 0000000000000000…（第 0 项操作）：持有量小于此数额。",
         "请查看持有情况，并填写较小的数额。"),
        (Fate(bytes(32), "refused", 9999, "new", "It is new.", "Upgrade."),
         "交易 0000000000000000…：it is new.", "Upgrade."),
        (Fate(bytes(32), "expired"),
         "交易 0000000000000000… 在被收录前已过期，不会再生效", "请重新生成并签名。"),
        (Fate(bytes(32), "pending"),
         "交易 0000000000000000… 的状态为待处理：在取得进一步结果之前时间已到",
         "请以更长的 `--timeout` 再次提交相同的字节；绝不会重复执行。"),
    ],
)  # fmt: skip
def test_what_became_of_a_transaction_is_told_in_the_language_of_the_command(
    monkeypatch: pytest.MonkeyPatch, fate: Fate, what: str, remedy: str
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    chinese, scripted = failure(fate), failure(fate, as_json=True)
    monkeypatch.setenv("LC_ALL", "C")
    english = failure(fate)

    assert (chinese.message, chinese.remedy) == (what, remedy)
    assert (english.message, english.remedy) == (scripted.message, scripted.remedy)
    assert english.code == chinese.code
    assert english.message.isascii() or english.message.replace("…", "").isascii()


def test_what_a_node_does_not_tell_is_not_told() -> None:
    assert said(None) is None
    assert said({"chinese": "无"}) is None
    assert said({"english": "none", "chinese": "无"}) in ("none", "无")
