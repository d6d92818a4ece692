"""A trace of a follower's system calls: no entry is acknowledged before a sync of it completed.

SIGKILL keeps the page cache, so it proves nothing about sync; this does. The follower is traced
with strace. Its frames are encrypted, so it marks in the trace, by writes to /dev/null, where an
entry was received and where its acknowledgement is about to leave (`altered_node.py`). Between
the two, for each entry, LMDB's data must have been synced (fdatasync) and then its new root
written through (to a descriptor opened with O_DSYNC).
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.process.altered_node import ACKNOWLEDGED, RECEIVED
from tests.process.conftest import MakeNetwork
from tests.process.network import Network

CALLS = "openat,write,pwrite64,fdatasync,fsync,msync"
SYNCS = ("fdatasync", "fsync", "msync")
ENTRIES = 10
_LINE = re.compile(r"^(?P<thread>\d+) +(?P<rest>.*)$")
_CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)$")
_RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)$")


@dataclass(slots=True)
class Trace:
    """What a trace shows, in the order in which calls completed."""

    received: dict[int, int] = field(default_factory=dict)  # entry → place of its first receipt
    told: list[tuple[int, int]] = field(default_factory=list)  # (up to which entry, place)
    data_syncs: list[int] = field(default_factory=list)
    root_writes: list[int] = field(default_factory=list)

    def acknowledged(self) -> dict[int, int]:
        """Return for each received entry the place of the first acknowledgement that covers it."""
        found = {}
        for entry, came in self.received.items():
            covering = [place for upto, place in self.told if upto >= entry and place > came]
            if covering:
                found[entry] = covering[0]
        return found

    def not_synced(self) -> list[int]:
        """Return the entries acknowledged before data and root were durable."""
        return [
            entry
            for entry, told in sorted(self.acknowledged().items())
            if not any(
                self.received[entry] < synced < root < told
                for synced in self.data_syncs
                for root in self.root_writes
            )
        ]


def read_trace(text: str) -> Trace:
    """Read strace's output (-f -y); a call counts when it completes, not when it begins."""
    trace = Trace()
    begun: dict[tuple[str, str], str] = {}
    written_through: set[str] = set()
    for place, line in enumerate(text.splitlines()):
        split = _LINE.match(line)
        if split is None:
            continue
        thread, rest = split["thread"], split["rest"]
        if (resumed := _RESUMED.match(rest)) is not None:
            name = resumed["name"]
            arguments = begun.pop((thread, name), "") + resumed["arguments"]
        elif (call := _CALL.match(rest)) is not None:
            name, arguments = call["name"], call["arguments"]
            if arguments.endswith("<unfinished ...>"):
                begun[thread, name] = arguments.removesuffix("<unfinished ...>")
                continue
        else:
            continue
        if " = -1 " in arguments:
            continue
        _note(trace, written_through, place, name, arguments)
    return trace


def _note(trace: Trace, written_through: set[str], place: int, name: str, arguments: str) -> None:
    of_store = "/data.mdb" in arguments
    if name == "openat" and of_store and "SYNC" in arguments:
        written_through.add(arguments.rpartition(" = ")[2].partition("<")[0])
    elif name == "pwrite64" and of_store and arguments.partition("<")[0] in written_through:
        trace.root_writes.append(place)
    elif name in SYNCS and of_store:
        trace.data_syncs.append(place)
    elif name == "write":
        if (found := re.search(rf'"{RECEIVED} (\d+)', arguments)) is not None:
            trace.received.setdefault(int(found[1]), place)
        elif (found := re.search(rf'"{ACKNOWLEDGED} (\d+)', arguments)) is not None:
            trace.told.append((int(found[1]), place))


def traced(network: Network, *alterations: str) -> Trace:
    """Run a network with one follower traced; return what it did for some entries."""
    follower, *others = network.names
    output = network.directory / "trace.txt"
    network.start(*others)
    network.wait_ready(*others)
    command = [sys.executable, "-m", "tests.process.altered_node", str(network.folder(follower))]
    network.start_as(
        follower,
        [
            *("strace", "-f", "-y", "-qq", "-s", "64", "-e", f"trace={CALLS}", "-o", str(output)),
            *(*command, "--mark", *alterations),
        ],
    )
    network.wait_ready(follower)
    leader = network.leader()
    assert leader != follower
    network.create_register(leader)
    for i in range(ENTRIES):
        network.submit(leader, network.put(f"traced-{i}"))
    network.wait_level()
    network.kill(follower)
    return read_trace(Path(output).read_text())


def test_no_entry_is_acknowledged_before_its_sync(make_network: MakeNetwork) -> None:
    trace = traced(make_network())
    assert len(trace.acknowledged()) >= ENTRIES
    assert trace.not_synced() == []


def test_the_trace_finds_out_a_store_without_sync(make_network: MakeNetwork) -> None:
    trace = traced(make_network(), "--no-sync")
    assert len(trace.acknowledged()) >= ENTRIES
    assert trace.not_synced() == sorted(trace.acknowledged())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["sync", "root", "ack"], []),
        (["root", "sync", "ack"], [5]),
        (["ack", "sync", "root"], [5]),
        (["root", "ack"], [5]),
        (["sync-begins", "root", "ack"], [5]),
    ],
)
def test_the_order_of_calls_is_what_counts(lines: list[str], expected: list[int]) -> None:
    calls = {
        "sync": "12 fdatasync(7</s/data.mdb>) = 0",
        "sync-begins": "12 fdatasync(7</s/data.mdb> <unfinished ...>",
        "root": '13 pwrite64(8</s/data.mdb>, "x", 4096, 0) = 4096',
        "ack": f'11 write(9</dev/null>, "{ACKNOWLEDGED} 5\\n", 9) = 9',
    }
    text = [
        '12 openat(AT_FDCWD</>, "/s/data.mdb", O_RDWR|O_DSYNC|O_CLOEXEC) = 8</s/data.mdb>',
        f'11 write(9</dev/null>, "{RECEIVED} 5\\n", 9) = 9',
        *[calls[line] for line in lines],
    ]
    assert read_trace("\n".join(text)).not_synced() == expected
