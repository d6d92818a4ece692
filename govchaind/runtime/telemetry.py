"""What a node tells its operators: events for the log, metrics for Prometheus.

Rules kept here:
- One event name per thing worth knowing, with plain values (`Happened` has the same shape).
- Values are redacted by type and by name: a `Secret` never shows, bytes show at most eight of
  themselves as hex, and a value whose name speaks of a secret does not show at all.
- A registry belongs to a node; nothing is registered with the process. Every metric is declared
  in one table here with its help text; units last in names, seconds and bytes only.
- A log that takes nothing (its disk is full, its reader has gone) costs lines, never the node.
"""

from __future__ import annotations

import io
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, TextIO, TypeAlias

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from govchaind.replica.events import Status

Value: TypeAlias = str | int | float | bool | bytes | None
Sink: TypeAlias = Callable[[str, str, Mapping[str, Any]], None]
"""Takes level, event name, redacted values."""

LEVELS = ("debug", "info", "warning", "error")
PRIORITIES = MappingProxyType({"debug": 7, "info": 6, "warning": 4, "error": 3})  # of syslog
BYTES_SHOWN = 8
_SECRET_NAMES = ("secret", "seed", "passphrase", "password", "private", "signing_key")
_LATENCY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_SHORT_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
_REQUEST_BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)  # a client may ask to wait
_BUILD = ("version", "python")
ROLES = ("leader", "follower", "candidate", "pre-candidate", "learner", "observer")

