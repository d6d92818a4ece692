"""One HTTP connection: Hypercorn's protocol, made cheaper where every request pays.

Rules it keeps:
- It ends when its client has closed it, or has been idle for too long, or is idle when the node
  stops. One task watches all of that: Hypercorn's own starts one for each request.
- A reply's head leaves with the body that follows it at once; a stream's head, which has no
  length, leaves alone, since its first words may be long in coming.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.typing import Event as Flag

_HEAD = b"HTTP/1.1 "
_LENGTH = b"content-length: "


class IdleWatch:
    """Takes the place of Hypercorn's `TrioSingleTask` with the same methods."""

    def __init__(self, seconds_max: float, terminated: Flag) -> None:
        self._seconds_max = seconds_max
        self._terminated = terminated
        self._scope: trio.CancelScope | None = None
        self._deadline = math.inf  # of the present idle time
        self._ended = False

    async def restart(self, task_group: Any, action: Callable[[], Awaitable[None]]) -> None:
        """The connection is idle from now on."""
        self._deadline = trio.current_time() + self._seconds_max
        if self._scope is None:
            self._scope = trio.CancelScope()
            task_group.spawn(self._watch, action)
        elif self._terminated.is_set():
            self._scope.cancel()
        else:
            self._scope.deadline = self._deadline

    async def stop(self) -> None:
        """The connection is busy."""
        self._deadline = math.inf
        if self._scope is not None:
            self._scope.deadline = math.inf

    def end(self) -> None:
        """The connection is over."""
        self._ended = True
        if self._scope is not None:
            self._scope.cancel()

    async def _watch(self, action: Callable[[], Awaitable[None]]) -> None:
        while not self._ended:
            if self._is_over():
                await action()
                return
            # Also where a request came in the very moment in which the time was over.
            self._scope = trio.CancelScope(deadline=self._deadline)
            with self._scope:
                await self._terminated.wait()
                if not self._is_over():
                    await trio.sleep_forever()  # until it is idle, or ends

    def _is_over(self) -> bool:
        """Say whether an idle connection is to be closed."""
        if self._deadline == math.inf:
            return False
        return self._terminated.is_set() or trio.current_time() >= self._deadline


class Connection(TCPServer):
    """One connection."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.idle_task: Any = IdleWatch(self.config.keep_alive_timeout, self.context.terminated)
        self._head = b""  # of a reply, until its body comes

    async def _read_data(self) -> None:
        await super()._read_data()
        self.idle_task.end()

    async def _idle_timeout(self) -> None:
        with trio.CancelScope(shield=True):
            await self._initiate_server_close()

    async def protocol_send(self, event: Event) -> None:
        """Send what the protocol has made."""
        if isinstance(event, RawData):
            if not self._head and event.data.startswith(_HEAD) and _LENGTH in event.data:
                self._head = event.data
                return
            data, self._head = self._head + event.data, b""
            if data:  # a body's end has no bytes of its own
                await self._send(data)
            return
        if self._head and not isinstance(event, Updated):
            data, self._head = self._head, b""
            await self._send(data)
        await super().protocol_send(event)

    async def _send(self, data: bytes) -> None:
        try:
            self.send_lock.acquire_nowait()  # waiting for what is free costs a turn of the loop
        except trio.WouldBlock:
            await self.send_lock.acquire()
        try:
            with trio.CancelScope(shield=True):  # half a frame would spoil the connection
                await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await self.protocol.handle(Closed())
        finally:
            self.send_lock.release()
