"""What commands say in English where it arises: errors, their remedies, notes, labels of progress,
heads of columns.

Nothing there is marked: the literals are found in the source, with a named place for what an
f-string puts in, and `api/wording.py` finds the message again in the finished sentence.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from govchaind.base import errors

CLICK_ERRORS = frozenset({"UsageError", "BadParameter", "BadOptionUsage", "ClickException"})
OURS = frozenset(
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.GovchaindError)
)
SAYING = frozenset({"note", "say", "progress", "_say"})  # their arguments are for a person
QUIET = frozenset({"code", "param_hint"})  # arguments of errors that nobody reads as a sentence
MAKERS = frozenset({"invariant"})  # what cannot happen is told to the makers, in English
WORD = re.compile("[A-Za-z]{2}")
_TEXT = (ast.Constant, ast.JoinedStr, ast.IfExp)


@dataclass(frozen=True, slots=True)
class Said:
    """A message, and where it stands."""

    text: str
    place: str


def said_in(folder: Path, root: Path) -> Iterator[Said]:
    """Yield what all files of a folder say."""
    paths = sorted({*folder.rglob("*.py")} - {*(folder / "data").rglob("*.py")})  # those run alone
    files = {path: _File(ast.parse(path.read_text())) for path in paths}
    public, before = frozenset[str](), None
    while public != before:  # who passes on what another file's function says
        before = public
        found = {name for file in files.values() for name in file.saying(before)}
        public = frozenset(name for name in found if name[0] != "_") - MAKERS
    for path, file in files.items():
        yield from file.said(str(path.relative_to(root)), public)


def said(tree: ast.Module, place: str) -> Iterator[Said]:
    """Yield what one file says."""
    yield from _File(tree).said(place, frozenset())


class _File:
    """One module: its texts by name, its own errors, its functions that say what they are given."""

    def __init__(self, tree: ast.Module) -> None:
        self._nodes = list(ast.walk(tree))
        self._texts: dict[str, list[ast.expr]] = {}
        self._lists: dict[str, list[ast.expr]] = {}
        self._errors = set(OURS)
        self._functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
        for node in self._nodes:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Tuple):
                self._lists.setdefault(ast.unparse(node.targets[0]), []).append(node.value)
            if isinstance(node, ast.Call) and node.args and _last(node.func) == "append":
                to = ast.unparse(node.func).removesuffix(".append")
                self._lists.setdefault(to, []).append(ast.List(node.args))
            if isinstance(node, ast.AugAssign) and isinstance(node.value, ast.List):
                self._lists.setdefault(ast.unparse(node.target), []).append(node.value)
            if isinstance(node, ast.Assign) and isinstance(node.value, _TEXT):
                self._texts.setdefault(ast.unparse(node.targets[0]), []).append(node.value)
            elif isinstance(node, ast.ClassDef):
                if any(_last(base) in OURS for base in node.bases):
                    self._errors.add(node.name)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._functions.append(node)
        self._passing = [(function.name, name, plain) for function in self._functions
                         for name, plain in _passed_on(function)]  # fmt: skip

    def saying(self, public: frozenset[str]) -> set[str]:
        """Return whose arguments are for a person: errors, and functions that pass them on."""
        found, size = SAYING | CLICK_ERRORS | self._errors, 0
        while len(found) > size:
            size = len(found)
            found |= {
                by for by, name, plain in self._passing
                if name in found or (plain and name in public)
            }  # fmt: skip
        return set(found)

    def said(self, place: str, public: frozenset[str]) -> Iterator[Said]:
        """Yield what the file says; `public` are functions of others that say what they get."""
        saying = self.saying(public)
        for node in self._nodes:
            if isinstance(node, ast.ClassDef) and node.name in self._errors:
                for item in node.body:
                    if isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == "remedy":
                        yield from self.messages(item.value, f"{place}:{item.lineno}")
            elif isinstance(node, ast.Call):
                plain = isinstance(node.func, ast.Name)
                name = _last(node.func)
                if name == "print_table":
                    yield from self._columns(node.args[1], place)
                if name == "print_facts":
                    yield from self._labels(node.args[0], place)
                if name == "word":
                    yield from self._words(node.args[0], place)
                if name in SAYING and not plain:
                    continue  # another's method
                if name in saying or (plain and name in public):
                    for argument in _spoken(node):
                        yield from self.messages(argument, f"{place}:{node.lineno}")
            elif isinstance(node, ast.FunctionDef) and node.name in saying:
                for default in (*node.args.defaults, *node.args.kw_defaults):
                    if isinstance(default, ast.Name):
                        yield from self.messages(default, f"{place}:{node.lineno}")

    def _columns(self, node: ast.expr, place: str) -> Iterator[Said]:
        """Yield the heads of a table's columns."""
        if isinstance(node, ast.Name):
            for value in self._lists.get(node.id, ()):
                yield from self._columns(value, place)
        elif isinstance(node, ast.List | ast.Tuple):
            for each in node.elts:
                text = template(each)
                if text and WORD.search(text):
                    yield Said(text, f"{place}:{node.lineno}")

    def _labels(self, node: ast.expr, place: str) -> Iterator[Said]:
        """Yield the labels of facts about one thing."""
        if isinstance(node, ast.Name):
            for value in self._lists.get(node.id, ()):
                yield from self._labels(value, place)
        elif isinstance(node, ast.List | ast.Tuple):
            for each in node.elts:
                if isinstance(each, ast.Tuple):
                    yield from self._words(each.elts[0], place)

    def _words(self, node: ast.expr, place: str) -> Iterator[Said]:
        """Yield our own words: one alone is said, too."""
        if isinstance(node, ast.IfExp):
            for branch in (node.body, node.orelse):
                yield from self._words(branch, place)
            return
        text = template(node)
        if text and WORD.search(re.sub(r"%\(\w+\)s", "", text)):
            yield Said(text, f"{place}:{node.lineno}")

    def messages(self, node: ast.expr, place: str) -> Iterator[Said]:
        """Yield the messages of an expression. One word alone is a name or a code."""
        if isinstance(node, ast.IfExp):
            for branch in (node.body, node.orelse):
                yield from self.messages(branch, place)
            return
        if isinstance(node, ast.BoolOp):
            for value in node.values:
                yield from self.messages(value, place)
            return
        if isinstance(node, ast.Name):
            for value in self._texts.get(node.id, ()):
                yield from self.messages(value, place)
            return
        text = template(node)
        own = "" if text is None else re.sub(r"%\(\w+\)s", "", text)
        own = own if "%(" not in (text or "") else f"{own} …"  # a word and what it says it of
        if text is not None and WORD.search(own) and " " in own.strip():
            yield Said(text, place)
        if isinstance(node, ast.JoinedStr):
            for each in node.values:
                if isinstance(each, ast.FormattedValue):
                    yield from self.messages(each.value, place)


