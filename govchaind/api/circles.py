"""Whom a thing on the ledger concerns: read out of the state, for reads that go by office.

    requests, grants          who asked, who answers for the data set, the supervisor of the terms
    deliveries, erasures      sender, receiver, holders, and those of the request
    side values               who recorded it, those it is sealed to, and those of its request
    holdings of an asset      the holder, the asset's issuer and its supervisor
    accounts and their sums   every office of the ledger
    everything else           everybody

Rules it keeps:
- It judges by the newest state, of one snapshot. A circle of a transaction is that of what it is
  about; who wrote it belongs to it. What a refused one is about may not exist, or make no sense:
  then it concerns its author alone.
- What is not there concerns the institution whose name it would bear: so a question about a
  reference is answered to others in one way, whether there is such a thing or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from govchaind.api.reading import stored
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import STATE_KEY_BYTES_MAX
from govchaind.ledger import state_keys as keys
from govchaind.ledger.operations import (
    assets,
    catalogue,
    deliveries,
    duties,
    grants,
    requests,
    side_values,
    terms,
)
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.state import State
from govchaind.ledger.transaction import Transaction

Office: TypeAlias = tuple[str, str]
_STATE = State()


@dataclass(frozen=True, slots=True)
class Circle:
    """Whom something concerns.

    Attributes:
        offices: those offices; None: every office of the ledger.
        institution: every office of it too; "": of none.
    """

    offices: frozenset[Office] | None
    institution: str = ""

    def has(self, office: Office) -> bool:
        """Say whether an office belongs to it."""
        return self.offices is None or office in self.offices or office[0] == self.institution


MEMBERS = Circle(None)


class Circles:
    """Circles out of one snapshot; what many things share is read once."""

    def __init__(self, reader: KeyValueReader) -> None:
        self._reader = reader
        self._values: dict[bytes, Any] = {}

    def of_key(self, key: bytes) -> Circle | None:
        """Return the circle of what lies under a state key; None: everybody."""
        kind, rest = key[:1], key[1:]
        if kind in (keys.ACCOUNT, keys.ACCOUNT_SUM):
            return MEMBERS
        find = _OF_KEY.get(kind)
        if find is None:
            return None
        try:
            return find(self, rest)
        except (UnicodeDecodeError, ValueError):  # no such key can ever be written
            return Circle(frozenset())

    def of_request(self, requester: str, reference: str, asked: Any = None) -> Circle:
        """Return the circle of a request and of its grant; `asked`: its value, if it is at hand."""
        if asked is None:
            asked = self._value(keys.request_key(requester, reference))
        if asked is None:
            return Circle(frozenset(), requester)
        found = {(requester, asked[requests.OFFICE])}
        provider = asked[requests.PROVIDER]
        offered = self._value(keys.data_set_key(provider, asked[requests.DATA_SET]))
        duty = offered and self._value(keys.duty_key(provider, offered[catalogue.DUTY]))
        if duty:
            found.add((provider, duty[duties.OFFICE]))
        granted = self._value(keys.grant_key(requester, reference))
        if granted is not None:
            found.add((granted[grants.PROVIDER], granted[grants.PROVIDER_OFFICE]))
            found.add((requester, granted[grants.REQUESTER_OFFICE]))
        ruled_by = self._value(keys.terms_key(asked[requests.UNDER]))
        if ruled_by is not None:
            found.add(_office(ruled_by[terms.SUPERVISOR]))
        return Circle(frozenset(found))

    def of_delivery(self, requester: str, reference: str, number: int, value: Any = None) -> Circle:
        """Return the circle of a delivery and of its erasure; `value`: its own, if at hand."""
        asked = self.of_request(requester, reference)
        if value is None:
            value = self._value(keys.delivery_key(requester, reference, number))
        if value is None:
            return asked
        found = {_office(value[deliveries.SENDER]), _office(value[deliveries.RECEIVER])}
        erasure = value[deliveries.ERASURE]
        if erasure is not None:
            found |= {_office(one[deliveries.HOLDER]) for one in erasure[deliveries.ERASE_HOLDERS]}
        return Circle(frozenset(found) | (asked.offices or frozenset()))

    def of_side_value(self, institution: str, commitment: bytes) -> Circle:
        """Return the circle of a side value."""
        value = self._value(keys.side_value_key(institution, commitment))
        if value is None:
            return Circle(frozenset(), institution)
        found = {(institution, value[side_values.OFFICE])}
        found |= {_office(one) for one in value[side_values.READERS]}
        if value[side_values.ABOUT] is not None:
            found |= self.of_request(*value[side_values.ABOUT]).offices or frozenset()
        return Circle(frozenset(found))

    def of_holding(self, asset: str, institution: str, office: str) -> Circle:
        """Return the circle of what an office holds of an asset."""
        found = {(institution, office)}
        value = self._value(keys.asset_key(asset))
        if value is not None:
            found |= {_office(value[assets.ISSUER]), _office(value[assets.SUPERVISOR])}
        return Circle(frozenset(found))

    def of_transaction(self, transaction: Transaction) -> Circle | None:
        """Return the circle of all that a transaction does; None: everybody."""
        author = (transaction.institution, transaction.office)
        shared: frozenset[Office] | None = None
        for kind, arguments in transaction.operations:
            find = _OF_OPERATION.get(kind)
            if find is None:
                continue
            try:
                circle = find(self, author, arguments).offices or frozenset()
            except (AttributeError, IndexError, TypeError, ValueError, OverflowError):
                circle = frozenset()  # arguments of a wrong shape, refused
            shared = circle if shared is None else shared & circle
        return None if shared is None else Circle(shared | {author})

    def _value(self, key: bytes) -> Any:
        if key not in self._values:
            long = len(key) > STATE_KEY_BYTES_MAX  # out of a refused transaction
            found = None if long else _STATE.get(self._reader, key)
            self._values[key] = None if found is None else stored(found)
        return self._values[key]


def _office(value: list[str]) -> Office:
    return value[0], value[1]


def _named(rest: bytes) -> tuple[str, str]:
    first, _, second = rest.partition(b"\x00")
    return first.decode(), second.decode()


def _delivery_of(circles: Circles, rest: bytes) -> Circle:
    requester, reference = rest[:-5].decode().split("\x00")
    return circles.of_delivery(requester, reference, int.from_bytes(rest[-4:], "big"))


def _side_value_of(circles: Circles, rest: bytes) -> Circle:
    return circles.of_side_value(rest[:-33].decode(), rest[-32:])


def _holding_of(circles: Circles, rest: bytes) -> Circle:
    asset, institution, office, _ = rest.decode().split("\x00")
    return circles.of_holding(asset, institution, office)


_OF_KEY: Mapping[bytes, Callable[[Circles, bytes], Circle]] = MappingProxyType(
    {
        keys.REQUEST: lambda circles, rest: circles.of_request(*_named(rest)),
        keys.GRANT: lambda circles, rest: circles.of_request(*_named(rest)),
        keys.DELIVERY: _delivery_of,
        keys.ERASURE: lambda circles, rest: _delivery_of(circles, rest[8:]),
        keys.SIDE_VALUE: _side_value_of,
        keys.HOLDING: _holding_of,
    }
)

_Find: TypeAlias = Callable[[Circles, Office, list[Any]], Circle]


def _own_request(circles: Circles, author: Office, items: list[Any]) -> Circle:
    return circles.of_request(author[0], items[0])


def _named_request(circles: Circles, author: Office, items: list[Any]) -> Circle:
    del author
    return circles.of_request(items[0], items[1])


def _named_delivery(circles: Circles, author: Office, items: list[Any]) -> Circle:
    del author
    return circles.of_delivery(items[0], items[1], items[2])


def _own_side_value(circles: Circles, author: Office, items: list[Any]) -> Circle:
    return circles.of_side_value(author[0], items[0])


def _moved(circles: Circles, author: Office, items: list[Any]) -> Circle:
    """Return the circle of an amount that goes from the author to another office."""
    to = _office(items[1])
    held = circles.of_holding(items[0], *author).offices or frozenset()
    return Circle(held | {to})


def _given_back(circles: Circles, author: Office, items: list[Any]) -> Circle:
    return circles.of_holding(items[0], *author)


def _held(circles: Circles, author: Office, items: list[Any]) -> Circle:
    del author
    return circles.of_holding(items[0], *_office(items[1]))


_OF_OPERATION: Mapping[int, _Find] = MappingProxyType(
    {
        Kind.REQUEST: _own_request,
        Kind.GRANT: _named_request,
        Kind.REFUSE: _named_request,
        Kind.EXTEND: _named_request,
        Kind.APPEAL: _own_request,
        Kind.RULE: _named_request,
        Kind.USE_GRANT: _own_request,
        Kind.REVOKE_GRANT: _named_request,
        Kind.WITHDRAW_REQUEST: _own_request,
        Kind.DELIVER: _named_delivery,
        Kind.RECEIVE: _named_delivery,
        Kind.DISPUTE: _named_delivery,
        Kind.CORRECT: _named_delivery,
        Kind.RETURN_FLOW: _named_delivery,
        Kind.ORDER_ERASURE: _named_delivery,
        Kind.CONFIRM_ERASURE: _named_delivery,
        Kind.REPORT_LOST: _named_delivery,
        Kind.ISSUE_ASSET: _moved,
        Kind.TRANSFER_ASSET: _moved,
        Kind.REDEEM_ASSET: _given_back,
        Kind.FREEZE_ASSET: _held,
        Kind.THAW_ASSET: _held,
        Kind.RECORD_SIDE_VALUE: _own_side_value,
    }
)
