"""Simulated connections: two streams of bytes, each byte late, none lost while both ends live.

They behave as TCP does, as far as a node can see it:
- Bytes arrive in order; at most so many are under way, then the sender waits.
- What a cut holds back arrives after it; an end that closes is seen after what it had sent.
- Who sends to an end that has closed learns it when that end's close has arrived.
- A machine that loses power says nothing: its peers' bytes vanish until it is up again, and then
  the first of them is answered with a reset.

Left out: bytes that one direction cannot acknowledge because the other is cut do not hold it up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import trio

from govchaind.base.types import Seconds
from netsim.gear2.drawing import Way
from netsim.gear2.path import Path

NEVER = float("inf")
Sent = Callable[[bytes], bytes]


class Pipe:
    """One direction of one connection: what is under way, and until when."""

    __slots__ = ("_last", "_way", "flight", "flight_bytes", "path", "reader", "vanishes")

    def __init__(self, path: Path, way: Way | None = None) -> None:
        """`way` is told what a picture shows of it."""
        self.path = path
        self._way = way
        self.flight: deque[tuple[Seconds, bytes]] = deque()  # b"" is the sender's close
        self.flight_bytes = 0
        self.vanishes = False  # the reader's machine has no power
        self.reader: SimStream | None = None
        self._last: Seconds = 0.0
        path.under_way[self] = None

    def given(self, data: bytes) -> None:
        """Take note of what is given to be sent, if a picture is made."""
        if self._way is not None:
            now = trio.current_time()
            self._way.leaves(now, data, open_=self.path.open, vanishes=self.vanishes)

    def launch(self, data: bytes) -> None:
        """Send bytes on their way, or the close."""
        self.flight_bytes += len(data)
        if self.vanishes:
            return
        arrival = self._arrival()
        self.flight.append((arrival, data))
        if self.reader is not None:
            if len(self.flight) == 1:
                self.reader.look_at(arrival)
            if not data:
                self.reader.close_arrives(arrival)

    def _arrival(self) -> Seconds:
        if not self.path.open:
            return NEVER
        self._last = max(self._last, trio.current_time() + self.path.delay())
        return self._last

    def opened(self) -> None:
        """What the cut held back leaves now."""
        if self.vanishes or not self.flight or self.flight[-1][0] != NEVER:
            return
        self.flight = deque(
            (self._arrival() if at == NEVER else at, data) for at, data in self.flight
        )
        if self.reader is not None:
            self.reader.look_at(self.flight[0][0])
            if not self.flight[-1][1]:
                self.reader.close_arrives(self.flight[-1][0])

    def end(self) -> None:
        """Forget it: nobody reads any more."""
        self.path.under_way.pop(self, None)
        if self._way is not None:
            self._way.ends()

    def take(self, bytes_max: int, now: Seconds) -> bytes:
        """Return what has arrived, joined; the close stays."""
        parts: list[bytes] = []
        size = 0
        flight = self.flight
        while flight and flight[0][0] <= now and size < bytes_max:
            at, data = flight[0]
            if not data:
                break
            flight.popleft()
            if size + len(data) > bytes_max:
                kept = bytes_max - size
                flight.appendleft((at, data[kept:]))
                data = data[:kept]
            parts.append(data)
            size += len(data)
        self.flight_bytes -= size
        if self._way is not None:
            self._way.taken(now, size)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class SimStream(trio.abc.Stream):
    """One end of a connection."""

    def __init__(self, incoming: Pipe, outgoing: Pipe, *, window_bytes: int, sent: Sent) -> None:
        """`sent` is told of what is given to `send_all`, and returns what leaves."""
        self._incoming = incoming
        self._outgoing = outgoing
        self._window_bytes = window_bytes
        self._sent = sent
        self._closed = False
        self._broken = False
        self._receiving: trio.CancelScope | None = None
        self._sending: trio.CancelScope | None = None
        self._peer: SimStream | None = None
        incoming.reader = self

    @property
    def closed(self) -> bool:
        return self._closed

    def join(self, peer: SimStream) -> None:
        """Make these two the ends of one connection."""
        self._peer, peer._peer = peer, self

    def look_at(self, when: Seconds) -> None:
        """Something arrives at `when`: whoever waits for it looks then."""
        if self._receiving is not None:
            self._receiving.deadline = when

    def close_arrives(self, when: Seconds) -> None:
        """The other end's close arrives at `when`: whoever waits for room looks then."""
        if self._sending is not None:
            self._sending.deadline = when

    def _wake(self) -> None:
        for scope in (self._receiving, self._sending):
            if scope is not None:
                scope.cancel()

    # --- receiving -------------------------------------------------------------------------------

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._receiving is not None:
            raise trio.BusyResourceError("another task is receiving")
        incoming = self._incoming
        await trio.lowlevel.checkpoint_if_cancelled()
        waited = False
        while True:
            self._check()
            arrival = incoming.flight[0][0] if incoming.flight else NEVER
            now = trio.current_time()
            if arrival <= now:
                data = incoming.take(max_bytes or 65536, now)
                peer = self._peer
                if data and peer is not None and peer._sending is not None:
                    peer._sending.cancel()
                if not waited:
                    await trio.lowlevel.cancel_shielded_checkpoint()
                return data
            waited = True
            with trio.CancelScope(deadline=arrival) as self._receiving:
                try:
                    await trio.sleep_forever()
                finally:
                    self._receiving = None

    def _check(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this end is closed")
        if self._broken:
            raise trio.BrokenResourceError("the connection was reset")

    # --- sending ---------------------------------------------------------------------------------

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._sending is not None:
            raise trio.BusyResourceError("another task is sending")
        await trio.lowlevel.checkpoint_if_cancelled()
        rest = bytes(data)
        self._check()
        rest = self._sent(rest)
        outgoing = self._outgoing
        outgoing.given(rest)
        while True:
            self._check_read()
            room = self._window_bytes - outgoing.flight_bytes
            if room > 0 and rest:
                outgoing.launch(rest if len(rest) <= room else rest[:room])
                rest = rest[room:]
            if not rest:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return
            with trio.CancelScope(deadline=self._closed_at()) as self._sending:
                try:
                    await trio.sleep_forever()
                finally:
                    self._sending = None

    def _closed_at(self) -> Seconds:
        flight = self._incoming.flight
        return flight[-1][0] if flight and not flight[-1][1] else NEVER

    def _check_read(self) -> None:
        self._check()
        if self._closed_at() <= trio.current_time():
            raise trio.BrokenResourceError("the other end has closed the connection")

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    # --- ending ----------------------------------------------------------------------------------

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Close this end; the other learns it after what was sent."""
        if self._closed:
            return
        self._closed = True
        if not self._broken:
            self._outgoing.launch(b"")
        self._incoming.end()
        self._wake()

    def reset(self) -> None:
        """The connection is gone, at both ends, at once."""
        for end in (self, self._peer):
            if end is not None and not end._broken:
                end._broken = True
                end._incoming.end()
                end._wake()

    def lose_power(self) -> None:
        """This end's machine is gone: it says nothing, and what is sent to it vanishes."""
        self._closed = True
        self._incoming.vanishes = True
        self._incoming.flight.clear()
        self._incoming.end()
        self._wake()

    def power_is_back(self) -> None:
        """The machine is up again and knows nothing of this connection."""
        if self._peer is not None and not self._peer._closed:
            self._peer._resets_when_sending()

    def _resets_when_sending(self) -> None:
        if self._outgoing.flight_bytes:  # TCP sends it again, and is answered with a reset
            self.reset()
        else:
            self._outgoing.vanishes = False
            self._outgoing.reader = None
            self._sent = self._reset_on_send

    def _reset_on_send(self, data: bytes) -> bytes:
        self.reset()
        return data
