"""Replicas in one process without faults: what the unit tests of the replica's parts stand on.

Faults belong to netsim. Here messages arrive in order, a write is durable when `settle` says so,
and time moves only when a test moves it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from govchaind.base.crypto import Signer, SigningKey, verify
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.base.limits import LIFETIME_DEFAULT_MILLISECONDS
from govchaind.ledger.block import make_block
from govchaind.ledger.genesis import (
    Genesis,
    Institution,
    Office,
    OfficeKey,
    make_genesis,
)
from govchaind.ledger.membership import Member
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.transaction import Transaction, build_body, read_transaction, sign_body
from govchaind.ledger.versions import KNOWN_VERSION
from govchaind.raft.messages import AppendEntries, Entry, Timing
from govchaind.replica.events import (
    Event,
    Guard,
    Happened,
    LinkDown,
    LinkUp,
    Notice,
    OfferAnswered,
    Offered,
    Received,
    Room,
    Work,
    Written,
)
from govchaind.replica.messages import PeerMessage
from govchaind.replica.replica import Replica
from govchaind.replica.store import StoredLog, View, store_batch

TIMING = Timing(heartbeat=0.5, election_min=1.5, election_max=3.0, broken_link_jitter=0.05)
EPOCH = 1_700_000_000_000
OFFICE = "head-office"


def key(name: str) -> SigningKey:
    """Return the same key for the same name."""
    return SigningKey(name.encode().ljust(32, b".")[:32])


def store_id(name: str) -> bytes:
    """Return the store id of a name: a node's own for its first store."""
    return name.encode().ljust(16, b"\0")


def member(name: str, role: str = "validator", institution: str | None = None) -> Member:
    return Member(
        name=name,
        institution=institution or f"dept-{name}",
        role=role,  # type: ignore[arg-type]  # a test's own literal
        attestation_key=key(f"{name}-attest").public,
        tls_key=key(f"{name}-tls").public,
        store=store_id(name),
        addresses=(),
    )


def genesis_of(
    validators: Sequence[str], observers: Sequence[str] = (), version: int = KNOWN_VERSION
) -> Genesis:
    names = [*validators, *observers]
    institutions = [
        Institution(
            f"dept-{name}",
            f"Department {name}",
            "duty-bound",
            (Office(OFFICE, "Head office", 1, (OfficeKey(key(f"dept-{name}").public, "Head"),)),),
        )
        for name in names
    ]
    nodes = [member(name) for name in validators]
    nodes += [member(name, "observer") for name in observers]
    return make_genesis(
        name="test", time=EPOCH, institutions=institutions, nodes=nodes, version=version
    )


def signed(
    genesis: Genesis,
    institution: str,
    operations: list[tuple[int, list[object]]],
    *,
    valid_until: int = EPOCH + LIFETIME_DEFAULT_MILLISECONDS,
    salt: int = 0,
    signers: Sequence[SigningKey] | None = None,
) -> Transaction:
    body = build_body(
        chain_id=genesis.chain_id,
        institution=institution,
        office=OFFICE,
        operations=operations,
        valid_until=valid_until,
        salt=salt.to_bytes(16, "big"),
    )
    return read_transaction(sign_body(body, signers or [key(institution)]))


def next_append(
    replica: Replica, leader: str, *, time: int | None = None, commit: bool = False
) -> AppendEntries:
    """Return an append of a newer term with one empty block that continues a replica's log."""
    raft, ledger = replica.raft, replica.ledger
    term, height = raft.term + 1, ledger.height + 1
    block = make_block(
        chain_id=replica.genesis.chain_id,
        height=height,
        previous=ledger.last_hash,
        term=term,
        leader=leader,
        time=ledger.time + 1 if time is None else time,
        membership_digest=replica.memberships.digest_after(ledger.height),
    )
    entry = Entry(height, term, block)
    return AppendEntries(term, height - 1, raft.last_term, [entry], height if commit else 0)


