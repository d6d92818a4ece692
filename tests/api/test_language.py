"""Pages speak the language that is asked for, wholly, and can be switched to the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from govchaind.api.events import block_event
from govchaind.api.language import accepted
from govchaind.api.reading import Outcomes
from govchaind.api.sentence import Language
from govchaind.api.state_words import state_word
from govchaind.api.wording import in_chinese
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.raft.state import Role
from tests.api.node import Node, running
from tests.api.voting import BOTH, DAY, REMOVE, do, mandate, vote
from tests.words.messages import untranslated

HTML = {"accept": "text/html"}
# What is a name here or stands in one, and is the same in both languages.
NAMES = frozenset(
    [
        "node",
        "none",
        "trial",
        "vouchers",
        "answers",
        "audit",
        "bank",
        "ministry",
        "registry",
        "head",
        "govern",
        "Ministry",
        "of",
        "Civil",
        "Affairs",
        "Manager",
        "branch",
        "script",
        "alert",
        "provinces",
        "Provinces",
        "code",
        "name",
        "area",
        "nowhere",
        "ends",
        "put",
        "retire",
        "vote",
        "create",
        "register",
        "unknown",
        "applied",
        "govchaind",
        "JSON",
        "UTC",
        "English",
    ]
)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.2, ZH-Hans;q=0.7", "zh"),
        ("fr, zh;q=0.1", "zh"),
        ("zh;q=0", None),
        ("zh;q=nan, en;q=2, zh;level=1", None),
        ("de,fr;q=0.5,*;q=0.1", None),
        ("", None),
        ("zhongwen, english", None),
        (",;=," * 400 + "zh", None),
    ],
)
def test_what_a_browser_likes_best(header: str, language: Language | None) -> None:
    assert accepted(header) == language


async def test_the_address_goes_before_what_was_chosen_before_the_browser(tmp_path: Path) -> None:
    async with running(tmp_path) as node:

        async def spoken(path: str, cookie: str, browser: str) -> tuple[str, str | None]:
            headers = {**HTML, "cookie": cookie, "accept-language": browser}
            reply = await node.client.get(path, headers=headers)
            [tag] = re.findall(r'<html lang="([^"]+)">', reply.text)
            assert reply.headers["content-language"] == tag
            assert reply.headers["vary"] == "Accept-Language, Cookie"
            node.client.cookies.clear()
            return tag, reply.headers.get("set-cookie")

        assert await spoken("/", "", "") == ("en", None)
        assert await spoken("/", "", "zh-CN") == ("zh-Hans", None)
        assert await spoken("/", "lang=zh", "en") == ("zh-Hans", None)
        assert await spoken("/", "lang=fr", "zh") == ("zh-Hans", None)
        assert await spoken("/?lang=fr", "", "") == ("en", None)
        tag, cookie = await spoken("/?lang=en", "lang=zh", "zh")
        assert tag == "en"
        assert cookie is not None
        assert cookie.startswith("lang=en; HttpOnly; Max-Age=31536000; Path=/; SameSite=lax")


async def test_the_switch_keeps_the_page(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        await node.submit(node.put("北京 %?"))
        for path, switched in (
            ("/", "/?lang=zh"),
            ("/blocks?before=2&lang=en", "/blocks?before=2&amp;lang=zh"),
            ("/blocks?lang=zh&before=2", "/blocks?before=2&amp;lang=en"),
            ("/registers/provinces/%E5%8C%97%E4%BA%AC%20%25%3F",
             "/registers/provinces/%E5%8C%97%E4%BA%AC%20%25%3F?lang=zh"),
            (f"{node.url}//elsewhere.example", "/elsewhere.example?lang=zh"),
            ('/registers/none?lang=en&"><script>=1',
             "/registers/none?%22%3E%3Cscript%3E=1&amp;lang=zh"),
        ):  # fmt: skip
            text = (await node.client.get(path, headers={**HTML, "accept-language": "en"})).text
            node.client.cookies.clear()
            assert re.findall(r'class="language" href="([^"]+)"', text) == [switched], path


async def test_chinese_pages_hold_no_english_but_names(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        paths = await _filled(node)
        for path in paths:
            reply = await node.client.get(path, headers={**HTML, "accept-language": "zh"})
            assert reply.status_code in (200, 404), path
            text = re.sub(r"<pre>.*?</pre>", " ", reply.text, flags=re.DOTALL)
            text = re.sub(r'<(p|a|div)[^>]* lang="en".*?</\1>', " ", text, flags=re.DOTALL)
            bare = re.sub(r"<[^>]*>|&[a-z#0-9]+;|[0-9a-f]{8,}", " ", text)
            assert set(re.findall(r"[A-Za-z]{2,}", bare)) - NAMES == set(), path
            assert re.findall(r'(?:aria-label|placeholder)="[^"]*[A-Za-z]{3}', text) == [], path


async def _filled(node: Node) -> list[str]:
    """Leave something of every kind on the ledger; return the pages that show it."""
    await node.create_register()
    now = node.context.board.status.block_time
    raws = [node.put("11"), node.put("b", register="nowhere")]
    rows = (await node.submit(*raws)).json()["transactions"]
    await node.submit(node.raw((int(Kind.RETIRE), ["provinces", b"11"])))
    await vote(node, MotionKind.SET_RULE, [3, 1, 2, DAY], *BOTH)
    await vote(node, MotionKind.REMOVE_NODE, REMOVE, *BOTH)
    await vote(node, MotionKind.ADOPT_MANDATE, mandate("ends", now, now + 90 * DAY), *BOTH)
    await vote(node, MotionKind.REMOVE_NODE, REMOVE, "bank", turn=1)
    asset = ["vouchers", "代金券", "次", "ends", ["bank", "branch"], ["answers"], now + DAY]
    await do(node, Kind.CREATE_ASSET, asset)
    await do(node, Kind.ISSUE_ASSET, ["vouchers", ["bank", "branch"], 7, "answers"])
    freeze = ["vouchers", ["bank", "branch"], "answers", None, "audit", None]
    await do(node, Kind.FREEZE_ASSET, freeze, "bank")
    return [
        *("/assets", "/assets/vouchers"),
        *("/", "/blocks", "/registers", "/decisions", "/registers/provinces"),
        *("/registers/provinces/11", "/registers/none", "/institutions/bank"),
        *(f"/transactions/{row['id']}" for row in rows),
        *(f"/blocks/{height}" for height in range(1, node.context.board.height + 1)),
        f"/transactions/{'ab' * 32}",
    ]


async def test_what_would_turn_a_sentence_around_is_shown_in_it(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        hostile = "\u202e<b>ekam"
        operation = (int(Kind.CREATE_REGISTER), ["other", hostile, [], "clear", []])
        row = (await node.submit(node.raw(operation))).json()["transactions"][0]
        for language in ("en", "zh"):
            path = f"/transactions/{row['id']}?lang={language}"
            text = (await node.client.get(path, headers=HTML)).text
            assert text.count("⟨U+202E⟩&lt;b&gt;ekam") >= 2, language
            assert "\u202e" not in text.replace("\\u202e", "")


async def test_a_sentence_names_who_acts_by_title_and_says_what_is_proved(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        row = (await node.submit(node.put("11"))).json()["transactions"][0]
        path = f"/v1/transactions/{row['id']}?wait=certified"
        assert (await node.client.get(path)).json()["status"] == "certified"
        title = (await node.client.get("/v1/institutions/ministry")).json()["title"]
        text = (await node.client.get(f"/transactions/{row['id']}", headers=HTML)).text
    assert f'<p class="sentence">{title} entered record 11 in the register provinces.</p>' in text
    assert f'lang="zh-Hans">{title} 在登记册 provinces 中登记了记录 11。</p>' in text
    assert re.search(
        rf"Proved: transaction {row['id'][:16]}… of {title} was included at height [0-9]+ on "
        r"[^,]*, [0-9:]+ \(UTC\+8\), and took effect\. A quorum",
        text,
    )


async def test_replies_tell_everything_in_both_languages(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        row = (await node.submit(node.put("x", register="none"))).json()["transactions"][0]
        path = f"/v1/transactions/{row['id']}"
        await node.client.get(f"{path}?wait=certified")
        accept = {"accept": "application/json"}
        receipt = (await node.client.get(f"{path}/receipt", headers=accept)).json()
        block = (await node.client.get(f"/v1/blocks/{row['height']}")).json()
        outcomes = (await node.client.get("/v1/outcomes")).json()["outcomes"]
        with node.context.reading() as reader:
            event = block_event(Outcomes(reader), row["height"])
    refused = {
        "english": "Refused, and not done: ministry/head entered record x in the register none.",
        "chinese": "被拒绝，未执行：ministry/head 在登记册 none 中登记了记录 x。",
    }
    assert receipt["content"]["sentence"] == refused
    assert refused in [each["sentence"] for each in block["content"]]
    assert receipt["sentence"]["english"].startswith(
        f"Proved: transaction {row['id'][:16]}… of ministry/head was included at height "
    )
    assert "，被拒绝（unknown-register：没有此登记册）。" in receipt["sentence"]["chinese"]
    assert {each["name"]: each["chinese"] for each in outcomes}["unknown-register"] == {
        "text": "没有此登记册。",
        "cause": "未曾创建该名称的登记册。",
        "remedy": "请核对名称。",
    }
    assert event["sentence"]["english"].startswith(f"node-a put block {row['height']} in order on")
    assert event["sentence"]["chinese"].endswith(" 笔交易。")


def test_every_role_has_its_words() -> None:
    for role in (*(each.told for each in Role), "validator", "learner", "observer"):
        assert not isinstance(state_word(role), str), role
    assert state_word("–") == "–"


async def test_errors_are_told_in_the_language_of_the_page(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        for path, said in (
            ("/blocks/99999", "最新"),
            ("/registers/nowhere", "没有登记册 &#39;nowhere&#39;"),
            ("/catalogue/bank/nothing", "没有"),
            ("/institutions/nobody", "没有"),
            ("/transactions/xyz", "十六进制"),
            ("/assets/none", "没有"),
            ("/requests/bank/none", "没有"),
        ):
            reply = await node.client.get(path, headers={**HTML, "accept-language": "zh"})
            told = re.search(r'role="alert">(.*?)</div>\s*<p>(.*?)</p>', reply.text)
            assert told is not None, reply.text
            assert reply.status_code in (400, 404), path
            assert said in told[1], (path, told[1])
            assert not untranslated(told[2].replace("GET /v1/registers", "")), (path, told[2])
            english = await node.client.get(path, headers={**HTML, "accept-language": "en"})
            assert not any(sign > "\u3000" for sign in english.text.partition("role=")[2][:200])


@pytest.mark.parametrize("piece", [": ", ", ", " of ", " is ", "; "])
def test_what_an_error_quotes_stays_as_it_is(piece: str) -> None:
    short, long = piece.join(["a b"] * 300), piece.join(["a b"] * 2000)
    assert in_chinese(f"there is no register {short}") == f"没有登记册 {short}"
    assert in_chinese(f"there is no register {long}") == f"there is no register {long}"
