"""The model's side values: texts elsewhere, bound by a commitment, and their removal by vote.

A side value is [office, sealed, length, readers, about, recorded, removed, height], under the
institution that recorded it and the commitment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govchaind.ledger.outcomes import Code
from netsim.model import clocks, exchange
from netsim.model.registers import office_key

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

SUPERVISOR = 9  # place in terms


def side_key(institution: str, commitment: bytes) -> bytes:
    return b"\x20" + institution.encode() + b"\x00" + commitment


def record(draft: Draft, arguments: list[Any]) -> int:
    commitment, sealed, length, readers, about = arguments
    key = side_key(draft.institution, commitment)
    before = draft.get(key)
    if before is not None:
        return Code.SIDE_VALUE_EXISTS if before[6] is None else Code.SIDE_VALUE_REMOVED
    for place, reader in enumerate(readers):
        if reader in readers[:place] or draft.get(office_key(*reader)) is None:
            return Code.BAD_READERS
    if about is not None:
        asked = draft.get(exchange.request_key(*about))
        if asked is None:
            return Code.UNKNOWN_REQUEST
        terms = draft.get(clocks.terms_key(asked[exchange.UNDER]))
        me, supervisor = [draft.institution, draft.office], terms and terms[SUPERVISOR]
        sides = [about[0], asked[exchange.PROVIDER]]
        if me[0] not in sides and me != supervisor:
            return Code.NOT_OF_THE_REQUEST
        told = [me[0], *(reader[0] for reader in readers)]
        if any(side not in told for side in sides):
            return Code.PARTY_LEFT_OUT
        if supervisor and supervisor not in [me, *readers]:
            return Code.PARTY_LEFT_OUT
    told_of = [draft.office, sealed, length, readers, about, draft.time, None, draft.height]
    draft.put(key, told_of)
    return Code.APPLIED


def remove(draft: Draft, arguments: list[Any]) -> int:
    institution, commitment, ground = arguments
    key = side_key(institution, commitment)
    before = draft.get(key)
    if before is None:
        return Code.UNKNOWN_SIDE_VALUE
    if before[6] is not None:
        return Code.SIDE_VALUE_REMOVED
    draft.put(key, [*before[:6], [ground, draft.time], draft.height])
    return Code.APPLIED
