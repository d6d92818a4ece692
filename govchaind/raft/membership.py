"""Which configuration is in force at which index, and which step to the next one is allowed.

Rules kept here (thesis chapter 4): a configuration is in force from the moment its entry is
appended; when that entry is truncated the one before it is in force again, so all are kept;
consecutive configurations differ in one node at most, and so in one vote at most, which makes any
majority of the one meet any majority of the other.

Left out: when a change may be proposed (core.py), whether the ledger ordered it (the replica).
"""

from __future__ import annotations

from bisect import bisect_right

from govchaind.base.errors import Conflict, invariant
from govchaind.base.types import NodeId, StoreId
from govchaind.raft.messages import Configuration


class Membership:
    """All configurations by index; the newest is in force."""

    __slots__ = ("_configurations", "_indexes", "learners", "members", "voters")

    def __init__(self, configurations: list[tuple[int, Configuration]]) -> None:
        invariant(
            bool(configurations) and configurations[0][0] == 0, "genesis has a configuration at 0"
        )
        self._indexes = [index for index, _ in configurations]
        self._configurations = [configuration for _, configuration in configurations]
        invariant(self._indexes == sorted(set(self._indexes)), "configurations ascend by index")
        self._look()

    def _look(self) -> None:
        configuration = self._configurations[-1]
        self.voters: dict[NodeId, StoreId] = dict(configuration.voters)
        self.learners: dict[NodeId, StoreId] = dict(configuration.learners)
        self.members: dict[NodeId, StoreId] = {**self.voters, **self.learners}

    @property
    def configuration(self) -> Configuration:
        """Return the configuration in force."""
        return self._configurations[-1]

    @property
    def index(self) -> int:
        """Return the index of the entry that brought the configuration in force; 0 is genesis."""
        return self._indexes[-1]

    def at(self, index: int) -> Configuration:
        """Return the configuration in force after entry `index`."""
        return self._configurations[bisect_right(self._indexes, index) - 1]

    def append(self, index: int, configuration: Configuration) -> None:
        """Put `configuration`, carried by entry `index`, in force."""
        invariant(index > self._indexes[-1], "configurations ascend by index")
        self._indexes.append(index)
        self._configurations.append(configuration)
        self._look()

    def truncate(self, index: int) -> bool:
        """Forget configurations from entry `index` on; True if that changed the one in force."""
        kept = max(bisect_right(self._indexes, index - 1), 1)
        if kept == len(self._indexes):
            return False
        del self._indexes[kept:]
        del self._configurations[kept:]
        self._look()
        return True


def check_step(present: Configuration, wanted: Configuration) -> None:
    """Refuse a step that two disjoint majorities could disagree about (thesis section 4.1).

    Raises Conflict with code `membership-malformed` or `membership-step-too-large`.
    """
    nodes = [node for node, _ in (*wanted.voters, *wanted.learners)]
    in_order = list(wanted.voters) == sorted(wanted.voters) and list(wanted.learners) == sorted(
        wanted.learners
    )
    if not wanted.voters or not in_order or len(set(nodes)) != len(nodes):
        raise Conflict(
            "a configuration needs a voter, names each node once and lists nodes in order",
            code="membership-malformed",
        )
    votes_changed = set(present.voters) ^ set(wanted.voters)
    roles_changed = votes_changed | (set(present.learners) ^ set(wanted.learners))
    if len(votes_changed) > 1 or len({node for node, _ in roles_changed}) > 1:
        raise Conflict(
            "a configuration may differ from the one in force in one node and one vote only",
            code="membership-step-too-large",
            remedy="Take the steps one after another, each once the one before is committed.",
        )
