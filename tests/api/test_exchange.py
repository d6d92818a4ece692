"""Duties, the catalogue, requests, grants, terms and accounts: what the API says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from govchaind.api import listing
from govchaind.api.exchange_words import request_words
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.runtime.system import wall_milliseconds
from tests.api.node import Node, running
from tests.api.voting import BOTH, DAY, do, mandate, vote

FIELDS = [["number", "公民身份号码", "text"], ["status", "Marriage status", "text"]]
CONDITIONS = [["no-copies", "The answer is not kept"]]
DETAILS = bytes(range(32))


async def get(node: Node, path: str) -> Any:
    """Return the JSON at a path, which names the height of which it speaks."""
    reply = await node.client.get(path)
    assert reply.status_code == 200, reply.text
    assert int(reply.headers["govchaind-height"]) == reply.json()["height"]
    return reply.json()


async def refused(node: Node, path: str) -> tuple[int, str]:
    reply = await node.client.get(path)
    return reply.status_code, reply.json()["error"]["code"]


def data_set(name: str, **changes: Any) -> list[Any]:
    entry = [
        name,
        f"Titel {name}",
        "civil",
        FIELDS,
        "daily",
        "conditional",
        CONDITIONS,
        None,
        "law",
    ]
    entry[5] = changes.get("sharing", entry[5])
    entry[6] = changes.get("conditions", entry[6])
    entry[1] = changes.get("title", entry[1])
    return entry


async def prepare(node: Node, *names: str) -> None:
    """Adopt a mandate and terms; have the ministry publish data sets."""
    await vote(node, MotionKind.ADOPT_MANDATE, mandate("law", 1), *BOTH)
    terms = ["law", "china", 480, [10, False], [5, False], "provider", [7, False], [9, False],
             [3, True], ["no-basis"], ["ministry", "head"]]  # fmt: skip
    await vote(node, MotionKind.SET_TERMS, terms, *BOTH)
    await do(node, Kind.ASSIGN_DUTY, ["civil", "婚姻登记", "head", "law"])
    for name in names:
        await do(node, Kind.PUBLISH_DATA_SET, data_set(name))


async def ask(node: Node, reference: str, name: str = "marriages") -> None:
    arguments = [reference, "ministry", name, ["status"], "law", DETAILS]
    await do(node, Kind.REQUEST, arguments, "bank")


async def test_the_catalogue_is_searched_by_words_class_and_institution(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await prepare(node, "births", "marriages", "roads")
        free = data_set("roads", sharing="unconditional", conditions=[], title="Roads 公路")
        await do(node, Kind.REVISE_DATA_SET, [*free, 1])
        await do(node, Kind.RETIRE_DATA_SET, ["births"])
        whole = await get(node, "/v1/catalogue")
        everything = await get(node, "/v1/catalogue?retired=true")
        found = [
            await get(node, f"/v1/catalogue?{query}")
            for query in ("text=公路", "text=TITEL", "text=身份", "sharing=unconditional",
                          "institution=bank", "institution=ministry&text=roads")
        ]  # fmt: skip
        first = await get(node, "/v1/catalogue?limit=1")
        second = await get(node, f"/v1/catalogue?limit=1&after={first['next']}")
        history = await get(node, "/v1/catalogue/ministry/roads/history")
        newest = await get(node, "/v1/catalogue/ministry/roads/history?limit=1")
        before = await get(node, f"/v1/catalogue/ministry/roads/history?before={newest['next']}")
        one = await get(node, "/v1/catalogue/ministry/roads")
        old = history["revisions"][1]["changed_at"]
        then = await get(node, f"/v1/catalogue/ministry/roads?height={old}")
        duties = await get(node, "/v1/duties?institution=ministry")
        none = await get(node, "/v1/duties?institution=bank")
        wrong = [
            await refused(node, f"/v1/catalogue{path}")
            for path in ("/ministry/none", "/ministry/none/history", "/Ministry/roads",
                         "?after=x", "?institution=A", "/ministry/roads?height=99999")
        ]  # fmt: skip

    def names(reply: Any) -> list[str]:
        return [entry["name"] for entry in reply["data_sets"]]

    assert names(whole) == ["marriages", "roads"]
    assert names(everything) == ["births", "marriages", "roads"]
    assert [names(reply) for reply in found] == [
        ["roads"], ["marriages"], ["marriages", "roads"], ["roads"], [], ["roads"]]  # fmt: skip
    assert (names(first), first["next"]) == (["marriages"], "ministry/marriages")
    assert (names(second), second["next"]) == (["roads"], None)
    assert [each["revision"] for each in history["revisions"]] == [2, 1]
    assert [each["revision"] for each in before["revisions"]] == [1]
    assert (one["revision"], then["revision"], then["sharing"]) == (2, 1, "conditional")
    assert then["conditions"] == [{"name": "no-copies", "text": "The answer is not kept"}]
    assert then["fields"][0] == {"name": "number", "title": "公民身份号码", "type": "text"}
    [duty] = duties["duties"]
    assert (duty["title"], duty["office"], duty["data_sets"]) == ("婚姻登记", "head", 2)
    assert (none["duties"], duty["ended_ms"]) == ([], None)
    assert wrong == [(404, "not-found"), (404, "not-found"), *[(400, "invalid-parameter")] * 3,
                     (400, "height-ahead")]  # fmt: skip


async def test_a_request_from_its_clock_to_its_grant(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await prepare(node, "marriages")
        await ask(node, "r-1")
        opened = await get(node, "/v1/requests/bank/r-1")
        until = wall_milliseconds() + 30 * DAY
        await do(node, Kind.GRANT, ["bank", "r-1", ["no-copies"], until, 1])
        granted = await get(node, "/v1/requests/bank/r-1")
        page = (await node.client.get("/requests/bank/r-1", headers={"accept": "text/html"})).text
        await do(node, Kind.USE_GRANT, ["r-1", 1, DETAILS], "bank")
        used = await get(node, "/v1/requests/bank/r-1")
        terms = await get(node, "/v1/terms/law")
        unset = await refused(node, "/v1/terms/none")
        unknown = await refused(node, "/v1/requests/bank/r-2")

    asked = datetime.fromtimestamp(opened["asked_ms"] / 1000, UTC) + timedelta(hours=8)
    last = (asked + timedelta(days=10)).date()
    due = datetime.fromtimestamp((opened["due_ms"] + 1) / 1000, UTC) + timedelta(hours=8)
    assert due.date() == last + timedelta(days=1)
    assert (due.hour, due.minute, due.second) == (0, 0, 0)
    assert opened["words"]["english"].startswith(
        "A bank <script>alert(1)</script> asked 民政部 Ministry of Civil Affairs for status of its "
        "data set Titel marriages; the request waits for an answer, "
        f"which is due on {last.day} "
    )
    assert f"期限为{last.year}年{last.month}月{last.day}日。" in opened["words"]["chinese"]
    assert (opened["status"], opened["overdue"], opened["late"]) == ("open", False, None)
    assert (opened["grant"], opened["details"]) == (None, DETAILS.hex())
    assert (granted["status"], granted["late"]) == ("granted", False)
    assert granted["grant"]["in_force"]
    years = granted["grant"]["delivery_by"]
    assert years[0] == {"year": asked.year, "version": 0}
    assert granted["grant"]["delivery_due_ms"] > granted["grant"]["granted_ms"]
    assert f"{asked.year}, Mondays to Fridays: nobody has adopted its calendar" in page
    assert '<th scope="row">To be delivered by</th>' in page
    assert (granted["grant"]["conditions"], granted["grant"]["uses"]) == (["no-copies"], 0)
    assert (used["grant"]["uses"], used["grant"]["in_force"]) == (1, False)
    assert (terms["reply"], terms["grounds"]) == ({"days": 10, "working": False}, ["no-basis"])
    assert unset == unknown == (404, "not-found")


async def test_requests_and_accounts_are_listed_by_whom_and_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as node:
        await prepare(node, "births", "marriages")
        for reference in ("a", "b", "c"):
            await ask(node, reference, "births" if reference == "b" else "marriages")
        await do(node, Kind.REFUSE, ["bank", "b", "no-basis", None])
        found = [
            await get(node, f"/v1/requests?{query}")
            for query in ("", "requester=bank", "requester=ministry", "provider=ministry",
                          "status=refused", "overdue=true", "limit=2")
        ]  # fmt: skip
        rest = await get(node, f"/v1/requests?limit=2&after={found[-1]['next']}")
        month = found[0]["requests"][0]["asked_ms"]
        named = f"{datetime.fromtimestamp(month / 1000, UTC) + timedelta(hours=8):%Y-%m}"
        accounts = await get(node, f"/v1/accounts?month={named}")
        page = await get(node, f"/v1/accounts?month={named}&limit=1&institution=bank")
        second = await get(node, f"/v1/accounts?month={named}&after={page['next']}")
        none = await get(node, f"/v1/accounts?month={named}&institution=court")
        monkeypatch.setattr(listing, "LISTING_ROWS_MAX", 1)
        short = await get(node, "/v1/requests?status=granted")
        wrong = [
            await refused(node, f"/v1/accounts?month={query}")
            for query in ("2026", "2026-13", "9999-12", "2026-01&after=a/b", "2026-01&after=A/b/c")
        ]

    def references(reply: Any) -> list[str]:
        return [one["reference"] for one in reply["requests"]]

    assert [references(reply) for reply in found] == [
        ["a", "b", "c"], ["a", "b", "c"], [], ["a", "b", "c"], ["b"], [], ["a", "b"]]  # fmt: skip
    assert (found[-1]["next"], references(rest), rest["next"]) == ("bank/b", ["c"], None)
    assert (short["requests"], short["next"]) == ([], "bank/a")
    rows = {row["data_set"]: row for row in accounts["accounts"]}
    assert (rows["births"]["asked"], rows["births"]["refused"]) == (1, 1)
    assert (rows["births"]["in_time"], rows["marriages"]["asked"]) == (1, 2)
    assert [row["data_set"] for row in page["accounts"]] == ["births"]
    assert page["next"] == "ministry/births/bank"
    assert [row["data_set"] for row in second["accounts"]] == ["marriages"]
    assert none["accounts"] == []
    assert wrong == [(400, "invalid-parameter")] * 5


def test_a_request_whose_clock_has_run_out_says_so() -> None:
    due = 1_772_294_400_000 - 1  # the end of 28 February 2026 in the zone of UTC+8
    late = request_words("bank", "court", ["a"], "cases", "open", due, due + 1)
    assert late.english.endswith("waits for an answer, which was due on 28 February 2026.")
    assert late.chinese.endswith("等待答复，已逾2026年2月28日的期限。")
    done = request_words("bank", "court", ["a"], "cases", "granted", None, due)
    assert done.english == "bank asked court for a of its data set cases; the request was granted."
