"""A real node with real records, and the worst that people may enter, on a thread of its own."""

from __future__ import annotations

import csv
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from govchaind.base.limits import AMOUNT_MAX
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from tests.api.delivered import deliver, granted, receive
from tests.api.node import Node, running
from tests.api.voting import BOTH, CHINA, DAY, REMOVE, do, vote

DIVISIONS = Path(__file__).parent.parent.parent / "examples" / "divisions"
COUNTIES_MAX = 60  # more than a page
LONG_WORD = "x" * 900
LONG_TEXT = "自治区直辖县级行政区划" * 40
LONG_KEY = "k" * 128


@dataclass
class Site:
    """Where the node is, and what can be found on it."""

    url: str = ""
    pages: list[str] = field(default_factory=list)  # every kind of page, in every state
    transaction: str = ""
    refused: str = ""
    block_hash: str = ""


@contextmanager
def serving(path: Path) -> Iterator[Site]:
    """Run a node, filled, until the block ends."""
    site = Site()
    ready, token = threading.Event(), []
    failed: list[BaseException] = []

    async def run() -> None:
        async with running(path) as node:
            await _fill(node, site)
            stop = trio.Event()
            token.append((trio.lowlevel.current_trio_token(), stop))
            ready.set()
            await stop.wait()

    def in_thread() -> None:
        try:
            trio.run(run)
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=in_thread)
    thread.start()
    ready.wait()
    try:
        if failed:
            raise failed[0]
        yield site
    finally:
        for trio_token, stop in token:
            trio_token.run_sync_soon(stop.set)
        thread.join()


def rows(name: str, count: int) -> list[list[str]]:
    """Return the first rows of one of the example's tables, without its head."""
    with (DIVISIONS / name).open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.reader(opened))[1 : count + 1]


async def _fill(node: Node, site: Site) -> None:
    site.url = node.url
    await _register(node, "provinces", "省级行政区 Provinces", ["code", "name"])
    await _register(node, "counties", "县级行政区 Counties", ["code", "name"])
    await _register(node, "long", LONG_TEXT[:100], [f"{'f' * 28}-{n}" for n in range(8)])
    await _register(node, "hidden", "Commitments", [], "commitment")
    await _register(node, "empty", "Nothing yet", ["a"])
    provinces = [[row[0], row[1]] for row in rows("province_divisions.csv", 40)]
    counties = [[row[0], row[1]] for row in rows("county_divisions.csv", COUNTIES_MAX)]
    first = await _put(node, "provinces", {row[0]: row for row in provinces})
    await _put(node, "counties", {row[0]: row for row in counties})
    long = [LONG_WORD, LONG_TEXT, "", "<b>", "a\nb\tc", "🏛", "\u202ertl", "1"]
    await _put(node, "long", {LONG_KEY: long, "a/b": long, "c?d#e &f": long})
    hidden = (int(Kind.PUT), ["hidden", b"\xff\x00", bytes(range(32)), None])
    refused = (int(Kind.PUT), ["nowhere", b"x", ["y"], None])
    retired = (int(Kind.RETIRE), ["provinces", provinces[1][0].encode()])
    reply = await node.submit(*(node.raw(item) for item in (hidden, refused, retired)))
    fates = reply.json()["transactions"]
    assert [fate["outcome"] for fate in fates] == ["applied", "unknown-register", "applied"]
    site.transaction, site.refused = first["id"], fates[1]["id"]
    site.block_hash = (await node.client.get(f"/v1/blocks/{first['height']}")).json()["hash"]
    await _decide(node)
    await _deliver(node)
    await _share(node)
    await _settle(node)
    await _checkpoint(node)
    key = provinces[0][0]
    site.pages = [
        *("/", "/docs", "/blocks", "/blocks?before=3", "/registers", "/decisions"),
        "/deliveries",
        *("/assets", f"/assets/{'x' * 32}", "/assets/vouchers", "/assets/empty"),
        *("/registers/provinces", "/registers/counties", "/registers/long", "/registers/hidden"),
        *("/registers/empty", f"/registers/provinces/{key}"),
        *(f"/registers/provinces/{provinces[1][0]}", f"/registers/long/{LONG_KEY}"),
        *("/registers/long/612f62?key_hex=true", "/registers/long/c%3Fd%23e%20%26f"),
        *("/registers/hidden/ff00?key_hex=true", "/institutions/ministry", "/institutions/bank"),
        *(f"/transactions/{site.transaction}", f"/transactions/{site.refused}"),
        *("/catalogue", "/catalogue?text=%E5%A9%9A", "/catalogue?text=nothing"),
        *("/catalogue/ministry/weddings", f"/catalogue/ministry/{'m' * 32}", "/requests"),
        *("/requests?overdue=true", "/requests/bank/open", "/requests/bank/granted"),
        f"/requests/bank/{'r' * 32}",
        *(f"/transactions/{'ab' * 32}", "/blocks/1", f"/blocks/{first['height']}"),
    ]


async def _deliver(node: Node) -> None:
    """Leave a delivery that is sent, one that is received, and one whose erasure is awaited."""
    await granted(node)
    for number in (1, 2, 3):
        await deliver(node, number)
    await receive(node, 2)
    deadline = node.context.board.status.block_time + 9 * DAY
    holders = [["bank", "branch"], ["ministry", "pair"]]
    await do(node, Kind.ORDER_ERASURE, ["bank", "r-1", 3, deadline, holders])


