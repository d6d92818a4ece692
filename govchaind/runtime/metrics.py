"""What a node tells Prometheus.

Rules kept here: a registry belongs to a node; nothing is registered with the process. Every metric
is declared in one table here with its help text; units last in names, seconds and bytes only.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from govchaind.base.limits import (
    INBOX_TRANSACTIONS_MAX,
    POOL_BYTES_MAX,
    POOL_TRANSACTIONS_MAX,
)
from govchaind.replica.events import Status

_LATENCY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_SHORT_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
_REQUEST_BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)  # a client may ask to wait
_BUILD = ("version", "python")
ROLES = ("leader", "follower", "candidate", "pre-candidate", "learner", "observer")


class Declared(NamedTuple):
    """A metric: its name (a counter's without `_total`), its type in Prometheus, its help text."""

    name: str
    kind: str
    text: str


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
        self.first = gauge(
            "first_height", "From it on every block is here; older ones were removed."
        )
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
            "refused", "Requests, transactions, messages refused at the door.", "reason"
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
        self._declare_standing(counter, gauge, histogram)
        self._declare_traces(counter)

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
        self.evidence_unreported = gauge(
            "evidence_unreported",
            "Proofs kept here that a node has signed two things, not on the ledger yet.",
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

    def _declare_standing(
        self,
        counter: Callable[..., Counter],
        gauge: Callable[..., Gauge],
        histogram: Callable[..., Histogram],
    ) -> None:
        """Declare how the node stands: to its peers, its bounds, its clock, and what ends."""
        self.signer_there = gauge(
            "signer_there", "1 if the signer that holds the key answers and signs; NaN: no signer."
        )
        self.signer_there.set(math.nan)
        self.signer_refused = counter(
            "signer_refused", "Statements that the signer refused, or signed wrongly."
        )
        self.signer_answer = histogram(
            "signer_answer_seconds", "From asking the signer to its answer.", _SHORT_BUCKETS
        )
        self.snapshot_bytes = counter(
            "snapshot_bytes", "Bytes of snapshots sent to nodes that join, and received.", "way"
        )
        self.snapshot_questions = counter(
            "snapshot_questions", "Questions of nodes that join by snapshot, by result.", "result"
        )
        self.snapshot_share = gauge(
            "snapshot_share", "How much of a snapshot is here, of 1, while this node joins by one."
        )
        self.certified_lag = gauge(
            "certified_lag_heights", "Heights applied here that have no certificate yet."
        )
        self.peer_up = gauge("peer_link_up", "1 if the link to this member is up.", "peer")
        self.peer_heard = gauge(
            "peer_heard_seconds", "Since anything last came from this member, or the start.", "peer"
        )
        self.peer_waiting = gauge(
            "peer_waiting_bytes", "Bytes for this member that wait to be sent.", "peer"
        )
        self.gossip = counter(
            "gossip_transactions",
            "Transactions pushed to peers and by peers; repeats are counted too.",
            "way",
        )
        self.clock_offset = gauge(
            "clock_offset_seconds",
            "This node's clock less the newest block's time, when that was applied here.",
        )
        self.storage_full_in = gauge(
            "storage_full_in_seconds",
            "Until the store is full at the pace of the last day; +Inf: not growing, or not known.",
        )
        self.storage_full_in.set(math.inf)
        self.transaction_stored = gauge(
            "transaction_stored_bytes",
            "By what the store grew for each transaction of the last day; NaN: not known.",
        )
        self.transaction_stored.set(math.nan)
        self.office_key_ends = gauge(
            "office_key_ends_in_seconds",
            "Until the first key of an office ends without another for its seat; +Inf: none does.",
        )
        self.office_key_ends.set(math.inf)
        self.clocks_lapsed = gauge(
            "request_clocks_lapsed", "Requests and appeals whose time has run out unanswered."
        )
        gauge("pool_transactions_max", "Most transactions that the pool takes.").set(
            POOL_TRANSACTIONS_MAX
        )
        gauge("pool_bytes_max", "Most bytes that the pool takes.").set(POOL_BYTES_MAX)
        gauge("inbox_transactions_max", "Most transactions that the inbox takes.").set(
            INBOX_TRANSACTIONS_MAX
        )

    def _declare_traces(self, counter: Callable[..., Counter]) -> None:
        """Declare what became of spans."""
        self.spans = counter(
            "trace_spans",
            "Spans of traces: sent; lost, as the collector was away; dropped for want of room.",
            "fate",
        )
        self.traces_dropped = counter(
            "trace_transactions_dropped", "Transactions not traced, as too many were under way."
        )

    def declared(self) -> list[Declared]:
        """Return every metric, in order of names."""
        found = [Declared(m.name, m.type, m.documentation) for m in self.registry.collect()]
        return sorted(found)

    def watch_process(self) -> None:
        """Show also what the system says of this process; not for many nodes in one process."""
        ProcessCollector(registry=self.registry)

    def watch(self, status: Callable[[], Status]) -> None:
        """Have the gauges of a node's state read from `status` whenever metrics are read."""
        self.term.set_function(lambda: status().term)
        self.leader_known.set_function(lambda: float(status().leader is not None))
        self.height.set_function(lambda: status().height)
        self.first.set_function(lambda: status().first)
        self.commit.set_function(lambda: status().commit)
        self.log_height.set_function(lambda: status().last_height)
        self.certified.set_function(lambda: status().certified)
        self.certified_lag.set_function(lambda: status().height - status().certified)
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
