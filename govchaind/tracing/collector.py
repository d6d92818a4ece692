"""Where spans go: an address judged, and an exporter opened for it.

OpenTelemetry's SDK is imported when an exporter is opened, and not before; it comes with the extra
`otel`. Whoever never asks for traces needs it as little as it costs him.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import TRACE_ENDPOINT_BYTES_MAX
from govchaind.tracing.span import Attributes, Span

PATH = "/v1/traces"  # where OTLP/HTTP has traces, unless an address names another place


class Exporter(Protocol):
    """Takes spans, and sends them when it can; any thread may call it.

    Attributes:
        sent: spans that a collector has taken.
        lost: spans that it did not take, or was not there to take.
        dropped: spans that found no room here.
    """

    @property
    def sent(self) -> int: ...

    @property
    def lost(self) -> int: ...

    @property
    def dropped(self) -> int: ...

    def offer(self, span: Span) -> None:
        """Have a span sent, or drop it if too many wait; never wait, never fail."""

    def close(self, seconds: float) -> None:
        """Send what waits, for so long at most; then give up. Blocks its thread; called once."""


def open_exporter(address: str, resource: Attributes, *, client: bool = False) -> Exporter:
    """Return an exporter; nothing is connected yet.

    Args:
        address: where the collector takes OTLP over HTTP, path and all.
        resource: what all spans from here say of whose they are.
        client: whether roots are made here.

    Raises:
        InvalidSetting: the SDK is not installed.
    """
    try:
        from govchaind.tracing.otlp import OtlpExporter
    except ImportError:
        raise InvalidSetting(
            "traces need the SDK of OpenTelemetry, which is not installed",
            code="no-opentelemetry",
            remedy="Install govchaind with its extra `otel` (pip install 'govchaind[otel]').",
        ) from None
    return OtlpExporter(address, resource, client=client)


def traces_address(text: str) -> str:
    """Return the address that spans go to: `text`, with /v1/traces where it has no path.

    Raises InvalidSetting for what is no such address, or holds a password.
    """
    if not text.isascii() or not text.isprintable() or len(text) > TRACE_ENDPOINT_BYTES_MAX:
        raise InvalidSetting(f"must be an address of at most {TRACE_ENDPOINT_BYTES_MAX} characters")
    try:
        parts = urlsplit(text)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right or " " in text:
        raise InvalidSetting("must be an address like http://127.0.0.1:4318")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidSetting("must be an address without a password, a query or a fragment")
    path = PATH if parts.path in ("", "/") else parts.path
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