async def _decide(node: Node) -> None:
    """Leave motions in every state, and mandates with the longest words, one of which ends soon."""
    now = node.context.board.status.block_time
    title = LONG_WORD[:200]
    long = ["x" * 32, title, LONG_TEXT[:200], title, bytes(32), now, now + 9 * DAY, None]
    await vote(node, MotionKind.SET_RULE, [int(MotionKind.REMOVE_NODE), 2, 3, 7 * DAY], *BOTH)
    await vote(node, MotionKind.REMOVE_NODE, REMOVE, *BOTH)
    await vote(node, MotionKind.ADOPT_MANDATE, long, *BOTH)
    await vote(node, MotionKind.ADOPT_MANDATE, [*long[:-1], "x" * 32], "bank", turn=1)
    await vote(node, MotionKind.ADOPT_CALENDAR, CHINA, "ministry")


async def _share(node: Node) -> None:
    """Leave data sets and requests in several states, some with the longest words."""
    now = node.context.board.status.block_time
    terms = ["law", "china", 480, [10, True], None, "provider", [7, False], [9, False], None,
             ["no-basis"], ["ministry", "head"]]  # fmt: skip
    await vote(node, MotionKind.SET_TERMS, terms, *BOTH)
    fields = [["number", "公民身份号码", "text"], ["status", "婚姻状况 Marriage status", "text"]]
    conditions = [["no-copies", "The answer is not kept 结果不得留存"]]
    entry = ["weddings", "婚姻登记信息 Marriages", "civil", fields, "daily", "conditional",
             conditions, None, "law"]  # fmt: skip
    await do(node, Kind.PUBLISH_DATA_SET, entry)
    await do(node, Kind.REVISE_DATA_SET, [*entry[:7], "https://share.example/marriages", "law", 1])
    wide = [[f"{'f' * 28}-{number}", LONG_WORD[:200], "text"] for number in range(9)]
    long = ["m" * 32, LONG_WORD[:200], "civil", wide, "irregular", "unconditional", [],
            LONG_WORD[:200], "law"]  # fmt: skip
    await do(node, Kind.PUBLISH_DATA_SET, long)
    for reference, name, asked in (
        ("open", "weddings", ["status"]),
        ("granted", "weddings", ["number", "status"]),
        ("r" * 32, "m" * 32, [each[0] for each in wide]),
    ):
        await do(node, Kind.REQUEST, [reference, "ministry", name, asked, "law", bytes(32)], "bank")
    until = now + 90 * DAY
    await do(node, Kind.GRANT, ["bank", "granted", ["no-copies"], until, 100])
    await do(node, Kind.USE_GRANT, ["granted", 1, bytes(32)], "bank")
    await do(node, Kind.REFUSE, ["bank", "open", "no-basis", None])


async def _settle(node: Node) -> None:
    """Make assets with the longest words and the largest numbers, held and frozen."""
    now = node.context.board.status.block_time
    law = ["asset-law", "A law", "1", "Assembly", bytes(32), now, None, None]
    await vote(node, MotionKind.ADOPT_MANDATE, law, *BOTH)
    bank, head = ["bank", "branch"], ["ministry", "head"]
    purposes = [f"{'p' * 28}-{number}" for number in range(8)]
    for name, title, listed, expiry in (
        ("x" * 32, LONG_WORD[:200], purposes, now + 9 * DAY),
        ("vouchers", "Vouchers 代金券", [], None),
        ("empty", LONG_TEXT[:200], [], None),
    ):
        made = [name, title, "answers", "asset-law", bank, listed, expiry]
        await do(node, Kind.CREATE_ASSET, made)
    for purpose in purposes:
        await do(node, Kind.ISSUE_ASSET, ["x" * 32, bank, AMOUNT_MAX // 8, purpose])
        await do(node, Kind.ISSUE_ASSET, ["vouchers", head, 1200, purpose])
    freeze = ["vouchers", head, purposes[0]]
    for ground, amount in (("court-order", 30), ("audit", None), ("g" * 32, 1)):
        await do(node, Kind.FREEZE_ASSET, [*freeze, amount, ground, bytes(32)], "bank")
    await do(node, Kind.TRANSFER_ASSET, ["vouchers", bank, 7, purposes[1], None])


async def _register(
    node: Node, name: str, title: str, fields: list[str], mode: str = "clear"
) -> None:
    schema = [[field, "text"] for field in fields]
    operation = (int(Kind.CREATE_REGISTER), [name, title, schema, mode, []])
    reply = await node.submit(node.raw(operation))
    assert reply.json()["transactions"][0]["code"] == 0, reply.text


async def _put(node: Node, register: str, records: dict[str, list[str]]) -> dict[str, Any]:
    """Put records by one transaction; return its fate."""
    operations = [
        (int(Kind.PUT), [register, key.encode(), value, None]) for key, value in records.items()
    ]
    fate: dict[str, Any] = (await node.submit(node.raw(*operations))).json()["transactions"][0]
    assert fate["code"] == 0, fate
    return fate


async def _checkpoint(node: Node) -> None:
    """Make blocks until everything so far can be proved."""
    height = node.context.board.height
    while True:
        status = (await node.client.get("/v1/status")).json()
        if height <= status["checkpoint"] <= status["certified"]:
            return
        await _put(node, "provinces", {"zz": ["zz", "台湾省"]})
