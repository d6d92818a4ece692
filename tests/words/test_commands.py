"""The command line in Chinese: every help, every error; what a script reads is the same in each."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys

import click
import pytest

from govchaind.api.translations import chinese_messages, read
from govchaind.api.wording import in_chinese
from govchaind.base.errors import Conflict, InvalidProof, NotFound, PeerError
from govchaind.cli.help_text import columns, described, parts, speaking, wrapped
from govchaind.cli.language import chosen
from govchaind.cli.main import FAULT, cli, main, report
from netsim.__main__ import main as netsim
from tests.words import helps, raised
from tests.words.messages import (
    CODE,
    FILE,
    NAMES,
    ROOT,
    SOURCE,
    TYPED,
    WORD,
    catalogue,
    messages,
    same_code,
    untranslated,
)

COMMANDS = dict(helps.commands(cli, "govchaind"))
ENGLISH = re.compile("[a-z]{2,}(?: [a-z]{2,}){2,}")  # three words on end are a sentence


@pytest.fixture(autouse=True)
def english_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "GOVCHAIND_LANG"):
        monkeypatch.delenv(name, raising=False)


def test_the_file_is_read_as_the_library_reads_it() -> None:
    known = {}
    for entry in catalogue(FILE.read_bytes()):
        if entry.id:
            one = entry.id if isinstance(entry.id, str) else entry.id[0]
            string = entry.string or ("",)
            known[one] = string if isinstance(string, str) else string[0]
    assert dict(chinese_messages()) == known
    assert len(known) > 2500


def test_what_is_fuzzy_or_empty_is_not_said() -> None:
    text = (
        'msgid ""\nmsgstr ""\n"Language: zh\\n"\n\n#, fuzzy\nmsgid "a"\nmsgstr "甲"\n\n'
        'msgid "b"\nmsgstr ""\n\nmsgid "c \\"d\\"\\n"\n"e"\nmsgstr "丙"\n"丁"\n'
    )
    assert list(read(text)) == [('c "d"\ne', "丙丁")]


# --- help ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_help_is_in_chinese_to_its_last_line(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = path.split()[1:]
    assert main(["--lang", "zh", *words, "--help"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"用法： {path}")
    assert "\n选项：\n" in told
    for line in told.splitlines():
        assert columns(line) <= 100
    assert english_in(COMMANDS[path], told) == []


def english_in(command: click.Command, told: str) -> list[str]:
    """Return the English sentences of a Chinese help, but for what a shell or a file takes."""
    kept = {
        line.strip() for part in parts(whole(command)) if isinstance(part, tuple) for line in part
    }
    lines = [line for line in told.splitlines() if line.strip() not in kept]
    lines = [line.partition(" # ")[2] or line for line in lines if "$ " not in line]
    rest = TYPED.sub(" ", CODE.sub(" ", "\n".join(lines)))
    return [each for each in ENGLISH.findall(rest) if each.split()[0] not in NAMES]


def whole(command: click.Command) -> str:
    return f"{inspect.cleandoc(command.help or '')}\n\n{command.epilog or ''}"


def test_a_command_without_chinese_is_found() -> None:
    @click.group()
    @click.option("--loud", help="Say it aloud.  [default: in a whisper]")
    @click.option("--secret", hidden=True, help="Say nothing.")
    def group() -> None:
        """Speak to the public.

        \b
        Example:
          speak group     # with a remark
        """

    @group.command()
    def under() -> None:
        """Speak under it. Twice."""

    said = {text for _, text in helps._of(group, "speak")}
    assert said >= {
        "Speak to the public.", "Example:", "with a remark", "Say it aloud.", "in a whisper",
        "Speak under it. Twice.", "Speak under it.",
    }  # fmt: skip
    assert "Say nothing." not in said
    unknown = {each for each in said if in_chinese(each) == each}
    assert unknown == said - {"Example:"}


def test_help_in_english_is_as_click_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--help"]) == 0
    assert "Usage: govchaind status" in capsys.readouterr().out


def test_a_line_that_click_has_cut_is_told_whole() -> None:
    whole = "Show whether institutions can go on deciding, and which offices are quiet or end soon."
    assert described(whole[:40] + "...") == chinese_messages()[whole]
    assert described("--x does this  [default: 3; required]").endswith("[默认：3；必填]")


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("账本与职责，共享。", 10, ["账本与职", "责，共享。"]),
        ("账本与职责", 10, ["账本与职责"]),
        ("使用 --network 指定", 10, ["使用", "--network", "指定"]),
        ("（甲）乙", 4, ["（甲）", "乙"]),
        ("a long english word", 6, ["a long", "english", "word"]),
        ("", 10, []),
    ],
)
def test_lines_are_broken_by_the_width_of_signs(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["nosuch"], "没有命令 'nosuch'；全部命令见 --help — 见 `govchaind --help`。"),
        (["statu"], "没有命令 'statu'；是否要用 `status`？"),
        (["status", "--nosuch"], "没有选项 '--nosuch'"),
        (["status", "--timeot", "1"], "没有选项 '--timeot'。是否要用 '--timeout'？"),
        (["status", "--timeout", "x"], "'--timeout' 的值无效：'x' 不是有效的数字"),
        (["status", "--timeout", "0"], "'--timeout' 的值无效：0.0 不在范围 0.1<=x<=3600 之内"),
        (["status", "--timeout"], "选项 '--timeout' 需要一个值"),
        (["status", "--json=1"], "选项 '--json' 不带值"),
        (["status", "more"], "多余的参数（more）"),
        (["status", "more", "yet"], "多余的参数（more yet）"),
        (["members", "remove"], "缺少参数 'NAME'"),
        (["members", "remove", "north"], "缺少选项 '--key'"),
        (["init", "genesis"], "缺少选项 '--name'"),
        (["init", "network", "--directory", "x", "--validators", "many"],
         "'--validators' 的值无效：'many' 不是有效的整数"),
        (["motions", "--state", "odd"], "'--state' 的值无效：'odd' 不在可选值之中："),
        (["verify-receipt", "x"], "请给出 --trust FILE 或 --genesis FILE，二者取一"),
        (["outcomes", "none-such"], "没有结果 'none-such' — 请运行 `govchaind outcomes` 查看"),
        (["keys", "show", "/nowhere"], "无法读取密钥文件 /nowhere：没有该文件或目录"),
        (["config", "/nowhere"], "无法读取设置文件 /nowhere：没有该文件或目录"),
        (["get", "a", "b", "--url", "ftp://x"], "'ftp://x' 不是节点地址"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_command_is_said_in_chinese(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--lang", "zh", *arguments])
    chinese = capsys.readouterr().err
    assert main(["--lang", "en", *arguments]) == code
    english = capsys.readouterr().err
    named = re.compile(r"error\[([a-z-]+)\]: ")
    assert named.match(chinese)[1] == named.match(english)[1]  # type: ignore[index]
    assert what in chinese
    assert chinese.count("\n") == 1
    assert ENGLISH.search(TYPED.sub(" ", CODE.sub(" ", chinese))) is None


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NotFound("there is no register counties"),
         "error[not-found]: 没有登记册 counties — 请核对名称、高度和链。\n"),
        (Conflict("Made by somebody else", remedy="Nobody has written this."),
         "error[conflict]: Made by somebody else — Nobody has written this.\n"),
        (PeerError("the peer refused this node: n1 is no member with this TLS key"),
         "error[peer]: 对方节点拒绝本节点：n1 没有成员使用该 TLS 密钥 — "
         "节点会自行重试；如持续出现，请查看对方节点的日志。\n"),
        (InvalidProof("height 7 does not hold: the consistency proof is too short"),
         "error[invalid-proof]: 高度 7 不成立：一致性证明过短 — "
         "不要据此行事；请从另一节点重新获取并比对。\n"),
        (FileNotFoundError(2, "No such file or directory", "a b"),
         "error[system]: a b: 没有该文件或目录 — 请检查路径及其权限。\n"),
        (KeyboardInterrupt(), "已中断\n"),
    ],
)  # fmt: skip
def test_an_error_is_told_by_its_template(
    error: BaseException, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report(error, language="zh")
    assert capsys.readouterr().err == line


def test_a_fault_nobody_has_foreseen_says_in_chinese_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report(ValueError("odd"), language="zh")
    said = capsys.readouterr().err
    assert said.startswith("error[unexpected]: ValueError: odd — ")
    assert FAULT not in said


def test_what_a_sentence_names_is_never_translated() -> None:
    """A register may be called as a message is; what a name holds may look like a place."""
    assert in_chinese("there is no register Duties") == "没有登记册 Duties"
    assert in_chinese("there is no register %(name)s 100%") == "没有登记册 %(name)s 100%"
    assert in_chinese("100% of nothing that anybody has said") == (
        "100% of nothing that anybody has said"
    )


def test_every_message_is_found_again_in_the_sentence_made_of_it() -> None:
    """Whatever stands in its places; else another message, or none, would be told."""
    wrong = []
    for each in {each.text: each for each in raised.said_in(SOURCE, ROOT)}.values():
        names = re.findall(r"%\((\w+)\)s", each.text)
        beside = set(re.findall(r"\)s%\((\w+)\)s", each.text))  # a word ends where they begin
        values = {name: f"{';' * (name in beside)}Ω{at}" for at, name in enumerate(names)}
        chinese = chinese_messages()[each.text] % values
        told = in_chinese(each.text % values)
        if told != chinese and told not in _same(each.text, values):
            wrong.append(f"{each.place}: {each.text}: {told}")
    assert wrong == []


def _same(text: str, values: dict[str, str]) -> set[str]:
    """Return the Chinese of messages whose English is the same but for the names of its places."""
    bare = re.sub(r"%\(\w+\)s", "%", text)
    found = set()
    for other, chinese in chinese_messages().items():
        if re.sub(r"%\(\w+\)s", "%", other) == bare and other != text:
            names = re.findall(r"%\((\w+)\)s", other)
            found.add(chinese % dict(zip(names, values.values(), strict=True)))
    return found


# --- finding what is said ------------------------------------------------------------------------

SNIPPET = """
_REMEDY = "Mend the cause."

