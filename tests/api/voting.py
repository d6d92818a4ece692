"""Votes of both institutions of `node.py`'s chain, and what they vote on."""

from __future__ import annotations

from datetime import date
from typing import Any

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.working_days import working_days
from tests.api.node import Node

DAY = 86_400_000
BOTH = ("ministry", "bank")
SIGNERS: dict[str, dict[str, Any]] = {
    "ministry": {"office": "ministry/head", "signers": ("head",)},
    "bank": {"office": "bank/branch", "signers": ("branch",)},
}
OLYMPICS = {date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)}
CHINA = ["china", 2026, 1, 480, working_days(2026, OLYMPICS, {date(2026, 1, 4)})]
REMOVE: list[Any] = ["nowhere"]


async def vote(node: Node, kind: int, arguments: list[Any], *voters: str, turn: int = 0) -> None:
    """Have institutions vote for a motion."""
    for voter in voters:
        await do(node, Kind.VOTE, [turn, int(kind), arguments], voter)


async def do(node: Node, kind: int, arguments: list[Any], who: str = "ministry") -> None:
    reply = await node.submit(node.raw((int(kind), arguments), **SIGNERS[who]), wait="committed")
    assert [item["code"] for item in reply.json()["transactions"]] == [0], reply.text


def mandate(name: str, effect: int, until: int | None = None, after: str | None = None) -> Any:
    return [name, f"标题 {name}", "第809号", "国务院", bytes(range(32)), effect, until, after]
