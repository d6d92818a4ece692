"""Who validates: members, the membership in force, and the steps from it to the one wanted.

    member     = [name, institution, role, attestation key, TLS key, store, addresses, signs above]
    membership = [1, [member …], ordered at]       voters and learners only, sorted by name

State says which members are *wanted*; a configuration block brings one single step into force
(Raft, thesis section 4.1: one server at a time). `next_steps` lists the steps that lead there. It
never lists one that leaves no voter, and what goes comes before what is added: a dead store must
not be counted while a new one is waited for. A validator that left the wanted list is thereby
removed before its replacement votes; the one exception is the last voter, which stays until
another has been promoted. A node whose keys change while it keeps its store and its memory stays
what it is: one step puts the new keys in the place of the old ones. The height of that step it
signs with the old key, as the set before it knows it, and every later one with the new key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Annotated, Any, Literal

from msgspec import Meta

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidEncoding
from govchaind.base.limits import MEMBERSHIP_BYTES_MAX, NODE_ADDRESSES_MAX, VALIDATORS_MAX
from govchaind.base.types import Hash, Height, NodeId, PublicKey, StoreId
from govchaind.ledger.shapes import Address, Bytes32, Count, Name, Shape, Store, read_versioned

VERSION = 1
Role = Literal["validator", "learner", "observer"]
Addresses = Annotated[tuple[Address, ...], Meta(max_length=NODE_ADDRESSES_MAX)]
MemberShape = tuple[Name, Name, Role, Bytes32, Bytes32, Store, Addresses, Count]


class _MembershipShape(Shape):
    version: int
    members: tuple[MemberShape, ...]
    ordered_at: Count


@dataclass(frozen=True, slots=True)
class Member:
    """One node as the ledger knows it."""

    name: NodeId
    institution: str
    role: Role
    attestation_key: PublicKey
    tls_key: PublicKey
    store: StoreId
    addresses: tuple[str, ...]
    signs_above: Height = 0  # it signs no height up to this one

    def fields(self) -> list[Any]:
        """Return the member as the array that is encoded."""
        return [
            self.name,
            self.institution,
            self.role,
            self.attestation_key,
            self.tls_key,
            self.store,
            list(self.addresses),
            self.signs_above,
        ]

    def same_node(self, other: Member) -> bool:
        """Say whether both are one node with one memory: the same keys and the same store."""
        return (self.attestation_key, self.tls_key, self.store) == (
            other.attestation_key,
            other.tls_key,
            other.store,
        )

    def same_memory(self, other: Member) -> bool:
        """Say whether both are one node that remembers what it signed: whatever keys it has now.

        A node that came with other keys and a memory of its own signs only above its admission.
        """
        if self.store != other.store:
            return False
        return self.same_node(other) or self.signs_above == other.signs_above


def member_of(fields: MemberShape) -> Member:
    """Return the member that an array of the right shape describes."""
    return Member(*fields)


@dataclass(frozen=True, slots=True)
class Membership:
    """Voters and learners in force, sorted by name, and the height whose state ordered them."""

    members: tuple[Member, ...]
    ordered_at: Height = 0
    # Worked out once: every message, signature and step asks.
    _voters: tuple[Member, ...] = field(init=False, repr=False, compare=False)
    _by_name: dict[NodeId, Member] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        voting = tuple(member for member in self.members if member.role == "validator")
        object.__setattr__(self, "_voters", voting)
        object.__setattr__(self, "_by_name", {member.name: member for member in self.members})
        names = [member.name for member in self.members]
        if any(left >= right for left, right in pairwise(names)):
            raise InvalidEncoding("members are sorted by name, and no name stands twice")
        if any(member.role == "observer" for member in self.members):
            raise InvalidEncoding("an observer is no part of a membership")
        voters = len(voting)
        if not 1 <= voters <= VALIDATORS_MAX:
            raise InvalidEncoding(f"{voters} validators; 1 to {VALIDATORS_MAX} are possible")
        keys = {key for member in self.members for key in (member.attestation_key, member.tls_key)}
        if len(keys) != 2 * len(self.members):
            raise InvalidEncoding("one key stands for two members, or for two uses")

    def encode(self) -> bytes:
        return encode([VERSION, [member.fields() for member in self.members], self.ordered_at])

    @property
    def digest(self) -> Hash:
        """What a block header names: the hash of the membership's bytes."""
        return digest(Domain.CONFIGURATION, self.encode())

    def voters(self) -> tuple[Member, ...]:
        return self._voters

    def learners(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.role == "learner")

    def member(self, name: NodeId) -> Member | None:
        return self._by_name.get(name)


def read_membership(data: bytes) -> Membership:
    """Return the membership that `data` encodes. Raises InvalidEncoding."""
    shape = read_versioned(
        data,
        _MembershipShape,
        what="a membership",
        version=VERSION,
        place=0,
        bytes_max=MEMBERSHIP_BYTES_MAX,
    )
    return Membership(tuple(member_of(fields) for fields in shape.members), shape.ordered_at)


def membership_of(members: Sequence[Member], ordered_at: Height) -> Membership:
    """Return the membership of those of `members` that vote or learn."""
    chosen = sorted((m for m in members if m.role != "observer"), key=lambda member: member.name)
    return Membership(tuple(chosen), ordered_at)


def next_steps(
    current: Membership, wanted: Sequence[Member], ordered_at: Height
) -> list[Membership]:
    """Return every single step from `current` toward `wanted`, the most urgent first.

    `wanted` may hold observers; they are no part of a membership. An empty list: it is reached.
    Order: stores that are no longer the wanted ones, members no longer wanted, demotions, changes
    in place, promotions, new learners.
    """
    goal = {member.name: member for member in wanted if member.role != "observer"}
    have = {member.name: member for member in current.members}
    steps: list[Membership] = []

    def step(name: NodeId, member: Member | None) -> None:
        changed = {key: value for key, value in have.items() if key != name}
        if member is not None:
            changed[name] = member
        voters = sum(1 for other in changed.values() if other.role == "validator")
        if 1 <= voters <= VALIDATORS_MAX:
            members = tuple(changed[key] for key in sorted(changed))
            steps.append(Membership(members, ordered_at))

    names = sorted(have)
    replaced = [name for name in names if name in goal and not have[name].same_memory(goal[name])]
    for name in (*replaced, *(name for name in names if name not in goal)):
        step(name, None)
    kept = [name for name in names if name in goal and name not in replaced]
    for name in kept:
        if have[name].role == "validator" and goal[name].role == "learner":
            step(name, goal[name])
    for name in kept:
        if goal[name] != have[name]:
            in_place = replace(goal[name], role=have[name].role)
            others = [other for other in current.members if other.name != name]
            if in_place != have[name] and not _key_in_use(in_place, others):
                step(name, in_place)
    for name in kept:
        if have[name].role == "learner" and goal[name].role == "validator":
            step(name, goal[name])
    if len(have) < 2 * VALIDATORS_MAX:
        for name in sorted(goal):
            if name not in have and not _key_in_use(goal[name], current.members):
                step(name, replace(goal[name], role="learner"))
    return steps


def _key_in_use(member: Member, others: Sequence[Member]) -> bool:
    """Say whether one of `others`, in force, holds a key of `member`: it must leave first."""
    mine = {member.attestation_key, member.tls_key}
    return any(mine & {other.attestation_key, other.tls_key} for other in others)
