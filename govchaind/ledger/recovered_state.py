"""What a recovery changes in the state, and what is judged of it there.

The recovery block has no author and no operation; institutions have signed its record. What it
brings in force and what state wants must be one, or the next leader would set out to undo it: so
the members of the record are wanted as they stand there, and every other node that validated or
learned is wanted as an observer. It follows the chain again, and has a vote again when institutions
have voted for it. The recovery itself stands in the state under its height.
"""

from __future__ import annotations

from govchaind.base.errors import InvalidProof
from govchaind.base.types import Height
from govchaind.ledger.membership import Membership, member_of
from govchaind.ledger.operations.motions import NODES, ORDERED_AT, VALIDATORS, place_node
from govchaind.ledger.recovery import Recovery
from govchaind.ledger.recovery_quorum import check_signatures
from govchaind.ledger.state_keys import NETWORK, NODE, node_key, recovery_key
from govchaind.ledger.working_state import WorkingState

SIGNED = 6  # place in a recovery's value (state_keys.py): the institutions
_ROLE = 2  # place in a node's value


def judge_recovery(recovery: Recovery, state: WorkingState) -> list[str]:
    """Return the institutions that carry a record, by the state of the kept height.

    Raises InvalidProof: too few have signed, or it goes on with a node that nobody has decided on.
    """
    check_members(recovery.body.membership, state)
    return check_signatures(recovery, state.decoded)


def check_members(membership: Membership, state: WorkingState) -> None:
    """Raise InvalidProof unless state knows each member, under the keys that it has there."""
    for member in membership.members:
        fields = state.decoded(node_key(member.name))
        if fields is None:
            raise InvalidProof(f"the recovery goes on with {member.name}, which no state names")
        known = member_of((*fields[:6], tuple(fields[6]), fields[7]))
        mine = (member.institution, member.attestation_key, member.tls_key)
        if mine != (known.institution, known.attestation_key, known.tls_key):
            raise InvalidProof(f"the recovery gives {member.name} other keys than the state has")
        if member.signs_above < known.signs_above:
            raise InvalidProof(f"the recovery lets {member.name} sign what it may not")


def carry_out(recovery: Recovery, signed: list[str], height: Height, state: WorkingState) -> None:
    """Write what the recovery block at `height` changes."""
    body = recovery.body
    nodes = validators = 0
    for key, fields in list(state.scan(NODE)):
        nodes += 1
        member = body.membership.member(fields[0])
        if member is not None:
            validators += 1
            place_node(member, state)
        elif fields[_ROLE] != "observer":
            state.put_value(key, [*fields[:_ROLE], "observer", *fields[_ROLE + 1 :]])
    network = list(state.decoded(NETWORK))
    network[NODES], network[VALIDATORS], network[ORDERED_AT] = nodes, validators, height
    state.put_value(NETWORK, network)
    state.put_value(
        recovery_key(height),
        [
            body.kept,
            body.kept_hash,
            body.certified,
            body.lost,
            body.time,
            recovery.digest,
            signed,
            list(body.left_out),
        ],
    )
