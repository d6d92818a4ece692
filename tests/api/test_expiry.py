"""No expiry of keys ever stops a node, a restart, or the chain; it stops offices from signing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trio

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.outcomes import Code
from tests.api.node import Node, key, running
from tests.api.voting import SIGNERS, do

SECONDS = 2


async def test_a_node_goes_on_when_no_governing_office_has_a_key_any_more(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as node:
        now: int = (await node.client.get("/v1/status")).json()["block_time_ms"]
        until = now + 1000 * SECONDS
        for office, holder, who in (("head", "head", "ministry"), ("branch", "branch", "bank")):
            keys: list[Any] = [[key(holder).public, "Head", 0, until]]
            await do(node, Kind.SET_KEY_POLICY, [office, 1, keys], who)
        await _refused(node)
        # An office whose keys have no end: blocks are made yet.
        create = (int(Kind.CREATE_REGISTER), ["towns", "Towns", [], "clear", []])
        raw = node.raw(create, office="ministry/pair", signers=("pair 0", "pair 1"))
        made = await node.submit(raw, wait="committed")
        outlook = (await node.client.get("/v1/outlook")).json()
        ready = await node.client.get("/readyz")
        health = await node.client.get("/healthz")
        failures = list(node.failures)
    assert [row["code"] for row in made.json()["transactions"]] == [0]
    assert failures == []
    assert (ready.status_code, health.status_code) == (200, 200)
    assert outlook["level"] == "lost"
    assert {row["able_now"] for row in outlook["kinds"]} == {0}


async def _refused(node: Node) -> None:
    """Submit until it is refused because the keys have ended."""
    with trio.fail_after(10 * SECONDS):
        for _ in range(1000):
            raw = node.raw((int(Kind.RETIRE), ["none", b"x"]), **SIGNERS["bank"])
            reply = await node.submit(raw, wait="committed")
            code = reply.json()["transactions"][0]["code"]
            if code == Code.KEY_EXPIRED:
                return
            assert code == Code.UNKNOWN_REGISTER
            await trio.sleep(0.1)
