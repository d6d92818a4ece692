"""A real HTTP server that takes OTLP, as a collector does, and keeps what it was sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """One span as it came, with what its sender says of itself."""

    name: str
    trace: bytes
    id: bytes
    parent: bytes
    begin_ns: int
    end_ns: int
    kind: int
    status: int
    attributes: dict[str, str | int]
    resource: dict[str, str | int]


class Collected:
    """What came, decoded; each attribute is a text or an integer, or this raises."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.bodies: list[bytes] = []
        self.answer = 200
        self.held = threading.Event()  # answers wait for it
        self.held.set()

    @property
    def spans(self) -> list[Seen]:
        found = []
        for body in list(self.bodies):
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = values(group.resource.attributes)
                for scope in group.scope_spans:
                    for span in scope.spans:
                        assert (len(span.events), len(span.links)) == (0, 0)
                        assert not span.status.message
                        found.append(
                            Seen(
                                span.name,
                                span.trace_id,
                                span.span_id,
                                span.parent_span_id,
                                span.start_time_unix_nano,
                                span.end_time_unix_nano,
                                span.kind,
                                span.status.code,
                                values(span.attributes),
                                resource,
                            )
                        )
        return found

    def wait(self, enough: Callable[[list[Seen]], bool], seconds: float = 30.0) -> list[Seen]:
        """Return the spans as soon as there are enough of them."""
        until = time.monotonic() + seconds
        while not enough(spans := self.spans):
            assert time.monotonic() < until, [span.name for span in spans]
            time.sleep(POLL_SECONDS)
        return spans


def values(pairs: Iterator[KeyValue]) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        assert kind in ("string_value", "int_value")
        found[pair.key] = getattr(pair.value, kind)
    return found


@contextmanager
def collector() -> Iterator[tuple[str, Collected]]:
    """Run one; yield its address, without a path, and what it collects."""
    kept = Collected()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.held.wait()
            if kept.answer == 200:
                kept.paths.append(self.path)
                kept.bodies.append(body)
            self.send_response(kept.answer)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", kept
    finally:
        kept.held.set()
        server.shutdown()
        thread.join()
        server.server_close()
