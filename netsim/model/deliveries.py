"""The model's deliveries: what was given under a grant, and how it ended.

A delivery key is [key, published, previous, previous until, box, height]; a delivery [sender,
receiver, commitment, size, rows, request, sealed, corrects, sent, received, dispute, corrected by,
lost, erasure, height]; an erasure [deadline, ordered, [[office, answer, time] …]].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.types import Hash
from govchaind.ledger.outcomes import Code
from netsim.model import catalogue, clocks, exchange
from netsim.model.offices import governs
from netsim.model.registers import office_key

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

DAY = 24 * 3600 * 1000
DELIVERED, RECEIVED_ENTRY, DISPUTED, CORRECTED = 12, 13, 14, 15  # places in an account
(
    SENDER, RECEIVER, COMMITMENT, SIZE, ROWS, REQUEST, SEALED, CORRECTS, SENT, RECEIVED, DISPUTE,
    CORRECTED_BY, LOST, ERASURE,
) = range(14)  # fmt: skip


def key_key(institution: str, office: str) -> bytes:
    return b"\x15" + institution.encode() + b"\x00" + office.encode()


def delivery_key(requester: str, reference: str, number: int) -> bytes:
    named = b"\x16" + requester.encode() + b"\x00" + reference.encode() + b"\x00"
    return named + number.to_bytes(4, "big")


def _open_key(deadline: int, who: list[Any]) -> bytes:
    return b"\x17" + deadline.to_bytes(8, "big") + delivery_key(*who)[1:]


def request_hash(requester: str, reference: str, asked: list[Any]) -> Hash:
    return digest(Domain.REQUEST, encode([requester, reference, *asked[: exchange.STATUS]]))


def publish_key(draft: Draft, arguments: list[Any]) -> int:
    key, until, box = arguments
    place = key_key(draft.institution, draft.office)
    before = draft.get(place)
    if until - draft.time > 92 * DAY:
        return Code.BAD_OVERLAP
    if box is not None and draft.get(b"\x05" + box[0].encode()) is None:
        return Code.UNKNOWN_NODE
    replaced: list[Any] = [None, None]
    if before is not None:
        if key == before[2]:
            return Code.DELIVERY_KEY_REPLACED
        if [key, box] == [before[0], before[4]]:
            return Code.NOTHING_CHANGES
        replaced = before[2:4] if key == before[0] else [before[0], until]
    draft.put(place, [key, draft.time, *replaced, box, draft.height])
    return Code.APPLIED


def deliver(draft: Draft, arguments: list[Any]) -> int:
    requester, reference, number, commitment, size, rows, request, sealed = arguments
    granted = draft.get(exchange.grant_key(requester, reference))
    if granted is None:
        return Code.UNKNOWN_GRANT
    asked = draft.get(exchange.request_key(requester, reference))
    if not catalogue.answers_for(draft, asked[exchange.PROVIDER], asked[exchange.DATA_SET]):
        return Code.NOT_PROVIDER
    if granted[exchange.GRANT_REVOKED] is not None or draft.time > granted[exchange.GRANT_UNTIL]:
        return Code.GRANT_ENDED
    if request != request_hash(requester, reference, asked):
        return Code.REQUEST_DIFFERS
    return _add(
        draft, [requester, reference, number], [requester, granted[2]],
        [commitment, size, rows, request, sealed, None], DELIVERED,
    )  # fmt: skip


def return_flow(draft: Draft, arguments: list[Any]) -> int:
    requester, reference, number, commitment, size, rows, sealed = arguments
    granted = draft.get(exchange.grant_key(requester, reference))
    if granted is None:
        return Code.UNKNOWN_GRANT
    if draft.institution != requester or not (draft.office == granted[2] or governs(draft)):
        return Code.NOT_REQUESTER
    asked = draft.get(exchange.request_key(requester, reference))
    content = [commitment, size, rows, request_hash(requester, reference, asked), sealed, None]
    return _add(draft, [requester, reference, number], granted[0:2], content)


def correct(draft: Draft, arguments: list[Any]) -> int:
    requester, reference, number, corrects, new, commitment, size, rows, sealed = arguments
    old = draft.get(delivery_key(requester, reference, number))
    if old is None:
        return Code.UNKNOWN_DELIVERY
    if not _speaks(draft, old[SENDER]):
        return Code.NOT_SENDER
    if old[CORRECTED_BY] is not None:
        return Code.ALREADY_CORRECTED
    if corrects != old[COMMITMENT]:
        return Code.COMMITMENT_DIFFERS
    content = [commitment, size, rows, old[REQUEST], sealed, number]
    who = [requester, reference, new]
    if refusal := _add(draft, who, old[RECEIVER], content, CORRECTED):
        return refusal
    _write(draft, [requester, reference, number], old, CORRECTED_BY, new)
    return Code.APPLIED


def receive(draft: Draft, arguments: list[Any]) -> int:
    *who, commitment = arguments
    refusal, found = _receivable(draft, who)
    if refusal:
        return refusal
    if found[RECEIVED] is not None:
        return Code.ALREADY_RECEIVED
    if commitment != found[COMMITMENT]:
        return Code.COMMITMENT_DIFFERS
    _write(draft, who, found, RECEIVED, draft.time)
    _count(draft, who, RECEIVED_ENTRY)
    return Code.APPLIED


def dispute(draft: Draft, arguments: list[Any]) -> int:
    *who, ground, commitment = arguments
    refusal, found = _receivable(draft, who)
    if refusal:
        return refusal
    if found[DISPUTE] is not None:
        return Code.ALREADY_DISPUTED
    if found[CORRECTED_BY] is not None:
        return Code.ALREADY_CORRECTED
    _write(draft, who, found, DISPUTE, [ground, commitment, draft.time])
    _count(draft, who, DISPUTED)
    return Code.APPLIED


def order_erasure(draft: Draft, arguments: list[Any]) -> int:
    *who, deadline, holders = arguments
    found = draft.get(delivery_key(*who))
    if found is None:
        return Code.UNKNOWN_DELIVERY
    if not _speaks(draft, found[SENDER]):
        return Code.NOT_SENDER
    if found[ERASURE] is not None:
        return Code.ERASURE_ORDERED
    if deadline <= draft.time or deadline - draft.time > 366 * DAY:
        return Code.BAD_ERASURE
    twice = any(each in holders[:at] for at, each in enumerate(holders))
    if twice or found[RECEIVER] not in holders:
        return Code.BAD_ERASURE
    if any(draft.get(office_key(*each)) is None for each in holders):
        return Code.NO_SUCH_OFFICE
    lost = found[LOST]
    answers = [
        [each, "lost", lost[1]] if lost is not None and lost[2] == each else [each, None, None]
        for each in holders
    ]
    _write(draft, who, found, ERASURE, [deadline, draft.time, answers])
    if _missing(answers):
        draft.put(_open_key(deadline, who), draft.height)
    return Code.APPLIED


def confirm_erasure(draft: Draft, arguments: list[Any]) -> int:
    *who, answer = arguments
    found = draft.get(delivery_key(*who))
    if found is None:
        return Code.UNKNOWN_DELIVERY
    if found[ERASURE] is None:
        return Code.NO_ERASURE_ORDERED
    mine = _mine(draft, found)
    if mine is None:
        return Code.NOT_A_HOLDER
    if mine[1] is not None:
        return Code.ALREADY_ANSWERED
    signed = found[RECEIVED] is not None and found[RECEIVER] == mine[0]
    if signed and answer == "never-had":
        return Code.RECEIPT_SAYS_OTHERWISE
    _answer(draft, who, found, answer)
    return Code.APPLIED


def report_lost(draft: Draft, arguments: list[Any]) -> int:
    *who, ground = arguments
    found = draft.get(delivery_key(*who))
    if found is None:
        return Code.UNKNOWN_DELIVERY
    me, mine = [draft.institution, draft.office], _mine(draft, found)
    if mine is None and me not in found[SENDER : RECEIVER + 1]:
        return Code.NOT_A_PARTY
    if found[RECEIVED] is not None and ground == "on-the-way":
        return Code.RECEIPT_SAYS_OTHERWISE
    if mine is not None and mine[1] is not None:
        return Code.ALREADY_ANSWERED
    if mine is None and found[LOST] is not None:
        return Code.DELIVERY_LOST
    if found[LOST] is None:
        found = [*found[:LOST], [ground, draft.time, me], *found[LOST + 1 :]]
        draft.put(delivery_key(*who), found)
    if mine is not None:
        _answer(draft, who, found, "lost")
    return Code.APPLIED


def _add(
    draft: Draft, who: list[Any], receiver: list[str], content: list[Any], entry: int | None = None
) -> int:
    """Write a new delivery; `content` is all from its commitment to what it corrects."""
    requester, reference, number = who
    before = number == 1 or draft.get(delivery_key(requester, reference, number - 1)) is not None
    if not before or draft.get(delivery_key(*who)) is not None:
        return Code.DELIVERY_OUT_OF_ORDER
    if draft.get(key_key(*receiver)) is None:
        return Code.NO_DELIVERY_KEY
    sender = [draft.institution, draft.office]
    value = [sender, receiver, *content, draft.time, *[None] * 5, draft.height]
    draft.put(delivery_key(*who), value)
    if entry is not None:
        _count(draft, who, entry)
    return Code.APPLIED


def _write(draft: Draft, who: list[Any], found: list[Any], place: int, value: Any) -> None:
    draft.put(delivery_key(*who), [*found[:place], value, *found[place + 1 :]])


def _speaks(draft: Draft, office: list[str]) -> bool:
    return draft.institution == office[0] and (draft.office == office[1] or governs(draft))


def _receivable(draft: Draft, who: list[Any]) -> tuple[int, list[Any]]:
    found = draft.get(delivery_key(*who))
    if found is None:
        return Code.UNKNOWN_DELIVERY, []
    if not _speaks(draft, found[RECEIVER]):
        return Code.NOT_RECEIVER, []
    if found[ERASURE] is not None:
        return Code.ERASURE_ORDERED, []
    return (Code.APPLIED if found[LOST] is None else Code.DELIVERY_LOST), found


def _missing(answers: list[Any]) -> bool:
    return any(answer is None for _, answer, _ in answers)


def _mine(draft: Draft, found: list[Any]) -> list[Any] | None:
    """Return what an order has of the author, if it names it."""
    answers = [] if found[ERASURE] is None else found[ERASURE][2]
    me = [draft.institution, draft.office]
    return next((each for each in answers if each[0] == me), None)


def _answer(draft: Draft, who: list[Any], found: list[Any], answer: str) -> None:
    deadline, ordered, answers = found[ERASURE]
    me = [draft.institution, draft.office]
    after = [[me, answer, draft.time] if each[0] == me else each for each in answers]
    _write(draft, who, found, ERASURE, [deadline, ordered, after])
    if not _missing(after):
        draft.put(_open_key(deadline, who), None)


def _count(draft: Draft, who: list[Any], entry: int) -> None:
    asked = draft.get(exchange.request_key(who[0], who[1]))
    terms = draft.get(clocks.terms_key(asked[exchange.UNDER]))
    sides = [asked[exchange.PROVIDER], asked[exchange.DATA_SET]]
    clocks.enter(draft, terms, who[0], sides, entry)


OPERATIONS = {
    50: publish_key,
    51: deliver,
    52: receive,
    53: dispute,
    54: correct,
    55: return_flow,
    56: order_erasure,
    57: confirm_erasure,
    58: report_lost,
}
