"""An office's signed leave to bring or fetch what a node does not give to everybody.

A leave is [chain id, purpose, subject, institution, office, until, key, signature], the signature
over all before it in Domain.OFFICE_LEAVE. `subject` names what it is for. Like a leave for a
delivery (carriage.py) it does nothing on the ledger, so one key of the office is enough, and it
ends soon. Whether that office may have the subject is judged by whoever holds it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from govchaind.base.crypto import Domain, SigningKey, verify
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidSignature, NotPermitted
from govchaind.base.types import BlockTime, Hash
from govchaind.ledger.carriage import LEAVE_BYTES_MAX, check_term
from govchaind.ledger.shapes import Bytes32, Count, Name, Shape, Signature64, read_shape

OfficePurpose = Literal["bring", "fetch"]
SUBJECT_CHARS_MAX = 128  # an institution, a slash and 64 hex digits fit


class OfficeLeave(Shape):
    """A signed leave, as read."""

    chain_id: Bytes32
    purpose: OfficePurpose
    subject: Annotated[str, Meta(max_length=SUBJECT_CHARS_MAX)]
    institution: Name
    office: Name
    until: Count
    key: Bytes32
    signature: Signature64


def side_subject(institution: str, commitment: Hash) -> str:
    """Return the subject of a leave for a side value."""
    return f"{institution}/{commitment.hex()}"


def build_office_leave(
    signer: SigningKey,
    *,
    chain_id: Hash,
    purpose: OfficePurpose,
    subject: str,
    office: tuple[str, str],
    until: BlockTime,
) -> bytes:
    """Return the bytes of an office's leave that ends at `until`."""
    said = [chain_id, purpose, subject, *office, until, signer.public]
    return encode([*said, signer.sign(Domain.OFFICE_LEAVE, encode(said))])


def read_office_leave(data: bytes) -> OfficeLeave:
    """Return a leave whose signature holds. Raises InvalidEncoding, InvalidSignature."""
    leave = read_shape(data, OfficeLeave, bytes_max=LEAVE_BYTES_MAX)
    said = [leave.chain_id, leave.purpose, leave.subject, leave.institution, leave.office,
            leave.until, leave.key]  # fmt: skip
    if not verify(Domain.OFFICE_LEAVE, leave.key, encode(said), leave.signature):
        raise InvalidSignature("the leave's signature does not verify")
    return leave


def check_office_leave(
    leave: OfficeLeave,
    *,
    chain_id: Hash,
    purpose: OfficePurpose,
    subject: str,
    office: list[Any] | None,
    now: BlockTime,
) -> None:
    """Raise NotPermitted unless a leave is for this, now, from a key in force of its office.

    Args:
        office: the value (state_keys.py) of the office that the leave names; None: there is none.
        now: time of the newest block.
    """
    if (leave.chain_id, leave.purpose, leave.subject) != (chain_id, purpose, subject):
        raise NotPermitted("the leave is for something else", code="leave-for-another")
    check_term(leave.until, leave.key, office, now, which="that it names")
