"""A disk that forgets what was not durable, and the small facts that tests put on it."""

from __future__ import annotations

from dataclasses import dataclass

from govchaind.base.types import NodeId, StoreId
from govchaind.raft.messages import Configuration, Entry, HardState


@dataclass(frozen=True, slots=True)
class Text:
    """A payload for tests."""

    text: str
    bulk: int = 0  # bytes that it only claims to have

    @property
    def size(self) -> int:
        return len(self.text) + self.bulk


def store_of(node: NodeId, life: int = 0) -> StoreId:
    """Return the id of a node's store; another `life`, another store."""
    return f"{node}/{life}".encode().ljust(16, b".")[:16]


def configuration(voters: list[NodeId], learners: list[NodeId] | None = None) -> Configuration:
    """Return a configuration of first stores."""
    return Configuration(
        tuple((node, store_of(node)) for node in sorted(voters)),
        tuple((node, store_of(node)) for node in sorted(learners or [])),
    )


@dataclass(slots=True)
class Write:
    """One write that waits for the disk."""

    entries: list[Entry]
    truncate_from: int | None
    hard_state: HardState | None
    ticket: int


class Disk:
    """A durable image, and what is on its way to it."""

    def __init__(self, store: StoreId, genesis: Configuration) -> None:
        self.store = store
        self.genesis = genesis
        self.durable_entries: list[Entry] = []
        self.durable_hard = HardState()
        self.begins = 0
        self.queue: list[Write] = []
        self.seen: list[Entry] = []  # durable image with the queue over it

    def put(self, write: Write) -> None:
        self.queue.append(write)
        _write_over(self.seen, write)

    def sync(self, count: int) -> int:
        """Make the first `count` writes durable, as one; return the newest ticket."""
        ticket = 0
        for write in self.queue[:count]:
            _write_over(self.durable_entries, write)
            if write.hard_state is not None:
                self.durable_hard = write.hard_state
            ticket = write.ticket
        del self.queue[:count]
        return ticket

    def crash(self) -> None:
        self.queue.clear()
        self.seen = list(self.durable_entries)

    def beginning(self) -> int:
        return self.begins

    def last_index(self) -> int:
        return len(self.seen)

    def entry(self, index: int) -> Entry:
        assert index >= self.begins, "an entry from before the beginning is asked for"
        return self.seen[index - 1]

    def term(self, index: int) -> int:
        assert not index or index >= self.begins, "a term from before the beginning is asked for"
        return self.seen[index - 1].term if index else 0

    def configurations(self) -> list[tuple[int, Configuration]]:
        changes = [(e.index, e.configuration) for e in self.seen if e.configuration is not None]
        return [(0, self.genesis), *changes]


def _write_over(entries: list[Entry], write: Write) -> None:
    if write.truncate_from is not None:
        del entries[write.truncate_from - 1 :]
    for entry in write.entries:
        assert entry.index == len(entries) + 1, "a write leaves a gap or overwrites"
        entries.append(entry)