class Node:
    """One replica and its disk."""

    def __init__(self, name: str, genesis: Genesis, seed: int) -> None:
        self.name = name
        self.genesis = genesis
        self.seed = seed
        self.guard: Guard | None = None
        self.further: Sequence[Signer] = ()  # keys that it holds besides its first
        self.make_store(store_id(name))
        self.notices: list[Notice] = []
        self.write: tuple[int, WriteBatch] | None = None
        self.start(0.0, EPOCH)

    def make_store(self, store: bytes) -> None:
        """Take an empty disk."""
        self.store = store
        self.disk = MemoryReader()
        self.disk.apply(store_batch(self.genesis, store))

    def start(self, now: float, wall: int) -> None:
        """Begin a life from what is durable."""
        self.write = None
        self.inbox: deque[Event] = deque()
        self.replica = Replica(
            name=self.name,
            store=self.store,
            genesis=self.genesis,
            signer=key(f"{self.name}-attest"),
            verify=verify,
            timing=TIMING,
            random=Random(self.seed),
            reader=self.disk,
            now=now,
            wall_ms=wall,
            guard=self.guard,
            further_signers=self.further,
        )

    def log(self) -> StoredLog:
        """Return the log as it is on the disk."""
        return StoredLog(View(self.disk), lambda _: None)


