"""What clerks do about deliveries: keys, deliveries, receipts, disputes, corrections, erasures.

Most is in order: an errand looks for a grant or a delivery that waits for just this, and for the
office that may do it; at times it takes another number, another office, or what was done before.
"""

from __future__ import annotations

import random
from typing import Any

from govchaind.ledger.operations.costs import Kind
from netsim.errands import Errand
from netsim.model import deliveries, exchange
from netsim.model.catalogue import data_set_key, duty_key
from netsim.model.deliveries import delivery_key, key_key, request_hash
from netsim.model.exchange import grant_key, request_key
from netsim.model.ledger import Model

SECOND, DAY = 1000, 24 * 3600 * 1000
GROUNDS = ("wrong", "incomplete", "outdated", "not-asked-for", "unreadable")
LOSSES = ("on-the-way", "stolen", "key-lost")
WEIGHTS = {
    Kind.PUBLISH_DELIVERY_KEY: 8,
    Kind.DELIVER: 22,
    Kind.RECEIVE: 16,
    Kind.DISPUTE: 8,
    Kind.CORRECT: 10,
    Kind.RETURN_FLOW: 6,
    Kind.ORDER_ERASURE: 12,
    Kind.CONFIRM_ERASURE: 14,
    Kind.REPORT_LOST: 5,
}
Who = tuple[str, str, int]


