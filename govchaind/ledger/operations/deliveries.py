"""Deliveries: that a file was sealed, sent, received, disputed, corrected. The file is elsewhere.

    51 deliver      [requester, reference, number, commitment, size, rows or null, request,
                     sealed]                                                    by the provider
    52 receive      [requester, reference, number, commitment]                  by the receiver
    53 dispute      [requester, reference, number, ground, commitment]          by the receiver
    54 correct      [requester, reference, number, corrects, new number, commitment, size,
                     rows or null, sealed]                                      by the sender
    55 return flow  [requester, reference, number, commitment, size, rows or null,
                     sealed]                                                    by the requester

A delivery is named by its grant and a number; numbers count from 1 without gaps, corrections and
return flow among them. `commitment` is the salted commitment to the plain file, `sealed` the
SHA-256 of the sealed one, `request` the hash of what was asked (`request_hash`), so that what was
delivered can never pass for an answer to something else. Who signs `receive` says that it has
opened the file and that it is the one that was committed to; a dispute's commitment is to what is
wrong with it, a side value of the parties. A correction names the commitment that it corrects. It
needs no grant in force, nor does return flow: mending and giving back outlive the right to ask.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.types import BlockTime, Hash
from govchaind.ledger.operations import catalogue, grants, requests
from govchaind.ledger.operations.accounts import Entry
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.institutions import governs
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Bytes32, Count, Name, Shape
from govchaind.ledger.state_keys import delivery_key, delivery_key_key, grant_key, request_key
from govchaind.ledger.working_state import Act, WorkingState

Number = Annotated[int, Meta(ge=1, le=0xFFFFFFFF)]
DisputeGround = Literal["wrong", "incomplete", "outdated", "not-asked-for", "unreadable"]
Status = Literal[
    "sent", "received", "disputed", "corrected", "lost",
    "erasing", "erasure-overdue", "erased", "never-delivered",
]  # fmt: skip

# places in a delivery's value (state_keys.py)
(
    SENDER, RECEIVER, COMMITMENT, SIZE, ROWS, REQUEST, SEALED, CORRECTS, SENT, RECEIVED, DISPUTE,
    CORRECTED_BY, LOST, ERASURE, HEIGHT,
) = range(15)  # fmt: skip
ERASE_DEADLINE, ERASE_ORDERED, ERASE_HOLDERS = range(3)  # places in ERASURE
HOLDER, ANSWER, ANSWERED = range(3)  # places in a holder


class Deliver(Shape):
    """Arguments of `deliver`."""

    requester: Name
    reference: Name
    number: Number
    commitment: Bytes32
    size: Count
    rows: Count | None
    request: Bytes32
    sealed: Bytes32


class Receive(Shape):
    """Arguments of `receive`."""

    requester: Name
    reference: Name
    number: Number
    commitment: Bytes32


class Dispute(Shape):
    """Arguments of `dispute`."""

    requester: Name
    reference: Name
    number: Number
    ground: DisputeGround
    commitment: Bytes32


class Correct(Shape):
    """Arguments of `correct`."""

    requester: Name
    reference: Name
    number: Number
    corrects: Bytes32
    new_number: Number
    commitment: Bytes32
    size: Count
    rows: Count | None
    sealed: Bytes32


class ReturnFlow(Shape):
    """Arguments of `return-flow`."""

    requester: Name
    reference: Name
    number: Number
    commitment: Bytes32
    size: Count
    rows: Count | None
    sealed: Bytes32


def deliver(arguments: Deliver, act: Act, state: WorkingState) -> int:
    """Record what the provider has sealed for the requester."""
    requester, reference = arguments.requester, arguments.reference
    granted = state.decoded(grant_key(requester, reference))
    asked = state.decoded(request_key(requester, reference))
    if granted is None or asked is None:
        return Code.UNKNOWN_GRANT
    data_set = requests.data_set_of(asked, state)
    if not catalogue.answers_for(granted[grants.PROVIDER], data_set, act, state):
        return Code.NOT_PROVIDER
    if granted[grants.REVOKED] is not None or act.time > granted[grants.UNTIL]:
        return Code.GRANT_ENDED
    if arguments.request != request_hash(requester, reference, asked):
        return Code.REQUEST_DIFFERS
    receiver = [requester, granted[grants.REQUESTER_OFFICE]]
    if fault := _number_fault(arguments, arguments.number, receiver, state):
        return fault
    _record(arguments, arguments.number, receiver, arguments.request, None, act, state)
    requests.count(requester, asked, {Entry.DELIVERED: 1}, act, state)
    return Code.APPLIED


def receive(arguments: Receive, act: Act, state: WorkingState) -> int:
    """Sign that a delivery has come and is what was committed to."""
    key, delivery = found(arguments, state)
    if fault := _receiver_fault(delivery, act, state):
        return fault
    if delivery[RECEIVED] is not None:
        return Code.ALREADY_RECEIVED
    if arguments.commitment != delivery[COMMITMENT]:
        return Code.COMMITMENT_DIFFERS
    state.put_value(key, requests.changed(delivery, {RECEIVED: act.time}))
    _count(arguments, Entry.RECEIVED, act, state)
    return Code.APPLIED


def dispute(arguments: Dispute, act: Act, state: WorkingState) -> int:
    """Say that a delivery is wrong, before or after its receipt was signed."""
    key, delivery = found(arguments, state)
    if fault := _receiver_fault(delivery, act, state):
        return fault
    if delivery[DISPUTE] is not None:
        return Code.ALREADY_DISPUTED
    if delivery[CORRECTED_BY] is not None:
        return Code.ALREADY_CORRECTED
    said = [arguments.ground, arguments.commitment, act.time]
    state.put_value(key, requests.changed(delivery, {DISPUTE: said}))
    _count(arguments, Entry.DISPUTED, act, state)
    return Code.APPLIED


def correct(arguments: Correct, act: Act, state: WorkingState) -> int:
    """Put a better delivery in the place of one, disputed or not."""
    key, delivery = found(arguments, state)
    if delivery is None:
        return Code.UNKNOWN_DELIVERY
    if not speaks_for(delivery[SENDER], act, state):
        return Code.NOT_SENDER
    if delivery[CORRECTED_BY] is not None:
        return Code.ALREADY_CORRECTED
    if arguments.corrects != delivery[COMMITMENT]:
        return Code.COMMITMENT_DIFFERS
    receiver = delivery[RECEIVER]
    if fault := _number_fault(arguments, arguments.new_number, receiver, state):
        return fault
    changes = {CORRECTED_BY: arguments.new_number}
    state.put_value(key, requests.changed(delivery, changes))
    number, request = arguments.new_number, delivery[REQUEST]
    _record(arguments, number, receiver, request, arguments.number, act, state)
    _count(arguments, Entry.CORRECTED, act, state)
    return Code.APPLIED


def return_flow(arguments: ReturnFlow, act: Act, state: WorkingState) -> int:
    """Record what the requester gives back to the provider, out of its use of the data."""
    requester, reference = arguments.requester, arguments.reference
    granted = state.decoded(grant_key(requester, reference))
    asked = state.decoded(request_key(requester, reference))
    if granted is None or asked is None:
        return Code.UNKNOWN_GRANT
    if act.institution != requester or requests.requester_fault(asked, act, state):
        return Code.NOT_REQUESTER
    receiver = [granted[grants.PROVIDER], granted[grants.PROVIDER_OFFICE]]
    if fault := _number_fault(arguments, arguments.number, receiver, state):
        return fault
    request = request_hash(requester, reference, asked)
    _record(arguments, arguments.number, receiver, request, None, act, state)
    return Code.APPLIED


# --- what others share --------------------------------------------------------------------------


def request_hash(requester: str, reference: str, asked: list[Any]) -> Hash:
    """Return the hash of what was asked: of a request's value but for what became of it."""
    return digest(Domain.REQUEST, encode([requester, reference, *asked[: requests.STATUS]]))


