"""What is told is durable, and what a crash leaves: I-9, I-26, and the order of writes."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from govchaind.base.keyspace import Table
from govchaind.base.types import NodeId
from govchaind.raft.messages import (
    AppendEntries,
    AppendReply,
    Heartbeat,
    HeartbeatReply,
    RequestVote,
    Vote,
)
from govchaind.replica.messages import Attest, PeerMessage
from netsim.ghost import Mirror
from netsim.node import Node
from netsim.properties.base import Property, Step, Written

_SPEAKING = (AppendEntries, Heartbeat, HeartbeatReply)  # in a term, beside votes and answers
LOOK_BACK = 8  # entries below the acknowledged one that are compared with the disk at each answer


class AckImpliesDurable(Property):
    id = "I-9"
    text = (
        "ack implies durable: when AppendEntries says match=i or a vote is granted, the durable "
        "disk image holds it"
    )
    looks_at: ClassVar[tuple[type, ...]] = (AppendReply, Vote, RequestVote, *_SPEAKING)

    def leaving(self, node: Node, to: NodeId, message: PeerMessage) -> None:
        mirror = self.ghost.mirrors[node.name]
        if isinstance(message, AppendReply):
            if message.success:
                self._holds(node, mirror, message.index)
        elif isinstance(message, Vote):
            if message.pre:
                return
            if message.granted and (mirror.durable_term, mirror.durable_vote) != (message.term, to):
                self._not_durable(node, mirror, f"votes for {to} in term {message.term}")
        elif isinstance(message, RequestVote):
            own = (message.term, node.name)
            if not message.pre and (mirror.durable_term, mirror.durable_vote) != own:
                self._not_durable(node, mirror, f"campaigns in term {message.term}")
            return
        elif not isinstance(message, _SPEAKING):
            return
        if message.term > mirror.durable_term:
            self._not_durable(node, mirror, f"speaks in term {message.term}")

    def _holds(self, node: Node, mirror: Mirror, index: int) -> None:
        ghost, disk = self.ghost, node.disk
        if index > len(mirror.entries):
            self.fail(
                node.name, f"acknowledges {index} where its log ends at {len(mirror.entries)}"
            )
        for at in range(max(1, index - LOOK_BACK), index + 1):
            if not ghost.holds(disk, at, mirror.term_at(at)):
                self.fail(
                    node.name,
                    f"acknowledges entries up to {index}, and its disk does not hold {at} "
                    f"of term {mirror.term_at(at)}",
                )

    def _not_durable(self, node: Node, mirror: Mirror, what: str) -> None:
        self.fail(
            node.name,
            f"{what}, and its disk holds term {mirror.durable_term}, vote {mirror.durable_vote}",
        )


class WholeBatches(Property):
    id = "I-26"
    text = (
        "crash at any disk step: the recovered state is exactly some write boundary ≥ everything "
        "acked; a batch is all or nothing"
    )

    def writing(self, node: Node, written: Written) -> None:
        if node.disk.in_flight is not None:
            self.fail(node.name, "hands out a write while another is in flight")

    def started(self, node: Node, mirror: Mirror) -> None:
        disk = node.disk
        count = len(disk.batches)
        if count < disk.acked:
            self.fail(node.name, f"{count} batches are durable, {disk.acked} were acknowledged")
        if disk.boundary(count) != disk.image.values:
            self.fail(node.name, f"the disk is not at the boundary after batch {count}")
        self._agrees(node, mirror)

    def _agrees(self, node: Node, mirror: Mirror) -> None:
        """What the rows say must fit together: they were written together."""
        name, image, replica = node.name, node.disk.image, node.replica
        logged = len(mirror.entries)
        heads = Counter(key[0] for key in image.values)
        rows = heads[Table.LOG[0]]
        if rows != logged:
            self.fail(name, f"{rows} log rows, of which {logged} follow one another")
        results = heads[Table.RESULT[0]]
        if results != mirror.applied:
            self.fail(name, f"applied {mirror.applied}, with {results} results")
        if mirror.applied > logged:
            self.fail(name, f"applied {mirror.applied} of {logged} entries")
        first = Table.MEMBERSHIP[0]
        members = {int.from_bytes(key[1:9], "big") for key in image.values if key[0] == first}
        if members != {index for index, _ in mirror.configurations}:
            self.fail(name, f"memberships at {sorted(members)} are not those of the log")
        if replica is not None and replica.raft.last_index != logged:
            self.fail(name, f"starts with {replica.raft.last_index} of {logged} entries")


class DurableAttestation(Property):
    id = "I-24"
    text = "attestation only for committed and durably applied heights"

    def signed(self, node: Node, statement: bytes) -> None:
        height, block_hash = self.ghost.readings.statement(statement)
        committed = self.ghost.committed
        replica = node.replica
        known_here = replica is not None and height <= replica.raft.commit
        if not known_here and height > len(committed):
            self.fail(node.name, f"signs height {height}, committed is {len(committed)}")
        if height <= len(committed) and committed[height - 1].hash != block_hash:
            self.fail(node.name, f"signs another block at height {height} than the committed one")


class RotIsFound(Property):
    id = "I-27"
    text = (
        "rotten or misdirected data is never applied, sent, signed or served; the node stops with "
        "StorageCorrupt"
    )

    def started(self, node: Node, mirror: Mirror) -> None:
        self._look(node)

    def step(self, step: Step) -> None:
        self._look(step.node)

    def _look(self, node: Node) -> None:
        """Look at a node that goes on: it must not have read anything rotten."""
        reader = node.disk.reader
        if reader.served is not None:
            self.fail(node.name, f"takes a rotten row {reader.served[:9]!r} for sound")
        if reader.touched:
            self.fail(node.name, "has read a rotten row and goes on")


class NothingAfterFailure(Property):
    id = "I-28"
    text = "after a failed write or sync the node writes and sends nothing more"

    def leaving(self, node: Node, to: NodeId, message: PeerMessage) -> None:
        if node.failed == node.life:
            self.fail(node.name, f"sends {type(message).__name__} after a write has failed")

    def attesting(self, node: Node, message: Attest) -> None:
        self.leaving(node, "", message)

    def writing(self, node: Node, written: Written) -> None:
        if node.failed == node.life:
            self.fail(node.name, "writes after a write has failed")


PROPERTIES: tuple[type[Property], ...] = (
    AckImpliesDurable,
    WholeBatches,
    DurableAttestation,
    RotIsFound,
    NothingAfterFailure,
)
