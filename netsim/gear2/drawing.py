"""What a picture of gear 2 is told: messages read from the bytes of the streams, and what lasts.

A picture is drawn from the record that gear 1 fills too. Rules kept here:
- A message leaves when its frame is given to a stream, and arrives when its last byte is taken.
- What a connection has not handed over when it ends is lost; what a cut holds back is held.
- Nothing here draws at random, waits, or changes a byte: a run that is drawn is the same run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import trio

from govchaind.base.errors import Invalid
from govchaind.base.keyspace import Table
from govchaind.base.types import NodeId, Seconds
from govchaind.runtime import codec
from netsim.gear2.path import Path
from netsim.picture.record import Message, Record
from netsim.trace import described

if TYPE_CHECKING:
    from netsim.gear2.disk import Disk


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes that are no message: a liar's, or a stranger's."""

    raw: bytes


def messages(data: bytes) -> Iterator[tuple[int, Any, str]]:
    """Yield what whole frames say: where each ends, the message, and it in one line."""
    at = 0
    while at < len(data):
        body = at + codec.LENGTH_BYTES
        end = body + int.from_bytes(data[at:body], "big")
        whole = data[body:end] if body < end <= len(data) else b""
        at = end if whole else len(data)
        message = _read(whole)
        yield at, message, _told(message)


def _read(body: bytes) -> Any:
    try:
        return codec.read(codec.split(body), lambda _: None)
    except Invalid:
        return Unreadable(body)


def _told(message: Any) -> str:
    if isinstance(message, codec.Hello):
        return f"Hello {message.node} store {message.store[:3].hex()}"
    if isinstance(message, codec.Refusal):
        return f"Refusal {message.code}"
    if isinstance(message, codec.Ping):
        return "Ping"
    if isinstance(message, Unreadable):
        return f"no message: {len(message.raw)} bytes"
    return described(message)


class Way:
    """One direction of one connection: which messages are under way."""

    __slots__ = ("_ended", "_given", "_record", "_sender", "_taken", "_to", "_under_way")

    def __init__(self, record: Record, sender: NodeId, to: NodeId) -> None:
        self._record = record
        self._sender = sender
        self._to = to
        self._given = 0  # bytes, since it began
        self._taken = 0
        self._ended = False
        self._under_way: deque[tuple[int, Message]] = deque()  # where it ends, the message

    def leaves(self, now: Seconds, data: bytes, *, open_: bool, vanishes: bool) -> None:
        """Take what is given to the stream, whole frames."""
        fate = "lost" if self._ended else "cut" if vanishes else "sent" if open_ else "held"
        for end, message, text in messages(data):
            told = self._record.sent(now, self._sender, self._to, message, text, fate)
            if fate in ("sent", "held"):
                self._under_way.append((self._given + end, told))
        self._given += len(data)

    def taken(self, now: Seconds, count: int) -> None:
        """Take that the other end has read so many bytes more."""
        self._taken += count
        while self._under_way and self._under_way[0][0] <= self._taken:
            _, message = self._under_way.popleft()
            if not self._record.over:
                message.arrivals.append((now, True))

    def ends(self) -> None:
        """Take that nobody reads any more."""
        if self._record.over:
            return  # the run ends: what is under way stays so
        self._ended = True
        while self._under_way:
            self._under_way.popleft()[1].fate = "lost"


class Drawing:
    """What the world tells one record."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def way(self, sender: NodeId, to: NodeId) -> Way:
        """Return what is told of one direction of a new connection."""
        return Way(self._record, sender, to)

    def cuts(self, paths: Iterable[Path]) -> None:
        """Take all ways between machines, of which some have been cut or mended."""
        known = list(paths)
        names = sorted({path.source for path in known} | {path.target for path in known})
        closed = [(path.source, path.target) for path in known if not path.open]
        self._record.cuts(trio.current_time(), names, closed)

    def state(self, name: NodeId, state: str) -> None:
        """Take whether a process is down, or (empty) runs."""
        self._record.state(trio.current_time(), name, state)

    def role(self, name: NodeId, role: str, term: int) -> None:
        """Take what a node says that it is."""
        self._record.role(trio.current_time(), name, role, term)

    def reached(self, name: NodeId, disk: Disk) -> None:
        """Take how far a disk holds results and certificates."""
        certified = disk.newest(Table.CERTIFICATE)
        self._record.reached(trio.current_time(), name, disk.applied, certified)
