"""What a property is, and what is said when one does not hold.

A property watches at fixed points: after each step of a node, when a message leaves, when a node
signs, when a process has started on a disk, and at the end of the run. It raises `Violation`, which
ends the run. Facts that outlive a node lie in the ghost, never in the node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from govchaind.base.keyspace import Table
from govchaind.base.types import NodeId
from govchaind.raft.core import Role
from govchaind.raft.messages import Entry
from govchaind.replica.events import Event, Work
from govchaind.replica.messages import Attest, PeerMessage

if TYPE_CHECKING:
    from netsim.ghost import Ghost, Mirror
    from netsim.node import Node
    from netsim.options import Options


class Violation(Exception):
    """A property does not hold."""

    def __init__(self, property_id: str, node: NodeId, text: str) -> None:
        super().__init__(f"{property_id} at {node}: {text}")
        self.property_id = property_id
        self.node = node
        self.text = text


class Stopped(Exception):
    """A node stopped by itself in a run that watches other properties only."""


class Step:
    """One step of one node: what it was before, and what changed."""

    __slots__ = (
        "appended",
        "commit",
        "elected",
        "events",
        "mirror",
        "node",
        "old_commit",
        "old_role",
        "old_term",
        "old_vote",
        "role",
        "term",
        "truncated_from",
        "vote",
        "work",
    )

    node: Node
    mirror: Mirror
    events: list[Event]
    work: Work
    old_term: int
    old_vote: NodeId | None
    old_role: Role
    old_commit: int
    term: int
    vote: NodeId | None
    role: Role
    commit: int
    truncated_from: int | None
    appended: list[Entry]
    elected: bool  # it became leader of a term that it did not lead before


Rows = dict[bytes, bytes | None]
_NO_ROWS: Rows = {}


class Written:
    """What a node hands to its disk, its rows parted by table once for all who look."""

    __slots__ = ("_tables", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        tables: dict[int, Rows] = {}
        if work.write is not None:
            for key, row in work.write.changes.items():
                first = key[0]
                if first in tables:
                    tables[first][key] = row
                else:
                    tables[first] = {key: row}
        self._tables = tables

    def rows(self, table: Table) -> Rows:
        """Return the rows of a table that are put, or deleted: None. Not to be changed."""
        return self._tables.get(table[0], _NO_ROWS)


class Property:
    """One property; subclasses say what they watch."""

    id = ""
    text = ""
    # Which messages `leaving` looks at; none named: at all of them.
    looks_at: ClassVar[tuple[type, ...]] = ()

    def __init__(self, ghost: Ghost) -> None:
        self.ghost = ghost

    @classmethod
    def needed(cls, options: Options) -> bool:
        """Say whether a run of these options could show anything."""
        return True

    def step(self, step: Step) -> None:
        """Look at a node after a step."""

    def leaving(self, node: Node, to: NodeId, message: PeerMessage) -> None:
        """Look at a message at the moment it leaves a node."""

    def attesting(self, node: Node, message: Attest) -> None:
        """Look at an attestation at the moment it leaves a node."""

    def signed(self, node: Node, statement: bytes) -> None:
        """Look at an attestation at the moment it is signed."""

    def writing(self, node: Node, written: Written) -> None:
        """Look at a batch at the moment it is handed to the disk."""

    def started(self, node: Node, mirror: Mirror) -> None:
        """Look at a node whose process has just started."""

    def end(self) -> None:
        """Look at the whole run."""

    def fail(self, node: NodeId, text: str) -> None:
        """Report that this property does not hold."""
        raise Violation(self.id, node, text)