class Odd(InvalidSetting):
    remedy = "Make it even."

def wrong(path: Path, why: str) -> InvalidSetting:
    return InvalidSetting(f"{path} is wrong: {why}", code="not-told", remedy=_REMEDY)

def act(path, many):
    note(f"{path.name} has {len(many)} of 100% {path!r}")
    hint = "try that" if many else f"try the path {path}"
    raise Odd(f"no such thing; {hint}" if many else "no thing at all", param_hint="'--not-told'")
    raise wrong(path, "it is a folder")
    invariant(many, "cannot happen here")
    value = {"neither": "is told"}
"""


def test_what_a_file_says_is_found() -> None:
    assert {each.text for each in raised.said(ast.parse(SNIPPET), "here")} == {
        "Make it even.", "Mend the cause.", "%(path)s is wrong: %(why)s", "it is a folder",
        "%(name)s has %(many)s of 100%% %(path)s", "no such thing; %(hint)s", "no thing at all",
        "try that", "try the path %(path)s",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("english", "chinese", "same"),
    [
        ("Run `a b`.", "请运行 `a b`。", True),
        ("Run `a b`.", "请运行 `a c`。", False),
        ("Run `a b`.", "请运行。", False),
        ("Either none or host:port", "`none` 或 `host:port`", True),
        ("Either none", "`some`", False),
    ],
)
def test_code_in_the_chinese_is_that_of_the_english(english: str, chinese: str, same: bool) -> None:
    assert same_code(english, chinese) is same


@pytest.mark.parametrize(
    ("english", "chinese", "left"),
    [
        ("Give --url http://host:port.", "请给出 --url http://host:port。", []),
        ("Name the file FILE.toml", "请指定 FILE.toml 文件", []),
        ("Name the file", "请指定 file", ["file"]),
        ("names are of a-z and 0-9", "名称由 a-z 和 0-9 组成", []),
    ],
)
def test_what_is_typed_may_stand_in_the_chinese(
    english: str, chinese: str, left: list[str]
) -> None:
    typed = {word for each in TYPED.findall(english) for word in WORD.findall(each)}
    assert [word for word in untranslated(chinese) if word not in typed] == left


# --- what stays as it is -------------------------------------------------------------------------


def test_json_is_the_same_in_every_language(capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for language in ("en", "zh"):
        assert main(["--lang", language, "outcomes", "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]


def test_the_simulator_stays_english(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert netsim(["gear2", "--help"]) == 0
    assert "Usage: netsim gear2" in capsys.readouterr().out
    assert netsim(["gear2", "--seed", "x"]) == 2
    assert "is not a valid integer range" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "system", "wanted"),
    [
        ([], {}, "en"),
        ([], {"LANG": "zh_CN.UTF-8"}, "zh"),
        (["--lang", "en", "status"], {"LANG": "zh_CN.UTF-8"}, "en"),
        (["--lang=zh", "status"], {}, "zh"),
        (["--traceback", "--lang", "zh", "status"], {}, "zh"),
        (["status", "--lang", "zh"], {}, "en"),
        (["status"], {"GOVCHAIND_LANG": "zh", "LANG": "en_GB"}, "zh"),
        (["--lang", "zh"], {"GOVCHAIND_LANG": "en"}, "zh"),
        (["--lang", "zh", "status", "--json"], {}, "en"),  # a script reads it
    ],
)
def test_the_language_of_an_error_is_that_of_the_command(
    arguments: list[str],
    system: dict[str, str],
    wanted: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in system.items():
        monkeypatch.setenv(name, value)
    assert chosen(arguments) == wanted


def test_help_needs_neither_the_library_nor_in_english_the_file() -> None:
    code = (
        "import sys; from govchaind.cli.main import main; main(['--lang', {0!r}, '--help']); "
        "sys.exit(('babel' in sys.modules) + 2 * ('govchaind.api.translations' in sys.modules))"
    )
    for language, loaded in (("en", 0), ("zh", 2)):
        ended = subprocess.run(
            [sys.executable, "-c", code.format(language)], cwd=ROOT, check=False,
            capture_output=True,
        )  # fmt: skip
        assert ended.returncode == loaded


def test_who_speaks_is_chosen_once_for_a_command_and_all_under_it() -> None:
    @click.group()
    def group() -> None:
        """Of two commands."""

    @group.command()
    def under() -> None:
        """Of one."""

    assert speaking(group) is group
    assert group.context_class is under.context_class is not click.Context


def test_what_the_command_line_says_is_among_the_messages() -> None:
    assert {each.one for each in messages()} >= {
        "Example:", "Usage:", "Permission denied", FAULT, "no node is named", "backing up",
    }  # fmt: skip
