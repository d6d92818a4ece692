"""The door to OpenTelemetry: spans leave for a collector by OTLP over HTTP, on a thread of its SDK.

Rules kept here:
- `offer` never waits and never fails. What waits is bounded; beyond that a span is dropped, and
  counted, as is what the collector did not take.
- A collector that cannot be reached costs spans, nothing else: the SDK's own log is not shown of
  itself, and `close` gives up after its time.
- Ids are ours (`ids.py`), so spans are handed to the SDK's queue as ended ones, and made whole on
  its thread: what offers them spends little.
- Headers with a token, and certificates, come from the variables OTEL_EXPORTER_OTLP_… that the SDK
  knows: none of these is a setting of a node.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from govchaind.base.limits import SPANS_WAITING_MAX
from govchaind.tracing.ids import trace_ids
from govchaind.tracing.span import Attributes, Span

SCOPE = "govchaind"
EXPORT_SECONDS = 5.0  # for one batch, its repetitions included
DELAY_MILLISECONDS = 1000.0  # a span waits no longer for others
BATCH_SPANS = 256
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_ANY = SpanContext(1, 1, False, _SAMPLED)  # of what waits


class _Count:
    """What became of spans; told on the loop and on the SDK's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.waiting = 0
        self.sent = 0
        self.lost = 0
        self.dropped = 0

    def enter(self) -> bool:
        """Count one more that waits; say no, and count it as dropped, if too many do."""
        with self._lock:
            if self.waiting >= SPANS_WAITING_MAX:
                self.dropped += 1
                return False
            self.waiting += 1
            return True

    def leave(self, count: int, *, sent: bool) -> None:
        with self._lock:
            self.waiting -= count
            if sent:
                self.sent += count
            else:
                self.lost += count


class _Waiting(ReadableSpan):
    """A span in the SDK's queue, which looks only at whether it is sampled: they all are."""

    def __init__(self, span: Span, sampled: SpanContext) -> None:
        self._context = sampled  # the rest of what a ReadableSpan has is made when it leaves
        self.span = span


class _Leaving(SpanExporter):
    """Makes of spans what the SDK sends, on its thread, and counts what became of them."""

    def __init__(
        self, sender: SpanExporter, count: _Count, resource: Attributes, *, client: bool
    ) -> None:
        self._sender = sender
        self._count = count
        self._kind = SpanKind.CLIENT if client else SpanKind.INTERNAL
        self._resource = Resource(dict(resource))
        self._scope = InstrumentationScope(SCOPE)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            whole = [self._whole(each.span) for each in spans if isinstance(each, _Waiting)]
            result = self._sender.export(whole)
        finally:
            self._count.leave(len(spans), sent=result is SpanExportResult.SUCCESS)
        return result

    def _whole(self, span: Span) -> ReadableSpan:
        ids = trace_ids(span.transaction)
        root = _context(ids.trace, ids.root)
        return ReadableSpan(
            name=span.name,
            context=root if span.id is None else _context(ids.trace, span.id),
            parent=None if span.id is None else root,
            resource=self._resource,
            attributes=span.attributes,
            kind=self._kind,
            status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
            start_time=span.begin_ns,
            end_time=span.end_ns,
            instrumentation_scope=self._scope,
        )

    def shutdown(self) -> None:
        self._sender.shutdown()


class OtlpExporter:
    """An `Exporter` (`collector.py`) of the SDK."""

    def __init__(self, address: str, resource: Attributes, *, client: bool = False) -> None:
        """See `open_exporter`."""
        log = logging.getLogger("opentelemetry")
        if not log.handlers:  # a program that has set up its own log hears of it there
            log.addHandler(logging.NullHandler())
        self._count = _Count()
        sender = OTLPSpanExporter(endpoint=address, timeout=EXPORT_SECONDS)
        self._processor = BatchSpanProcessor(
            _Leaving(sender, self._count, resource, client=client),
            max_queue_size=SPANS_WAITING_MAX,
            schedule_delay_millis=DELAY_MILLISECONDS,
            max_export_batch_size=BATCH_SPANS,
        )

    @property
    def sent(self) -> int:
        """Spans that the collector has taken."""
        return self._count.sent

    @property
    def lost(self) -> int:
        """Spans that it did not take."""
        return self._count.lost

    @property
    def dropped(self) -> int:
        """Spans that found no room."""
        return self._count.dropped

    def offer(self, span: Span) -> None:
        """Have a span sent, or drop it if too many wait."""
        if self._count.enter():
            self._processor.on_end(_Waiting(span, _ANY))

    def close(self, seconds: float) -> None:
        """Send what waits, for so long at most; then give up."""
        ending = threading.Thread(target=self._processor.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(seconds)


def _context(trace: bytes, span: bytes) -> SpanContext:
    number = int.from_bytes
    return SpanContext(number(trace, "big"), number(span, "big"), False, _SAMPLED)
