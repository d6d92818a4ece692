"""Tells the process's supervisor (systemd, or what speaks like it) how the node is.

One datagram a message to the socket that $NOTIFY_SOCKET names, as sd_notify(3) has it: READY,
STATUS, WATCHDOG, RELOADING, STOPPING. The environment is the supervisor's own way to say where it
listens; it is no place for settings of the node (`config.py`).

Rules kept here:
- Without a supervisor every call does nothing. One that does not listen costs messages only.
- A message that must arrive (`say`) waits a little for room; one that will be said again
  (`mention`) does not.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import trio

from govchaind.base.errors import InvalidSetting
from govchaind.base.types import Seconds

SAY_SECONDS_MAX = 5.0  # how long a message that must arrive waits for room
RETRY_SECONDS = 0.05
STATUS_CHARACTERS_MAX = 400
_MICROSECONDS = 1_000_000


class Supervisor:
    """Who started this process and wants to hear of it; or nobody.

    Attributes:
        watchdog_seconds: it ends a process that is silent for so long; None: it does not.
    """

    def __init__(self, address: str | None = None, watchdog_seconds: Seconds | None = None) -> None:
        """`address` is a path, or a name of the abstract kind after "@"; None: nobody listens."""
        self.watchdog_seconds = watchdog_seconds if address is not None else None
        self._address = address and (f"\0{address[1:]}" if address[0] == "@" else address)
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = None if address is None else socket.socket(socket.AF_UNIX, kind)

    def close(self) -> None:
        """Close the socket; nothing is said any more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def mention(self, *lines: str) -> bool:
        """Send a message if there is room for it; say whether nobody waits for it any more."""
        if self._socket is None or self._address is None:
            return True
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except BlockingIOError:
            return False
        except OSError:  # it has gone; a new one will not expect what this one did
            return True
        return True

    async def say(self, *lines: str) -> None:
        """Send a message, waiting a few seconds for room."""
        with trio.move_on_after(SAY_SECONDS_MAX):
            while not self.mention(*lines):  # noqa: ASYNC110  # a full socket tells no event of room
                await trio.sleep(RETRY_SECONDS)

    async def feed(self, progress: Callable[[], Awaitable[None]]) -> None:
        """Feed the watchdog, each time only when `progress` has ended; for ever, if there is one.

        It is fed twice in its time, as sd_watchdog_enabled(3) advises.
        """
        while self.watchdog_seconds is not None:
            await progress()
            self.mention("WATCHDOG=1")
            await trio.sleep(self.watchdog_seconds / 2)

    async def reloading(self) -> None:
        """Say that settings are read anew; `say("READY=1")` ends it."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        await self.say("RELOADING=1", f"MONOTONIC_USEC={now}")


def status_line(text: str) -> str:
    """Return the line of a message that tells people how the node is: one line, bounded."""
    return "STATUS=" + " ".join(text.split())[:STATUS_CHARACTERS_MAX]


def supervisor_of(environment: Mapping[str, str], process: int) -> Supervisor:
    """Return the supervisor that an environment names, for the process of this number.

    Raises:
        InvalidSetting: it names a socket of a kind that is not known here.
    """
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return Supervisor()
    if address[0] not in "/@" or len(address) == 1:
        raise InvalidSetting(
            f"NOTIFY_SOCKET is {address[:60]!r}, neither a path nor an abstract name",
            remedy="Start the node under systemd with Type=notify, or unset NOTIFY_SOCKET.",
        )
    watchdog = None
    if environment.get("WATCHDOG_PID", str(process)) == str(process):
        with suppress(ValueError):
            watchdog = int(environment.get("WATCHDOG_USEC", "0")) / _MICROSECONDS
    return Supervisor(address, watchdog if watchdog is not None and watchdog > 0 else None)
