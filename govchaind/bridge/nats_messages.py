"""What a height is in messages: subjects, headers and bodies, the same whenever they are made.

    PREFIX.schemas.REGISTER     a register begins: title, mode, fields
    PREFIX.registers.REGISTER   a record is put or retired
    PREFIX.membership           the validators change
    PREFIX.heights              a height is whole: the last message of each height

A height's messages are numbered from 1. Each carries its chain, height, number, and the id by which
JetStream knows one that it has had: CHAIN/HEIGHT/NUMBER. Names on the ledger have no dot, so a
name is one token of a subject.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from govchaind.backup.part import Tip
from govchaind.base.errors import Conflict, GovchaindError
from govchaind.base.types import Hash
from govchaind.bridge.changes import Changed, Created, Register, changes_of, text_of
from govchaind.bridge.feed import Verified
from govchaind.bridge.moment import iso_moment
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.membership import Membership, read_membership

HEADER_ID = "Nats-Msg-Id"


@dataclass(frozen=True, slots=True)
class Message:
    """One message, not yet sent."""

    subject: str
    headers: Mapping[str, str]
    body: bytes


class Subjects:
    """The subjects below one prefix."""

    def __init__(self, prefix: str) -> None:
        self.heights = f"{prefix}.heights"
        self.membership = f"{prefix}.membership"
        self.everything = f"{prefix}.>"
        self._prefix = prefix

    def register(self, name: str) -> str:
        return f"{self._prefix}.registers.{name}"

    def schema(self, name: str) -> str:
        return f"{self._prefix}.schemas.{name}"


def message_id(chain_id: Hash, height: int, number: int) -> str:
    return f"{chain_id.hex()}/{height}/{number}"


def messages_of(
    verified: Verified, subjects: Subjects, register_of: Callable[[str], Register]
) -> list[Message]:
    """Return the messages of a height, in order.

    Args:
        register_of: gives a register that began at an earlier height.
    """
    begun: dict[str, Register] = {}
    bodies: list[tuple[str, dict[str, Any]]] = []
    for change in changes_of(verified):
        if isinstance(change, Created):
            begun[change.register.name] = change.register
            bodies.append((subjects.schema(change.register.name), _created(change)))
        else:
            register = begun.get(change.register) or register_of(change.register)
            bodies.append((subjects.register(change.register), _changed(change, register)))
    if verified.block.membership is not None:
        bodies.append((subjects.membership, _membership(verified)))
    bodies.append((subjects.heights, _height(verified, len(bodies) + 1)))
    chain_id, height = verified.block.chain_id, verified.height
    return [
        Message(
            subject,
            {
                HEADER_ID: message_id(chain_id, height, number),
                "Govchain-Chain": chain_id.hex(),
                "Govchain-Height": str(height),
                "Govchain-Number": str(number),
            },
            json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
        )
        for number, (subject, body) in enumerate(bodies, 1)
    ]


def _at(change: Created | Changed) -> dict[str, Any]:
    at = change.at
    return {
        "height": at.height,
        "time": iso_moment(at.time),
        "position": at.position,
        "place": at.place,
        "transaction": at.transaction.hex(),
        "institution": at.institution,
        "office": at.office,
    }


def _created(change: Created) -> dict[str, Any]:
    register = change.register
    return {
        "register": register.name,
        **_at(change),
        "title": register.title,
        "mode": register.mode,
        "fields": [list(one) for one in register.fields],
    }


def _changed(change: Changed, register: Register) -> dict[str, Any]:
    value = None
    if change.value is not None:
        columns = [name for name, _ in register.columns]
        given = [_plain(one) for one in register.row(change.value)]
        value = dict(zip(columns, given, strict=True))
    return {
        "register": change.register,
        "key": text_of(change.key),
        "key_hex": change.key.hex(),
        "retired": change.retires,
        "value": value,
        **_at(change),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _membership(verified: Verified) -> dict[str, Any]:
    membership = verified.tip.membership
    return {
        "height": verified.height,
        "validators": [voter.name for voter in membership.voters()],
        "membership": base64.b64encode(membership.encode()).decode(),
    }


def _height(verified: Verified, count: int) -> dict[str, Any]:
    tip, block = verified.tip, verified.block
    return {
        "height": tip.height,
        "hash": tip.block_hash.hex(),
        "previous": block.previous.hex(),
        "time": iso_moment(tip.time),
        "time_ms": tip.time,
        "transactions": len(block.transactions),
        "messages": count,
        "membership_since": tip.membership_since,
    }


def read_tip(height: bytes, membership: bytes | None, genesis: Genesis) -> Tip:
    """Return where the chain stood after a height, of the last messages of it and of members.

    Raises:
        Conflict: they are none that a bridge has written.
    """
    try:
        told = json.loads(height)
        since = int(told["membership_since"])
        members: Membership
        if since == 0:
            members = genesis.membership()
        else:
            changed = json.loads(membership or b"")
            if changed["height"] != since:
                raise ValueError
            members = read_membership(base64.b64decode(changed["membership"], validate=True))
        return Tip(
            int(told["height"]), bytes.fromhex(told["hash"]), int(told["time_ms"]), since, members
        )
    except (ValueError, KeyError, TypeError, RecursionError, GovchaindError):
        raise _differs("its last messages are none of a bridge") from None


def read_register(schema: bytes) -> Register:
    """Return the register that a message tells of. Raises Conflict: it is none of a bridge."""
    try:
        told = json.loads(schema)
        fields = tuple((str(name), str(kind)) for name, kind in told["fields"])
        return Register(str(told["register"]), str(told["title"]), str(told["mode"]), fields)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _differs("a schema in it is none of a bridge") from None


def _differs(what: str) -> Conflict:
    return Conflict(
        f"the stream is not as a bridge leaves it: {what}",
        code="stream-differs",
        remedy="Begin a new stream with --stream and --prefix.",
    )
