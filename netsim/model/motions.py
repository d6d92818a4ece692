"""The model's motions: what institutions decide together.

A wanted node is [name, institution, role, attestation key, TLS key, store, addresses, signs above];
the network is [institutions, nodes, validators, ordered at].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.ledger.outcomes import Code
from netsim.model import clocks, governance, offices, shapes, side_values, standings
from netsim.model.registers import office_key

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

NETWORK = b"\x06"
INSTITUTIONS_MAX, NODES_MAX, VALIDATORS_MAX = 1024, 1200, 25


def node_key(name: str) -> bytes:
    return b"\x05" + name.encode()


def node_key_key(public: bytes) -> bytes:
    return b"\x0a" + public


def vote(draft: Draft, arguments: list[Any]) -> int:
    round_number, kind, wanted = arguments
    if not offices.governs(draft):
        return Code.NOT_GOVERNING_OFFICE
    if kind not in shapes.MOTIONS:
        return Code.UNKNOWN_MOTION
    if not shapes.MOTIONS[kind](wanted):
        return Code.MALFORMED_MOTION
    name = digest(Domain.MOTION, encode([kind, wanted, round_number]))
    motion = draft.get(b"\x07" + name)
    if motion is None:
        motion = [kind, wanted, round_number, 0, draft.height, None, None]
    if motion[5] is not None:
        return Code.MOTION_ALREADY_ENACTED
    ballot = b"\x08" + name + draft.institution.encode()
    if draft.get(ballot) is not None:
        return Code.ALREADY_VOTED
    draft.put(ballot, draft.height)
    enacted, carried = None, motion[6]
    if governance.enough(draft, kind, name, motion[3] + 1):
        if carried is None or not governance.enough(draft, kind, name, motion[3]):
            carried = draft.time
        if draft.time - carried >= governance.rule(draft, kind)[1]:
            code = ENACT[kind](draft, wanted)
            if code:
                return code
            enacted = draft.height
    draft.put(b"\x07" + name, [*motion[:3], motion[3] + 1, motion[4], enacted, carried])
    return Code.APPLIED


def withdraw(draft: Draft, arguments: list[Any]) -> int:
    name = arguments[0]
    motion = draft.get(b"\x07" + name)
    if refusal := _refusal(draft, motion):
        return refusal
    ballot = b"\x08" + name + draft.institution.encode()
    if draft.get(ballot) is None:
        return Code.NOT_VOTED
    draft.put(ballot, None)
    left = motion[3] - 1
    carried = motion[6] if governance.enough(draft, motion[0], name, left) else None
    draft.put(b"\x07" + name, [*motion[:3], left, motion[4], None, carried])
    return Code.APPLIED


def enact(draft: Draft, arguments: list[Any]) -> int:
    name = arguments[0]
    motion = draft.get(b"\x07" + name)
    if refusal := _refusal(draft, motion):
        return refusal
    kind, carried = motion[0], motion[6]
    if carried is None or not governance.enough(draft, kind, name, motion[3]):
        return Code.NOT_CARRIED
    if draft.time - carried < governance.rule(draft, kind)[1]:
        return Code.NOTICE_NOT_OVER
    code = ENACT[kind](draft, motion[1])
    if code == Code.APPLIED:
        draft.put(b"\x07" + name, [*motion[:5], draft.height, carried])
    return code


def _refusal(draft: Draft, motion: list[Any] | None) -> int:
    """Return why nothing may be done to a motion by this author, or 0."""
    if not offices.governs(draft):
        return Code.NOT_GOVERNING_OFFICE
    if motion is None:
        return Code.NO_SUCH_MOTION
    return Code.APPLIED if motion[5] is None else Code.MOTION_ALREADY_ENACTED


def found(draft: Draft, name: str, title: str, kind: str, listed: list[Any]) -> None:
    draft.put(offices.institution_key(name), [title, kind, listed[0][0], draft.height])
    for office, office_title, threshold, keys in listed:
        seats = offices.seats(keys)
        draft.put(office_key(name, office), [office_title, threshold, seats])


def admit(draft: Draft, arguments: list[Any]) -> int:
    name, title, kind, listed = arguments
    if draft.get(offices.institution_key(name)) is not None:
        return Code.INSTITUTION_EXISTS
    names = {office[0] for office in listed}
    if len(names) < len(listed) or not all(offices.works(each[2], each[3]) for each in listed):
        return Code.BAD_POLICY
    network = draft.get(NETWORK)
    if network[0] >= INSTITUTIONS_MAX:
        return Code.TOO_MANY_INSTITUTIONS
    found(draft, name, title, kind, listed)
    draft.put(NETWORK, [network[0] + 1, *network[1:]])
    return Code.APPLIED


def set_node(draft: Draft, arguments: list[Any]) -> int:
    if draft.get(offices.institution_key(arguments[1])) is None:
        return Code.NO_SUCH_INSTITUTION
    if standings.is_removed(draft, arguments[1]):
        return Code.INSTITUTION_REMOVED
    before = draft.get(node_key(arguments[0]))
    same = before is not None and before[3:6] == arguments[3:6]
    return _replace(draft, before, [*arguments, before[7] if same else draft.height])


def remove_node(draft: Draft, arguments: list[Any]) -> int:
    before = draft.get(node_key(arguments[0]))
    return Code.UNKNOWN_NODE if before is None else _replace(draft, before, None)


def readmit_node(draft: Draft, arguments: list[Any]) -> int:
    name, store = arguments
    before = draft.get(node_key(name))
    if before is None:
        return Code.UNKNOWN_NODE
    if before[5] == store:
        return Code.SAME_STORE
    return _replace(draft, before, [*before[:5], store, before[6], draft.height])


def change_keys(draft: Draft, arguments: list[Any]) -> int:
    before = draft.get(node_key(arguments[0]))
    if before is None:
        return Code.UNKNOWN_NODE
    return _replace(draft, before, [*before[:3], *arguments[1:], *before[5:]])


def _replace(draft: Draft, before: list[Any] | None, after: list[Any] | None) -> int:
    if before == after:
        return Code.NOTHING_CHANGES
    institutions, nodes, validators, _ = draft.get(NETWORK)
    for member, sign in ((before, -1), (after, 1)):
        if member is not None:
            nodes += sign
            validators += sign * (member[2] == "validator")
    if validators < 1:
        return Code.LAST_VALIDATOR
    if validators > VALIDATORS_MAX:
        return Code.TOO_MANY_VALIDATORS
    if nodes > NODES_MAX:
        return Code.TOO_MANY_NODES
    if before is not None:
        for place in (node_key(before[0]), node_key_key(before[3]), node_key_key(before[4])):
            draft.put(place, None)
        same = after is not None and before[3:6] == after[3:6]
        if not same and draft.get(standings.ready_key(before[0])) is not None:
            draft.put(standings.ready_key(before[0]), None)
    if after is not None:
        places = [node_key_key(after[3]), node_key_key(after[4])]
        if places[0] == places[1] or any(draft.get(place) is not None for place in places):
            return Code.NODE_KEY_IN_USE
        draft.put(node_key(after[0]), after)
        for place in places:
            draft.put(place, after[0])
    draft.put(NETWORK, [institutions, nodes, validators, draft.height])
    return Code.APPLIED


ENACT = {
    1: admit,
    2: set_node,
    3: remove_node,
    4: readmit_node,
    5: governance.set_rule,
    6: governance.recover_office,
    7: governance.adopt_calendar,
    8: governance.adopt_mandate,
    9: governance.repeal_mandate,
    20: clocks.set_terms,
    10: standings.suspend,
    11: standings.restore,
    12: standings.remove,
    13: standings.set_parameter,
    14: standings.activate,
    15: standings.restore_mandate,
    70: side_values.remove,
    71: change_keys,
}
