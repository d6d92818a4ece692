"""What the simulator knows of all nodes together, and no node knows: the ghost state.

One mirror per running process holds the log as it was after the last step; beside the mirrors lie
the facts that outlive processes: votes and terms told, the one committed log, every disk that ever
acknowledged, results by height, signatures.
"""

from __future__ import annotations

from collections.abc import Mapping

from govchaind.base.encoding import decode
from govchaind.base.keyspace import Table, height_key
from govchaind.base.types import Hash, NodeId, StoreId
from govchaind.ledger.block import read_block
from govchaind.ledger.genesis import Genesis
from govchaind.raft.core import Role
from govchaind.raft.log import Log
from govchaind.raft.messages import Configuration, Entry
from govchaind.replica.store import (
    APPLIED,
    HARD_STATE,
    block_of,
    configuration_of,
    log_row,
)
from netsim.disk import Disk
from netsim.model.ledger import Model
from netsim.node import Node
from netsim.readings import ROW_MAX, Readings


class Known:
    """One entry as the first node that appended it had it."""

    __slots__ = ("entry", "hash", "previous_term", "row")

    def __init__(self, entry: Entry, previous_term: int) -> None:
        self.entry = entry
        self.hash: Hash = block_of(entry).hash
        self.previous_term = previous_term
        self.row = log_row(entry)


class Mirror:
    """One process as it was after its last step, and what its disk holds of term and vote."""

    __slots__ = (
        "applied",
        "commit",
        "configurations",
        "durable_term",
        "durable_vote",
        "entries",
        "match",
        "role",
        "term",
        "verified",
        "verified_by_certificate",
        "vote",
    )

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.configurations: list[tuple[int, Configuration]] = []
        self.term = 0
        self.vote: NodeId | None = None
        self.role = Role.FOLLOWER
        self.commit = 0
        self.applied = 0
        self.durable_term = 0
        self.durable_vote: NodeId | None = None
        self.verified = 0
        self.verified_by_certificate = 0
        # a leader's (match, store) of each peer, as last looked at
        self.match: dict[NodeId, tuple[int, StoreId | None]] = {}

    def term_at(self, index: int) -> int:
        return self.entries[index - 1].term if index else 0

    def configuration_before(self, index: int) -> tuple[int, Configuration]:
        """Return the configuration in force before entry `index`, and its index."""
        found = self.configurations[0]
        for at, configuration in self.configurations:
            if at >= index:
                break
            found = (at, configuration)
        return found

    def follows(self, log: Log) -> bool:
        """Say whether the node's log ends as it did: then `sync` would find nothing."""
        entries, last = self.entries, log.last_index
        return last == len(entries) and (
            last < log.first_in_memory or log.entry(last) is entries[-1]
        )

    def sync(self, log: Log) -> tuple[int | None, list[Entry]]:
        """Follow the node's log; return from where it was truncated, and what was appended."""
        entries = self.entries
        last, first, length = log.last_index, log.first_in_memory, len(entries)
        kept = min(last, length)
        while kept >= first and log.entry(kept) is not entries[kept - 1]:
            kept -= 1
        if kept == last == length:
            return None, []
        truncated_from = None
        if kept < length:
            truncated_from = kept + 1
            del entries[kept:]
            while self.configurations[-1][0] > kept:
                self.configurations.pop()
        appended = [log.entry(index) for index in range(kept + 1, last + 1)]
        entries.extend(appended)
        for entry in appended:
            if entry.configuration is not None:
                self.configurations.append((entry.index, entry.configuration))
        return truncated_from, appended


class Ghost:
    """Facts over all nodes and all lives."""

    def __init__(self, genesis: Genesis, nodes: Mapping[NodeId, Node]) -> None:
        self.chain_id = genesis.chain_id
        self.first_membership = genesis.membership()
        self.genesis = configuration_of(self.first_membership)
        self.nodes = nodes
        self.model = Model(genesis)
        self.readings = Readings()
        self.mirrors: dict[NodeId, Mirror] = {}
        self.known: dict[tuple[int, int], Known] = {}
        self._by_row: dict[bytes, Known] = {}
        self.committed: list[Known] = []
        self.committed_in: list[int] = []  # the term in which each of them was committed
        self.disks: dict[StoreId, Disk] = {}
        self.votes: dict[tuple[NodeId, StoreId, int], NodeId] = {}
        self.told_terms: dict[tuple[NodeId, StoreId], int] = {}
        self.leaders: dict[int, NodeId] = {}
        self.highest_term = 0

    def running(self) -> list[Node]:
        """Return the nodes that have a process now."""
        return [node for node in self.nodes.values() if node.life]

    def advance_model(self, height: int) -> None:
        """Have the model apply the committed log up to `height`."""
        while self.model.height < height:
            self.model.apply(block_of(self.committed[self.model.height].entry))

    def learn(self, entry: Entry, previous_term: int) -> Known:
        """Return what is known of this entry's index and term; the first to come defines it."""
        key = (entry.index, entry.term)
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = Known(entry, previous_term)
            self._by_row.setdefault(known.row, known)
        return known

    def holds(self, disk: Disk, index: int, term: int) -> bool:
        """Say whether this entry is durable on `disk`, exactly."""
        known = self.known.get((index, term))
        row = disk.image.get(height_key(Table.LOG, index))
        return known is not None and row == known.row

    def start(self, node: Node) -> Mirror:
        """Build the mirror of a process that has just started, from its disk's image."""
        mirror = Mirror()
        self.mirrors[node.name] = mirror
        self.disks[node.store] = node.disk
        mirror.configurations.append((0, self.genesis))
        image = node.disk.image
        previous_term = 0
        index = 1
        while (row := image.get(height_key(Table.LOG, index))) is not None:
            known = self._by_row.get(row)
            if known is not None and known.entry.index == index:
                entry = known.entry
                term = entry.term
            else:
                term, raw = decode(row, bytes_max=ROW_MAX)
                block = read_block(raw)
                membership = block.membership
                configuration = None if membership is None else configuration_of(membership)
                entry = Entry(index, term, block, configuration)
                self.learn(entry, previous_term)
            mirror.entries.append(entry)
            if entry.configuration is not None:
                mirror.configurations.append((index, entry.configuration))
            previous_term = term
            index += 1
        self.read_hard_state(node)
        if previous_term > mirror.durable_term:
            # It followed certified blocks into terms in which it has never voted: the log says so.
            mirror.durable_term, mirror.durable_vote = previous_term, None
        replica = node.replica
        if replica is not None:
            raft = replica.raft
            mirror.term, mirror.vote = raft.term, raft._state.vote
            mirror.role, mirror.commit = raft.role, raft.commit
            mirror.verified = raft.commit
        mirror.applied = self.applied(node.disk)
        return mirror

    def read_hard_state(self, node: Node) -> None:
        """Take over which term and vote the node's disk holds."""
        row = node.disk.image.get(HARD_STATE)
        mirror = self.mirrors[node.name]
        if row is not None:
            mirror.durable_term, mirror.durable_vote = decode(row, bytes_max=128)

    def applied(self, disk: Disk) -> int:
        """Return the applied height that the disk holds."""
        row = disk.image.get(APPLIED)
        return 0 if row is None else self.readings.number(row)
