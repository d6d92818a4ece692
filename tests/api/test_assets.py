"""What the API and the pages say of assets, and that their proofs add up without any node."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from govchaind.api import asset_listing, listing
from govchaind.base.encoding import decode
from govchaind.base.limits import AMOUNT_MAX
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.state_proof import verify_state_proof
from tests.api.node import Node, running
from tests.api.voting import BOTH, DAY, do, mandate, vote

HTML = {"accept": "text/html"}
BRANCH, HEAD, PAIR = ["bank", "branch"], ["ministry", "head"], ["ministry", "pair"]


async def get(node: Node, path: str) -> Any:
    """Return the JSON at a path, which names the height of which it speaks."""
    reply = await node.client.get(path)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert int(reply.headers["govchaind-height"]) == body["height"]
    return body


async def create(node: Node, name: str, **changes: Any) -> None:
    given = {"title": f"Title {name}", "purposes": ["lookups"], "expiry": None, **changes}
    arguments = [name, given["title"], "answers", "law", BRANCH]
    await do(node, Kind.CREATE_ASSET, [*arguments, given["purposes"], given["expiry"]])


async def begin(node: Node) -> None:
    """Adopt the mandate, create `voucher`, and issue 100 of it to the ministry's head."""
    await vote(node, MotionKind.ADOPT_MANDATE, mandate("law", 1), *BOTH)
    await create(node, "voucher")
    await do(node, Kind.ISSUE_ASSET, ["voucher", HEAD, 100, "lookups"])


async def give(node: Node, amount: int, to: list[str]) -> None:
    await do(node, Kind.TRANSFER_ASSET, ["voucher", to, amount, "lookups", None])


