"""That no asset is made or lost on the way: I-60, from what each node writes and what it holds."""

from __future__ import annotations

from typing import Any

from govchaind.base.encoding import decode
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import prefix_end
from netsim.ghost import Mirror
from netsim.node import Node
from netsim.properties.base import Property, Rows, Written

TOTALS, HOLDING = Table.STATE + b"\x19", Table.STATE + b"\x1a"
HEIGHT_AND_MARK = 9  # bytes of a row before its value
AMOUNT_MAX = 2**64 - 1
_NOTHING: Rows = {}


class Conserved(Property):
    id = "I-60"
    text = (
        "of every asset: issued less redeemed is in circulation and is what all offices hold; no "
        "holding is below zero, or below what is frozen in it"
    )

    def writing(self, node: Node, written: Written) -> None:
        rows = written.rows(Table.STATE)
        touched = {
            key[len(TOTALS) :].partition(b"\0")[0]
            for key in rows
            if key.startswith((TOTALS, HOLDING))
        }
        for name in sorted(touched):
            self._add_up(node, name, rows)

    def started(self, node: Node, mirror: Mirror) -> None:
        image = node.disk.image
        for key, _ in image.scan(TOTALS, prefix_end(TOTALS)):
            self._add_up(node, key[len(TOTALS) :], _NOTHING)

    def _add_up(self, node: Node, name: bytes, rows: Rows) -> None:
        """Look at an asset as the node's disk will hold it once these rows are written."""
        prefix = HOLDING + name + b"\0"
        image = node.disk.image
        held: Rows = dict(image.scan(prefix, prefix_end(prefix)))
        held.update({key: row for key, row in rows.items() if key.startswith(prefix)})
        totals = rows.get(TOTALS + name) or image.get(TOTALS + name)
        text = name.decode()
        if totals is None:
            self.fail(node.name, f"{text} is held and was never created")
        issued, redeemed, circulating = _value(totals or b"")
        total = 0
        for key, row in sorted(held.items()):
            balance, freezes = _value(row or b"")
            total += balance
            frozen = sum(freeze[1] or 0 for freeze in freezes)
            if not frozen <= balance <= AMOUNT_MAX:
                self.fail(node.name, f"{key!r} holds {balance}, of which {frozen} is frozen")
        if not (issued - redeemed == circulating == total and 0 <= circulating <= AMOUNT_MAX):
            self.fail(
                node.name,
                f"{text}: issued {issued}, redeemed {redeemed}, in circulation {circulating}, "
                f"held {total}",
            )


def _value(row: bytes) -> list[Any]:
    found: list[Any] = decode(row[HEIGHT_AND_MARK:], bytes_max=len(row))
    return found


PROPERTIES: tuple[type[Property], ...] = (Conserved,)