def found(arguments: Any, state: WorkingState) -> tuple[bytes, Any]:
    """Return the state key of the delivery that arguments name, and its value or None."""
    key = delivery_key(arguments.requester, arguments.reference, arguments.number)
    return key, state.decoded(key)


def speaks_for(party: list[str], act: Act, state: WorkingState) -> bool:
    """Say whether the author is this office, or its institution's governing one."""
    if act.institution != party[0]:
        return False
    return act.office == party[1] or governs(act, state)


def status(delivery: list[Any], now: BlockTime) -> Status:
    """Return how far a delivery has come at a block time."""
    erasure = delivery[ERASURE]
    answers = [] if erasure is None else [holder[ANSWER] for holder in erasure[ERASE_HOLDERS]]
    if None in answers:
        return "erasure-overdue" if now > erasure[ERASE_DEADLINE] else "erasing"
    if delivery[LOST] is not None or "lost" in answers:
        return "lost"
    if answers:
        return "erased" if "destroyed" in answers else "never-delivered"
    if delivery[CORRECTED_BY] is not None:
        return "corrected"
    if delivery[DISPUTE] is not None:
        return "disputed"
    return "sent" if delivery[RECEIVED] is None else "received"


def _receiver_fault(delivery: list[Any] | None, act: Act, state: WorkingState) -> int:
    if delivery is None:
        return Code.UNKNOWN_DELIVERY
    if not speaks_for(delivery[RECEIVER], act, state):
        return Code.NOT_RECEIVER
    if delivery[ERASURE] is not None:
        return Code.ERASURE_ORDERED
    return Code.APPLIED if delivery[LOST] is None else Code.DELIVERY_LOST