async def test_an_asset_and_who_holds_it(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await begin(node)
        await give(node, 30, BRANCH)
        await do(node, Kind.REDEEM_ASSET, ["voucher", 10, "lookups"], "bank")
        freeze = ["voucher", HEAD, "lookups", 45, "court-order", bytes(range(32))]
        await do(node, Kind.FREEZE_ASSET, freeze, "bank")
        asset = await get(node, "/v1/assets/voucher")
        listed = await get(node, "/v1/assets")
        held = await get(node, "/v1/assets/voucher/holdings")
        one = await get(node, "/v1/assets/voucher/holdings/ministry/head/lookups")
        await do(
            node, Kind.FREEZE_ASSET, ["voucher", BRANCH, "lookups", None, "audit", None], "bank"
        )
        whole = await get(node, "/v1/assets/voucher/holdings/bank/branch/lookups")
    assert [asset[name] for name in ("issued", "redeemed", "circulating")] == [100, 10, 90]
    assert [asset[name] for name in ("issuer", "supervisor", "mandate", "purposes")] == [
        "ministry/head", "bank/branch", "law", ["lookups"]]  # fmt: skip
    assert (asset["state"], asset["expiry"], asset["unit"]) == ("open", None, "answers")
    assert listed["assets"] == [{k: v for k, v in asset.items() if k != "height"}]
    assert [(row["holder"], row["balance"], row["free"]) for row in held["holdings"]] == [
        ("bank/branch", 20, 20), ("ministry/head", 70, 25)]  # fmt: skip
    assert one == {**held["holdings"][1], "height": one["height"]}
    assert one["freezes"] == [{
        "ground": "court-order", "amount": 45, "reason": bytes(range(32)).hex(),
        "frozen_at": one["changed_at"],
    }]  # fmt: skip
    assert (whole["free"], whole["freezes"][0]["amount"]) == (0, None)


async def test_anybody_can_prove_that_nothing_was_made_or_lost(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await begin(node)
        await give(node, 30, BRANCH)
        await do(node, Kind.REDEEM_ASSET, ["voucher", 10, "lookups"], "bank")
        while True:
            first = await node.client.get("/v1/assets/voucher/proof")
            if first.status_code == 200:
                proved = verify_state_proof(first.content, node.trust).value
                if proved is not None and _value(proved)[1] == 10:
                    break
            await node.create_register(f"r-{node.context.board.height}")
        totals = verify_state_proof(first.content, node.trust)
        at = f"?height={totals.height}"
        held = []
        for holder in ("ministry/head", "bank/branch", "ministry/pair"):
            path = f"/v1/assets/voucher/holdings/{holder}/lookups/proof{at}"
            reply = await node.client.get(path)
            assert reply.status_code == 200, reply.text
            held.append(verify_state_proof(reply.content, node.trust))
        asset = await get(node, "/v1/assets/voucher")
    assert totals.key.hex() == asset["totals_key"]
    issued, redeemed, circulating = _value(totals.value)
    balances = [_value(each.value)[0] if each.value else 0 for each in held]
    assert balances == [70, 20, 0]
    assert issued - redeemed == circulating == sum(balances) == 90


def _value(value: bytes | None) -> Any:
    assert value is not None
    return decode(value, bytes_max=len(value))


async def test_holdings_are_listed_page_by_page_and_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as node:
        await vote(node, MotionKind.ADOPT_MANDATE, mandate("law", 1), *BOTH)
        for name in ("b-asset", "a-asset", "c-asset", "none"):
            await create(node, name, purposes=[])
        for asset, purpose, amount in (
            ("a-asset", "p", 1), ("a-asset", "q", 2), ("c-asset", "p", 3), ("c-asset", "r", 4),
        ):  # fmt: skip
            await do(node, Kind.ISSUE_ASSET, [asset, BRANCH, amount, purpose])
            await do(node, Kind.ISSUE_ASSET, [asset, PAIR, 9, purpose])
        await do(node, Kind.REDEEM_ASSET, ["a-asset", 2, "q"], "bank")  # an empty one
        base = "/v1/holdings/bank/branch"
        everything = await get(node, base)
        pages = [await _pages(node, base, limit) for limit in (1, 2, 3)]
        of_asset = [await _pages(node, "/v1/assets/c-asset/holdings", limit) for limit in (1, 4)]
        names = [row["name"] for row in (await get(node, "/v1/assets?limit=2"))["assets"]]
        rest = await get(node, "/v1/assets?after=b-asset")
        monkeypatch.setattr(asset_listing, "LISTING_ROWS_MAX", 2)
        monkeypatch.setattr(listing, "LISTING_ROWS_MAX", 2)
        short = await _pages(node, base, 100)
        short_of_asset = await _pages(node, "/v1/assets/c-asset/holdings", 100)
        nobody = await _pages(node, "/v1/holdings/nobody/head", 100)
    amounts = [row["balance"] for row in everything["holdings"]]
    assert (amounts, everything["next"]) == ([1, 3, 4], None)
    assert [[row["balance"] for row in page] for page in pages] == [amounts] * 3
    assert [[row["balance"] for row in page] for page in of_asset] == [[3, 4, 9, 9]] * 2
    assert (names, [row["name"] for row in rest["assets"]]) == (
        ["a-asset", "b-asset"], ["c-asset", "none"])  # fmt: skip
    assert [row["balance"] for row in short] == amounts
    assert [row["balance"] for row in short_of_asset] == [3, 4, 9, 9]
    assert nobody == []


async def _pages(node: Node, path: str, limit: int) -> list[Any]:
    found, after = [], ""
    for _ in range(20):
        reply = await get(node, f"{path}?limit={limit}{after}")
        assert len(reply["holdings"]) <= limit
        found += reply["holdings"]
        if reply["next"] is None:
            return found
        after = f"&after={reply['next']}"
    raise AssertionError("pages without end")


async def test_what_is_not_there_is_said_so(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await begin(node)
        for path, status in (
            ("/v1/assets/none", 404),
            ("/v1/assets/NONE", 400),
            ("/v1/assets/none/holdings", 404),
            ("/v1/assets/NONE/proof", 400),
            ("/v1/assets?after=NONE", 400),
            ("/v1/assets/voucher/holdings?after=bank", 400),
            ("/v1/assets/voucher/holdings?after=bank/branch/NO", 400),
            ("/v1/assets/voucher/holdings/bank/branch/lookups", 404),
            ("/v1/assets/voucher/holdings/BANK/branch/lookups", 400),
            ("/v1/assets/voucher/holdings/bank/branch/NO/proof", 400),
            ("/v1/holdings/bank/BRANCH", 400),
            ("/v1/holdings/bank/branch?after=/", 400),
            ("/v1/holdings/bank/branch?after=a/B", 400),
        ):
            reply = await node.client.get(path)
            assert (reply.status_code, set(reply.json())) == (status, {"error"}), path


async def test_the_largest_amount_is_told_whole(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await vote(node, MotionKind.ADOPT_MANDATE, mandate("law", 1), *BOTH)
        await create(node, "voucher")
        await do(node, Kind.ISSUE_ASSET, ["voucher", HEAD, AMOUNT_MAX, "lookups"])
        asset = await get(node, "/v1/assets/voucher")
        page = (await node.client.get("/assets/voucher", headers=HTML)).text
    assert asset["circulating"] == AMOUNT_MAX
    assert f"together {AMOUNT_MAX:,}, which is what circulates" in page


async def test_the_pages_show_totals_holders_and_freezes(tmp_path: Path) -> None:
    hostile = '<script>alert("x")</script>'
    async with running(tmp_path) as node:
        empty = (await node.client.get("/assets", headers=HTML)).text
        await begin(node)
        one = (await node.client.get("/assets/voucher", headers=HTML)).text
        now = node.context.board.status.block_time
        await create(node, "brief", title=hostile, expiry=now + 20 * DAY, purposes=[])
        await give(node, 30, BRANCH)
        await do(node, Kind.FREEZE_ASSET, ["voucher", HEAD, "lookups", 5, "error", None], "bank")
        await do(node, Kind.FREEZE_ASSET, ["voucher", HEAD, "lookups", None, "order", None], "bank")
        listed = (await node.client.get("/assets", headers=HTML)).text
        shown = (await node.client.get("/assets/voucher", headers=HTML)).text
        other = (await node.client.get("/assets/brief", headers=HTML)).text
        frozen = await get(node, "/v1/assets/voucher/holdings/ministry/head/lookups")
        block = (await node.client.get(f"/blocks/{frozen['changed_at']}", headers=HTML)).text
        missing = await node.client.get("/assets/none", headers=HTML)
    assert "None." in empty
    assert "together 100, which is what circulates" in one
    assert '<a href="/assets/brief">' in listed
    assert "&lt;script&gt;" in listed
    assert "<script" not in listed + other
    assert "together 100, which is what circulates" in shown
    assert re.search(r'error</span> 5 <a href="/blocks/[0-9]+">in block', shown) is not None
    assert re.search(r'order</span> all <a href="/blocks/[0-9]+">in block', shown) is not None
    assert "None." in other
    assert "any</td>" in other
    assert "froze all of what 民政部 Ministry of Civil Affairs/head holds of the asset" in block
    assert missing.status_code == 404
