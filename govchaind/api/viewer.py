"""Who reads: everybody, or an office that has shown its leave; and what that reader may see.

The operator's `api.reads` says by what reading goes (a node of every member's institution holds the
whole ledger in any case):

    open      everybody sees everything
    members   what concerns offices (circles.py) is seen by every office of the ledger
    offices   it is seen by those offices alone, and by nobody without a leave

Rules it keeps:
- A leave (ledger/read_leave.py) stands in a header, and is judged by the newest state of the very
  snapshot that is read: a key that was revoked in it opens nothing. One that does not hold is
  refused, also where it would not have been needed.
- An institution that was removed, or stands suspended, has no office that reads.
- Bytes of a block cannot be shown in part. Whoever may not see all of it gets them only as the
  governing office of an institution that has a node, which holds them anyway. A leave that this
  node's own key has signed shows all: who holds that key holds the store.
- Which office read what kind of thing is logged, at most once a minute for each; never what.
"""

from __future__ import annotations

from typing import Any, Literal

import trio
from starlette.requests import Request

from govchaind.api.circles import Circle, Circles, Office
from govchaind.api.context import Context
from govchaind.api.reading import leave_in, ledger_time, stored
from govchaind.base.errors import NotPermitted
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import PublicKey
from govchaind.ledger.block import Block
from govchaind.ledger.read_leave import check_read_leave, read_read_leave
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import institution_key, office_key, standing_key

Matter = Literal[
    "requests", "deliveries", "side-values", "holdings", "accounts", "blocks", "transactions",
    "state",
]  # fmt: skip
READ_LEAVE_HEADER = "govchaind-read-leave"
SCHEME = "readLeave"
BY_OFFICE: dict[str, Any] = {"security": [{}, {SCHEME: []}]}  # of a route, for /openapi.json
SECURITY_SCHEME = {
    "type": "apiKey",
    "in": "header",
    "name": READ_LEAVE_HEADER,
    "description": "An office key's signed leave to read at this node, CBOR as hex, where "
    "api.reads is not open. It shows what concerns that office.",
}
_GOVERNING = 2  # place in an institution's value (state_keys.py)
_STATE = State()


class Viewer:
    """One reader of one snapshot."""

    def __init__(
        self, circles: Circles, reads: str, office: Office | None, *, keeps_node: bool
    ) -> None:
        """`office`: whose leave came with the request, and holds; None: there was none."""
        self.office = office
        self.circles = circles
        self._all = reads == "open" or (reads == "members" and office is not None)
        self._whole = self._all or keeps_node

    @property
    def sees_all(self) -> bool:
        """Say whether nothing is kept from this reader."""
        return self._all

    @property
    def has_all_bytes(self) -> bool:
        """Say whether this reader may have the bytes of every block."""
        return self._whole

    def sees(self, circle: Circle | None) -> bool:
        """Say whether this reader may see what concerns a circle; None: everybody."""
        if self._all or circle is None:
            return True
        return self.office is not None and circle.has(self.office)

    def check(self, circle: Circle | None) -> None:
        """Raise NotPermitted unless this reader may see what concerns a circle."""
        if self.sees(circle):
            return
        self.check_known()
        raise NotPermitted(
            "this concerns other offices than the one that asks",
            code="not-a-party",
            remedy="Ask with a key of an office that it concerns, or ask that office.",
        )

    def check_known(self) -> None:
        """Raise NotPermitted unless this reader has shown who it is, where that is asked."""
        if self.office is None and not self._all:
            raise NotPermitted(
                "this node shows that to the offices that it concerns, and no leave came with "
                "the request",
                code="read-leave-missing",
                remedy="Ask with --read-key FILE of your office (GOVCHAIND_READ_KEY), or send the "
                f"header {READ_LEAVE_HEADER}.",
            )

    def sees_whole(self, block: Block) -> bool:
        """Say whether this reader may have the bytes of a block."""
        return self._whole or all(
            self.sees(self.circles.of_transaction(item)) for item in block.transactions
        )

    def check_whole(self, block: Block) -> None:
        """Raise NotPermitted unless this reader may have the bytes of a block."""
        if self.sees_whole(block):
            return
        self.check_known()
        raise NotPermitted(
            f"block {block.height} has transactions that concern other offices",
            code="block-not-for-all",
            remedy="Ask with a key of the governing office of an institution that has a node, or "
            "ask for JSON, which leaves them out.",
        )


def all_seeing(reader: KeyValueReader) -> Viewer:
    """Return the node itself as a reader."""
    return Viewer(Circles(reader), "open", None, keeps_node=True)


def viewer_in(context: Context, request: Request, reader: KeyValueReader, matter: Matter) -> Viewer:
    """Return who reads, by the leave in a request's header, and note it.

    Raises:
        NotPermitted, Invalid, InvalidSignature: there is a leave, and it does not hold.
    """
    text = request.headers.get(READ_LEAVE_HEADER)
    reads = context.access.reads
    if text is None or reads == "open":
        return Viewer(Circles(reader), reads, None, keeps_node=False)
    leave = leave_in(text, read_read_leave)
    office = (leave.institution, leave.office)
    own = _own_key(context, office)
    seats = _STATE.get(reader, office_key(*office))
    check_read_leave(
        leave,
        chain_id=context.genesis.chain_id,
        node=context.name,
        office=None if seats is None else stored(seats),
        own=own,
        now=ledger_time(reader, context.genesis.time),
        clock=context.wall_milliseconds(),
    )
    if leave.key != own and _STATE.get(reader, standing_key(leave.institution)) is not None:
        raise NotPermitted(
            f"{leave.institution} is suspended or was removed; its offices read nothing here",
            code="institution-suspended",
            remedy="Read what is open to everybody, without a leave.",
        )
    if context.reads_noted.is_due(office, matter, trio.current_time()):
        context.report(
            "http.office_read", {"institution": office[0], "office": office[1], "matter": matter}
        )
    if own == leave.key:
        return all_seeing(reader)
    return Viewer(Circles(reader), reads, office, keeps_node=_keeps_node(context, reader, office))


def _own_key(context: Context, office: Office) -> PublicKey | None:
    """Return this node's attestation key, if it is this node that is named instead of an office."""
    for member in context.members():
        if (member.institution, member.name) == office and member.name == context.name:
            return member.attestation_key
    return None


def _keeps_node(context: Context, reader: KeyValueReader, office: Office) -> bool:
    """Say whether an office governs an institution that has a node."""
    if all(member.institution != office[0] for member in context.members()):
        return False
    value = _STATE.get(reader, institution_key(office[0]))
    return value is not None and stored(value)[_GOVERNING] == office[1]