# Of events that are not "info".
LEVEL_OF: Mapping[str, str] = MappingProxyType(
    {
        "block.own_refused": "warning",
        "block.refused": "warning",
        "clock.wrong": "warning",
        "delivery.pass_on_failed": "warning",
        "delivery.refused": "warning",
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
        "storage.full": "warning",
        "storage.low": "warning",
        "store.set_back": "warning",
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


class Metrics:
    """One node's metrics, all declared here."""

    def __init__(self, *, version: str) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"govchaind_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"govchaind_{name}", text, labels, registry=self.registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            name = f"govchaind_{name}"
            return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

        self.role = gauge("raft_role", "1 for the role this node has in Raft now.", "role")
        self.term = gauge("raft_term", "Raft term.")
        self.leader_known = gauge("raft_leader_known", "1 if this node knows a leader.")
        self.height = gauge("height", "Height of the newest block applied and durable here.")
        self.commit = gauge("commit_height", "Height known to be committed.")
        self.log_height = gauge("log_height", "Height of the newest block in the log.")
        self.certified = gauge("certified_height", "Up to it every height has a certificate here.")
        self.block_time = gauge("block_time_seconds", "Time of the newest applied block (Unix).")
        self.pool_transactions = gauge("pool_transactions", "Transactions waiting in the pool.")
        self.pool_bytes = gauge("pool_bytes", "Bytes of transactions waiting in the pool.")
        self.room = gauge("storage_room", "1 if there is room for writes.")
        self.in_configuration = gauge(
            "in_configuration", "1 if this node is a member under its present store id."
        )
        self.write_pending = gauge(
            "write_pending_seconds", "Age of the write under way, 0 if there is none."
        )
        self.commit_latency = histogram(
            "commit_latency_seconds",
            "From a transaction's offer at this node to its block being committed and applied.",
            _LATENCY_BUCKETS,
        )
        self.certified_latency = histogram(
            "certified_latency_seconds",
            "From a height's apply here to its certificate.",
            _LATENCY_BUCKETS,
        )
        self.transactions = counter("transactions", "Transactions committed and applied here.")
        self.blocks = counter("blocks", "Blocks committed and applied here.")
        self.refused = counter(
            "refused", "Transactions and messages refused at the door.", "reason"
        )
        self.events = counter("events", "Events by name, as in the log.", "event")
        self.step = histogram("step_seconds", "Time of one step of the replica.", _SHORT_BUCKETS)
        self.loop_lateness = histogram(
            "event_loop_lateness_seconds",
            "How much later than asked a timer on the event loop fired.",
            _SHORT_BUCKETS,
        )
        self.inbox_transactions = gauge("inbox_transactions", "Transactions in the inbox.")
        self.inbox_consensus = gauge("inbox_consensus_events", "Consensus events in the inbox.")
        _tell_build(gauge("build_info", "Always 1; the labels say what runs.", *_BUILD), version)
        self._declare_doors(counter, gauge, histogram)

    def _declare_doors(
        self,
        counter: Callable[..., Counter],
        gauge: Callable[..., Gauge],
        histogram: Callable[..., Histogram],
    ) -> None:
        """Declare what is counted where the node meets clients, peers, disk and threads."""
        self.http_requests = counter(
            "http_requests",
            "Requests of clients, by route and the reply's status (gone: the client left first).",
            *("method", "route", "status"),
        )
        self.http_seconds = histogram(
            "http_request_seconds",
            "From a request's head to its reply's head, or to its end if there was no reply.",
            _REQUEST_BUCKETS,
            "route",
        )
        self.http_in_flight = gauge(
            "http_requests_in_flight", "Requests under way, event streams among them."
        )
        self.governance_level = gauge(
            "governance_level",
            "Whether institutions can go on deciding: 0 fine, 1 near, 2 failing, 3 lost.",
        )
        self.governance_spare = gauge(
            "governance_spare_votes",
            "Institutions that can vote in so many days, beyond what the strictest rule takes.",
            "days",
        )
        self.offices_quiet = gauge("governing_offices_quiet", "Governing offices gone quiet.")
        self.mandates_ending = gauge(
            "mandates_ending", "Mandates without a successor that end soon (warning-days)."
        )
        self.terms_ending = gauge(
            "governing_terms_ending", "Keys of governing offices that end soon (warning-days)."
        )
        self.peers = gauge("peers", "Links that are up.")
        self.received_bytes = counter("peer_received_bytes", "Bytes received from a peer.", "peer")
        self.sent_bytes = counter("peer_sent_bytes", "Bytes sent to a peer.", "peer")
        self.dropped = counter(
            "peer_dropped_messages", "Messages to a peer dropped for want of room.", "peer"
        )
        self.storage_sync = histogram(
            "storage_sync_seconds", "Time of one synced commit.", _SHORT_BUCKETS
        )
        self.storage_written = counter("storage_written_bytes", "Bytes of keys and values written.")
        self.storage_used = gauge("storage_used_bytes", "Bytes of the store's file in use.")
        self.storage_free = gauge("storage_free_bytes", "Bytes that can still be written.")
        self.verified = gauge("signatures_verified", "Signatures verified since the start.")
        self.delivery_bytes = counter(
            "delivery_bytes",
            "Bytes of sealed files: brought, fetched by clients; received from and sent to nodes.",
            "way",
        )
        self.delivery_files = gauge("delivery_files", "Sealed files here, whole and in part.")
        self.delivery_reserved = gauge(
            "delivery_reserved_bytes", "Bytes that the sealed files here take or will take."
        )
        self.side_values = gauge("side_values", "Sealed files of side values here.")
        self.delivery_refused = counter(
            "delivery_refused", "Sealed files refused, or given up, by reason.", "reason"
        )

    def watch(self, status: Callable[[], Status]) -> None:
        """Have the gauges of a node's state read from `status` whenever metrics are read."""
        self.term.set_function(lambda: status().term)
        self.leader_known.set_function(lambda: float(status().leader is not None))
        self.height.set_function(lambda: status().height)
        self.commit.set_function(lambda: status().commit)
        self.log_height.set_function(lambda: status().last_height)
        self.certified.set_function(lambda: status().certified)
        self.block_time.set_function(lambda: status().block_time / 1000)
        self.pool_transactions.set_function(lambda: status().pool_transactions)
        self.pool_bytes.set_function(lambda: status().pool_bytes)
        self.room.set_function(lambda: float(status().room))
        self.in_configuration.set_function(lambda: float(status().in_configuration))
        self.write_pending.set_function(lambda: status().write_pending_seconds)
        for role in ROLES:
            self.role.labels(role=role).set_function(
                lambda role=role: float(status().role == role)  # type: ignore[misc]  # the default binds this turn's role
            )

    def text(self) -> bytes:
        """Return the metrics in Prometheus's text format."""
        return generate_latest(self.registry)


def _tell_build(build: Gauge, version: str) -> None:
    build.labels(version=version, python=platform.python_version()).set(1)


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
