"""What is applied and signed: I-16, I-17, I-23, and what an honest node never does: N-1, N-2."""

from __future__ import annotations

from govchaind.base.keyspace import Table, height_key
from govchaind.base.types import Hash, NodeId
from govchaind.ledger.outcomes import Code
from govchaind.replica.events import Committed
from govchaind.replica.messages import Attest
from netsim.ghost import Ghost
from netsim.node import Node
from netsim.properties.base import Property, Written


class EqualResults(Property):
    id = "I-16"
    text = (
        "equal height, equal state digest, outcomes, receipt root; also equal to a replay from "
        "genesis"
    )

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        self.results: dict[bytes, bytes] = {}

    def writing(self, node: Node, written: Written) -> None:
        for key, value in written.rows(Table.RESULT).items():
            if value is not None:
                other = self.results.setdefault(key, value)
                if other != value:
                    height = int.from_bytes(key[1:9], "big")
                    self.fail(node.name, f"other results at height {height} than elsewhere")


class TakesEffectOnce(Property):
    id = "I-17"
    text = "a transaction id takes effect at most once (retries, gossip, re-proposal)"

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        self.effects: dict[Hash, int] = {}
        self.seen: dict[int, Hash] = {}

    def writing(self, node: Node, written: Written) -> None:
        for notice in written.work.notices:
            if isinstance(notice, Committed):
                self.told(node.name, notice)

    def told(self, name: NodeId, notice: Committed) -> None:
        """Look at the outcomes of a height, which each node tells once a life at most."""
        if self.seen.setdefault(notice.height, notice.block_hash) != notice.block_hash:
            self.fail(name, f"tells of another block at height {notice.height}")
        for transaction, code, _ in notice.outcomes:
            if code == Code.APPLIED:
                first = self.effects.setdefault(transaction, notice.height)
                if first != notice.height:
                    self.fail(
                        name,
                        f"transaction {transaction.hex()[:12]} takes effect at {first} and at "
                        f"{notice.height}",
                    )
        ids = [transaction for transaction, code, _ in notice.outcomes if code == Code.APPLIED]
        if len(set(ids)) != len(ids):
            self.fail(name, f"a transaction takes effect twice in block {notice.height}")


class OneAttestation(Property):
    id = "I-23"
    text = (
        "no honest node ever signs two different attestations for one height, across restarts and "
        "restored disks"
    )

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        self.statements: dict[tuple[NodeId, int], bytes] = {}
        self.signers: dict[tuple[NodeId, int], bytes] = {}

    def signed(self, node: Node, statement: bytes) -> None:
        height, _ = self.ghost.readings.statement(statement)
        other = self.statements.setdefault((node.name, height), statement)
        if other != statement:
            self.fail(node.name, f"signs two different statements of height {height}")

    def attesting(self, node: Node, message: Attest) -> None:
        key = (node.name, message.height)
        if self.statements.setdefault(key, message.statement) != message.statement:
            self.fail(node.name, f"sends another statement of height {message.height}")
        if self.ghost.readings.statement(message.statement)[0] != message.height:
            self.fail(node.name, f"sends a statement of another height as {message.height}")


class AttestedIsDurable(Property):
    id = "I-24"
    text = "attestation only for committed and durably applied heights"

    def attesting(self, node: Node, message: Attest) -> None:
        ghost = self.ghost
        if message.height > len(ghost.committed):
            self.fail(node.name, f"attests {message.height}, committed is {len(ghost.committed)}")
        applied = ghost.applied(node.disk)
        if message.height > applied:
            self.fail(node.name, f"attests {message.height}, durably applied is {applied}")
        row = node.disk.image.get(height_key(Table.RESULT, message.height))
        readings = ghost.readings
        if row is None or readings.statement(message.statement)[1] != readings.block_hash(row):
            self.fail(node.name, f"attests another block than it applied at {message.height}")


class NoNodeStops(Property):
    id = "N-1"
    text = "no exception leaves a step of an honest node among honest nodes"


class NobodyAccused(Property):
    id = "N-2"
    text = "no honest node takes an honest peer for a liar"


PROPERTIES: tuple[type[Property], ...] = (
    EqualResults,
    TakesEffectOnce,
    OneAttestation,
    AttestedIsDurable,
    NoNodeStops,
    NobodyAccused,
)
