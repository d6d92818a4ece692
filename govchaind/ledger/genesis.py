"""How a chain begins: its name, its institutions with their offices, and its nodes.

    genesis     = [version, name, time, [institution …], [member …]]
    institution = [name, title, class, [office …]]     the first office is the governing one
    office      = [name, title, threshold, [key …]]
    key         = [public key, title of its holder, valid from, valid until or null]

The version is the one of the ledger with which the chain begins; software that does not know it
refuses the genesis. The chain id is the hash of these bytes, so two chains never share one. Only
shape and consistency are judged here; `genesis_state.py` says what state they begin with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import decode, encode
from govchaind.base.errors import InvalidEncoding
from govchaind.base.limits import (
    GENESIS_BYTES_MAX,
    INSTITUTIONS_MAX,
    NODES_MAX,
    OFFICE_KEYS_MAX,
    OFFICES_AT_ADMISSION_MAX,
    VALIDATORS_MAX,
)
from govchaind.base.types import BlockTime, Hash, PublicKey
from govchaind.ledger.membership import (
    Member,
    MemberShape,
    Membership,
    member_of,
    membership_of,
)
from govchaind.ledger.shapes import Bytes32, Count, Name, Shape, Title, shaped, unknown_version
from govchaind.ledger.versions import FIRST_VERSION, KNOWN_VERSION

InstitutionClass = Literal["duty-bound", "voluntary"]
KeyShape = tuple[Bytes32, Title, Count, Count | None]
KeysShape = Annotated[tuple[KeyShape, ...], Meta(min_length=1, max_length=OFFICE_KEYS_MAX)]
Threshold = Annotated[int, Meta(ge=1, le=OFFICE_KEYS_MAX)]
OfficeShape = tuple[Name, Title, Threshold, KeysShape]
OfficesShape = Annotated[
    tuple[OfficeShape, ...], Meta(min_length=1, max_length=OFFICES_AT_ADMISSION_MAX)
]
InstitutionShape = tuple[Name, Title, InstitutionClass, OfficesShape]


class _GenesisShape(Shape):
    version: int
    name: Name
    time: Count
    institutions: Annotated[
        tuple[InstitutionShape, ...], Meta(min_length=1, max_length=INSTITUTIONS_MAX)
    ]
    nodes: Annotated[tuple[MemberShape, ...], Meta(min_length=1, max_length=NODES_MAX)]


@dataclass(frozen=True, slots=True)
class OfficeKey:
    """One key of an office and the title of whoever holds it."""

    public: PublicKey
    title: str
    valid_from: BlockTime = 0
    valid_until: BlockTime | None = None


@dataclass(frozen=True, slots=True)
class Office:
    """An office as it is founded: `threshold` of its keys sign together."""

    name: str
    title: str
    threshold: int
    keys: tuple[OfficeKey, ...]


@dataclass(frozen=True, slots=True)
class Institution:
    """An institution as it is admitted; its first office governs the others."""

    name: str
    title: str
    kind: InstitutionClass
    offices: tuple[Office, ...]


@dataclass(frozen=True, slots=True)
class Genesis:
    """A chain's beginning, and the bytes that say so."""

    bytes: bytes
    chain_id: Hash
    name: str
    time: BlockTime
    institutions: tuple[Institution, ...]
    nodes: tuple[Member, ...]
    ledger_version: int = FIRST_VERSION  # with which it begins

    def membership(self) -> Membership:
        """Return the membership in force before block 1."""
        return membership_of(self.nodes, 0)


def office_of(shape: OfficeShape) -> Office:
    """Return the office that an array of the right shape describes."""
    name, title, threshold, keys = shape
    return Office(name, title, threshold, tuple(OfficeKey(*key) for key in keys))


def institution_of(shape: InstitutionShape) -> Institution:
    """Return the institution that an array of the right shape describes."""
    name, title, kind, offices = shape
    return Institution(name, title, kind, tuple(office_of(office) for office in offices))


