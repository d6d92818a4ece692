"""An office's signed leave to read, at one node, what that node does not show to everybody.

A leave is [chain id, node, institution, office, until, key, signature], the signature over all
before it in Domain.READ_LEAVE. Like other leaves (office_leave.py) it does nothing on the ledger,
so one key of the office is enough, and it ends soon. It names the node that it is shown to: what
one node was shown opens nothing at another. What that office may then see is judged by the node.

A node's own key signs such a leave too, in the node's name where an office's stands: whoever holds
that key holds the node's store. So a node is backed up without any office's key near it.
"""

from __future__ import annotations

from typing import Any

from govchaind.base.crypto import Domain, SigningKey, verify
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidSignature, NotPermitted
from govchaind.base.limits import CARRY_LEAVE_MILLISECONDS
from govchaind.base.types import BlockTime, Hash, NodeId, PublicKey
from govchaind.ledger.carriage import LEAVE_BYTES_MAX, check_end, in_force
from govchaind.ledger.shapes import Bytes32, Count, Name, Shape, Signature64, read_shape

READ_LEAVE_MILLISECONDS = CARRY_LEAVE_MILLISECONDS


class ReadLeave(Shape):
    """A signed leave to read, as read."""

    chain_id: Bytes32
    node: Name
    institution: Name
    office: Name
    until: Count
    key: Bytes32
    signature: Signature64


def build_read_leave(
    signer: SigningKey,
    *,
    chain_id: Hash,
    node: NodeId,
    office: tuple[str, str],
    until: BlockTime,
) -> bytes:
    """Return the bytes of an office's leave to read at `node`, which ends at `until`."""
    said = [chain_id, node, *office, until, signer.public]
    return encode([*said, signer.sign(Domain.READ_LEAVE, encode(said))])


def read_read_leave(data: bytes) -> ReadLeave:
    """Return a leave whose signature holds. Raises InvalidEncoding, InvalidSignature."""
    leave = read_shape(data, ReadLeave, bytes_max=LEAVE_BYTES_MAX)
    said = [leave.chain_id, leave.node, leave.institution, leave.office, leave.until, leave.key]
    if not verify(Domain.READ_LEAVE, leave.key, encode(said), leave.signature):
        raise InvalidSignature("the leave's signature does not verify")
    return leave


def check_read_leave(
    leave: ReadLeave,
    *,
    chain_id: Hash,
    node: NodeId,
    office: list[Any] | None,
    own: PublicKey | None,
    now: BlockTime,
    clock: BlockTime,
) -> None:
    """Raise NotPermitted unless a leave is for this node, now, and its key may sign it.

    Args:
        office: the value (state_keys.py) of the office that the leave names; None: there is none.
        own: the node's attestation key, if the leave is signed in its own name.
        now: time of the newest block, by which the ledger judges keys.
        clock: the node's own time in milliseconds. A chain that stands still ends no leave, so the
            later of the two says when a leave is over. Nothing that is hashed hangs on it.
    """
    if (leave.chain_id, leave.node) != (chain_id, node):
        raise NotPermitted(
            "the leave to read is for another node or another chain",
            code="leave-for-another",
            remedy="Sign one that names this node and this chain: see /v1/status.",
        )
    check_end(leave.until, max(now, clock))
    if leave.key != own and not in_force(leave.key, office, now):
        raise NotPermitted("the leave's key is none of the office that it names")
