"""One process of a network under test: it is told to end, or killed, and waited for."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess


class Daemon:
    """One process, a child of this one or of the fork server."""

    def __init__(self, pid: int, child: subprocess.Popen[bytes] | None) -> None:
        self.pid = pid
        self._child = child
        self._descriptor = os.pidfd_open(pid) if child is None else -1

    def ended(self) -> bool:
        if self._child is not None:
            return self._child.poll() is not None
        return self._wait_descriptor(0)

    def _wait_descriptor(self, seconds: float) -> bool:
        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def send(self, number: int) -> None:
        """Send a signal, unless the process has ended already."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, also to what it started: a tracer's node would live on without its tracer."""
        if self._child is None:
            self.send(signal.SIGKILL)
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # a session, and so a group, of its own

    def wait(self, seconds: float) -> int | None:
        """Wait for the end; return the exit code (None: not known, of the fork server's)."""
        if self._child is not None:
            return self._child.wait(seconds)
        if not self._wait_descriptor(seconds):
            raise TimeoutError(f"process {self.pid} did not end within {seconds} s")
        return None
