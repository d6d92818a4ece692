"""What the HTTP door tells of: what was taken, and receipts; not what was refused there."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from govchaind.ledger.transaction import read_transaction
from govchaind.runtime.environment import TraceDoor
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.telemetry import Telemetry
from govchaind.runtime.traces import Traces
from govchaind.tracing.span import CODE, HEIGHT, OPERATIONS, SIZE, Span
from tests.api.node import Node, running
from tests.runtime.test_traces import Kept


@asynccontextmanager
async def traced(path: Path) -> AsyncIterator[tuple[Node, Traces, list[Span]]]:
    """Run a node with a register, which traces from then on."""
    async with running(path) as node:
        await node.create_register()
        kept = Kept()
        traces = Traces(
            node=node.context.name,
            door=TraceDoor(kept, time.time_ns),
            ratio=1.0,
            entropy=os.urandom,
            telemetry=Telemetry(version="test"),
        )
        node.context.traces = node.drive.traces = traces
        yield node, traces, kept.spans


async def test_what_was_taken_is_traced_and_what_was_refused_is_not(tmp_path: Path) -> None:
    async with traced(tmp_path) as (node, traces, spans):
        good, on_ledger = node.put("11"), node.put("12", register="nowhere")
        few = node.put("13", office="ministry/pair", signers=["pair 0"])
        reply = await node.submit(few, good, on_ledger, wait="certified")
        rows = reply.json()["transactions"]
        assert [row["status"] for row in rows] == ["refused", "certified", "certified"]
        ids = [read_transaction(raw).id for raw in (good, on_ledger)]
        assert sorted((span.name, ids.index(span.transaction)) for span in spans) == [
            (name, number) for name in ("certify", "order", "store") for number in (0, 1)
        ]
        for row, raw, each in zip(rows[1:], (good, on_ledger), ids, strict=True):
            [order] = [one for one in spans if (one.name, one.transaction) == ("order", each)]
            assert order.attributes[HEIGHT] == row["height"]
            assert order.attributes[CODE] == row["code"]
            assert (order.attributes[OPERATIONS], order.attributes[SIZE]) == (1, len(raw))
        assert traces.open == 0
        again = await node.submit(good, on_ledger, wait="certified")
        assert again.json()["transactions"] == rows[1:]
        assert (len(spans), traces.open) == (6, 0)


async def test_what_found_no_room_is_open_no_more(tmp_path: Path) -> None:
    async with traced(tmp_path) as (node, traces, spans):
        node.context.inbox = Inbox(transactions_max=0)
        reply = await node.submit(node.put("11"))
        assert reply.status_code == 503
        assert (spans, traces.open) == ([], 0)


async def test_a_receipt_that_was_made_is_traced(tmp_path: Path) -> None:
    async with traced(tmp_path) as (node, _, spans):
        raw = node.put("11")
        row = (await node.submit(raw, wait="certified")).json()["transactions"][0]
        spans.clear()
        absent = await node.client.get(f"/v1/transactions/{bytes(32).hex()}/receipt")
        assert (absent.status_code, spans) == (404, [])
        reply = await node.client.get(f"/v1/transactions/{row['id']}/receipt")
        assert reply.status_code == 200
        [span] = spans
        assert (span.name, span.transaction.hex()) == ("receipt", row["id"])
        assert span.begin_ns < span.end_ns
        assert span.attributes[HEIGHT] == row["height"]
        assert span.attributes[SIZE] == len(reply.content)