def institution_fields(institution: Institution) -> list[object]:
    """Return an institution as the array that is encoded."""
    offices = [
        [
            office.name,
            office.title,
            office.threshold,
            [[key.public, key.title, key.valid_from, key.valid_until] for key in office.keys],
        ]
        for office in institution.offices
    ]
    return [institution.name, institution.title, institution.kind, offices]


def policy_fault(threshold: int, keys: Iterable[OfficeKey]) -> str | None:
    """Say what is wrong with a policy of `threshold` of `keys`, or None."""
    listed = list(keys)
    if len({key.public for key in listed}) != len(listed):
        return "one key stands twice"
    if not 1 <= threshold <= len(listed):
        return f"{threshold} of {len(listed)} keys can never sign"
    if any(key.valid_until is not None and key.valid_until < key.valid_from for key in listed):
        return "a key ends before it begins"
    return None


def institution_fault(institution: Institution) -> str | None:
    """Say what is wrong with an institution's offices, or None."""
    names = [office.name for office in institution.offices]
    if len(set(names)) != len(names):
        return "one office stands twice"
    for office in institution.offices:
        fault = policy_fault(office.threshold, office.keys)
        if fault is not None:
            return f"office {office.name}: {fault}"
    return None


def read_genesis(data: bytes) -> Genesis:
    """Return the genesis that `data` encodes. Raises InvalidEncoding."""
    value = decode(data, bytes_max=GENESIS_BYTES_MAX)
    version = value[0] if type(value) is list and value else None
    if type(version) is int and not FIRST_VERSION <= version <= KNOWN_VERSION:
        raise unknown_version("a genesis", version, KNOWN_VERSION)
    shape = shaped(value, _GenesisShape)
    institutions = tuple(institution_of(item) for item in shape.institutions)
    names = {institution.name for institution in institutions}
    if len(names) != len(institutions):
        raise InvalidEncoding("one institution stands twice")
    for institution in institutions:
        fault = institution_fault(institution)
        if fault is not None:
            raise InvalidEncoding(f"institution {institution.name}: {fault}")
    nodes = tuple(member_of(item) for item in shape.nodes)
    _check_nodes(nodes, names)
    chain_id = digest(Domain.GENESIS, data)
    return Genesis(data, chain_id, shape.name, shape.time, institutions, nodes, shape.version)


def _check_nodes(nodes: tuple[Member, ...], institutions: set[str]) -> None:
    names = [node.name for node in nodes]
    if names != sorted(set(names)):
        raise InvalidEncoding("nodes are sorted by name, and no name stands twice")
    keys = {key for node in nodes for key in (node.attestation_key, node.tls_key)}
    if len(keys) != 2 * len(nodes):
        raise InvalidEncoding("one key stands for two nodes, or for two uses")
    for node in nodes:
        if node.institution not in institutions:
            raise InvalidEncoding(f"node {node.name} is of an institution that is not there")
        if node.signs_above:
            raise InvalidEncoding(f"node {node.name}: at genesis every node signs from height 1")
    voters = sum(1 for node in nodes if node.role == "validator")
    if not 1 <= voters <= VALIDATORS_MAX:
        raise InvalidEncoding(f"{voters} validators; 1 to {VALIDATORS_MAX} are possible")


def make_genesis(
    *,
    name: str,
    time: BlockTime,
    institutions: Iterable[Institution],
    nodes: Iterable[Member],
    version: int = FIRST_VERSION,
) -> Genesis:
    """Return a genesis, its nodes sorted by name; `version` is the one of its ledger.

    Raises InvalidEncoding as `read_genesis` does.
    """
    founded = [institution_fields(institution) for institution in institutions]
    members = [node.fields() for node in sorted(nodes, key=lambda node: node.name)]
    return read_genesis(encode([version, name, time, founded, members]))
