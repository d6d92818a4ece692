"""Who may bring a sealed file to a node, or fetch it: an office key's signed leave. What nodes say.

A leave is [chain id, requester, reference, number, purpose, until, key, signature], the signature
over all before it in Domain.CARRIAGE. It moves bytes and does nothing on the ledger, so one key of
the office is enough, whatever its policy asks for. The sender may bring; the receiver may fetch.
It ends at a block time soon after it was made: a copied one is worth little, and only to whoever
could have had the sealed file anyway.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from govchaind.base.crypto import Domain, SigningKey, verify
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidSignature, NotPermitted
from govchaind.base.limits import CARRY_LEAVE_MILLISECONDS
from govchaind.base.types import BlockTime, Hash, PublicKey
from govchaind.ledger.shapes import Bytes32, Count, Name, Shape, Signature64, read_shape

LEAVE_BYTES_MAX = 512
Purpose = Literal["bring", "fetch"]
_KEY, _FROM, _UNTIL, _REVOKED = 1, 3, 4, 5  # places in a seat (state_keys.py)


class Leave(Shape):
    """A signed leave, as read."""

    chain_id: Bytes32
    requester: Name
    reference: Name
    number: Count
    purpose: Purpose
    until: Count
    key: Bytes32
    signature: Signature64


class Offer(Shape):
    """What the node that brings says first."""

    version: int
    chain_id: Bytes32
    requester: Name
    reference: Name
    number: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
    digest: Bytes32
    length: Count


class Words(Shape):
    """A short answer: what it is, and what belongs to it."""

    word: Annotated[str, Meta(max_length=16)]
    first: int | Annotated[str, Meta(max_length=64)] | None = None
    second: Annotated[str, Meta(max_length=500)] | None = None


def build_leave(
    signer: SigningKey,
    *,
    chain_id: Hash,
    delivery: tuple[str, str, int],
    purpose: Purpose,
    until: BlockTime,
) -> bytes:
    """Return the bytes of a leave that ends at `until`."""
    said = [chain_id, *delivery, purpose, until, signer.public]
    return encode([*said, signer.sign(Domain.CARRIAGE, encode(said))])


def read_leave(data: bytes) -> Leave:
    """Return a leave whose signature holds. Raises InvalidEncoding, InvalidSignature."""
    leave = read_shape(data, Leave, bytes_max=LEAVE_BYTES_MAX)
    said = [leave.chain_id, leave.requester, leave.reference, leave.number, leave.purpose,
            leave.until, leave.key]  # fmt: skip
    if not verify(Domain.CARRIAGE, leave.key, encode(said), leave.signature):
        raise InvalidSignature("the leave's signature does not verify")
    return leave


def check_leave(
    leave: Leave,
    *,
    chain_id: Hash,
    delivery: tuple[str, str, int],
    purpose: Purpose,
    office: list[Any] | None,
    now: BlockTime,
) -> None:
    """Raise NotPermitted unless a leave is for this, now, from a key in force of this office.

    Args:
        office: the office's value (state_keys.py); None if there is none.
        now: time of the newest block.
    """
    named = (leave.requester, leave.reference, leave.number)
    if leave.chain_id != chain_id or named != delivery or leave.purpose != purpose:
        raise NotPermitted("the leave is for something else", code="leave-for-another")
    check_term(leave.until, leave.key, office, now, which="that may do this")


def check_term(
    until: BlockTime, key: PublicKey, office: list[Any] | None, now: BlockTime, *, which: str
) -> None:
    """Raise NotPermitted unless a leave of any kind ends soon, and its key is in force.

    Args:
        office: as for `check_leave`; `which` says in the message what it is.
    """
    check_end(until, now)
    if not in_force(key, office, now):
        raise NotPermitted(f"the leave's key is none of the office {which}")


def check_end(until: BlockTime, now: BlockTime) -> None:
    """Raise NotPermitted unless a leave of any kind ends soon."""
    if not now < until <= now + 2 * CARRY_LEAVE_MILLISECONDS:
        raise NotPermitted(
            "the leave is over, or lasts too long",
            code="leave-over",
            remedy="Sign a new one; check this machine's clock.",
        )


def in_force(key: PublicKey, office: list[Any] | None, now: BlockTime) -> bool:
    """Say whether a key is one of an office's (its value in state_keys.py), and in force now."""
    return office is not None and any(
        seat[_KEY] == key
        and seat[_FROM] <= now
        and (seat[_UNTIL] is None or now < seat[_UNTIL])
        and seat[_REVOKED] is None
        for seat in office[2]
    )