def _number_fault(arguments: Any, number: int, receiver: list[str], state: WorkingState) -> int:
    """Say why a delivery cannot have this number and receiver, or APPLIED if it can."""
    requester, reference = arguments.requester, arguments.reference
    taken = state.get(delivery_key(requester, reference, number)) is not None
    gap = number > 1 and state.get(delivery_key(requester, reference, number - 1)) is None
    if taken or gap:
        return Code.DELIVERY_OUT_OF_ORDER
    if state.get(delivery_key_key(*receiver)) is None:
        return Code.NO_DELIVERY_KEY
    return Code.APPLIED


def _record(
    arguments: Any,
    number: int,
    receiver: list[str],
    request: Hash,
    corrects: int | None,
    act: Act,
    state: WorkingState,
) -> None:
    state.put_value(
        delivery_key(arguments.requester, arguments.reference, number),
        [
            [act.institution, act.office],
            receiver,
            arguments.commitment,
            arguments.size,
            arguments.rows,
            request,
            arguments.sealed,
            corrects,
            act.time,
            *([None] * (HEIGHT - RECEIVED)),
            act.height,
        ],
    )


def _count(arguments: Any, entry: Entry, act: Act, state: WorkingState) -> None:
    """Enter into the account of the request's parties what has happened to a delivery."""
    asked = state.decoded(request_key(arguments.requester, arguments.reference))
    requests.count(arguments.requester, asked, {entry: 1}, act, state)


def _operation(kind: Kind, name: str, shape: type[Any], apply: Any) -> Operation:
    return Operation(int(kind), name, "deliveries", COST_MICROSECONDS[kind], shape, apply)


OPERATIONS = (
    _operation(Kind.DELIVER, "deliver", Deliver, deliver),
    _operation(Kind.RECEIVE, "receive", Receive, receive),
    _operation(Kind.DISPUTE, "dispute", Dispute, dispute),
    _operation(Kind.CORRECT, "correct", Correct, correct),
    _operation(Kind.RETURN_FLOW, "return-flow", ReturnFlow, return_flow),
)
