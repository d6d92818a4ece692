"""What the source says that the docs must have: error codes, event names, commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import click

from govchaind.cli.main import cli
from govchaind.config import settings

ROOT = Path(__file__).parent.parent.parent
# Calls whose first word is an event's name.
_TELLERS = frozenset(("event", "_happened", "Happened", "report", "_report"))
_FAMILIES = "delivery|node|store|storage|link|peer|raft|block|clock|membership|loop|http|governance"
_EVENT = re.compile(rf"({_FAMILIES})\.[a-z_]+")
# Words of that form in the same modules that are no events.
_OTHER = frozenset(("http.disconnect", "http.request"))
_LEVELS_FILE = "telemetry.py"  # has prefixes of names, not names


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """Yield every module of the package."""
    for path in sorted((ROOT / "govchaind").rglob("*.py")):
        yield path, ast.parse(path.read_text())


def _texts(node: ast.expr) -> list[str]:
    """Return the text that an expression is, or both that it may be."""
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    return []


def _constants() -> dict[str, list[str]]:
    """Return the texts to which modules give a name of their own, in capitals."""
    return {
        target.id: _texts(node.value)
        for _, tree in trees()
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.isupper()
    }


def error_codes() -> set[str]:
    """Return every code that an error can have."""
    found: set[str] = set()
    named = _constants()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "code":
                found.update(_texts(node.value))
                if isinstance(node.value, ast.Name):
                    found.update(named.get(node.value.id, []))
            elif isinstance(node, ast.ClassDef):
                for line in node.body:
                    if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code":
                        found.update(_texts(line.value))
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "_say":
                found.update(_texts(node.args[0]))
    return {code for code in found if re.fullmatch(r"[a-z]+(-[a-z]+)*", code)}


def event_names() -> set[str]:
    """Return the name of every event that a node may log."""
    found: set[str] = set()
    for path, tree in trees():
        if path.name == _LEVELS_FILE or path.parent.name not in (
            "govchaind", "replica", "runtime", "api", "backup", "signer"
        ):  # fmt: skip
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args:
                name = ast.unparse(node.func).rpartition(".")[2]
                if name in _TELLERS:
                    found.update(text for text in _texts(node.args[0]) if "." in text)
            elif isinstance(node, ast.Constant) and _is_event(node.value):
                found.add(node.value)
    return found - _OTHER - {setting.path for setting in settings()}


def _is_event(value: object) -> TypeGuard[str]:
    return (
        isinstance(value, str)
        and _EVENT.fullmatch(value) is not None
        and not value.endswith((".html", ".css", ".cbor"))
    )


def commands() -> list[str]:
    """Return every command as it is typed ("govchaind keys new"), without groups."""
    return sorted(_commands(cli, "govchaind"))


def _commands(command: click.Command, path: str) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield path
        return
    if command.invoke_without_command:
        yield path
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from _commands(inner, f"{path} {name}")
