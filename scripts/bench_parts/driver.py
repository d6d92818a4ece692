"""The load's own process: plain HTTP on non-blocking sockets, one request at a time a connection.

    python -m bench_parts.driver SPECIFICATION.json

It does as little as it can, since it shares the machine with what it measures: bodies are read
before the start, replies are only searched for their statuses. It says "started" on its standard
output, and at the end one line of JSON: {"requests": [[kind, sent, answered, applied, not], …],
"exhausted": bool}; times are the machine's monotonic seconds.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench_parts.presigned import read_requests

RECEIVE_BYTES = 256 * 1024


@dataclass(slots=True)
class Connection:
    """One connection to one node, and its request under way."""

    host: str
    port: int
    wait: str
    socket: socket.socket
    sending: memoryview = field(default_factory=lambda: memoryview(b""))
    received: bytearray = field(default_factory=bytearray)
    sent_at: float = 0.0
    transactions: int = 0
    ending: bool = False  # the server closes it after the last reply

    def begin(self, body: bytes, transactions: int) -> None:
        head = (
            f"POST /v1/transactions?wait={self.wait}&timeout_seconds=60 HTTP/1.1\r\n"
            f"Host: {self.host}:{self.port}\r\nContent-Type: application/cbor\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        if self.ending:  # a server ends a connection after so many requests, and says so before
            blocking = self.socket.gettimeout()
            self.socket.close()
            self.socket = opened(self.host, self.port)
            self.socket.settimeout(blocking)
            self.ending = False
        self.sending = memoryview(head.encode() + body)
        self.received.clear()
        self.transactions = transactions
        self.sent_at = time.monotonic()

    def reply(self) -> tuple[int, bytes] | None:
        """Return status and body once the whole reply is there."""
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self.received[:end]).lower()
        at = head.find(b"content-length:")
        if at < 0:
            raise RuntimeError(f"a reply without a length: {head!r}")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self.received) < end + 4 + length:
            return None
        self.ending = b"\r\nconnection: close" in head
        return int(head.split(b" ", 2)[1]), bytes(self.received[end + 4 :])


def connect(host: str, port: int, wait: str) -> Connection:
    """Open a connection. Raises OSError."""
    return Connection(host, port, wait, opened(host, port))


def opened(host: str, port: int) -> socket.socket:
    """Return a socket to a node that sends at once. Raises OSError."""
    made = socket.create_connection((host, port), timeout=10)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def ask(connection: Connection, body: bytes, transactions: int) -> tuple[float, int]:
    """Send one request and wait for its reply; return seconds and how many were applied."""
    connection.begin(body, transactions)
    connection.socket.settimeout(60)
    connection.socket.sendall(connection.sending)
    while (reply := connection.reply()) is None:
        data = connection.socket.recv(RECEIVE_BYTES)
        if not data:
            raise ConnectionError("the node closed the connection")
        connection.received += data
    return time.monotonic() - connection.sent_at, applied_in(reply[1])


def applied_in(body: bytes) -> int:
    """Count the transactions of a reply that are on the ledger and were applied."""
    return body.count(b'"outcome":"applied"')


class Driver:
    """Keeps every connection busy until the time is over or the load is used up."""

    def __init__(self, connections: list[Connection], bodies: Iterator[tuple[bytes, int]]) -> None:
        self._bodies = bodies
        self._selector = selectors.DefaultSelector()
        self._busy = 0
        self.exhausted = False
        self.requests: list[tuple[str, float, float, int, int]] = []
        for connection in connections:
            connection.socket.setblocking(False)
        self._connections = connections

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for connection in self._connections:
            self._next(connection, end)
        while self._busy:
            for key, ready in self._selector.select(timeout=60):
                connection = key.data
                if ready & selectors.EVENT_WRITE:
                    self._send(connection)
                if ready & selectors.EVENT_READ and self._receive(connection):
                    self._selector.unregister(connection.socket)
                    self._busy -= 1
                    self._next(connection, end)

    def _next(self, connection: Connection, end: float) -> None:
        if time.monotonic() >= end:
            return
        found = next(self._bodies, None)
        if found is None:
            self.exhausted = True
            return
        connection.begin(*found)
        self._busy += 1
        events = selectors.EVENT_READ | selectors.EVENT_WRITE
        self._selector.register(connection.socket, events, connection)
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        try:
            sent = connection.socket.send(connection.sending)
        except BlockingIOError:
            return
        connection.sending = connection.sending[sent:]
        if not connection.sending:
            self._selector.modify(connection.socket, selectors.EVENT_READ, connection)

    def _receive(self, connection: Connection) -> bool:
        data = connection.socket.recv(RECEIVE_BYTES)
        if not data:
            raise ConnectionError("the node closed the connection")
        connection.received += data
        reply = connection.reply()
        if reply is None:
            return False
        applied = applied_in(reply[1])
        missed = connection.transactions - applied
        now = time.monotonic()
        self.requests.append((connection.wait, connection.sent_at, now, applied, missed))
        return True


def main() -> None:
    specification: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    bodies = list(read_requests(Path(specification["load"])))
    first = specification["first"]
    turns = iter(bodies[first : first + specification["requests_max"]])
    connections = [connect(*item) for item in specification["connections"]]
    driver = Driver(connections, turns)
    print("started", flush=True)
    driver.run(specification["seconds"])
    print(json.dumps({"requests": driver.requests, "exhausted": driver.exhausted}))


if __name__ == "__main__":
    main()
