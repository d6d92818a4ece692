r"""Reads the history that Jepsen writes to its log, one line for each beginning and end of a call.

    INFO  jepsen.util - 0	:invoke	:cas	[1 2]
    12:01:07.113 [worker-0] INFO  jepsen.util - 0	:ok	:cas	[1 2]

A line has a process, `:invoke`, `:ok`, `:fail` or `:info`, the operation and a value, between any
white space; an error may follow the value or stand in its place. What stands before the process may
be left out. The value of a key in a log of many keys is `[key value]`. Other lines are passed over:
those of other loggers, of the nemesis, empty ones. A line that looks like a history's and cannot be
understood is an error with its line and column, since a verdict on the rest would prove nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from netsim.checker.calls import KINDS, Call, Value, said

_BARE = re.compile(r"\s*(?=\d+\s+:\S)")
_LOGGER = re.compile(r"(?<=\s)jepsen\.util\b\s*(?:[-:]\s*)?(?=\d+\s+:\S)")
_LEVEL = re.compile(r"(?:^|[\s}])INFO\s")
_TOKEN = re.compile(r'[\s,]*("(?:[^"\\]|\\.)*"|[\[\]]|[^\s,\[\]"]+)')
DEPTH_MAX = 3  # [key [expected new]] has two
DIGITS_MAX = 1000
_TYPES = ("invoke", "ok", "fail", "info")
Form = Value | list["Form"]


class HistoryError(Exception):
    """A line cannot be understood. Lines and columns count from 1."""

    def __init__(self, line: int, column: int, text: str) -> None:
        super().__init__(f"{line}:{column}: {text}")
        self.line = line
        self.column = column
        self.text = text


@dataclass(slots=True)
class _Line:
    """What is left of one line."""

    number: int
    text: str
    at: int
    start: int = 0  # where the last token begins

    def fail(self, text: str, column: int | None = None) -> HistoryError:
        return HistoryError(self.number, (self.start if column is None else column) + 1, text)

    def token(self) -> str | None:
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            self.start = len(self.text.rstrip())
            rest = self.text[self.at :]
            if rest.strip(" \t\r\n,"):
                self.start -= len(rest.strip())
                raise self.fail("a string without an end")
            return None
        self.at, self.start = found.end(), found.start(1)
        return found.group(1)

    def number_of(self, token: str) -> int:
        """Return the number that digits are; Python itself reads no more than 4,300 of them."""
        if len(token) > DIGITS_MAX:
            raise self.fail(f"a number of {len(token)} digits")
        return int(token)

    def form(self, depth: int = 0) -> Form:
        """Return the next value: nil, a number, a string, a keyword, or a vector of them."""
        token = self.token()
        if token is None:
            raise self.fail("the value is missing")
        if token == "[":
            if depth >= DEPTH_MAX:
                raise self.fail("vectors in vectors in vectors")
            start, forms = self.start, list[Form]()
            while True:
                before = self.at
                inner = self.token()
                if inner is None:
                    raise self.fail("a vector without its ]", start)
                if inner == "]":
                    self.start = start
                    return forms
                self.at = before
                forms.append(self.form(depth + 1))
        if token == "nil":
            return None
        if re.fullmatch(r"[+-]?\d+", token):
            return self.number_of(token)
        if token in ("true", "false") or re.fullmatch(r"[+-]?\d+\.\d+", token):
            return token
        if token[0] in '":' and len(token) > 1:
            return token
        raise self.fail(f"{token!r} is no value")


def read_history(lines: Iterable[str]) -> list[Call]:
    """Return all calls in the order in which they began. Raises HistoryError."""
    calls: list[Call] = []
    open_calls: dict[int, Call] = {}
    for number, text in enumerate(lines, start=1):
        found = _BARE.match(text) or _LOGGER.search(text)
        if found is None or (found.start() and not _LEVEL.search(text, 0, found.start())):
            continue
        line = _Line(number, text, found.end())
        process = line.number_of(line.token() or "")
        at_process = line.start
        kind = line.token()
        if kind is None or kind[1:] not in _TYPES:
            raise line.fail(f"{kind} is none of :invoke, :ok, :fail, :info")
        if kind == ":invoke":
            before = open_calls.get(process)
            if before is not None:
                text = f"process {process} invokes before its call of line {before.begun} ended"
                raise line.fail(text, at_process)
            open_calls[process] = call = _begun(line, process)
            calls.append(call)
        else:
            ended = open_calls.pop(process, None)
            if ended is None:
                raise line.fail(f"process {process} has no call that could end", at_process)
            _end(line, ended, kind[1:])
    return calls


def _operation(line: _Line) -> str:
    token = line.token()
    if token is None:
        raise line.fail("the operation is missing")
    if token[:1] != ":" or token[1:] not in KINDS:
        raise line.fail(f"{token} is none of :read, :write, :cas")
    return token[1:]


def _begun(line: _Line, process: int) -> Call:
    kind = _operation(line)
    empty = kind == "read" and not line.text[line.at :].strip()
    key, value, expected = _value(line, kind, None if empty else line.form())
    return Call(process, kind, key, None if kind == "read" else value, expected, line.number)


def _value(line: _Line, kind: str, form: Form) -> tuple[Value, Value, Value]:
    """Return (key, value, expected) of a form."""
    key: Value = None
    whole = form
    if isinstance(form, list) and (kind != "cas" or any(isinstance(each, list) for each in form)):
        if len(form) != 2 or isinstance(form[0], list):
            raise line.fail("neither a value nor [key value]")
        key, form = form[0], form[1]
    if kind == "cas":
        if not isinstance(form, list) or len(form) != 2:
            raise line.fail("the value of a :cas is [expected new]")
        expected, value = form
    else:
        expected, value = None, form
    if isinstance(value, list) or isinstance(expected, list):
        raise line.fail("a vector where one value is meant")
    for each in (key, value, expected):
        if isinstance(each, str) and each[0] == ":":
            raise line.fail(f"{each} is no value" if whole is not each else f"{each} is an error")
    return key, value, expected


def _end(line: _Line, call: Call, outcome: str) -> None:
    """Note how a call ended. What comes after the value is an error, and says nothing more."""
    kind = _operation(line)
    if kind != call.kind:
        raise line.fail(f"ends a :{kind}, but line {call.begun} began a :{call.kind}")
    call.outcome = outcome
    if outcome == "ok":
        key, value, expected = _value(line, kind, line.form())
        if key != call.key:
            raise line.fail(f"ends at {said(key)}, but line {call.begun} names {said(call.key)}")
        if kind == "read":
            call.value = value
        elif (value, expected) != (call.value, call.expected):
            raise line.fail(f"ends with another value than line {call.begun} began with")
    if outcome != "info":
        call.ended = line.number
