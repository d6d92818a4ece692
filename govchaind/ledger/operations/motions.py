"""What institutions may decide together, and what is done when they have.

    1 admit institution  [name, title, class, [office …]]     as genesis.py has it
    2 set node           [name, institution, role, attestation key, TLS key, store, addresses]
    3 remove node        [name]
    4 readmit node       [name, new store]
    5 set rule           see rules.py
    6 recover office     [institution, office, threshold, [key …]]
    7 adopt calendar     see calendars.py
    8 adopt mandate, 9 repeal mandate, 15 restore mandate   see mandates.py
    10 suspend, 11 restore, 12 remove institution   see standings.py
    13 set parameter      see parameters.py
    14 activate upgrade   see upgrades.py
    20 set terms         see terms.py
    70 remove side value  see side_values.py
    71 change node keys  [name, attestation key, TLS key]

Enacting a node motion changes which members are *wanted* and the height at which that last
changed; configuration blocks then bring it into force, step by step (`membership.next_steps`).
A node whose keys or store change by `set-node` signs only above the height of enactment: what its
former self signed is not known here. `change-node-keys` is for a node that keeps its store: it
stays a voter, and its new key signs from behind the configuration block that brings it into force.
The last validator can never go. An office whose keys are lost, a governing one above all, gets new
ones by a vote.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from govchaind.base.limits import INSTITUTIONS_MAX, NODES_MAX, VALIDATORS_MAX
from govchaind.ledger.genesis import (
    Institution,
    InstitutionClass,
    KeysShape,
    OfficesShape,
    Threshold,
    institution_fault,
    office_of,
)
from govchaind.ledger.membership import Addresses, Member, Role, member_of
from govchaind.ledger.operations import (
    calendars,
    mandates,
    parameters,
    rules,
    side_values,
    standings,
    terms,
    upgrades,
)
from govchaind.ledger.operations.institutions import replace_policy, seats_of
from govchaind.ledger.operations.motion import Motion, MotionKind
from govchaind.ledger.operations.standings import Standing, standing_of
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Bytes32, Name, Shape, Store, Title
from govchaind.ledger.state_keys import (
    NETWORK,
    institution_key,
    node_key,
    node_key_key,
    office_key,
)
from govchaind.ledger.working_state import Act, WorkingState

# places in the network's value (state_keys.py)
INSTITUTIONS, NODES, VALIDATORS, ORDERED_AT = range(4)


class AdmitInstitution(Shape):
    """Arguments of `admit-institution`."""

    name: Name
    title: Title
    kind: InstitutionClass
    offices: OfficesShape


class SetNode(Shape):
    """Arguments of `set-node`."""

    name: Name
    institution: Name
    role: Role
    attestation_key: Bytes32
    tls_key: Bytes32
    store: Store
    addresses: Addresses


class RemoveNode(Shape):
    """Arguments of `remove-node`."""

    name: Name


class ReadmitNode(Shape):
    """Arguments of `readmit-node`."""

    name: Name
    store: Store


class ChangeNodeKeys(Shape):
    """Arguments of `change-node-keys`."""

    name: Name
    attestation_key: Bytes32
    tls_key: Bytes32


class RecoverOffice(Shape):
    """Arguments of `recover-office`."""

    institution: Name
    office: Name
    threshold: Threshold
    keys: KeysShape


def found_institution(institution: Institution, height: int, state: WorkingState) -> None:
    """Write a new institution and its offices."""
    governing = institution.offices[0].name
    state.put_value(
        institution_key(institution.name),
        [institution.title, institution.kind, governing, height],
    )
    for office in institution.offices:
        key = office_key(institution.name, office.name)
        state.put_value(key, [office.title, office.threshold, seats_of(office.keys)])


def place_node(member: Member, state: WorkingState) -> None:
    """Write a wanted member and the names under its keys."""
    state.put_value(node_key(member.name), member.fields())
    for key in (member.attestation_key, member.tls_key):
        state.put_value(node_key_key(key), member.name)


def admit_institution(arguments: AdmitInstitution, act: Act, state: WorkingState) -> int:
    """Admit an institution with its first offices."""
    if state.get(institution_key(arguments.name)) is not None:
        return Code.INSTITUTION_EXISTS
    institution = Institution(
        arguments.name,
        arguments.title,
        arguments.kind,
        tuple(office_of(shape) for shape in arguments.offices),
    )
    if institution_fault(institution) is not None:
        return Code.BAD_POLICY
    network = list(state.decoded(NETWORK))
    if network[INSTITUTIONS] >= INSTITUTIONS_MAX:
        return Code.TOO_MANY_INSTITUTIONS
    found_institution(institution, act.height, state)
    network[INSTITUTIONS] += 1
    state.put_value(NETWORK, network)
    return Code.APPLIED


def set_node(arguments: SetNode, act: Act, state: WorkingState) -> int:
    """Add a node, or change one."""
    if state.get(institution_key(arguments.institution)) is None:
        return Code.NO_SUCH_INSTITUTION
    if standing_of(arguments.institution, state) == Standing.REMOVED:
        return Code.INSTITUTION_REMOVED
    wanted = Member(
        arguments.name,
        arguments.institution,
        arguments.role,
        arguments.attestation_key,
        arguments.tls_key,
        arguments.store,
        arguments.addresses,
        act.height,
    )
    present = _wanted(arguments.name, state)
    if present is not None and present.same_node(wanted):
        wanted = replace(wanted, signs_above=present.signs_above)
    return _change_node(present, wanted, act, state)


def remove_node(arguments: RemoveNode, act: Act, state: WorkingState) -> int:
    """Want a node no longer."""
    present = _wanted(arguments.name, state)
    if present is None:
        return Code.UNKNOWN_NODE
    return _change_node(present, None, act, state)


def readmit_node(arguments: ReadmitNode, act: Act, state: WorkingState) -> int:
    """Want a node again under the id of its new store."""
    present = _wanted(arguments.name, state)
    if present is None:
        return Code.UNKNOWN_NODE
    if present.store == arguments.store:
        return Code.SAME_STORE
    wanted = replace(present, store=arguments.store, signs_above=act.height)
    return _change_node(present, wanted, act, state)


def change_node_keys(arguments: ChangeNodeKeys, act: Act, state: WorkingState) -> int:
    """Give a node that keeps its store other keys."""
    present = _wanted(arguments.name, state)
    if present is None:
        return Code.UNKNOWN_NODE
    wanted = replace(present, attestation_key=arguments.attestation_key, tls_key=arguments.tls_key)
    return _change_node(present, wanted, act, state)


def recover_office(arguments: RecoverOffice, act: Act, state: WorkingState) -> int:
    """Give an office new keys: its own are lost, or in wrong hands."""
    if standing_of(arguments.institution, state) == Standing.REMOVED:
        return Code.INSTITUTION_REMOVED
    key = office_key(arguments.institution, arguments.office)
    return replace_policy(key, arguments.threshold, arguments.keys, act, state)


def _change_node(
    present: Member | None, wanted: Member | None, act: Act, state: WorkingState
) -> int:
    """Replace what is wanted of one node, within bounds; either side may be nothing."""
    if present == wanted:
        return Code.NOTHING_CHANGES
    network = list(state.decoded(NETWORK))
    network[NODES] += (wanted is not None) - (present is not None)
    network[VALIDATORS] += _votes(wanted) - _votes(present)
    if network[VALIDATORS] < 1:
        return Code.LAST_VALIDATOR
    if network[VALIDATORS] > VALIDATORS_MAX:
        return Code.TOO_MANY_VALIDATORS
    if network[NODES] > NODES_MAX:
        return Code.TOO_MANY_NODES
    if present is not None:
        state.delete(node_key(present.name))
        for key in (present.attestation_key, present.tls_key):
            state.delete(node_key_key(key))
        if wanted is None or not present.same_node(wanted):
            upgrades.forget_readiness(present.name, state)
    if wanted is not None:
        keys = {wanted.attestation_key, wanted.tls_key}
        if len(keys) < 2 or any(state.get(node_key_key(key)) is not None for key in sorted(keys)):
            return Code.NODE_KEY_IN_USE
        place_node(wanted, state)
    network[ORDERED_AT] = act.height
    state.put_value(NETWORK, network)
    return Code.APPLIED


def _votes(member: Member | None) -> int:
    return int(member is not None and member.role == "validator")


def _wanted(name: str, state: WorkingState) -> Member | None:
    fields = state.decoded(node_key(name))
    return None if fields is None else member_of((*fields[:6], tuple(fields[6]), fields[7]))


_MEMBERS = (
    Motion(MotionKind.ADMIT_INSTITUTION, "admit-institution", AdmitInstitution, admit_institution),
    Motion(MotionKind.SET_NODE, "set-node", SetNode, set_node),
    Motion(MotionKind.REMOVE_NODE, "remove-node", RemoveNode, remove_node),
    Motion(MotionKind.READMIT_NODE, "readmit-node", ReadmitNode, readmit_node),
    Motion(MotionKind.CHANGE_NODE_KEYS, "change-node-keys", ChangeNodeKeys, change_node_keys),
    Motion(MotionKind.RECOVER_OFFICE, "recover-office", RecoverOffice, recover_office),
)
MOTIONS = MappingProxyType(
    {
        int(motion.kind): motion
        for family in (
            *(_MEMBERS, rules.MOTIONS, calendars.MOTIONS, mandates.MOTIONS),
            *(standings.MOTIONS, parameters.MOTIONS, upgrades.MOTIONS, terms.MOTIONS),
            side_values.MOTIONS,
        )
        for motion in family
    }
)
