"""Whatever an operator, a client or a script may meet stands in the docs."""

from __future__ import annotations

import ast
import inspect
import re
import sys

import pytest

from govchaind.api.health import reasons_not_ready
from govchaind.base.crypto import Domain
from govchaind.cli import main as cli_main
from govchaind.config import settings
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.runtime.telemetry import LEVEL_OF, level_of
from tests.docs.code import commands, error_codes, event_names
from tests.docs.tables import DOCS, metric_names

OPERATE = (DOCS / "operate.md").read_text()
PROTOCOL = (DOCS / "protocol.md").read_text()


def rows(text: str) -> list[list[str]]:
    """Return the cells of every line of every table."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_every_setting_stands_in_the_operators_page() -> None:
    assert [s.path for s in settings() if f"| `{s.path}` |" not in OPERATE] == []


def test_every_metric_stands_in_the_operators_page() -> None:
    assert [name for name, _, _ in metric_names() if f"| `{name}` |" not in OPERATE] == []


def test_metrics_that_the_page_names_exist() -> None:
    named = set(re.findall(r"govchaind_[a-z_]+", OPERATE))
    known = {name for name, _, _ in metric_names()}
    assert sorted(named - known) == []


def test_every_level_is_of_an_event() -> None:
    assert sorted(set(LEVEL_OF) - event_names()) == []


def test_every_event_stands_there_with_its_level() -> None:
    documented = {row[0].strip("`"): row[1] for row in rows(OPERATE) if len(row) == 3}
    expected = {name: level_of(name) for name in sorted(event_names())}
    assert {name: documented.get(name) for name in expected} == expected
    events = {name for name, level in documented.items() if level in ("info", "warning", "error",
                                                                     "debug")}  # fmt: skip
    assert sorted(events - set(expected)) == []


def test_every_error_code_stands_there() -> None:
    documented = set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", OPERATE.partition("## Error codes")[2]))
    outcomes = {row.name for row in OUTCOMES.values()}
    assert sorted(error_codes() - documented - outcomes) == []


def test_codes_that_stand_there_exist() -> None:
    listed = [
        code
        for row in rows(
            OPERATE.partition("## Error codes")[2].partition("## Backup and restore")[0]
        )
        for code in re.findall(r"`([a-z]+(?:-[a-z]+)*)`", row[0])
    ]
    assert sorted(set(listed) - error_codes()) == []
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("page", ["operate.md", "cli.md"])
def test_every_exit_code_stands_there(page: str) -> None:
    documented = {int(row[0]) for row in rows((DOCS / page).read_text()) if row[0].isdigit()}
    expected = {
        cli_main.OK,
        cli_main.REFUSED,
        cli_main.INVALID,
        cli_main.UNREACHABLE,
        cli_main.FATAL,
        cli_main.INTERRUPTED,
    }
    assert expected <= documented


def test_every_command_stands_in_the_page_of_commands() -> None:
    text = (DOCS / "cli.md").read_text()
    assert [name for name in commands() if f"`{name}`" not in text] == []


def test_commands_that_pages_name_exist() -> None:
    known = {part for name in commands() for part in _prefixes(name)}
    wrong = []
    for page in sorted(DOCS.glob("*.md")):
        for words in re.findall(r"govchaind((?: [a-z][a-z-]+)+)", _code(page.read_text())):
            typed = words.split()
            if f"govchaind {typed[0]}" not in known:
                wrong.append(f"{page.name}: govchaind {words.strip()}")
    assert wrong == []


def _prefixes(name: str) -> list[str]:
    words = name.split()
    return [" ".join(words[:end]) for end in range(2, len(words) + 1)]


def _code(text: str) -> str:
    """Return what is written as code: fenced, indented or between backticks."""
    fenced = re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    indented = re.findall(r"^    (.+)$", text, re.MULTILINE)
    return "\n".join([*fenced, *inline, *indented])


def test_every_reason_of_readiness_stands_there() -> None:
    constants = [text for text in _reasons() if ":" in text]
    beginnings = {text.partition(":")[0] for text in constants}
    documented = {row[0] for row in rows(OPERATE)}
    assert len(beginnings) >= 8
    assert sorted(reason for reason in beginnings if _short(reason) not in documented) == []


def _short(reason: str) -> str:
    return reason.partition(",")[0]  # "clock wrong, or no blocks"


def _reasons() -> list[str]:
    """Return the texts in the module that says why a node is not ready."""
    tree = ast.parse(inspect.getsource(sys.modules[reasons_not_ready.__module__]))
    texts = [
        inner.value
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in ("reasons_not_ready", "_clock")
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
    ]
    return [text for text in texts if re.match(r"[a-z ,]+: ", text)]


def test_every_domain_stands_in_the_protocol() -> None:
    for domain in Domain:
        assert f"| {domain:02x} | {domain.name.lower().replace('_', ' ')} |" in PROTOCOL
