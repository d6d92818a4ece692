"""Who can still vote, quiet offices, ends, parameters and versions: what the API says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import trio.testing

from govchaind.api import outlook as module
from govchaind.api.outlook import outlook_warnings, watch_outlook
from govchaind.api.sentence import Sentence
from govchaind.base.crypto import Domain
from govchaind.base.encoding import encode
from govchaind.ledger.certificate import Certificate, read_certificate
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.outlook import KindOutlook, Outlook
from govchaind.ledger.statement import Statement
from tests.api.node import NODE, Node, key, running
from tests.api.test_decisions import get
from tests.api.voting import BOTH, DAY, do, mandate, vote


async def shorten(node: Node, days: int) -> int:
    """Give the ministry's governing office keys that end in so many days; return when."""
    now: int = (await get(node, "/v1/status"))["block_time_ms"]
    until = now + days * DAY
    keys: list[Any] = [[key("head").public, "Head", 0, until]]
    await do(node, Kind.SET_KEY_POLICY, ["head", 1, keys])
    return until


async def test_it_is_said_long_before_too_few_can_vote(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        before = await get(node, "/v1/outlook")
        until = await shorten(node, 60)
        after = await get(node, "/v1/outlook")
    assert (before["level"], before["warnings"], before["at_risk"]) == ("fine", [], [])
    assert before["institutions"] == 2
    assert (before["soon_days"], before["later_days"]) == (30, 90)
    assert [line["kind"] for line in before["kinds"]] == [int(kind) for kind in MotionKind]
    assert after["level"] == "failing"
    warning = after["warnings"][0]["english"]
    assert after["warnings"][0]["chinese"].startswith("表决能力将失效：admit-institution、")
    assert warning.startswith("governance failing: admit-institution, set-node, remove-node and ")
    assert warning.endswith("take 2 votes; in 90 days only 1 institutions can cast one")
    line = after["kinds"][0]
    assert [line[f"able_{when}"] for when in ("now", "soon", "later")] == [2, 2, 1]
    assert (line["needed"], line["awake"], line["level"]) == (2, 2, "failing")
    [office] = after["at_risk"]
    assert (office["institution"], office["office"]) == ("ministry", "head")
    assert (office["able_soon"], office["able_later"]) == (True, False)
    assert office["able_until_ms"] == until


async def test_offices_are_listed_with_their_last_act_and_what_ends(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        until = await shorten(node, 60)
        listed = await get(node, "/v1/offices")
        first = await get(node, "/v1/offices?limit=1")
        second = await get(node, f"/v1/offices?limit=1&after={first['next']}")
        ending = await get(node, "/v1/offices?ending_within_days=60")
        none = await get(node, "/v1/offices?ending_within_days=59")
        quiet = await get(node, "/v1/offices?quiet=true")
        one = await get(node, "/v1/institutions/ministry")
        wrong = await node.client.get("/v1/offices?after=ministry")
    names = [f"{row['institution']}/{row['office']}" for row in listed["offices"]]
    assert names == sorted(names)
    assert [first["offices"][0], second["offices"][0]] == listed["offices"][:2]
    [row] = ending["offices"]
    assert (row["institution"], row["office"], row["quiet"]) == ("ministry", "head", False)
    assert 0 < row["last_act_height"] <= listed["height"]
    assert [(end["until_ms"], end["days_left"], end["covered"]) for end in row["endings"]] == [
        (until, 59, False)
    ]
    assert (none["offices"], quiet["offices"], wrong.status_code) == ([], [], 400)
    governing = next(office for office in one["offices"] if office["governing"])
    assert governing["last_act_ms"] == row["last_act_ms"]


async def test_a_suspended_institution_is_told_with_its_ground(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await vote(node, MotionKind.SET_PARAMETER, ["quiet-days", 30], "bank")
        await vote(node, MotionKind.SUSPEND_INSTITUTION, ["bank", "silence", b"\x01" * 32], *BOTH)
        institutions = (await get(node, "/v1/institutions"))["institutions"]
        [motion] = (await get(node, "/v1/motions?state=open"))["motions"]
        decisions = (await node.client.get("/decisions", headers={"accept": "text/html"})).text
        page = (await node.client.get("/institutions/bank", headers={"accept": "text/html"})).text
        rules = (await get(node, "/v1/rules"))["institutions"]
    told = {row["name"]: row for row in institutions}
    assert told["ministry"]["standing"] == "taking-part"
    assert [told["bank"][f"standing{end}"] for end in ("", "_ground", "_commitment")] == [
        "suspended",
        "silence",
        "01" * 32,
    ]
    assert told["bank"]["standing_since"] > 0
    assert (motion["voted"], motion["not_counted"], motion["ballots"]) == ([], ["bank"], 0)
    assert (motion["ballots_needed"], rules) == (1, 1)
    assert '1 institutions count; not counted: <a href="/institutions/bank">' in decisions
    assert 'Have not</th><td><a href="/institutions/ministry">' in decisions
    assert "silence" in page
    assert ">suspended<" in page


async def test_parameters_and_versions(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await vote(node, MotionKind.SET_PARAMETER, ["quiet-days", 30], *BOTH)
        await do(node, Kind.DECLARE_READY, [NODE, 2])
        found = await get(node, "/v1/parameters")
    told = {row["name"]: row for row in found["parameters"]}
    assert [told["quiet-days"][name] for name in ("value", "default", "least", "most")] == [
        30,
        90,
        7,
        3660,
    ]
    assert told["quiet-days"]["set_at"] > 0
    assert told["live-ids"]["set_at"] is None
    assert (found["ledger_version"], found["ledger_version_known"]) == (1, 2)
    assert (found["ready"], found["ready_needed"], found["activated_at"]) == (1, 1, None)
    assert [(row["name"], row["version"]) for row in found["nodes"]] == [(NODE, 2)]


async def test_evidence_is_shown_with_both_signatures(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        said = [
            Statement(node.genesis.chain_id, 3, bytes((n,)) * 32, bytes(32), None, bytes(32))
            for n in (1, 2)
        ]
        pairs = [
            part
            for statement in said
            for part in (
                statement.encode(),
                key("attest").sign(Domain.ATTESTATION, statement.encode()),
            )
        ]
        before = await get(node, "/v1/evidence")
        await do(node, Kind.REPORT_DOUBLE_SIGNING, [NODE, *pairs])
        found = await get(node, "/v1/evidence")
    assert before["evidence"] == []
    (one,) = found["evidence"]
    assert (one["node"], one["signed_height"]) == (NODE, 3)
    assert one["attestation_key"] == key("attest").public.hex()
    assert one["reported_by"] == ["ministry", "head"]
    assert [one[each]["block_hash"] for each in ("first", "second")] == ["01" * 32, "02" * 32]
    assert [one[each]["signature"] for each in ("first", "second")] == [
        pairs[1].hex(),
        pairs[3].hex(),
    ]


def twice(chain_id: bytes, height: int = 3) -> tuple[bytes, bytes]:
    """Return two certificates of one height, both signed by the node."""
    said = [
        Statement(chain_id, height, bytes((n,)) * 32, bytes(32), None, bytes(32)).encode()
        for n in (1, 2)
    ]
    one, other = (
        Certificate(each, ((NODE, key("attest").sign(Domain.ATTESTATION, each)),)).encode()
        for each in said
    )
    return one, other


async def bring(node: Node, *parts: bytes) -> httpx.Response:
    headers = {"content-type": "application/cbor"}
    return await node.client.post("/v1/evidence", content=encode(list(parts)), headers=headers)


async def test_evidence_that_is_brought_is_kept_until_somebody_reports_it(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        one, other = twice(node.genesis.chain_id)
        taken = await bring(node, one, other)
        again = await bring(node, other, one)
        await do(node, Kind.CREATE_REGISTER, ["after-it", "After it", [], "clear", []])
        [kept] = (await get(node, "/v1/evidence"))["kept"]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_outlook, node.context)
            await trio.testing.wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()
        counted = node.context.metrics.registry.get_sample_value("govchaind_evidence_unreported")
        page = (await node.client.get("/", headers={"accept": "text/html"})).text
        parts = [
            bytes.fromhex(kept[which][part])
            for which in ("first", "second")
            for part in ("statement", "signature")
        ]
        await do(node, Kind.REPORT_DOUBLE_SIGNING, [NODE, *parts])
        after = await get(node, "/v1/evidence")
    assert (taken.status_code, taken.json()["accused"]) == (200, [NODE])
    assert (again.status_code, again.json()["accused"]) == (200, [NODE])
    assert (kept["node"], kept["signed_height"], kept["reported"]) == (NODE, 3, False)
    assert counted == 1
    assert "has signed two different things about height 3" in page
    assert [each["reported"] for each in after["kept"]] == [True]
    assert len(after["evidence"]) == 1


async def test_what_proves_nothing_is_not_taken(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        one, other = twice(node.genesis.chain_id)
        elsewhere = twice(bytes(32))
        unsigned = Certificate(read_certificate(other).statement, ((NODE, bytes(64)),)).encode()
        read = read_certificate(other)
        stranger = Certificate(read.statement, (("node-x", read.signatures[0][1]),)).encode()
        later = twice(node.genesis.chain_id, 4)[1]
        refused = [
            await bring(node, *pair)
            for pair in (
                (one, one),
                (one, later),
                (one, unsigned),
                (one, stranger),
                elsewhere,
                (one, b"junk"),
                (one,),
                (one, bytes(100_000)),
            )
        ]
        found = await get(node, "/v1/evidence")
    assert [reply.status_code for reply in refused] == [*[400] * 7, 413]
    assert found["kept"] == []


async def test_warnings_are_told_and_leave_the_node_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = trio.Event()
    looks: list[Outlook] = []

    def warnings(found: Outlook) -> list[Sentence]:
        looks.append(found)
        if len(looks) == 3:
            looked.set()
        return outlook_warnings(found)

    monkeypatch.setattr(module, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(module, "outlook_warnings", warnings)
    async with running(tmp_path) as node, trio.open_nursery() as nursery:
        until = await shorten(node, 60)
        for name, end in (("soon", until), ("late", until + 90 * DAY)):
            await vote(node, MotionKind.ADOPT_MANDATE, mandate(name, 1, end), *BOTH)
        nursery.start_soon(watch_outlook, node.context)
        with trio.fail_after(5):
            await looked.wait()
        ready = await node.client.get("/readyz")
        page = (await node.client.get("/decisions", headers={"accept": "text/html"})).text
        registry = node.context.metrics.registry
        nursery.cancel_scope.cancel()
    assert ">failing<" in page
    assert '<a href="/institutions/ministry">ministry/head</a>' in page
    assert [name for name, _ in node.reports] == ["governance.at_risk"]  # once a day
    assert (ready.status_code, ready.json()["reasons"]) == (200, [])
    assert ready.json()["warnings"][0].startswith("governance failing")
    assert node.reports[0][1]["warnings"] == ready.json()["warnings"][0]
    assert registry.get_sample_value("govchaind_governance_level") == 2
    assert registry.get_sample_value("govchaind_governance_spare_votes", {"days": "90"}) == -1
    assert registry.get_sample_value("govchaind_governing_offices_quiet") == 0
    assert registry.get_sample_value("govchaind_mandates_ending") == 1
    assert registry.get_sample_value("govchaind_governing_terms_ending") == 1


async def test_the_watch_ends_with_the_node(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch_outlook, node.context)
                await trio.testing.wait_all_tasks_blocked()
                node.context.stop()


def test_each_level_is_a_sentence() -> None:
    def told(needed: int, able: tuple[int, int, int], awake: int, level: Any) -> list[str]:
        kind = KindOutlook(1, needed, able, awake, level)
        outlook = Outlook(5, 90, (0, 30, 90), 0, (kind,), ())
        return [each.english for each in outlook_warnings(outlook)]

    head = "governance {}: admit-institution take 3 votes; "
    assert told(3, (5, 5, 5), 5, "fine") == []
    assert told(3, (2, 2, 2), 2, "lost") == [
        head.format("out of reach") + "2 institutions can cast one"
    ]
    assert told(3, (3, 2, 1), 3, "failing") == [
        head.format("failing") + "in 30 days only 2 institutions can cast one"
    ]
    assert told(3, (5, 4, 4), 5, "near") == [
        head.format("near") + "in 30 days 4 institutions can cast one"
    ]
    assert told(3, (4, 4, 4), 4, "near") == [
        head.format("near") + "now 4 institutions can cast one"
    ]
    assert told(3, (5, 5, 5), 2, "near") == [
        head.format("near") + "only 2 have acted in the last 90 days"
    ]