class Cluster:
    """Nodes that are all linked, on one clock."""

    def __init__(
        self,
        validators: Sequence[str],
        observers: Sequence[str] = (),
        version: int = KNOWN_VERSION,
    ) -> None:
        self.genesis = genesis_of(validators, observers, version)
        self.now = 0.0
        self.wall_offset: dict[str, int] = {}
        self.cut: set[tuple[str, str]] = set()
        self.messages: deque[tuple[str, str, PeerMessage]] = deque()
        self.said: list[tuple[str, PeerMessage]] = []  # by whom, delivered or not
        self.hold_writes: set[str] = set()
        self.deaf: set[tuple[str, type[object]]] = set()  # who does not get which messages
        names = [*validators, *observers]
        self.nodes = {name: Node(name, self.genesis, i) for i, name in enumerate(names)}
        for name in names:
            self.link(name)

    def link(self, name: str) -> None:
        """Bring up all links of a node."""
        for other in self.nodes:
            if other != name:
                self.nodes[name].inbox.append(LinkUp(other, self.nodes[other].store))

    def link_up(self, name: str) -> LinkUp:
        return LinkUp(name, self.nodes[name].store)

    def wall(self, name: str) -> int:
        return EPOCH + int(self.now * 1000) + self.wall_offset.get(name, 0)

    def step(self, name: str, events: Sequence[Event] = ()) -> Work:
        node = self.nodes[name]
        taken = [*node.inbox, *events]
        node.inbox.clear()
        work = node.replica.step(self.now, self.wall(name), taken, node.disk)
        for peer, message in work.messages:
            self.said.append((name, message))
            if (name, peer) not in self.cut:
                self.messages.append((name, peer, message))
        node.notices.extend(work.notices)
        if work.write is not None:
            node.write = (work.ticket, work.write)
        return work

    def settle(self, limit: int = 100_000) -> None:
        """Deliver and write until nothing moves, without letting time pass."""
        for _ in range(limit):
            if self.messages:
                sender, receiver, message = self.messages.popleft()
                if receiver in self.nodes and (receiver, type(message)) not in self.deaf:
                    self.step(receiver, [Received(sender, message)])
                continue
            moved = False
            for name, node in self.nodes.items():
                if node.write is not None and name not in self.hold_writes:
                    ticket, batch = node.write
                    node.write = None
                    node.disk.apply(batch)
                    self.step(name, [Written(ticket)])
                    moved = True
                elif node.inbox or node.replica.deadline <= self.now:
                    self.step(name)
                    moved = True
            if not moved:
                return
        raise AssertionError("the cluster does not come to rest")

    def run(self, seconds: float) -> None:
        """Let time pass, in steps from deadline to deadline."""
        end = self.now + seconds
        self.settle()
        while self.now < end:
            due = min(node.replica.deadline for node in self.nodes.values())
            self.now = min(max(due, self.now + 0.0005), end)
            self.settle()

    def leader(self) -> str:
        """Return the leader of the newest term."""
        leading = [
            (node.replica.raft.term, name)
            for name, node in self.nodes.items()
            if node.replica.role() == "leader"
        ]
        return max(leading)[1]

    def offer(self, name: str, transactions: Sequence[Transaction]) -> list[int]:
        """Offer transactions at a node; return the codes it answers."""
        work = self.step(name, [Offered(1, list(transactions))])
        return next(notice.codes for notice in work.notices if isinstance(notice, OfferAnswered))

    def crash(self, name: str, *, store: bytes | None = None, keeps_guard: bool = True) -> None:
        """Stop a node and start it again from what was durable, or with an empty store."""
        node = self.nodes[name]
        node.guard = replace(node.replica.guard()) if keeps_guard else None
        if store is not None:
            node.make_store(store)
        node.start(self.now, self.wall(name))
        self.messages = deque(m for m in self.messages if name not in m[:2])
        self.link(name)
        for other in self.nodes:
            if other != name and (name, other) not in self.cut:
                self.nodes[other].inbox.extend((LinkDown(name), LinkUp(name, node.store)))

    def put(self, number: int, institution: str | None = None) -> Transaction:
        """Return a transaction that creates a register: no two of them conflict."""
        name = institution or self.genesis.institutions[0].name
        operation: tuple[int, list[object]] = (
            int(Kind.CREATE_REGISTER),
            [f"r{number}", "Register", [], "clear", []],
        )
        return signed(self.genesis, name, [operation], salt=number)

    def vote(self, kind: MotionKind, arguments: list[object], round_number: int = 0) -> None:
        """Have every institution vote for a motion, each in a block of its own."""
        operation: tuple[int, list[object]] = (
            int(Kind.VOTE),
            [round_number, int(kind), arguments],
        )
        for institution in self.genesis.institutions:
            ballot = signed(self.genesis, institution.name, [operation])
            self.offer(self.leader(), [ballot])
            self.settle()

    def heights(self) -> dict[str, int]:
        return {name: node.replica.ledger.height for name, node in self.nodes.items()}

    def certified(self) -> dict[str, int]:
        return {name: node.replica.attestations.certified for name, node in self.nodes.items()}

    def happened(self, name: str) -> list[str]:
        """Return the names of what a node told to have happened."""
        return [item.name for item in self.nodes[name].notices if isinstance(item, Happened)]

    def room(self, name: str, available: bool) -> None:
        self.step(name, [Room(available)])

    def heal(self, name: str) -> None:
        """Bring up again all links of a node that were broken."""
        self.cut = {pair for pair in self.cut if name not in pair}
        self.link(name)
        for other in self.nodes:
            if other != name:
                self.nodes[other].inbox.append(LinkUp(name, self.nodes[name].store))

    def drop(self, name: str) -> None:
        """Break all links of a node, until `heal`."""
        for other in self.nodes:
            if other != name:
                self.cut |= {(name, other), (other, name)}
                self.nodes[other].inbox.append(LinkDown(name))
                self.nodes[name].inbox.append(LinkDown(other))


def started(validators: str = "abc", observers: str = "", version: int = KNOWN_VERSION) -> Cluster:
    cluster = Cluster(list(validators), list(observers), version)
    cluster.run(5)
    return cluster


def follower_of(cluster: Cluster) -> str:
    leader = cluster.leader()
    return next(
        name
        for name in cluster.nodes
        if name != leader and cluster.nodes[name].replica.role() == "follower"
    )


def agreed(cluster: Cluster) -> int:
    """Return the one height of all nodes, certified everywhere, with one hash."""
    assert len({node.replica.ledger.last_hash for node in cluster.nodes.values()}) == 1
    heights = set(cluster.heights().values())
    assert heights == set(cluster.certified().values())
    assert len(heights) == 1
    return heights.pop()
