"""What clerks do about duties, the catalogue, requests and grants: most in order, many not.

Everything is drawn from one source and from the state as the model has it: an errand looks for a
request that waits for just this, and for the office that may do it; at times it takes any other.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from netsim.model import exchange
from netsim.model.catalogue import data_set_key, duty_key
from netsim.model.exchange import grant_key, request_key
from netsim.model.ledger import Model

DAY = 24 * 3600 * 1000
MANDATES = ("share-0", "share-1", "share-2")
DUTIES = ("duty-0", "duty-1")
DATA_SETS = ("set-0", "set-1", "set-2")
REFERENCES = 14  # of each institution: some are asked with twice
FIELDS = ("number", "name", "status")
CONDITIONS = ("on-site", "no-copies", "by-hand", "one-year")
GROUNDS = ("no-basis", "too-broad")
CALENDARS = ("city", "unknown")
OPEN, REFUSED, APPEALED, OVERTURNED = "open", "refused", "appealed", "overturned"
WEIGHTS = {
    Kind.ASSIGN_DUTY: 5,
    Kind.END_DUTY: 2,
    Kind.PUBLISH_DATA_SET: 9,
    Kind.REVISE_DATA_SET: 12,
    Kind.RETIRE_DATA_SET: 2,
    Kind.REQUEST: 22,
    Kind.GRANT: 16,
    Kind.REFUSE: 12,
    Kind.EXTEND: 6,
    Kind.APPEAL: 10,
    Kind.RULE: 10,
    Kind.USE_GRANT: 16,
    Kind.REVOKE_GRANT: 4,
    Kind.WITHDRAW_REQUEST: 3,
}
# In which states a request waits for what.
WAITS = {
    Kind.GRANT: (OPEN, OPEN, OVERTURNED),
    Kind.REFUSE: (OPEN, OVERTURNED),
    Kind.EXTEND: (OPEN,),
    Kind.APPEAL: (REFUSED, OPEN),
    Kind.RULE: (APPEALED,),
    Kind.WITHDRAW_REQUEST: (OPEN, OPEN, APPEALED, OVERTURNED),
}


@dataclass(frozen=True, slots=True)
class Errand:
    """One transaction: who makes it, and its operations."""

    author: tuple[str, str]  # institution and office
    operations: list[tuple[int, list[Any]]]


class Errands:
    """One clerk's errands."""

    def __init__(self, pick: random.Random, model: Model) -> None:
        self.random = pick
        self.model = model

    # --- the state -------------------------------------------------------------------------------

    def _names(self, prefix: bytes) -> list[list[str]]:
        """Return the names of all things of a kind."""
        return [key[1:].decode().split("\0") for key in self.model.keys(prefix)]

    def _any_office(self) -> tuple[str, str]:
        institution, office = self.random.choice(self._names(b"\x02"))
        return institution, office

    def _governing(self, institution: str) -> tuple[str, str]:
        found = self.model.get(b"\x01" + institution.encode())
        return institution, "nowhere" if found is None else str(found[2])

    def _rarely(self, share: float = 0.06) -> bool:
        return self.random.random() < share

    # --- motions ---------------------------------------------------------------------------------

    def ground(self, now: int) -> tuple[int, list[Any]] | None:
        """Return a motion that requests need first, or at times; None: all is there."""
        mandates = [name for (name,) in self._names(b"\x0d") if name in MANDATES]
        with_terms = self._names(b"\x11")
        if not mandates or (len(mandates) < len(MANDATES) and self._rarely()):
            return self._adopt([each for each in MANDATES if each not in mandates], now)
        if not with_terms or self._rarely():
            return MotionKind.SET_TERMS, self._terms(mandates)
        if self._rarely(0.03):
            return MotionKind.ADOPT_CALENDAR, self._calendar(now, self.random.choice((1, 1, 2, 3)))
        return None

    def founding(self, now: int) -> tuple[list[tuple[int, list[Any]]], list[Errand]]:
        """Return the motions and the errands that begin it all, if nothing is there."""
        if self.model.keys(b"\x11"):
            return [], []
        mandate = self._adopt(list(MANDATES), now)
        motions = [mandate, (MotionKind.SET_TERMS, self._terms([mandate[1][0]]))]
        if self._rarely(0.4):
            motions += [
                (MotionKind.ADOPT_CALENDAR, self._calendar(now, version)) for version in (1, 2)
            ]
        errands = []
        for (institution,) in self._names(b"\x01")[:2]:
            office = self._governing(institution)[1]
            duty = [DUTIES[0], "A duty", office, mandate[1][0]]
            data_set = [*self._data_set(DATA_SETS[0], DUTIES[0])[:-1], mandate[1][0]]
            operations = [(int(Kind.ASSIGN_DUTY), duty), (int(Kind.PUBLISH_DATA_SET), data_set)]
            errands.append(Errand((institution, office), operations))
            errands += [
                Errand(
                    (other, self._governing(other)[1]),
                    [
                        (
                            int(Kind.REQUEST),
                            [
                                f"q-{self.random.randrange(REFERENCES)}",
                                institution,
                                DATA_SETS[0],
                                [FIELDS[0]],
                                mandate[1][0],
                                self.random.randbytes(32),
                            ],
                        )
                    ],
                )
                for (other,) in self._names(b"\x01")
                if other != institution
            ]
        return motions, errands

    def _adopt(self, names: list[str], now: int) -> tuple[int, list[Any]]:
        pick = self.random
        until = pick.choice((None, None, now + 40 * DAY))
        effect = now - pick.choice((0, 1, DAY))
        there = [name for (name,) in self._names(b"\x0d")]
        before = pick.choice(there) if there and self._rarely(0.3) else None
        fields = ["Sharing of data", "No. 1", "Council", bytes(32), effect, until, before]
        return MotionKind.ADOPT_MANDATE, [pick.choice(names), *fields]

    def _terms(self, mandates: list[str]) -> list[Any]:
        pick = self.random

        def clock(*days: int) -> list[Any]:
            return [pick.choice(days), pick.random() < 0.4]

        mandate = "nothing" if self._rarely(0.03) else pick.choice(mandates)
        calendar = pick.choice(CALENDARS) if pick.random() < 0.95 else None
        grounds = list(GROUNDS) if pick.random() < 0.95 else [GROUNDS[0], GROUNDS[0]]
        extension = None if self._rarely(0.2) else clock(1, 5)
        delivery = None if self._rarely(0.3) else clock(3)
        supervisor = [*self._any_office()] if pick.random() < 0.95 else ["nobody", "nowhere"]
        offset = pick.choice((480, 0, -300, 840))
        return [
            mandate, calendar, offset, clock(1, 2, 10), extension,
            pick.choice(("provider", "provider", "supervisor")), clock(1, 7), clock(1, 15),
            delivery, grounds, supervisor,
        ]  # fmt: skip

    def _calendar(self, now: int, version: int) -> list[Any]:
        pick = self.random
        year = 1970 + now // (365 * DAY + DAY // 4)
        days = pick.choice(
            (pick.randbytes(45) + b"\x00", b"\xff" * 45 + b"\x80", b"\xaa" * 45 + b"\x00")
        )
        return [CALENDARS[0], year, version, 480, days]

    # --- operations ------------------------------------------------------------------------------

    def errand(self, now: int) -> Errand:
        """Return one transaction's operations and their author."""
        pick = self.random
        kind = pick.choices(tuple(WEIGHTS), weights=tuple(WEIGHTS.values()))[0]
        found = None
        if kind in WAITS:
            found = self._answer(kind, now)
        elif kind in (Kind.USE_GRANT, Kind.REVOKE_GRANT):
            found = self._grant(kind)
        elif kind is not Kind.REQUEST and kind not in (Kind.ASSIGN_DUTY, Kind.END_DUTY):
            found = self._catalogue(kind)
        elif kind is not Kind.REQUEST:
            found = self._duty(kind)
        errand = found or self._request() or self._catalogue(Kind.PUBLISH_DATA_SET)
        errand = errand or self._duty(Kind.ASSIGN_DUTY)
        if self._rarely(0.1):
            institution, office = self._any_office()
            if kind in (Kind.USE_GRANT, Kind.APPEAL, Kind.WITHDRAW_REQUEST) or pick.random() < 0.5:
                office = pick.choice([o for i, o in self._names(b"\x02") if i == errand.author[0]])
                institution = errand.author[0]
            return Errand((institution, office), errand.operations)
        return errand

    def _mandate(self) -> str:
        names = [name for (name,) in self._names(b"\x11")] or ["nothing"]
        if self._rarely():
            names = [*(name for (name,) in self._names(b"\x0d")), "nothing"]
        return self.random.choice(names)

    def _duty(self, kind: Kind) -> Errand:
        pick = self.random
        institution, office = self._any_office()
        name = pick.choice(DUTIES)
        if kind is Kind.END_DUTY:
            return Errand(self._governing(institution), [(kind, [name])])
        office = "nowhere" if self._rarely(0.04) else office
        arguments = [name, "A duty", office, self._mandate()]
        return Errand(self._governing(institution), [(kind, arguments)])

    def _catalogue(self, kind: Kind) -> Errand | None:
        pick = self.random
        duties = self._names(b"\x0e")
        if not duties:
            return None
        institution, duty = pick.choice(duties)
        author = self._governing(institution)
        if pick.random() < 0.6:
            author = (institution, self.model.get(duty_key(institution, duty))[1])
        if kind is Kind.PUBLISH_DATA_SET:
            return Errand(author, [(kind, self._data_set(pick.choice(DATA_SETS), duty))])
        held = [name for place, name in self._names(b"\x0f") if place == institution]
        name = pick.choice(held) if held and not self._rarely() else pick.choice(DATA_SETS)
        if kind is Kind.RETIRE_DATA_SET:
            return Errand(author, [(kind, [name])])
        found = self.model.get(data_set_key(institution, name))
        revision = (1 if found is None else found[0]) + self._rarely()
        if found is not None and pick.random() < 0.7:
            duty = found[3]
        return Errand(author, [(kind, [*self._data_set(name, duty), revision])])

    def _data_set(self, name: str, duty: str) -> list[Any]:
        pick = self.random
        fields = [[field, "A field", "text"] for field in FIELDS[: pick.choice((2, 3, 3))]]
        sharing = pick.choice(("unconditional", "conditional", "conditional", "not-shared"))
        if self._rarely(0.3):
            sharing = "conditional"
        conditions = []
        if sharing == "conditional":
            named = pick.sample(CONDITIONS, pick.choice((1, 2, 3)))
            conditions = [[each, "A condition"] for each in named]
        odd = pick.random()
        if odd < 0.03:
            fields.append(list(fields[0]))
        elif odd < 0.06:
            conditions = [] if conditions else [["on-site", "A condition"]]
        elif odd < 0.08:
            conditions = [*conditions, *conditions]
        elif odd < 0.09:
            fields = [[f"f-{number}", "ä" * 200, "text"] for number in range(60)]
        service = pick.choice((None, "https://share.example/"))
        return [name, "A data set", duty, fields, "daily", sharing, conditions, service,
                self._mandate()]  # fmt: skip

    def _request(self) -> Errand | None:
        pick = self.random
        held = self._names(b"\x0f")
        if not held:
            return None
        asked = [each for each in held if not self._is_shut(*each)] or held
        provider, name = pick.choice(asked if not self._rarely(0.1) else held)
        offices = [each for each in self._names(b"\x02") if each[0] != provider]
        if self._rarely(0.03):
            offices = self._names(b"\x02")
        institution, office = pick.choice(offices)
        free = [
            f"q-{number}"
            for number in range(REFERENCES)
            if self.model.get(request_key(institution, f"q-{number}")) is None
        ]
        reference = pick.choice(free) if free and not self._rarely(0.04) else "q-0"
        data_set = self.model.get(data_set_key(provider, name))
        fields = [field[0] for field in data_set[4]][: pick.choice((1, 2, 9))]
        if self._rarely(0.04):
            fields = [*fields, pick.choice((fields[0], "income"))]
        if self._rarely(0.03):
            name = "nothing"
        arguments = [reference, provider, name, fields, self._mandate(), pick.randbytes(32)]
        return Errand((institution, office), [(Kind.REQUEST, arguments)])

    def _is_shut(self, institution: str, name: str) -> bool:
        """Say whether a data set takes no requests."""
        found = self.model.get(data_set_key(institution, name))
        return bool(found[1] or found[6] == "not-shared")

    def _answer(self, kind: Kind, now: int) -> Errand | None:
        """Return what may come to a request."""
        pick = self.random
        there = self._names(b"\x12")
        if not there:
            return None
        waiting = [each for each in there if self._waits(kind, each, now)]
        requester, reference = pick.choice(waiting if waiting and not self._rarely(0.1) else there)
        asked = self.model.get(request_key(requester, reference))
        if self._rarely(0.03):
            reference = "nothing"
        who, reason = [requester, reference], pick.choice((None, pick.randbytes(32)))
        ground = pick.choice(GROUNDS) if not self._rarely() else "because"
        if kind in (Kind.APPEAL, Kind.WITHDRAW_REQUEST):
            details = [pick.randbytes(32)] if kind is Kind.APPEAL else []
            return Errand((requester, asked[exchange.OFFICE]), [(kind, [reference, *details])])
        terms = self.model.get(b"\x11" + asked[exchange.UNDER].encode())
        if kind is Kind.RULE:
            arguments = [*who, pick.random() < 0.6, ground, reason]
            return Errand((terms[9][0], terms[9][1]), [(kind, arguments)])
        if kind is Kind.EXTEND and terms[4] == "supervisor" and not self._rarely(0.1):
            return Errand((terms[9][0], terms[9][1]), [(kind, who)])
        author = self._provider(asked)
        if kind is Kind.EXTEND:
            return Errand(author, [(kind, who)])
        if kind is Kind.REFUSE:
            return Errand(author, [(kind, [*who, ground, reason])])
        return Errand(author, [(kind, [*who, *self._bounds(asked, now)])])

    def _waits(self, kind: Kind, who: list[str], now: int) -> bool:
        """Say whether a request waits for this, or nearly."""
        asked = self.model.get(request_key(*who))
        if asked[exchange.STATUS] not in WAITS[kind]:
            return False
        if kind is Kind.APPEAL and asked[exchange.STATUS] == OPEN:
            return bool(now > asked[exchange.DUE])
        if kind is Kind.REFUSE:
            return bool(asked[exchange.CLASS] == "conditional")
        return True

    def _provider(self, asked: list[Any]) -> tuple[str, str]:
        """Return an office that answers for what was asked for."""
        provider = asked[exchange.PROVIDER]
        data_set = self.model.get(data_set_key(provider, asked[exchange.DATA_SET]))
        duty = self.model.get(duty_key(provider, data_set[3]))
        return self._governing(provider) if self._rarely(0.4) else (provider, str(duty[1]))

    def _bounds(self, asked: list[Any], now: int) -> list[Any]:
        """Return the conditions, the end and the number of uses of a grant."""
        pick = self.random
        known = list(asked[exchange.CONDITIONS])
        conditions = pick.sample(known, pick.randrange(len(known) + 1))
        today = self.model.get(data_set_key(asked[exchange.PROVIDER], asked[exchange.DATA_SET]))
        later = [each[0] for each in today[7] if each[0] not in known]
        odd = pick.random()
        if later and odd < 0.4:
            conditions.append(pick.choice(later))
        elif odd < 0.05:
            conditions.append("pays-ten")
        elif odd < 0.09 and conditions:
            conditions.append(conditions[0])
        until = now + pick.choice((DAY, 30 * DAY, 400 * DAY, 400 * DAY))
        if self._rarely(0.04):
            until = now - pick.choice((0, DAY))
        return [conditions, until, pick.choice((1, 2, 3, None))]

    def _grant(self, kind: Kind) -> Errand | None:
        """Return uses of a grant, or its end."""
        pick = self.random
        there = self._names(b"\x13")
        if not there:
            return None
        requester, reference = pick.choice(there)
        found = self.model.get(grant_key(requester, reference))
        if self._rarely(0.03):
            reference = "nothing"
        if kind is Kind.REVOKE_GRANT:
            ground = pick.choice(GROUNDS) if not self._rarely() else "because"
            asked = self.model.get(request_key(requester, reference))
            author = (found[0], found[1])
            if asked is not None:
                author = self._provider(asked)
            if asked is not None and self._rarely(0.3):
                supervisor = self.model.get(b"\x11" + asked[exchange.UNDER].encode())[9]
                author = (supervisor[0], supervisor[1])
            return Errand(author, [(kind, [requester, reference, ground, None])])
        first = found[exchange.GRANT_USES] + 1 + self._rarely(0.05)
        count = pick.choice((1, 1, 2, 3))
        uses = [
            (int(kind), [reference, number, pick.randbytes(32)])
            for number in range(first, first + count)
        ]
        return Errand((requester, found[2]), uses)
