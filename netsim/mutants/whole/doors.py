"""Bugs planted in the HTTP door, in what it tells of, and in the client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio

from govchaind.api import events
from govchaind.api.context import Context
from govchaind.client import submission as client_submission
from govchaind.ledger import certificate, receipt, trust
from govchaind.runtime import gate
from govchaind.runtime.noticeboard import NoticeBoard, SeenOutcome
from netsim.mutants.plant import Plant
from netsim.mutants.whole.bug import bug

_events: Any = events
_gate: Any = gate
_client: Any = client_submission


@bug("I-20")
def a_read_asks_no_leader(plant: Plant) -> None:
    """A linearizable read is answered from what this node has."""

    async def own_height(self: Any) -> int:
        await trio.lowlevel.checkpoint()
        height: int = self.board.height
        return height

    plant(Context, "read_index", own_height)


@bug("I-10")
def taken_is_told_as_committed(plant: Plant) -> None:
    """A transaction that was taken in is told as applied in the next block."""

    async def wait(self: Any, transaction_id: bytes, *, above: int = -1) -> SeenOutcome:
        del above, transaction_id
        await trio.lowlevel.checkpoint()
        return SeenOutcome(self.height + 1, 0, None, 0)

    plant(NoticeBoard, "wait_outcome", wait)


@bug("I-19", seed=8)
def the_stream_begins_one_later(plant: Plant) -> None:
    """Who follows the events from a height on misses the first."""

    def first(context: Any, wanted: int | None, last_event_id: str | None) -> int:
        found: int = original(context, wanted, last_event_id)
        return found + (found > 3)

    original = _events._first
    plant(_events, "_first", first)


@bug("I-18", only=("cut", "partition", "crash"))
def an_event_tells_of_another_block(plant: Plant) -> None:
    """An event has the height that is due, and what it tells is of the block before."""

    def block_event(outcomes: Any, height: int) -> dict[str, Any]:
        made: dict[str, Any] = original(outcomes, max(1, height - 1))
        return {**made, "height": height}

    original = _events.block_event
    plant(_events, "block_event", block_event)


@bug("I-30", also=("vandal",))
def a_question_breaks_the_door(plant: Plant) -> None:
    """A question is met by an error that no door expects."""

    def check(reader: Any, height: int) -> None:
        original(reader, height)
        if height < 10:
            raise RuntimeError("never caught")

    original = _events.check_kept
    plant(_events, "check_kept", check)


@bug("N-5", also=("vandal",), seed=3)
def nobody_need_sign(plant: Plant) -> None:
    """Whatever is signed somehow is taken, whoever has signed it."""
    plant(_gate, "verify", lambda *_: True)


@bug("N-4", also=("vandal",))
def an_error_leaves_a_snapshot_open(plant: Plant) -> None:
    """A request that ends in an error does not close what it read from."""

    @contextmanager
    def reading(self: Any) -> Iterator[Any]:
        snapshot = self.storage.snapshot()
        yield snapshot
        snapshot.close()

    plant(Context, "reading", reading)


# --- the client -----------------------------------------------------------------------------------


@bug("I-25")
def any_certificate_is_believed(plant: Plant) -> None:
    """Signatures of a certificate are not judged."""
    for module in (receipt, trust, certificate):
        if hasattr(module, "check_certificate"):
            plant(module, "check_certificate", lambda *_, **__: None)


@bug("I-18")
def the_order_of_answers_is_another(plant: Plant) -> None:
    """The client takes a batch's answers from the last to the first."""

    def read_json(reply: Any, node: str) -> Any:
        value = original(reply, node)
        if isinstance(value, dict) and isinstance(value.get("transactions"), list):
            rows = value["transactions"]
            value["transactions"] = [
                {**row, "id": other["id"]} for row, other in zip(rows[::-1], rows, strict=True)
            ]
        return value

    original = _client.read_json
    plant(_client, "read_json", read_json)
