"""A client's spans: the root of a transaction's trace, and the fetching of its receipt.

    submit            from the first sending to the fate that was asked for; the trace's root
    fetch receipt     from the question to the receipt, waiting for its certificate included

Rules kept here:
- Spans are sent only where the environment says where to, in OpenTelemetry's own variables. What
  they ask for and cannot be had is told once, and stops nothing: they may be another program's.
- The SDK is imported with the first span, so whoever only reads never pays for it.
- A span holds what `tracing/span.py` names; of a node's answer only what our tables know.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from os import urandom

import trio

from govchaind.base.errors import GovchaindError, InvalidSetting
from govchaind.base.types import Hash, Seconds
from govchaind.client.submission import Fate
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.ledger.transaction import Transaction, read_transaction
from govchaind.tracing.collector import PATH, Exporter, open_exporter, traces_address
from govchaind.tracing.ids import EVERY, SPAN_BYTES, is_traced, threshold_of
from govchaind.tracing.span import (
    CODE,
    HEIGHT,
    OPERATIONS,
    OUTCOME,
    SIZE,
    STATUS,
    Span,
    resource_of,
)

END_SECONDS = 2.0  # what waits for the collector at the end is given up after this
SERVICE = "govchaind-client"
_OPEN = ("pending", "unknown")  # no failure: nobody waited for more


class ClientTraces:
    """What one client tells of; its exporter is opened with the first span."""

    def __init__(
        self,
        address: str,
        *,
        threshold: int = EVERY,
        service: str = SERVICE,
        absent: Callable[[GovchaindError], None],
        wall_nanoseconds: Callable[[], int] = time.time_ns,
        entropy: Callable[[int], bytes] = urandom,
    ) -> None:
        """`absent` is told once if there can be no spans."""
        self.address = address
        self.threshold = threshold
        self._resource = resource_of(service)
        self._absent = absent
        self._wall_nanoseconds = wall_nanoseconds
        self._entropy = entropy
        self._exporter: Exporter | None = None
        self._impossible = False

    async def submitted(
        self, raws: Sequence[bytes], call: Callable[[], Awaitable[list[Fate]]]
    ) -> list[Fate]:
        """Do `call`, which submits `raws`, and tell of it. Raises what it raises."""
        items = [read_transaction(raw) for raw in raws]
        begun, wall_ns = trio.current_time(), self._wall_nanoseconds()
        fates: Sequence[Fate | None] = [None] * len(items)
        try:
            fates = told = await call()
            return told
        finally:
            end_ns = wall_ns + _since(begun)
            once = {item.id: (item, fate) for item, fate in zip(items, fates, strict=True)}
            for item, fate in once.values():
                self._tell(partial(_root, item, fate, wall_ns, end_ns), item.id)

    async def fetched(self, transaction: Hash, call: Callable[[], Awaitable[bytes]]) -> bytes:
        """Do `call`, which fetches a receipt, and tell of it. Raises what it raises."""
        begun, wall_ns = trio.current_time(), self._wall_nanoseconds()
        data: bytes | None = None
        try:
            data = await call()
            return data
        finally:
            end_ns = wall_ns + _since(begun)
            attributes = {} if data is None else {SIZE: len(data)}
            own = self._entropy(SPAN_BYTES)
            span = partial(
                Span, "fetch receipt", transaction, own, wall_ns, end_ns, attributes, data is None
            )
            self._tell(span, transaction)

    def _tell(self, make: Callable[[], Span], transaction: Hash) -> None:
        if self._impossible or not is_traced(transaction, self.threshold):
            return
        if self._exporter is None:
            try:
                self._exporter = open_exporter(self.address, self._resource, client=True)
            except InvalidSetting as error:
                self._impossible = True
                self._absent(error)
                return
        self._exporter.offer(make())

    async def end(self) -> None:
        """Send what waits, for a moment, even if cancelled; the rest is given up."""
        exporter, self._exporter = self._exporter, None
        if exporter is not None:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(partial(exporter.close, END_SECONDS))


def _since(begun: Seconds) -> int:
    return round((trio.current_time() - begun) * 1e9)


def _root(item: Transaction, fate: Fate | None, begin_ns: int, end_ns: int) -> Span:
    """Return the root of a trace; `fate` None: it was not learned."""
    attributes: dict[str, str | int] = {OPERATIONS: len(item.operations), SIZE: item.size}
    if fate is None:
        return Span("submit", item.id, None, begin_ns, end_ns, attributes, failed=True)
    attributes[STATUS] = fate.status
    if fate.code is not None and fate.code in OUTCOMES:
        attributes |= {CODE: fate.code, OUTCOME: OUTCOMES[fate.code].name}
    if fate.height is not None:
        attributes[HEIGHT] = fate.height
    failed = not fate.applied and fate.status not in _OPEN
    return Span("submit", item.id, None, begin_ns, end_ns, attributes, failed)


def _warn(error: GovchaindError) -> None:
    warnings.warn(f"no spans are sent: {error.message}. {error.remedy}", RuntimeWarning, 2)


def traces_of(
    environ: Mapping[str, str], *, absent: Callable[[GovchaindError], None] = _warn
) -> ClientTraces | None:
    """Return what a program's environment asks for, by OpenTelemetry's variables; None: nothing.

    `absent` is told, once, if it asks for what cannot be had.
    """
    address = _address(environ)
    threshold = _threshold(environ)
    off = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if address is None or threshold == 0 or off:
        return None
    try:
        address = traces_address(address)
    except InvalidSetting as error:
        absent(InvalidSetting(f"the address of traces {error.message}"))
        return None
    service = environ.get("OTEL_SERVICE_NAME", "").strip() or SERVICE
    return ClientTraces(address, threshold=threshold, service=service, absent=absent)


def _first(environ: Mapping[str, str], names: Iterable[str]) -> str:
    return next((found for name in names if (found := environ.get(name, "").strip())), "")


def _address(environ: Mapping[str, str]) -> str | None:
    """Return where traces go by OTLP over HTTP, if they go anywhere."""
    exporters = environ.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    wanted = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    protocol = _first(environ, wanted) or "http/protobuf"
    if "otlp" not in exporters.split(",") or protocol != "http/protobuf":
        return None
    own = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    if own:
        return own
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    return base.rstrip("/") + PATH if base else None


def _threshold(environ: Mapping[str, str]) -> int:
    """Return how many of 2**32 are traced, as OTEL_TRACES_SAMPLER says; all, unless it says."""
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").strip().removeprefix("parentbased_")
    if sampler == "always_off":
        return 0
    if sampler != "traceidratio":
        return EVERY
    try:
        ratio = float(environ.get("OTEL_TRACES_SAMPLER_ARG", "1"))
    except ValueError:
        return EVERY
    return threshold_of(ratio) if 0 <= ratio <= 1 else EVERY