def _last(node: ast.expr) -> str:
    """Return the last name of what is called."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _spoken(call: ast.Call) -> Iterator[ast.expr]:
    """Yield what a call says to a person, if its function says it."""
    yield from call.args[1:] if _last(call.func) == "_say" else call.args
    yield from (each.value for each in call.keywords if each.arg not in QUIET)


def _passed_on(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, bool]]:
    """Yield what a function calls with texts that it is given, and whether by a name alone."""
    given = function.args
    names = {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)
             if each.annotation is not None and ast.unparse(each.annotation) == "str"}  # fmt: skip
    if not names:
        return
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            for argument in _spoken(node):
                parts = [each.value for each in ast.walk(argument)
                         if isinstance(each, ast.FormattedValue)]  # fmt: skip
                if isinstance(argument, ast.Name):
                    parts.append(argument)
                if any(isinstance(part, ast.Name) and part.id in names for part in parts):
                    yield _last(node.func), isinstance(node.func, ast.Name)


def template(node: ast.expr) -> str | None:
    """Return a text with its named places; None for what is no literal."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.replace("%", "%%")
    if not isinstance(node, ast.JoinedStr):
        return None
    text, names = "", list[str]()
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value).replace("%", "%%")
        elif isinstance(part, ast.FormattedValue):
            name = _name(part.value)
            names.append(name)
            count = names.count(name)
            text += f"%({name}{count if count > 1 else ''})s"
    return text


def _name(node: ast.expr) -> str:
    """Return what a place is called: the last name in what stands there."""
    if isinstance(node, ast.Name):
        return node.id.strip("_")
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_")
    if isinstance(node, ast.Call) and not isinstance(node.func, ast.Name):
        return _name(node.func.value) if isinstance(node.func, ast.Attribute) else "value"
    if isinstance(node, ast.Call) and node.args:
        return _name(node.args[0])
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.BoolOp):
        return _name(node.values[0])
    return "value"
