"""Everything the program says has its Chinese, and nothing is said past the file that holds it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import jinja2
import pytest

from tests.words.messages import (
    FILE,
    NAMES,
    ROOT,
    SOURCE,
    TAG,
    Message,
    faults,
    messages,
    placeholders,
    renewed,
    told,
    untranslated,
)

CHINESE = re.compile("[\u4e00-\u9fff]")
# The names of the project and of units, and what a reader of either language writes so.
_SPOKEN = NAMES | {"govchaind"}
_READ_ALOUD = re.compile(r'\b(?:aria-label|placeholder|title|alt)="[^"]*[A-Za-z]')


def test_every_message_has_its_chinese_and_nothing_else_has() -> None:
    assert faults(FILE.read_bytes()) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('msgid "Decisions"\nmsgstr "共同决定"\n\n', "", "not as written anew"),
        ('msgid "Decisions"', 'msgid "Decision"', "not as written anew"),
        ('msgid "Decisions"', '#, fuzzy\nmsgid "Decisions"', "fuzzy: Decisions"),
        ('msgstr "共同决定"', 'msgstr ""', "without Chinese: Decisions"),
        ('msgstr "共同决定"', 'msgstr "共同 decided 决定"', "English in the Chinese: decided"),
        ('msgstr "区块 %(height)s"', 'msgstr "区块 %(name)s"', "other placeholders: Block"),
        ('msgstr "区块 %(height)s"', 'msgstr "区块"', "other placeholders: Block"),
        ('msgstr "区块 %(height)s"', 'msgstr "区块 %(height)d%"', "other placeholders: Block"),
        ('msgstr[0] "%(count)s 天"', 'msgstr[0] "天"', "other placeholders: %(count)s day"),
        ("可用 `govchaind duties` 列出", "可用 `govchaind duty` 列出", "other commands: Check"),
        ("<strong>%(node)s</strong> 所见", "<b>%(node)s</b> 所见", "other tags: Several"),
    ],
)
def test_a_fault_in_the_file_is_found(old: str, new: str, fault: str) -> None:
    text = FILE.read_text()
    assert old in text
    found = faults(text.replace(old, new).encode())
    assert [each for each in found if each.startswith(fault)] != []


def test_a_message_that_is_no_longer_said_is_dropped_and_a_new_one_asked_for() -> None:
    text = FILE.read_text()
    other = text.replace('msgid "Decisions"', 'msgid "Decision"').encode()
    anew = renewed(other).decode()
    assert 'msgid "Decision"\n' not in anew
    assert 'msgid "Decisions"\nmsgstr ""\n' in anew
    assert renewed(text.encode()) == text.encode()


def test_what_is_told_has_the_values_that_its_message_names() -> None:
    found = [each for each in messages() if each.values is not None]
    assert len(found) > 80
    wrong = [each.place for each in found if each.values != wanted(each)]
    assert wrong == []


def wanted(message: Message) -> frozenset[str]:
    return frozenset(placeholders(message.one) | placeholders(message.many or ""))


@pytest.mark.parametrize(
    ("call", "right"),
    [
        ("tell('%(a)s of %(b)s', a=1, b=2)", True),
        ("tell('%(a)s of %(b)s', a=1)", False),
        ("tell('%(a)s', a=1, b=2)", False),
        ("tell_many('%(count)s day', '%(count)s days', count=3)", True),
    ],
)
def test_a_call_with_other_values_is_seen(call: str, right: bool) -> None:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    message = told(node, "here")
    assert (message.values == wanted(message)) is right


@pytest.mark.parametrize("call", ["tell(name)", "tell(f'{a} b')", "tell_many('a', count=1)"])
def test_a_message_that_is_no_literal_is_refused(call: str) -> None:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    with pytest.raises(AssertionError, match="messages are literals"):
        told(node, "here")


def test_no_sentence_is_made_past_the_file() -> None:
    """Else nobody would see that one has no Chinese, or another Chinese than the rest."""
    found = []
    for path in sorted({*SOURCE.rglob("*.py")} - {SOURCE / "api" / "sentence.py"}):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Sentence", "Words"):
                parts = [part for argument in node.args for part in ast.walk(argument)]
                if any(isinstance(part, ast.JoinedStr | ast.Constant) for part in parts):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_english_messages_are_english() -> None:
    assert [each.place for each in messages() if CHINESE.search(f"{each.one}{each.many}")] == []


def test_no_template_says_anything_that_is_no_message() -> None:
    found = []
    for path in sorted((SOURCE / "api" / "templates").glob("*.html")):
        text = path.read_text()
        if path.name == "docs.html":  # its lower part describes the API, in English only
            text = text[: text.index('<div lang="en">')]
        found += [f"{path.name}: {word}" for word in said_bare(text)]
    assert found == []


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<p>Hello</p>", ["Hello"]),
        ("<p>{{ _('Hello') }} {% trans a=1 %}Hello {{ a }}{% endtrans %}</p>", []),
        ("<p>状态</p>", ["状态"]),
        ('<nav aria-label="Main">{{ x }}</nav>', ['aria-label="Main']),
        ("<td>{{ t }} UTC</td>", []),
    ],
)
def test_a_bare_word_in_a_template_is_seen(template: str, words: list[str]) -> None:
    assert said_bare(template) == words


def said_bare(template: str) -> list[str]:
    """Return the words of a template that stand outside of every message."""
    data, in_message, block = "", False, False
    for _, kind, value in jinja2.Environment().lex(template):
        block = kind == "block_begin" or (block and kind == "whitespace")
        if kind == "name" and value in ("trans", "endtrans"):
            in_message = value == "trans"
        if kind == "data" and not in_message:
            data += value
        elif kind == "variable_begin":
            data += "1"
    bare = re.findall("[A-Za-z\u4e00-\u9fff]+", TAG.sub(" ", data))
    return [word for word in bare if word not in _SPOKEN] + _READ_ALOUD.findall(data)


@pytest.mark.parametrize(
    ("text", "words"),
    [("%(author)s 登记了", []), ("按 JSON 格式", []), ("运行 `govchaind run`", []),
     ("登记 done", ["done"])],
)  # fmt: skip
def test_english_words_in_chinese_are_found(text: str, words: list[str]) -> None:
    assert untranslated(text) == words


def test_the_command_line_begins_without_them() -> None:
    """Neither its help nor its version reads the file, or the library that does."""
    code = (
        "import sys; from govchaind.cli.main import main; main(['--help']); "
        "sys.exit('babel' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert ended.returncode == 0