class DeliveryErrands:
    """One clerk's errands about deliveries."""

    def __init__(self, pick: random.Random, model: Model) -> None:
        self.random = pick
        self.model = model

    def errands(self, now: int) -> list[Errand]:
        """Return a few transactions: what a first delivery needs, or what may come to others.

        They are made by one look at the state, so of two about one delivery the second may be
        refused. None where nothing is granted yet.
        """
        if not self.model.keys(b"\x13"):
            return []
        if not self.model.keys(b"\x16"):
            return self._first(now)
        return [self._errand(now) for _ in range(self.random.choice((2, 4, 6)))]

    def _errand(self, now: int) -> Errand:
        pick = self.random
        kind = pick.choices(tuple(WEIGHTS), weights=tuple(WEIGHTS.values()))[0]
        if kind is Kind.PUBLISH_DELIVERY_KEY:
            errand = self._key(now)
        elif kind in (Kind.DELIVER, Kind.RETURN_FLOW):
            errand = self._new(kind, now)
        else:
            errand = self._on_one(kind, now) or self._new(Kind.DELIVER, now)
        if self._rarely(0.12):
            offices = [key[1:].decode().split("\0") for key in self.model.keys(b"\x02")]
            own = [each for each in offices if each[0] == errand.author[0]]
            others = own if pick.random() < 0.6 else offices
            return Errand(_office(pick.choice(others)), errand.operations)
        return errand

    def _first(self, now: int) -> list[Errand]:
        """Return keys of both sides of a grant, and a few deliveries under it."""
        pick = self.random
        requester, reference = pick.choice(self._grants())
        granted = self.model.get(grant_key(requester, reference))
        made = [
            Errand(_office(office), [(Kind.PUBLISH_DELIVERY_KEY, [pick.randbytes(32), 0, None])])
            for office in ([requester, granted[2]], granted[0:2])
        ]
        first = self._deliver(requester, reference)
        operations = []
        for number in range(1, pick.choice((2, 4))):
            [(kind, arguments)] = self._deliver(requester, reference).operations
            operations.append((kind, [*arguments[:2], number, *arguments[3:]]))
        return [*made, Errand(first.author, operations)]

    def _rarely(self, share: float = 0.05) -> bool:
        return self.random.random() < share

    # --- the state -------------------------------------------------------------------------------

    def _grants(self) -> list[tuple[str, str]]:
        found = []
        for key in self.model.keys(b"\x13"):
            requester, _, reference = key[1:].decode().partition("\0")
            found.append((requester, reference))
        return found

    def _deliveries(self) -> list[Who]:
        found = []
        for key in self.model.keys(b"\x16"):
            requester, _, reference = key[1:-5].decode().partition("\0")
            found.append((requester, reference, int.from_bytes(key[-4:], "big")))
        return found

    def _number(self, requester: str, reference: str) -> int:
        number = 1
        while self.model.get(delivery_key(requester, reference, number)) is not None:
            number += 1
        return max(1, number + self.random.choice((-1, 1))) if self._rarely(0.12) else number

    def _author(self, office: list[str]) -> tuple[str, str]:
        """Return an office, or at times the one that governs its institution."""
        institution = self.model.get(b"\x01" + office[0].encode())
        governs = institution is not None and self._rarely(0.15)
        return office[0], str(institution[2]) if governs else office[1]

    # --- operations ------------------------------------------------------------------------------

    def _key(self, now: int) -> Errand:
        pick = self.random
        requester, reference = pick.choice(self._grants())
        granted = self.model.get(grant_key(requester, reference))
        office = pick.choice(([requester, granted[2]], granted[0:2]))
        before = self.model.get(key_key(*office))
        key, odd = pick.randbytes(32), pick.random()
        if before is not None and odd < 0.25:
            key = before[0] if before[2] is None or odd < 0.12 else before[2]
        until = pick.choice((0, now + 5 * SECOND, now + DAY, now + 200 * DAY))
        nodes = [each[1:].decode() for each in self.model.keys(b"\x05")]
        box = [pick.choice([*nodes, "nowhere"]), "box.example:7700"]
        arguments = [key, until, box if pick.random() < 0.4 else None]
        return Errand(_office(office), [(Kind.PUBLISH_DELIVERY_KEY, arguments)])

    def _content(self) -> list[Any]:
        pick = self.random
        return [pick.randbytes(32), pick.choice((0, 1000, 1 << 40)), pick.choice((None, 0, 20))]

    def _new(self, kind: Kind, now: int) -> Errand:
        """Return a delivery or return flow; the receiver's key first, if it has none."""
        pick = self.random
        there = self._grants()
        good = [each for each in there if self._is_in_force(each, now)]
        requester, reference = pick.choice(good if good and not self._rarely() else there)
        granted = self.model.get(grant_key(requester, reference))
        back = kind is Kind.RETURN_FLOW
        receiver = granted[0:2] if back else [requester, granted[2]]
        if self.model.get(key_key(*receiver)) is None and pick.random() < 0.85:
            return Errand(
                _office(receiver), [(Kind.PUBLISH_DELIVERY_KEY, [pick.randbytes(32), 0, None])]
            )
        named = [requester, reference, self._number(requester, reference)]
        if back:
            author = self._author([requester, granted[2]])
            return Errand(author, [(kind, [*named, *self._content(), pick.randbytes(32)])])
        return self._deliver(requester, reference)

    def _deliver(self, requester: str, reference: str) -> Errand:
        pick = self.random
        granted = self.model.get(grant_key(requester, reference))
        named = [requester, reference, self._number(requester, reference)]
        request = request_hash(
            requester, reference, self.model.get(request_key(requester, reference))
        )
        if self._rarely():
            request = bytes(32)
        data_set = self.model.get(data_set_key(granted[0], granted[3]))
        duty = self.model.get(duty_key(granted[0], data_set[3]))
        author = self._author([granted[0], str(duty[1])])
        arguments = [*named, *self._content(), request, pick.randbytes(32)]
        return Errand(author, [(int(Kind.DELIVER), arguments)])

    def _is_in_force(self, who: tuple[str, str], now: int) -> bool:
        found = self.model.get(grant_key(*who))
        return found[exchange.GRANT_REVOKED] is None and bool(now <= found[exchange.GRANT_UNTIL])

    def _on_one(self, kind: Kind, now: int) -> Errand | None:
        """Return what may come to a delivery; None: there is none that this could come to."""
        pick = self.random
        there = self._deliveries()
        waiting = [each for each in there if self._waits(kind, each)]
        if not there or (not waiting and not self._rarely(0.2)):
            return None
        who = pick.choice(waiting if waiting and not self._rarely(0.1) else there)
        found = self.model.get(delivery_key(*who))
        named: list[Any] = [*who]
        if self._rarely(0.03):
            named[2] += 50
        commitment = pick.randbytes(32) if self._rarely(0.12) else found[deliveries.COMMITMENT]
        receiver, sender = found[deliveries.RECEIVER], found[deliveries.SENDER]
        if kind is Kind.RECEIVE:
            return Errand(self._author(receiver), [(kind, [*named, commitment])])
        if kind is Kind.DISPUTE:
            said = [*named, pick.choice(GROUNDS), pick.randbytes(32)]
            return Errand(self._author(receiver), [(kind, said)])
        if kind is Kind.CORRECT:
            new = self._number(who[0], who[1])
            said = [*named, commitment, new, *self._content(), pick.randbytes(32)]
            return Errand(self._author(sender), [(kind, said)])
        if kind is Kind.ORDER_ERASURE:
            return Errand(self._author(sender), [(kind, [*named, *self._order(receiver, now)])])
        holders = [each[0] for each in (found[deliveries.ERASURE] or [0, 0, [[receiver]]])[2]]
        if kind is Kind.CONFIRM_ERASURE:
            said = [*named, pick.choice(("destroyed", "never-had"))]
            return Errand(_office(self._waited_for(found, holders)), [(kind, said)])
        loser = pick.choice((sender, receiver, pick.choice(holders)))
        return Errand(_office(loser), [(kind, [*named, pick.choice(LOSSES)])])

    def _waits(self, kind: Kind, who: Who) -> bool:
        """Say whether a delivery waits for this, or nearly."""
        found = self.model.get(delivery_key(*who))
        erasure = found[deliveries.ERASURE]
        if kind is Kind.CONFIRM_ERASURE:
            return erasure is not None and any(each[1] is None for each in erasure[2])
        if kind is Kind.RECEIVE:
            return found[deliveries.RECEIVED] is None and erasure is None
        if kind in (Kind.DISPUTE, Kind.CORRECT):
            return found[deliveries.CORRECTED_BY] is None
        return kind is not Kind.ORDER_ERASURE or erasure is None

    def _order(self, receiver: list[str], now: int) -> list[Any]:
        pick = self.random
        offices = [key[1:].decode().split("\0") for key in self.model.keys(b"\x02")]
        others = [each for each in offices if each != receiver]
        holders = [receiver, *pick.sample(others, pick.choice((0, 0, 1, 2)))]
        odd = pick.random()
        if odd < 0.04:
            holders = holders[1:] or [others[0]]
        elif odd < 0.07:
            holders.append(receiver)
        elif odd < 0.1:
            holders.append([receiver[0], "nowhere"])
        deadlines = (now + 2 * SECOND, now + 60 * SECOND, now + DAY, now - 1, now + 400 * DAY)
        return [pick.choices(deadlines, weights=(5, 5, 5, 1, 1))[0], holders]

    def _waited_for(self, found: list[Any], holders: list[list[str]]) -> list[str]:
        erasure = found[deliveries.ERASURE]
        missing = [] if erasure is None else [each[0] for each in erasure[2] if each[1] is None]
        return self.random.choice(missing if missing and not self._rarely(0.1) else holders)


def _office(value: list[str]) -> tuple[str, str]:
    institution, office = value
    return institution, office
