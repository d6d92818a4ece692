"""Deliveries, erasures and delivery keys as the API tells them; sealed files through the door."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from govchaind.api import delivery_page, listing
from govchaind.base.limits import CARRY_CHUNK_BYTES_MAX
from govchaind.ledger.operations.costs import Kind
from govchaind.runtime.system import wall_milliseconds
from tests.api.delivered import (
    COMMITMENT,
    FILE,
    NAMED,
    PATH,
    SEALED,
    bring,
    carries,
    code,
    deliver,
    fetch,
    granted,
    leave,
    receive,
)
from tests.api.node import key, running
from tests.api.test_exchange import get, refused
from tests.api.voting import DAY, do

OFFICE = {"institution": "bank", "office": "branch"}


async def test_a_delivery_from_sending_to_its_erasure(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await granted(node)
        await deliver(node)
        sent = await get(node, "/v1/deliveries/bank/r-1/1")
        await receive(node)
        received = await get(node, "/v1/deliveries/bank/r-1/1")
        await do(node, Kind.DISPUTE, [*NAMED, 1, "wrong", bytes(32)], "bank")
        disputed = await get(node, "/v1/deliveries/bank/r-1/1")
        deadline = wall_milliseconds() + DAY
        holders = [["bank", "branch"], ["ministry", "pair"]]
        await do(node, Kind.ORDER_ERASURE, [*NAMED, 1, deadline, holders])
        await do(node, Kind.CONFIRM_ERASURE, [*NAMED, 1, "destroyed"], "bank")
        ordered = await get(node, "/v1/deliveries/erasures")
        overdue = await get(node, "/v1/deliveries/erasures?overdue=true")
        erasing = await get(node, "/v1/deliveries/bank/r-1/1")

    assert (sent["status"], sent["words"]["chinese"]) == ("sent", "已交付，尚未签收")
    assert (sent["sender"]["institution"], sent["receiver"]) == ("ministry", OFFICE)
    assert (sent["commitment"], sent["sealed"]) == (COMMITMENT.hex(), SEALED.hex())
    assert (sent["rows"], sent["received"], sent["dispute"], sent["erasure"]) == (20, *[None] * 3)
    assert (received["status"], received["received_ms"] > sent["sent_ms"]) == ("received", True)
    assert (disputed["status"], disputed["dispute"]["ground"]) == ("disputed", "wrong")
    assert disputed["dispute"]["words"]["english"] == "its content is wrong"
    assert erasing["status"] == "erasing"
    answers = [holder["answer"] for holder in erasing["erasure"]["holders"]]
    missing = [{"institution": "ministry", "office": "pair"}]
    assert (answers, erasing["erasure"]["missing"]) == (["destroyed", None], missing)
    assert erasing["erasure"]["overdue"] is False
    assert [one["number"] for one in ordered["erasures"]] == [1]
    assert overdue["erasures"] == []


async def test_a_missing_answer_is_overdue_by_block_time_and_nobody_files_it(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as node:
        await granted(node)
        await deliver(node)
        deadline = wall_milliseconds() + 400
        await do(node, Kind.ORDER_ERASURE, [*NAMED, 1, deadline, [["bank", "branch"]]])
        while (await get(node, "/v1/status"))["block_time_ms"] <= deadline:
            await node.create_register(f"r-{node.context.board.height}")
        overdue = await get(node, "/v1/deliveries/erasures?overdue=true")
        lost = [*NAMED, 1, "on-the-way"]
        await do(node, Kind.REPORT_LOST, lost, "bank")
        after = await get(node, "/v1/deliveries/erasures?overdue=true")
        end = await get(node, "/v1/deliveries/bank/r-1/1")
    assert [one["erasure"]["overdue"] for one in overdue["erasures"]] == [True]
    assert overdue["erasures"][0]["status"] == "erasure-overdue"
    assert after["erasures"] == []
    assert (end["status"], end["loss"]["ground"], end["loss"]["by"]) == (
        "lost", "on-the-way", OFFICE,
    )  # fmt: skip


async def test_listings_are_filtered_and_paged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as node:
        await granted(node)
        await granted(node, reference="r-2")
        for number in (1, 2, 3):
            await deliver(node, number)
        await deliver(node, 1, "r-2")
        await receive(node, 2)
        everything = await get(node, "/v1/deliveries")
        one = await get(node, "/v1/deliveries?requester=bank&reference=r-2")
        bank = await get(node, "/v1/deliveries?requester=bank")
        court = await get(node, "/v1/deliveries?requester=court")
        received = await get(node, "/v1/deliveries?status=received")
        names, after = [], None
        while True:
            more = f"&after={after}" if after else ""
            page = await get(node, f"/v1/deliveries?limit=1{more}")
            names += [(each["reference"], each["number"]) for each in page["deliveries"]]
            after = page["next"]
            if after is None:
                break
        monkeypatch.setattr(listing, "LISTING_ROWS_MAX", 1)
        short = await get(node, "/v1/deliveries?status=received")
        wrong = [
            await refused(node, path)
            for path in ("/v1/deliveries?after=zz", "/v1/deliveries?reference=r-1",
                         "/v1/deliveries?requester=A", "/v1/deliveries?status=gone",
                         "/v1/deliveries/erasures?after=00", "/v1/deliveries/bank/r-1/0",
                         "/v1/deliveries/bank/r-1/9", "/v1/deliveries/bank/R/1")
        ]  # fmt: skip
    expected = [("r-1", 1), ("r-1", 2), ("r-1", 3), ("r-2", 1)]
    found = [[(each["reference"], each["number"]) for each in page["deliveries"]]
             for page in (everything, one, bank, court, received)]  # fmt: skip
    assert found == [expected, expected[3:], expected, [], expected[1:2]]
    assert names == expected
    assert (short["deliveries"], short["next"] is None) == ([], False)
    assert wrong == [(400, "invalid-parameter")] * 6 + [(404, "not-found"),
                                                        (400, "invalid-parameter")]  # fmt: skip


async def test_delivery_keys_say_where_and_until_when(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await granted(node)
        until = wall_milliseconds() + DAY
        box = ["node-a", "node-a.example:7700"]
        await do(node, Kind.PUBLISH_DELIVERY_KEY, [b"m" * 32, until, box], "bank")
        await do(node, Kind.PUBLISH_DELIVERY_KEY, [b"n" * 32, 0, None])
        one = await get(node, "/v1/delivery-keys/bank/branch")
        first = await get(node, "/v1/delivery-keys?limit=1")
        rest = await get(node, f"/v1/delivery-keys?after={first['next']}")
        wrong = [
            await refused(node, f"/v1/delivery-keys{path}")
            for path in ("/bank/vault", "?after=bank", "/bank/V")
        ]
    assert (one["key"], one["previous"]) == ((b"m" * 32).hex(), (b"k" * 32).hex())
    assert (one["previous_until_ms"], one["node"], one["address"]) == (until, *box)
    assert [key["institution"] for key in first["keys"] + rest["keys"]] == ["bank", "ministry"]
    assert (first["next"], rest["next"]) == ("bank/branch", None)
    assert [code for code, _ in wrong] == [404, 400, 400]


async def test_the_page_shows_who_has_not_answered_and_how_far_each_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_page, "DELIVERIES_SHOWN", 1)
    async with running(tmp_path) as node:
        html = {"accept": "text/html", "accept-language": "zh"}
        empty = (await node.client.get("/deliveries", headers=html)).text
        await granted(node)
        await deliver(node)
        await deliver(node, 2)
        await receive(node)
        await do(node, Kind.DISPUTE, [*NAMED, 1, "incomplete", bytes(32)], "bank")
        deadline = wall_milliseconds() + 2000
        await do(node, Kind.ORDER_ERASURE, [*NAMED, 2, deadline, [["bank", "branch"]]])
        while (await get(node, "/v1/status"))["block_time_ms"] <= deadline:
            await node.create_register(f"r-{node.context.board.height}")
        first = (await node.client.get("/deliveries", headers=html)).text
        [more] = re.findall(r'href="(/deliveries\?after=[0-9a-f]+)"', first)
        second = (await node.client.get(more, headers=html)).text
    assert empty.count("无。") == 2
    assert '<span class="tag bad">已逾期</span>' in first
    assert '<a href="/institutions/bank">bank</a>/branch' in first
    assert "已提出异议" in first
    assert "内容不完整" in first
    assert "逾期未确认销毁" in second
    assert "更多交付" not in second


# --- sealed files ---------------------------------------------------------------------------------


async def test_a_sealed_file_is_brought_and_fetched_in_chunks(tmp_path: Path) -> None:
    async with running(tmp_path, before=carries(tmp_path / "held")) as node:
        await granted(node)
        await deliver(node)
        brings, fetches = leave(node, "head", "bring"), leave(node, "branch", "fetch")
        begun = await bring(node, 0, b"", brings)
        early = await fetch(node, 0, fetches)
        half = await bring(node, 0, FILE[:50_000], brings)
        again = await bring(node, 0, FILE[:50_000], brings)
        asked = await bring(node, 7, b"", brings)
        whole = await bring(node, 50_000, FILE[50_000:], brings)
        parts = [await fetch(node, at, fetches, length=60_000) for at in (0, 60_000, 120_000)]
        await receive(node)
        late = await fetch(node, 0, fetches)
    assert [reply.json()["have"] for reply in (begun, half, asked, whole)] == [
        0, 50_000, 50_000, len(FILE),
    ]  # fmt: skip
    assert whole.json()["whole"] is True
    assert (code(early), code(again)) == ((404, "not-held"), (409, "other-offset"))
    assert b"".join(part.content for part in parts) == FILE
    assert {part.headers["govchaind-length"] for part in parts} == {str(len(FILE))}
    assert parts[0].headers["content-type"] == "application/octet-stream"
    assert code(late) == (404, "not-recorded")  # it is received, so it is nobody's any more


async def test_only_the_sender_brings_and_only_the_receiver_fetches(tmp_path: Path) -> None:
    async with running(tmp_path, before=carries(tmp_path / "held")) as node:
        await granted(node)
        await deliver(node)
        now = wall_milliseconds()
        wrong: list[dict[str, str]] = [
            leave(node, "branch", "bring"),  # the receiver's key
            leave(node, "pair 1", "bring"),  # another office's
            leave(node, "head", "fetch"),
            leave(node, "head", "bring", delivery=(*NAMED, 2)),
            leave(node, "head", "bring", chain_id=bytes(32)),
            leave(node, "head", "bring", until=now - 3_600_000),
            leave(node, "head", "bring", until=now + 3_600_000),
        ]
        refusals = [code(await bring(node, 0, FILE, headers)) for headers in wrong]
        forged = bytearray.fromhex(leave(node, "head", "bring")["govchaind-leave"])
        forged[-1] ^= 1
        forgery = code(await bring(node, 0, FILE, {"govchaind-leave": forged.hex()}))
        nonsense = code(await bring(node, 0, FILE, {"govchaind-leave": "00ff"}))
        without = code(await bring(node, 0, FILE, {}))
        reads = code(await fetch(node, 0, leave(node, "head", "fetch")))
        assert node.context.carrier is not None
        held = node.context.carrier.state((*NAMED, 1))
    assert refusals == [
        (403, "not-permitted"), (403, "not-permitted"), (403, "leave-for-another"),
        (403, "leave-for-another"), (403, "leave-for-another"), (403, "leave-over"),
        (403, "leave-over"),
    ]  # fmt: skip
    assert (forgery, nonsense) == ((400, "invalid-signature"), (400, "invalid-parameter"))
    assert (without, reads) == ((400, "invalid-parameter"), (403, "not-permitted"))
    assert held == (0, 0, False)


async def test_a_revoked_key_brings_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, before=carries(tmp_path / "held")) as node:
        await granted(node)
        await deliver(node)
        new: list[Any] = [[key("next").public, "Next", 0, None], [key("head").public, "Old", 0, 1]]
        await do(node, Kind.SET_KEY_POLICY, ["head", 1, new])
        assert code(await bring(node, 0, FILE, leave(node, "head", "bring"))) == (
            403, "not-permitted",
        )  # fmt: skip
        assert (await bring(node, 0, FILE, leave(node, "next", "bring"))).status_code == 200


async def test_what_is_too_much_or_another_file_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "held"
    async with running(tmp_path, before=carries(folder, quota=len(FILE) - 1)) as node:
        await granted(node)
        await deliver(node)
        brings = leave(node, "head", "bring")
        quota = code(await bring(node, 0, FILE, brings))
        chunk = code(await bring(node, 0, bytes(CARRY_CHUNK_BYTES_MAX + 1), brings))
        long = code(await bring(node, 0, b"x", brings, length=10 * len(FILE)))
        forged = code(await bring(node, 0, bytes(1000), brings, length=1000))
        unknown = code(await bring(node, 0, FILE, leave(node, "head", "bring"), length=0))
        nobody = await node.client.post(
            PATH.replace("/1/", "/9/"),
            params={"offset": 0, "length": 5},
            content=b"12345",
            headers=leave(node, "head", "bring", delivery=(*NAMED, 9)),
        )
    assert (quota, chunk) == ((503, "delivery-quota"), (413, "too-large"))
    assert (long, forged) == ((413, "too-large"), (400, "not-the-recorded-file"))
    assert (unknown, code(nobody)) == ((400, "invalid-parameter"), (403, "not-permitted"))


async def test_a_node_that_carries_nothing_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await granted(node)
        await deliver(node)
        assert code(await bring(node, 0, FILE, leave(node, "head", "bring"))) == (
            404, "no-carrier",
        )  # fmt: skip
