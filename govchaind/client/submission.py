"""Handing transactions over until their fate is known, without ever doing one twice.

Rules: what is sent is always the same bytes, so a second sending (after a time-out, to another
node) is answered with the first one's fate and never acts again; a batch is bounded in count and
bytes; only what is still open is sent again; a node that is busy is passed over; at the deadline
what is open is returned as it is, and the author may go on later with the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import trio

from govchaind.base.encoding import encode
from govchaind.base.errors import PeerError
from govchaind.base.limits import HTTP_BATCH_TRANSACTIONS_MAX, HTTP_BODY_BYTES_MAX
from govchaind.base.types import Hash, Height
from govchaind.client.nodes import PAUSE_SECONDS_MAX, PAUSE_SECONDS_MIN, Nodes
from govchaind.client.refusals import check_reply, read_json
from govchaind.client.transport import Reply
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.ledger.transaction import read_transaction

Wait = Literal["none", "committed", "certified"]
STATUSES = frozenset(("pending", "committed", "certified", "refused", "expired", "unknown"))
WAIT_SECONDS_EACH = 10.0  # one request's wait; longer waits are several requests
BATCH_BYTES_MAX = HTTP_BODY_BYTES_MAX - 64 * 1024  # heads of the array and its items
_BUSY_STATUS = range(500, 600)
_REACHED: dict[Wait, frozenset[str]] = {
    "none": frozenset(("pending", "committed", "certified")),
    "committed": frozenset(("committed", "certified")),
    "certified": frozenset(("certified",)),
}


@dataclass(frozen=True, slots=True)
class Fate:
    """What a node says became of one transaction."""

    id: Hash
    status: str  # pending, committed, certified, refused (at the door), expired, unknown
    code: int | None = None
    outcome: str = ""
    text: str = ""
    remedy: str = ""
    height: Height | None = None
    position: int | None = None
    operation: int | None = None

    @property
    def applied(self) -> bool:
        """Whether it is on the chain and took effect."""
        return self.status in ("committed", "certified") and self.code == 0

    @property
    def final(self) -> bool:
        """Whether sending the same bytes again can change nothing."""
        if self.status == "refused":
            known = OUTCOMES.get(-1 if self.code is None else self.code)
            return known is None or known.kind != "busy"
        return self.status in ("committed", "certified", "expired")

    def reached(self, wait: Wait) -> bool:
        """Whether there is nothing more to wait for."""
        if self.status in ("refused", "expired"):
            return self.final
        return self.status in _REACHED[wait]


def read_fate(row: Any, node: str, identifier: Hash) -> Fate:
    """Return a node's JSON row on a transaction. Raises PeerError if it is not one."""
    try:
        status, named = row["status"], row["id"]
        numbers = [row.get(name) for name in ("code", "height", "position", "operation")]
        outcome, text, remedy = (str(row.get(name) or "") for name in ("outcome", "text", "remedy"))
    except (TypeError, KeyError, ValueError, AttributeError):
        raise _nonsense(node) from None
    if status not in STATUSES or named not in ("", identifier.hex()):  # "": it could not read it
        raise _nonsense(node)
    if any(type(n) not in (int, type(None)) for n in numbers):
        raise _nonsense(node)
    code, height, position, operation = numbers
    return Fate(identifier, status, code, outcome, text, remedy, height, position, operation)


def _nonsense(node: str) -> PeerError:
    return PeerError(f"{node} described a transaction in an unknown way", code="unexpected-reply")


def batches(items: Sequence[tuple[Hash, bytes]]) -> Iterator[list[tuple[Hash, bytes]]]:
    """Yield (id, raw) in order, in batches that one request may carry."""
    batch: list[tuple[Hash, bytes]] = []
    length = 0
    for item in items:
        size = len(item[1]) + 5  # with a byte string's head
        if batch and (len(batch) >= HTTP_BATCH_TRANSACTIONS_MAX or length + size > BATCH_BYTES_MAX):
            yield batch
            batch, length = [], 0
        batch.append(item)
        length += size
    if batch:
        yield batch


async def submit(nodes: Nodes, raws: Sequence[bytes], *, wait: Wait, deadline: float) -> list[Fate]:
    """Submit signed transactions and wait for their fates, in the order given.

    Raises:
        InvalidEncoding: one of them is not a transaction (nothing was sent).
        PeerError, Busy: no node took part in time; what was sent may or may not come to pass.
    """
    fates: dict[Hash, Fate] = {}
    ids = [read_transaction(raw).id for raw in raws]
    waiting = dict(zip(ids, raws, strict=True))
    pause = PAUSE_SECONDS_MIN
    while True:
        for batch in list(batches(list(waiting.items()))):
            for identifier, fate in await _post(nodes, batch, wait=wait, deadline=deadline):
                fates[identifier] = fate
                if fate.reached(wait):
                    waiting.pop(identifier, None)
        if not waiting or trio.current_time() + pause >= deadline:
            return [fates[identifier] for identifier in ids]
        # Busy or still pending there: another node may have room, or a leader.
        nodes.pass_over()
        await trio.sleep(pause)
        pause = min(pause * 2, PAUSE_SECONDS_MAX)


async def _post(
    nodes: Nodes, batch: list[tuple[Hash, bytes]], *, wait: Wait, deadline: float
) -> list[tuple[Hash, Fate]]:
    seconds = max(0.0, min(WAIT_SECONDS_EACH, deadline - trio.current_time()))

    def read(reply: Reply, node: str) -> list[tuple[Hash, Fate]]:
        # A reply that answers for each transaction is an answer, even when it refuses them all.
        told = reply.status not in _BUSY_STATUS and "transactions" in read_json(reply, node)
        if not told:
            check_reply(reply, node)
        rows = read_json(reply, node).get("transactions")
        if not isinstance(rows, list) or len(rows) != len(batch):
            raise _nonsense(node)
        return [
            (identifier, read_fate(row, node, identifier))
            for (identifier, _), row in zip(batch, rows, strict=True)
        ]

    return await nodes.ask(
        "POST",
        "/v1/transactions",
        deadline=deadline,
        query={"wait": wait, "timeout_seconds": f"{seconds:.3f}"},
        headers={"content-type": "application/cbor", "accept": "application/json"},
        body=encode([raw for _, raw in batch]),
        read=read,
    )
