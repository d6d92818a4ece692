"""Starts many nodes quickly: a process that has imported the daemon once and forks for each.

    python -m tests.process.fork_server

Reads lines "FOLDER LOG" on standard input, answers each with the new process's id. What it forks
does the same as `govchaind run FOLDER`, without the second that Python takes to import it; so a
hundred starts take minutes less. It ends, and nothing else does, when its input ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from govchaind.cli.main import main as command
from govchaind.daemon import run  # imported here so that children need not
from tests.process.daemon import Daemon
from tests.process.network import ROOT, Network

ENDED_WITH = "ended with exit code"


class ForkServer:
    """The server, seen by a test; use it as a context around a network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.process.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __enter__(self) -> ForkServer:
        self._network.spawn = self._spawn
        return self

    def __exit__(self, *_: object) -> None:
        self._network.kill(*self._network.daemons)
        self._process.communicate()

    def _spawn(self, name: str, log: Path) -> Daemon:
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None
        assert told is not None
        asked.write(f"{self._network.folder(name)} {log}\n")
        asked.flush()
        return Daemon(int(told.readline()), None)


def _serve() -> None:
    assert callable(run)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children that end leave nothing behind
    while line := sys.stdin.readline():
        folder, log = line.split()
        child = os.fork()
        if child == 0:
            _become(folder, log)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def _become(folder: str, log: str) -> None:
    """Be the node of `folder`; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for target, source in ((0, nothing), (1, written), (2, written)):
        os.dup2(source, target)
    code = command(["run", folder])
    os.write(2, f"{ENDED_WITH} {code}\n".encode())  # nobody here waits for the code itself
    os._exit(code)


if __name__ == "__main__":
    _serve()
