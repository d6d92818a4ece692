"""Motions, rules, calendars, mandates: what the API says of what institutions decide together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from govchaind.api import listing
from govchaind.api.calendars import VERSION_MAX, YEAR_MAX, YEAR_MIN
from govchaind.base.encoding import decode
from govchaind.base.errors import InvalidEncoding
from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.operations.calendars import AdoptCalendar
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.shapes import shaped
from govchaind.ledger.working_days import working_days
from tests.api.node import Node, running
from tests.api.voting import BOTH, CHINA, DAY, OLYMPICS, REMOVE, do, mandate, vote


async def get(node: Node, path: str) -> Any:
    """Return the JSON at a path, which names the height of which it speaks."""
    reply = await node.client.get(path)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert int(reply.headers["govchaind-height"]) == body["height"]
    return body


async def test_a_motion_from_its_first_ballot_to_its_effect(tmp_path: Path) -> None:
    rule = [int(MotionKind.ADOPT_MANDATE), 2, 3, 100]
    async with running(tmp_path) as node:
        await vote(node, MotionKind.SET_RULE, rule, *BOTH)
        law = mandate("law", 1)
        digest = motion_digest(0, MotionKind.ADOPT_MANDATE, law)
        await vote(node, MotionKind.ADOPT_MANDATE, law, "bank")
        opened = await get(node, f"/v1/motions/{digest.hex()}")
        await vote(node, MotionKind.ADOPT_MANDATE, law, "ministry")
        carried = await get(node, f"/v1/motions/{digest.hex()}")
        while (await get(node, "/v1/status"))["block_time_ms"] < carried["enactable_from_ms"]:
            await node.create_register(f"r-{node.context.board.height}")
        await do(node, Kind.ENACT, [digest], "bank")
        enacted = await get(node, f"/v1/motions/{digest.hex()}")

    assert (opened["state"], opened["voted"], opened["institutions"]) == ("open", ["bank"], 2)
    assert [opened[f"ballots{end}"] for end in ("", "_needed", "_missing")] == [1, 2, 1]
    assert (opened["carried_at"], opened["enactable_from"]) == (None, None)
    assert (opened["kind"], opened["name"], opened["round"]) == (8, "adopt-mandate", 0)
    assert opened["words"]["english"].startswith("adopt the mandate law (标题 law; 第809号")
    assert opened["words"]["chinese"].startswith("通过依据文件 law")
    assert opened["arguments"]["effect"] == "1970-01-01T00:00:00.001Z"
    assert opened["arguments"]["document"] == bytes(range(32)).hex()
    raw = bytes.fromhex(opened["arguments_cbor"])
    assert decode(raw, bytes_max=len(raw)) == law
    assert (carried["state"], carried["voted"]) == ("carried", ["bank", "ministry"])
    assert carried["enactable_from_ms"] == carried["carried_at_ms"] + 100
    assert carried["moved_at"] == opened["moved_at"] < opened["height"] + 1
    assert (enacted["state"], enacted["ballots_missing"]) == ("enacted", 0)
    assert carried["height"] < enacted["enacted_at"] <= enacted["height"]
    assert enacted["enactable_from"] is None


async def test_a_withdrawn_ballot_opens_a_motion_again(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        rule = [int(MotionKind.REMOVE_NODE), 1, 2, DAY]
        await vote(node, MotionKind.SET_RULE, rule, *BOTH)
        await vote(node, MotionKind.REMOVE_NODE, REMOVE, *BOTH)
        digest = motion_digest(0, MotionKind.REMOVE_NODE, REMOVE)
        assert (await get(node, f"/v1/motions/{digest.hex()}"))["state"] == "carried"
        await do(node, Kind.WITHDRAW, [digest], "bank")
        found = await get(node, f"/v1/motions/{digest.hex()}")
    assert (found["state"], found["voted"]) == ("open", ["ministry"])
    assert (found["ballots_missing"], found["carried_at_ms"]) == (1, None)


async def test_a_motion_with_too_few_ballots_for_now_is_open_again(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await vote(node, MotionKind.SET_RULE, [3, 1, 2, DAY], *BOTH)
        await vote(node, MotionKind.REMOVE_NODE, REMOVE, *BOTH)
        [carried] = (await get(node, "/v1/motions?state=carried"))["motions"]
        for name in ("rail", "school"):
            offices = [["head", "Head", 1, [[bytes(32), "Head", 0, None]]]]
            admit = [name, f"A {name}", "voluntary", offices]
            await vote(node, MotionKind.ADMIT_INSTITUTION, admit, *BOTH)
        [opened] = (await get(node, "/v1/motions?state=open"))["motions"]
    assert carried["digest"] == opened["digest"]
    assert [carried[f"ballots{end}"] for end in ("", "_needed", "_missing")] == [2, 2, 0]
    assert [opened[f"ballots{end}"] for end in ("", "_needed", "_missing")] == [2, 3, 1]
    assert opened["enactable_from"] is None


async def test_motions_are_listed_by_state_and_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as node:
        await vote(node, MotionKind.ADOPT_CALENDAR, CHINA, *BOTH)
        for turn in range(4):
            await vote(node, MotionKind.REMOVE_NODE, REMOVE, "bank", turn=turn)
        everything = (await get(node, "/v1/motions"))["motions"]
        opened = (await get(node, "/v1/motions?state=open"))["motions"]
        enacted = await get(node, "/v1/motions?state=enacted&limit=1")
        first = await get(node, "/v1/motions?limit=3")
        second = await get(node, f"/v1/motions?limit=3&after={first['next']}")
        monkeypatch.setattr(listing, "LISTING_ROWS_MAX", 2)
        short = await get(node, "/v1/motions?state=carried")
    digests = [item["digest"] for item in everything]
    assert len(digests) == 5
    assert digests == sorted(digests)
    assert sorted(item["round"] for item in opened) == [0, 1, 2, 3]
    assert [item["name"] for item in enacted["motions"]] == ["adopt-calendar"]
    assert [item["digest"] for item in (*first["motions"], *second["motions"])] == digests
    assert (first["next"], second["next"]) == (digests[2], None)
    assert (short["motions"], short["next"]) == ([], digests[1])


async def test_motions_of_any_kind_can_be_read(tmp_path: Path) -> None:
    """Arguments have the right shape; whether they make sense is judged when they are enacted."""
    seat = [bytes(32), "Chief", 0, None]
    moved: list[tuple[int, list[Any]]] = [
        (1, ["rail", "Rail", "voluntary", [["head", "Head", 1, [seat]]]]),
        (2, ["n", "rail", "observer", bytes(32), bytes(32), bytes(16), ["a:1"]]),
        (4, ["n", bytes(16)]),
        (5, [99, 100, 1, 7]),
        (6, ["rail", "head", 1, [seat]]),
        (7, ["china", 2026, 9, -840, b"\xff" * 46]),
        (8, mandate("far", (1 << 63) - 1, 5, "far")),
        (9, ["law", (1 << 63) - 1]),
    ]
    async with running(tmp_path) as node:
        for kind, arguments in moved:
            await vote(node, kind, arguments, "bank")
        await vote(node, MotionKind.SET_RULE, [8, 1, 2, DAY], "bank")
        found = {
            (item["kind"], item["arguments"].get("motion_name")): item
            for item in (await get(node, "/v1/motions"))["motions"]
        }
    assert sorted({kind for kind, _ in found}) == [1, 2, 4, 5, 6, 7, 8, 9]
    assert found[5, "adopt-mandate"]["arguments"]["notice"] == DAY
    assert found[8, None]["arguments"]["effect"] is None
    assert found[8, None]["arguments"]["effect_ms"] == (1 << 63) - 1
    assert found[7, None]["arguments"]["holidays"] == []
    assert len(found[7, None]["arguments"]["worked"]) == 104
    assert found[6, None]["arguments"]["keys"] == [["00" * 32, "Chief", 0, None]]


async def test_rules_are_told_for_every_kind(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        before = await get(node, "/v1/rules")
        await vote(node, MotionKind.SET_RULE, [8, 2, 3, 7 * DAY], *BOTH)
        after = (await get(node, "/v1/rules"))["rules"]
    assert [row["kind"] for row in before["rules"]] == [int(kind) for kind in MotionKind]
    assert {(row["numerator"], row["denominator"], row["by_default"], row["notice_ms"])
            for row in before["rules"]} == {(1, 2, True, 0)}  # fmt: skip
    rules = {row["name"]: row for row in after}
    assert rules["adopt-mandate"]["share"]["english"] == "more than 2/3 of all institutions"
    assert rules["adopt-mandate"]["notice"]["chinese"] == "公示 7 天"
    assert (rules["adopt-mandate"]["by_default"], rules["set-rule"]["by_default"]) == (False, True)
    strictest = rules["set-rule"]
    assert (strictest["numerator"], strictest["denominator"]) == (2, 3)
    assert (strictest["notice_ms"], strictest["ballots_needed"]) == (7 * DAY, 2)


async def test_a_calendar_can_be_checked_by_a_person(tmp_path: Path) -> None:
    second = ["china", 2026, 2, 480, working_days(2026, OLYMPICS, set())]
    async with running(tmp_path) as node:
        for arguments in (CHINA, second, ["china", 2025, 1, 480, working_days(2025, set(), set())],
                          ["rail", 2026, 1, 480, CHINA[-1]]):  # fmt: skip
            await vote(node, MotionKind.ADOPT_CALENDAR, arguments, *BOTH)
        newest = await get(node, "/v1/calendars/china/2026")
        first = await get(node, "/v1/calendars/china/2026?version=1")
        listed = (await get(node, "/v1/calendars"))["calendars"]
        page = await get(node, "/v1/calendars?limit=1")
        rest = await get(node, f"/v1/calendars?after={page['next']}")
        for path, status in (
            ("/v1/calendars/china/2027", 404),
            ("/v1/calendars/none/2026", 404),
            ("/v1/calendars/china/2026?version=3", 404),
            ("/v1/calendars/china/1999", 400),
            ("/v1/calendars/CHINA/2026", 400),
            ("/v1/calendars?after=china", 400),
        ):
            assert (await node.client.get(path)).status_code == status, path
    assert (newest["version"], newest["newest"], newest["worked"]) == (2, 2, [])
    assert newest["holidays"] == ["2026-01-01", "2026-01-02"]
    assert (first["version"], first["newest"], first["worked"]) == (1, 2, ["2026-01-04"])
    assert (first["offset_minutes"], first["working_days"]) == (480, 260)
    places = [(row["name"], row["year"], row["version"]) for row in listed]
    assert places == [("china", 2025, 1), ("china", 2026, 2), ("rail", 2026, 1)]
    assert page["next"] == "china/2025"
    assert [row["name"] for row in rest["calendars"]] == ["china", "rail"]
    assert rest["next"] is None


async def test_a_deadline_counts_working_days_in_the_calendars_zone(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await vote(node, MotionKind.ADOPT_CALENDAR, CHINA, *BOTH)
        base = "/v1/calendars/china/deadline"
        due = await get(node, f"{base}?from=2025-12-31&days=2")
        every = await get(node, f"{base}?from=2026-01-01&days=2&working=false")
        evening = await get(node, f"{base}?from=2025-12-31T15:59:59Z&days=1")
        night = await get(node, f"{base}?from=2025-12-31T16:00:00Z&days=1&working=false")
        offset = await get(node, f"{base}?from=2026-01-05T00:30+09:00&days=1")
        local = await get(node, f"{base}?from=2026-01-05T23:30&days=1")
        errors = {}
        for query in ("from=2026-12-31&days=1", "from=2027-12-31&days=1", "from=2026-02-30&days=1",
                      "from=soon&days=1", "from=2026-01-01&days=0", "from=9999-12-31&days=1",
                      "days=1", "from=2026-01-01&days=3661"):  # fmt: skip
            reply = await node.client.get(f"{base}?{query}")
            errors[query] = (reply.status_code, reply.json()["error"]["message"])
    assert (due["last_day"], due["from_day"]) == ("2026-01-05", "2025-12-31")  # 4, a Sunday, and 5
    assert due["deadline"] == "2026-01-05T15:59:59.999Z"
    assert due["sentence"] == {
        "english": "2 working days from 31 December 2025, by the calendar china: due by the end of "
        "5 January 2026.",
        "chinese": "自2025年12月31日起 2 个工作日，按工作日历 china 计："
        "期限至2026年1月5日（含当日）。",
    }
    assert (due["by"], due["offset_minutes"]) == ([{"year": 2026, "version": 1}], 480)
    assert (every["last_day"], every["by"]) == ("2026-01-03", [])
    assert (evening["from_day"], evening["last_day"]) == ("2025-12-31", "2026-01-04")
    assert (night["from_day"], night["last_day"]) == ("2026-01-01", "2026-01-02")
    assert (offset["from_day"], offset["last_day"]) == ("2026-01-04", "2026-01-05")
    assert (local["from_day"], local["last_day"]) == ("2026-01-05", "2026-01-06")
    assert [status for status, _ in errors.values()] == [404, 404, 400, 400, 400, 400, 400, 400]
    messages = [message for _, message in errors.values()]
    assert messages[0] == "no calendar of working days for 2027 has been adopted"
    assert messages[1] == "no calendar 'china' has been adopted for 2027"
    assert messages[2] == "from: '2026-02-30' is no day from 2000 to 2199"


def test_the_bounds_of_paths_are_those_of_the_motion() -> None:
    def fits(year: int, version: int) -> bool:
        try:
            shaped(["china", year, version, 0, bytes(46)], AdoptCalendar)
        except InvalidEncoding:
            return False
        return True

    assert fits(YEAR_MIN, 1)
    assert fits(YEAR_MAX, VERSION_MAX)
    assert not fits(YEAR_MIN - 1, 1)
    assert not fits(YEAR_MAX + 1, 1)
    assert not fits(YEAR_MIN, VERSION_MAX + 1)


async def test_mandates_say_whether_they_are_in_force(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        now = (await get(node, "/v1/status"))["block_time_ms"]
        for arguments in (
            mandate("open", now - DAY),
            mandate("old", now - 9 * DAY, now - DAY),
            mandate("soon", now - DAY, now + 89 * DAY),
            mandate("late", now - DAY, now + 91 * DAY),
            mandate("next", now + DAY, None, "late"),
            mandate("never", now + 50 * DAY),
        ):
            await vote(node, MotionKind.ADOPT_MANDATE, arguments, *BOTH)
        await vote(node, MotionKind.REPEAL_MANDATE, ["never", now + 40 * DAY], *BOTH)
        found = {row["name"]: row for row in (await get(node, "/v1/mandates"))["mandates"]}
        one = await get(node, "/v1/mandates/soon")
        ending = await get(node, "/v1/mandates?ending_within_days=90")
        later = await get(node, "/v1/mandates?state=not-yet")
        page = await get(node, "/v1/mandates?limit=2")
        rest = await get(node, f"/v1/mandates?after={page['next']}")
        missing = await node.client.get("/v1/mandates/none")
        wrong = await node.client.get("/v1/mandates/NONE")
    states = {name: row["state"] for name, row in found.items()}
    assert states == {"open": "in-force", "old": "ended", "soon": "in-force", "late": "in-force",
                      "next": "not-yet", "never": "ended"}  # fmt: skip
    left = {name: row["days_left"] for name, row in found.items()}
    assert left == {"open": None, "old": None, "soon": 88, "late": 0, "next": None, "never": None}
    assert found["late"]["successor"] == "next"
    assert found["late"]["ends_ms"] == found["next"]["effect_ms"]
    assert one == {**found["soon"], "height": one["height"]}
    assert one["document"] == bytes(range(32)).hex()
    assert [row["name"] for row in ending["mandates"]] == ["late", "soon"]
    assert [row["name"] for row in later["mandates"]] == ["next"]
    names = [row["name"] for row in (*page["mandates"], *rest["mandates"])]
    assert names == sorted(found)
    assert (page["next"], rest["next"]) == ("never", None)
    assert (missing.status_code, wrong.status_code) == (404, 400)


async def test_what_is_no_motion_is_said_so(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        for path, status in (
            (f"/v1/motions/{'00' * 32}", 404),
            ("/v1/motions/abc", 400),
            ("/v1/motions?after=zz", 400),
            ("/v1/motions?state=lost", 400),
            ("/v1/motions?limit=101", 400),
        ):
            reply = await node.client.get(path)
            assert (reply.status_code, set(reply.json())) == (status, {"error"}), path
        assert (await get(node, "/v1/motions"))["motions"] == []
        assert (await get(node, "/v1/calendars")) == {
            "height": node.context.board.height, "calendars": [], "next": None,
        }  # fmt: skip
        assert (await get(node, "/v1/mandates"))["next"] is None
