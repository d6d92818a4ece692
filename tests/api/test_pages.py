"""The explorer: every page renders, escapes, loads nothing from elsewhere, and speaks plainly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from govchaind.api import decision_page
from govchaind.api.rendering import moment, plain_text, pretty, schema_words
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from tests.api.node import running
from tests.api.voting import BOTH, DAY, REMOVE, mandate, vote

HTML = {"accept": "text/html"}
HOSTILE = '<script>alert("x")</script>'


async def test_every_page_renders_and_escapes(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        raws = [node.put(HOSTILE), node.put("b", register="none"), node.put("北京市")]
        rows = (await node.submit(*raws)).json()["transactions"]
        await node.submit(node.raw((int(Kind.RETIRE), ["provinces", "北京市".encode()])))
        await node.submit(node.raw((int(Kind.PUT), ["provinces", b"\xff", ["x", 1], None])))
        paths = [
            "/",
            "/docs",
            "/decisions",
            "/deliveries",
            "/blocks",
            "/blocks?before=2",
            "/registers",
            "/registers/provinces",
            "/registers/provinces/北京市",
            "/registers/provinces/ff?key_hex=true",
            "/institutions/bank",
            "/institutions/ministry",
            f"/transactions/{'ab' * 32}",
            *(f"/blocks/{height}" for height in range(1, rows[0]["height"] + 1)),
            *(f"/transactions/{row['id']}" for row in rows),
        ]
        for path in paths:
            reply = await node.client.get(path, headers=HTML)
            assert (
                reply.status_code,
                reply.headers["content-type"],
            ) == (200, "text/html; charset=utf-8"), path
            assert "<script" not in reply.text, path
            assert re.findall(r'(?:src|href)="(?:https?:)?//', reply.text) == [], path
            assert reply.text.count("<h1>") == 1, path
            assert reply.text.rstrip().endswith("</html>"), path
        assert "&lt;script&gt;" in (await node.client.get("/registers/provinces")).text
        record = (await node.client.get("/registers/provinces/北京市")).text
        assert "retired" in record
        assert node.reports == []


async def test_what_would_turn_text_around_is_shown_as_what_it_is(tmp_path: Path) -> None:
    """Else a record's value could rewrite the sentence in which it stands."""
    async with running(tmp_path) as node:
        await node.create_register()
        raw = node.put("\u202ekcab")
        row = (await node.submit(raw)).json()["transactions"][0]
        for path in (
            "/registers/provinces",
            "/registers/provinces/%E2%80%AEkcab",
            f"/blocks/{row['height']}",
            f"/transactions/{row['id']}",
        ):
            text = (await node.client.get(path, headers=HTML)).text
            assert "\u202e" not in text, path
            assert ("⟨U+202E⟩kcab" in text) == (not path.startswith("/blocks")), path


