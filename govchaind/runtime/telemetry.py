"""What a node tells its operators: events for the log; metrics are `metrics.py`'s.

Rules kept here:
- One event name per thing worth knowing, with plain values (`Happened` has the same shape).
- Values are redacted by type and by name: a `Secret` never shows, bytes show at most eight of
  themselves as hex, and a value whose name speaks of a secret does not show at all.
- A log that takes nothing (its disk is full, its reader has gone) costs lines, never the node.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, TextIO, TypeAlias

import structlog

from govchaind.runtime.metrics import Metrics

Value: TypeAlias = str | int | float | bool | bytes | None
Sink: TypeAlias = Callable[[str, str, Mapping[str, Any]], None]
"""Takes level, event name, redacted values."""

LEVELS = ("debug", "info", "warning", "error")
PRIORITIES = MappingProxyType({"debug": 7, "info": 6, "warning": 4, "error": 3})  # of syslog
BYTES_SHOWN = 8
_SECRET_NAMES = (
    *("secret", "seed", "passphrase", "password", "private", "signing_key"),
    *("authorization", "token"),
)

# Of events that are not "info".
LEVEL_OF: Mapping[str, str] = MappingProxyType(
    {
        "block.own_refused": "warning",
        "blocks.lacking": "warning",
        "block.refused": "warning",
        "clock.wrong": "warning",
        "delivery.pass_on_failed": "warning",
        "delivery.refused": "warning",
        "evidence.double_signing": "error",
        "governance.at_risk": "warning",
        "http.request_failed": "error",
        "link.dial_failed": "debug",
        "link.identity_twice": "error",
        "link.misbehaved": "warning",
        "link.refused": "warning",
        "log.level_changed": "warning",
        "loop.late": "warning",
        "node.failed": "error",
        "peer.misbehaved": "warning",
        "settings.need_restart": "warning",
        "settings.refused": "error",
        "signer.away": "warning",
        "signer.connection_refused": "warning",
        "signer.guard_failed": "error",
        "signer.refused": "error",
        "snapshot.given_up": "warning",
        "snapshot.not_laid_out": "warning",
        "snapshot.peer_left": "warning",
        "storage.full": "warning",
        "storage.low": "warning",
        "store.archive_failed": "warning",
        "store.set_back": "warning",
        "trace.collector_away": "warning",
    }
)


class Secret:
    """A value that must not be shown. `reveal` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes | str) -> None:
        self._value = value

    def reveal(self) -> bytes | str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


def redacted(name: str, value: object) -> object:
    """Return what may be shown of `value` under `name`."""
    if isinstance(value, Secret) or any(word in name.lower() for word in _SECRET_NAMES):
        return "…"
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        shown = data[:BYTES_SHOWN].hex()
        return shown if len(data) <= BYTES_SHOWN else f"{shown}… ({len(data)} bytes)"
    if isinstance(value, Mapping):
        return {str(key): redacted(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(name, item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return type(value).__name__


def log_to(
    stream: TextIO, *, form: str, level: str | Callable[[], str], node: str, journal: bool = False
) -> Sink:
    """Return a sink that writes lines to `stream`: form "json", "console", or "auto".

    `level` may be asked anew at each event. For the `journal` of systemd a line begins with its
    priority, as sd-daemon(3) has it, so that `journalctl -p warning` finds what it should.
    """
    if form == "auto":
        form = "console" if stream.isatty() else "json"
    least = level if callable(level) else lambda: level
    render: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    if journal:
        render = _Priority(render)
    logger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            render,
        ],
        node=node,
    )

    def write(severity: str, name: str, values: Mapping[str, Any]) -> None:
        if LEVELS.index(severity) >= LEVELS.index(least()):
            with suppress(OSError):  # the metric beside it has counted the event
                getattr(logger, severity)(name, **values)

    return write


class _Priority:
    """Puts its priority before a line that is rendered."""

    def __init__(self, render: Any) -> None:
        self._render = render

    def __call__(self, logger: object, severity: str, values: Any) -> str:
        return f"<{PRIORITIES[severity]}>{self._render(logger, severity, values)}"


def is_journal(stream: TextIO, stated: str | None) -> bool:
    """Say whether `stream` is the journal's: `stated` is $JOURNAL_STREAM, "device:inode"."""
    if not stated:
        return False
    try:
        found = os.fstat(stream.fileno())
    except OSError:
        return False
    return stated == f"{found.st_dev}:{found.st_ino}"


def level_of(name: str, values: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Return the level of an event."""
    if name == "store.made" and values.get("first") is False:
        return "warning"  # this node forgot what it had said, and must be re-admitted
    return LEVEL_OF.get(name, "info")


def silent(severity: str, name: str, values: Mapping[str, Any]) -> None:
    """Be the sink that throws away."""


class Telemetry:
    """Events and metrics of one node."""

    def __init__(self, *, version: str, sink: Sink = silent) -> None:
        self.metrics = Metrics(version=version)
        self._sink = sink

    def event(self, name: str, /, **values: Any) -> None:
        """Tell of one thing: to the log, redacted, and counted by name."""
        self.metrics.events.labels(event=name).inc()
        shown = {key: redacted(key, value) for key, value in values.items()}
        self._sink(level_of(name, values), name, shown)


def standard_error() -> TextIO:
    """Return the stream that a daemon's log goes to: standard error, with no buffer before it.

    What a buffer could not write it would keep, and fail again with at each line and at the end.
    """
    return io.TextIOWrapper(
        io.FileIO(2, "w", closefd=False),  # raw, as `python -u` has it
        encoding="utf-8",
        errors="backslashreplace",
        write_through=True,
    )
