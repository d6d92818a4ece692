"""Numbers of one bridge for Prometheus, on a small listener of its own, if it is asked for."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from govchaind.base.errors import InvalidSetting
from govchaind.bridge.following import Reached


class Gauges:
    """How far a bridge has come, as it is scraped."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._height = Gauge(
            "govchaind_bridge_height", "newest height that is written", registry=self.registry
        )
        self._time = Gauge(
            "govchaind_bridge_block_time_seconds",
            "block time of the newest height that is written",
            registry=self.registry,
        )
        self._changes = Counter(
            "govchaind_bridge_changes_total",
            "changes of registers written by this process",
            registry=self.registry,
        )
        self._failures = Counter(
            "govchaind_bridge_failures_total",
            "failures of a node or of the other side that were borne",
            registry=self.registry,
        )
        self._counted = 0

    def wrote(self, reached: Reached) -> None:
        self._height.set(reached.height)
        self._time.set(reached.time_ms / 1000)
        self._changes.inc(reached.changes - self._counted)
        self._counted = reached.changes

    def failed(self) -> None:
        self._failures.inc()

    def listen(self, address: str) -> int:
        """Serve /metrics from a thread of its own; return the port. Raises InvalidSetting."""
        host, _, port = address.rpartition(":")
        try:
            server, _ = start_http_server(int(port), host.strip("[]"), self.registry)
        except (ValueError, OSError, OverflowError):
            raise InvalidSetting(
                f"cannot listen on {address}",
                code="bad-listen-address",
                remedy="Give HOST:PORT of this machine, free, such as 127.0.0.1:9100.",
            ) from None
        return int(server.server_port)
