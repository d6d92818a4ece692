"""A node like `govchaind run`, in a world that a test has altered. No switch of the product's.

    python -m tests.process.altered_node FOLDER [--clock-ahead MILLISECONDS] [--mark] [--no-sync]
                                         [--lie] [--hang-file FILE]

--clock-ahead  the wall clock that the node is given is so far ahead
--mark         writes a line to /dev/null when a log entry is received, and before it is
               acknowledged, so that a trace of system calls shows both beside the syncs
--no-sync      opens LMDB without its syncs: what the trace must find out
--lie          gives wrong chunks of snapshots to nodes that join
--hang-file    once there is such a file, the node's loop hangs, while all else goes on
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lmdb
import trio

from govchaind import daemon, node
from govchaind.base.keyvalue import KeyValueReader
from govchaind.config import Config
from govchaind.identity import Identity
from govchaind.ledger.genesis import Genesis
from govchaind.production import production
from govchaind.raft.messages import AppendEntries, AppendReply
from govchaind.replica.events import Event, Received, Work
from govchaind.replica.replica import Replica
from govchaind.runtime.drive import Drive
from govchaind.runtime.snapshot_layout import Layout
from govchaind.runtime.system import wall_milliseconds
from govchaind.runtime.telemetry import Telemetry, log_to, standard_error

RECEIVED, ACKNOWLEDGED = "entry-received", "entry-acknowledged"


def mark_entries() -> None:
    """Have each step of the replica written down: entries that came, and acknowledgements."""
    sink = os.open(os.devnull, os.O_WRONLY)
    plain = Replica.step

    def step(
        self: Replica, now: float, wall_ms: int, events: Sequence[Event], reader: KeyValueReader
    ) -> Work:
        for event in events:
            if isinstance(event, Received) and isinstance(event.message, AppendEntries):
                for entry in event.message.entries:
                    os.write(sink, f"{RECEIVED} {entry.index}\n".encode())
        work = plain(self, now, wall_ms, events, reader)
        for _, message in work.messages:
            if isinstance(message, AppendReply) and message.success:
                os.write(sink, f"{ACKNOWLEDGED} {message.index}\n".encode())
        return work

    Replica.step = step  # type: ignore[method-assign]  # the test's own copy of the program


def switch_syncs_off() -> None:
    plain = lmdb.open

    def open_without_sync(*arguments: Any, **settings: Any) -> Any:
        return plain(*arguments, **{**settings, "sync": False, "metasync": False})

    vars(lmdb)["open"] = open_without_sync


def lie_in_snapshots() -> None:
    """Flip a bit in each chunk of a snapshot that is given to others."""
    plain = Layout.answer

    async def answer(self: Layout, depth: int, path: bytes) -> tuple[bool, bytes]:
        parting, body = await plain(self, depth, path)
        return parting, body[:-1] + bytes((body[-1] ^ 1,))

    Layout.answer = answer  # type: ignore[method-assign]  # the test's own copy of the program


def hang_after(file: Path) -> None:
    """Have the loop that feeds the replica stand still from the moment that `file` is there."""
    plain, hangs = Drive._turn, file.exists

    async def turn(self: Drive) -> None:
        if hangs():
            await trio.sleep_forever()
        await plain(self)

    Drive._turn = turn  # type: ignore[method-assign]  # the test's own copy of the program


async def _run(config: Config, identity: Identity, genesis: Genesis, ahead: int) -> None:
    sink = log_to(standard_error(), form="json", level="info", node=identity.name)
    telemetry = Telemetry(version="altered", sink=sink)
    async with production(config, identity, telemetry) as environment:
        shifted = replace(environment, wall_milliseconds=lambda: wall_milliseconds() + ahead)
        await node.run_node(config, genesis, identity, shifted, telemetry)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clock-ahead", type=int, default=0)
    parser.add_argument("--mark", action="store_true")
    parser.add_argument("--no-sync", action="store_true")
    parser.add_argument("--lie", action="store_true")
    parser.add_argument("--hang-file", type=Path)
    arguments = parser.parse_args()
    if arguments.mark:
        mark_entries()
    if arguments.no_sync:
        switch_syncs_off()
    if arguments.lie:
        lie_in_snapshots()
    if arguments.hang_file is not None:
        hang_after(arguments.hang_file)
        daemon.run(arguments.folder)
        return
    trio.run(_run, *node.load(arguments.folder), arguments.clock_ahead)


if __name__ == "__main__":
    main()
