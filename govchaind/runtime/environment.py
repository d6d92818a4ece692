"""The seams: what a node takes from its world.

Production's are made in `node.py`, netsim has its own.

`run_node(config, genesis, identity, environment)` is the same call in both. Monotonic time is
Trio's clock in both (netsim runs on an autojumping MockClock), so it is no field here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import trio

from govchaind.base.keyvalue import KeyValueReader, WriteBatch
from govchaind.tracing.collector import Exporter

T = TypeVar("T")
Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Report = Callable[[str, dict[str, Any]], None]


class Snapshot(KeyValueReader, Protocol):
    """A consistent view; closed by its owner, never kept across an await."""

    def close(self) -> None: ...


class Storage(Protocol):
    """A durable sorted map. One writer (drive), many readers."""

    async def write(self, batch: WriteBatch) -> None:
        """Make the batch durable (synced) as one unit.

        Raises StorageFull (nothing was written; trying again later is safe) or StorageFailed.
        """

    def snapshot(self) -> Snapshot:
        """Return a view of everything that is durable now."""

    def used_bytes(self) -> int: ...

    def free_bytes(self) -> int:
        """Return how much more can be written, by map size and by disk."""

    def close(self) -> None: ...


class Network(Protocol):
    """Byte streams, authenticated by TLS key."""

    def trust(self, members: Iterable[bytes]) -> None:
        """Let these TLS keys, and no others, connect and be connected to from now on."""

    def present(self, key: bytes) -> None:
        """Use this one of the node's own TLS keys for connections from now on."""

    async def connect(self, address: str) -> tuple[trio.abc.Stream, bytes]:
        """Return a stream and the peer's TLS public key (32 bytes). Raises PeerError."""

    async def listen(
        self,
        address: str,
        handler: Callable[[trio.abc.Stream, bytes], Awaitable[None]],
        *,
        task_status: trio.TaskStatus[str],
    ) -> None:
        """Serve `handler(stream, peer's TLS key)` until cancelled; started() with the address."""


class Threads(Protocol):
    """Where work that must not hold the loop goes: worker threads, or inline in a simulation."""

    async def run(self, function: Callable[[], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class HttpBounds:
    """What one HTTP listener lets a client take."""

    connections_max: int
    head_seconds_max: float
    write_seconds_max: float
    grace_seconds: float


class ListenHttp(Protocol):
    """Puts an ASGI application behind an HTTP address."""

    async def __call__(
        self,
        app: Asgi,
        *,
        host: str,
        port: int,
        setting: str,
        bounds: HttpBounds,
        report: Report,
        stop: trio.Event,
        task_status: trio.TaskStatus[str] = ...,
    ) -> None:
        """Serve until `stop` and what is under way has ended; started() with the address.

        Raises InvalidSetting, naming `setting`: the address cannot be listened on.
        """


@dataclass(frozen=True, slots=True)
class DeliveryDoors:
    """What carries sealed files: its own connections and threads, so consensus never waits."""

    network: Network
    threads: Threads


@dataclass(frozen=True, slots=True)
class SignerDoor:
    """The way to the process that holds this node's attestation key, and what it said for good."""

    connect: Callable[[], Awaitable[trio.abc.Stream]]  # raises PeerError
    greetings_read: Callable[[], bytes | None]
    greetings_write: Callable[[bytes], Awaitable[None]]  # raises StorageFailed


@dataclass(frozen=True, slots=True)
class SnapshotDoors:
    """What a node needs to join by snapshot, and to serve others.

    Attributes:
        begun: says whether a second store is there.
        open: opens the second store, which is made if there is none.
        discard: removes it.
        scratch: a folder for what is laid out for others.
    """

    begun: Callable[[], bool]
    open: Callable[[], Storage]
    discard: Callable[[], None]
    scratch: Path
    threads: Threads


@dataclass(frozen=True, slots=True)
class TraceDoor:
    """The way of spans to their collector, and the clock by which they are told."""

    exporter: Exporter
    wall_nanoseconds: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Environment:
    """One node's world."""

    storage: Storage
    network: Network
    threads: Threads
    wall_milliseconds: Callable[[], int]
    entropy: Callable[[int], bytes]  # n secret random bytes
    guard_read: Callable[[], bytes | None]
    guard_write: Callable[[bytes], Awaitable[None]]
    listen_http: ListenHttp
    delivery: DeliveryDoors | None = None  # None: this node carries no sealed files
    signers: Mapping[bytes, SignerDoor] = field(default_factory=dict)  # by the key that each holds
    snapshots: SnapshotDoors | None = None  # None: it neither joins by snapshot nor serves
    traces: TraceDoor | None = None  # None: it traces nothing