async def test_links_of_the_pages_lead_somewhere(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        await node.submit(node.put("a/b"), node.put("c?d#e"), node.put("北京"))
        seen: set[str] = set()
        pending = ["/"]
        while pending:
            path = pending.pop()
            if path in seen or path.startswith("#"):
                continue
            seen.add(path)
            reply = await node.client.get(path, headers=HTML)
            assert reply.status_code in (200, 503), path  # 503: no certified checkpoint yet
            if reply.headers["content-type"].startswith("text/html"):
                found = re.findall(r'href="([^"]+)"', reply.text)
                pending += [item.replace("&amp;", "&") for item in found]
        assert "/registers/provinces/c%3Fd%23e" in seen
        assert "/registers/provinces/612f62?key_hex=true" in seen


async def test_what_is_not_there_is_a_page_too(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        for path, status in (
            ("/registers/none", 404),
            ("/registers/provinces/none", 404),
            ("/blocks/999999", 404),
            ("/transactions/zz", 400),
            ("/institutions/none", 404),
            (f"/registers/{HOSTILE}", 400),
        ):
            reply = await node.client.get(path, headers=HTML)
            assert status == reply.status_code, path
            assert "<h1>" in reply.text
            assert "<script" not in reply.text


async def test_decisions_say_who_has_voted_and_what_is_missing(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        empty = (await node.client.get("/decisions", headers=HTML)).text
        now = node.context.board.status.block_time
        await vote(node, MotionKind.SET_RULE, [3, 1, 2, DAY], *BOTH)
        await vote(node, MotionKind.REMOVE_NODE, REMOVE, *BOTH)
        await vote(node, MotionKind.ADOPT_MANDATE, mandate("ends", now, now + 90 * DAY), *BOTH)
        await vote(node, MotionKind.ADOPT_MANDATE, mandate("lasts", now, now + 92 * DAY), *BOTH)
        hostile = ["law", HOSTILE, "1", "\u202ereussI", bytes(32), 1, None, None]
        await vote(node, MotionKind.ADOPT_MANDATE, hostile, "bank")
        text = (await node.client.get("/decisions", headers=HTML)).text
    assert empty.count(">None.<") == 3
    able, opened, carried, ending, rules = re.split(r"<h2>", text)[1:]
    assert ">fine<" in able
    assert "Of 2 institutions 2 can vote now, 2 in 30 days and 2 in 90 days" in able
    assert "To adopt the mandate law (&lt;script&gt;" in opened
    assert "⟨U+202E⟩reussI" in opened
    assert "\u202e" not in text
    assert 'Have voted</th><td><a href="/institutions/bank">' in opened
    assert 'Have not</th><td><a href="/institutions/ministry">' in opened
    assert ">1 vote<" in opened
    assert "To remove the node nowhere." in carried
    assert "runs until 20" in carried
    assert 'href="/v1/mandates/ends"' in ending
    assert ">nothing<" in ending
    assert "lasts" not in ending
    assert "1 day of notice" in rules
    assert "more than half of all institutions" in rules


async def test_a_page_of_decisions_goes_on_and_says_when_a_notice_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as node:
        await vote(node, MotionKind.SET_RULE, [3, 1, 2, 1], *BOTH)
        await vote(node, MotionKind.REMOVE_NODE, REMOVE, *BOTH)
        await node.create_register()
        over = (await node.client.get("/decisions", headers=HTML)).text
        await vote(node, MotionKind.REMOVE_NODE, REMOVE, "bank", turn=1)
        monkeypatch.setattr(decision_page, "MOTIONS_SHOWN", 1)
        monkeypatch.setattr(decision_page, "INSTITUTIONS_NAMED", 1)
        first = (await node.client.get("/decisions", headers=HTML)).text
        [more] = re.findall(r'href="(/decisions\?after=[0-9a-f]{64})"', first)
        second = (await node.client.get(more, headers=HTML)).text
    assert ">over<" in over
    assert "To remove the node nowhere." in first
    assert "To remove the node nowhere." in second
    assert "1 institution<" in first + second
    assert "More motions" not in second


async def test_find_goes_where_it_should(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        row = (await node.submit(node.put("11"))).json()["transactions"][0]
        block = (await node.client.get("/v1/blocks/1")).json()
        for wanted, target in (
            ("1,234", "/blocks/1234"),
            (block["hash"], "/blocks/1"),
            (row["id"].upper(), f"/transactions/{row['id']}"),
            ("provinces", "/registers/provinces"),
            ("provinces/北京", "/registers/provinces/%E5%8C%97%E4%BA%AC"),
            ("//elsewhere.example", "/registers/"),
            (" ", "/"),
        ):
            reply = await node.client.get("/find", params={"q": wanted})
            assert reply.status_code == 303
            assert reply.headers["location"].startswith(target), wanted
            assert not reply.headers["location"].startswith("//")


def test_values_in_words() -> None:
    assert moment("2026-11-24T04:03:35.123Z") == "2026-11-24 04:03:35"
    assert moment("9223372036854775807 ms") == "9223372036854775807 ms"
    assert plain_text({"a": 1, "b": True}) == "a: 1 · b: yes"
    assert plain_text(None) == "–"
    assert pretty(["a", 1]) == '["a", 1]'
    assert pretty([["x" * 60], ["y" * 60]]).count("\n") == 3
    assert schema_words({"anyOf": [{"type": "integer"}, {"type": "null"}]}) == "integer or null"
    assert (
        schema_words({"type": "integer", "minimum": 1, "default": 5})
        == "integer (from 1, default 5)"
    )
