"""What the systemd unit forbids, a node does not do: calls of the kernel, rights of memory."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.packaging.test_unit import values
from tests.process.conftest import MakeNetwork
from tests.process.network import run_command

# PR_SET_MDWE, inherited by what it becomes: as MemoryDenyWriteExecute=yes.
_NO_NEW_CODE = """
import ctypes, os, sys
assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0, "this kernel has no PR_SET_MDWE"
os.execv(sys.argv[1], sys.argv[1:])
"""


@cache
def calls_of(group: str) -> frozenset[str]:
    """Return the system calls of a group of systemd's, with those of groups in it."""
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", group],
        check=True,
        capture_output=True,
        text=True,
    )
    found: set[str] = set()
    for line in listed.stdout.splitlines()[1:]:
        name = line.strip()
        if name.startswith("@"):
            found |= calls_of(name)
        elif name and not name.startswith("#"):
            found.add(name)
    return frozenset(found)


def allowed() -> set[str]:
    """Return the system calls that the unit allows."""
    kept: set[str] = set()
    for value in values("SystemCallFilter"):
        groups = value.removeprefix("~").split()
        named = {call for group in groups for call in calls_of(group)}
        kept = kept - named if value.startswith("~") else kept | named
    return kept


def made(summary: Path) -> set[str]:
    """Return the system calls in strace's summary."""
    rows = re.findall(r"^ +[0-9.]+ +[0-9.]+ .* (\w+)$", summary.read_text(), re.MULTILINE)
    return set(rows) - {"total"}


def test_a_node_needs_no_call_and_no_memory_that_the_unit_forbids(
    make_network: MakeNetwork, tmp_path: Path
) -> None:
    network = make_network()
    name, *others = network.names
    summary = tmp_path / "calls"
    tracer = ["strace", "-D", "-f", "-c", "-qq", "-o", str(summary)]
    command = [sys.executable, "-c", _NO_NEW_CODE, *run_command(network.folder(name))]
    network.start_as(name, [*tracer, *command])
    network.start(*others)
    network.wait_ready(*network.names)
    network.create_register(network.leader())
    network.submit(name, *[network.put(f"one-{i}") for i in range(5)], wait="certified")
    network.json(name, "/v1/status")
    assert network.stop(name) == 0
    network.wait_for(lambda: summary.exists() and made(summary), "strace sums nothing up")
    calls = made(summary)
    assert {"sendto", "fdatasync", "futex"} <= calls
    assert sorted(calls - allowed() - {"execve"}) == []  # the start itself is systemd's


def test_what_is_forbidden_is_known() -> None:
    assert {"mount", "setuid", "sched_setaffinity", "ptrace"} & allowed() == set()
    assert {"read", "futex", "epoll_wait"} <= allowed()
