"""Tokens and bounds at the real door: who is let in, what the others are told, what is counted."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from govchaind.api.access import Access
from govchaind.api.tokens import Token, digest_of, find_token, parse_tokens, token_text
from govchaind.base.encoding import encode
from govchaind.base.errors import Busy, InvalidSetting
from govchaind.client.client import connect
from govchaind.ledger.operations.costs import Kind
from tests.api.node import Node, running

READER = token_text(b"r" * 32)
SENDER = token_text(b"s" * 32)
TOKENS = (
    Token("reader", frozenset({"read"}), digest_of(READER)),
    Token("sender", frozenset({"submit"}), digest_of(SENDER)),
)


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _told(reply: httpx.Response) -> tuple[int, str]:
    error = reply.json()["error"]
    assert set(error) == {"code", "message", "remedy"}
    return reply.status_code, error["code"]


def _counted(node: Node, reason: str) -> float:
    name, labels = "govchaind_refused_total", {"reason": reason}
    return node.context.metrics.registry.get_sample_value(name, labels) or 0.0


async def _send(node: Node, headers: dict[str, str], raw: bytes) -> httpx.Response:
    return await node.client.post(
        "/v1/transactions?wait=committed",
        content=encode([raw]),
        headers={"content-type": "application/cbor", **headers},
    )


def _register(node: Node, name: str) -> bytes:
    return node.raw((int(Kind.CREATE_REGISTER), [name, name, [], "commitment", []]))


async def test_submitting_needs_a_token_of_its_scope_and_reading_none(tmp_path: Path) -> None:
    async with running(tmp_path, access=Access(tokens=TOKENS)) as node:
        raw = _register(node, "one")
        bare = await _send(node, {}, raw)
        wrong = await _send(node, _bearer(token_text(b"x" * 32)), raw)
        basic = await _send(node, {"authorization": f"Basic {SENDER}"}, raw)
        reader = await _send(node, _bearer(READER), raw)
        good = await _send(node, _bearer(SENDER), raw)
        open_to_all = await node.client.get("/v1/status")

        assert _told(bare) == (401, "token-missing")
        assert bare.headers["www-authenticate"] == "Bearer"
        assert _told(wrong) == (401, "token-unknown")
        assert _told(basic) == (401, "token-missing")
        assert _told(reader) == (403, "token-scope")
        assert good.status_code == 200
        assert open_to_all.status_code == 200
        assert _counted(node, "token-missing") == 2
        assert _counted(node, "token-unknown") == 1
        assert _counted(node, "token-scope") == 1


async def test_reading_needs_a_token_where_the_operator_says_so(tmp_path: Path) -> None:
    access = Access(tokens=TOKENS, reading_needs_token=True)
    async with running(tmp_path, access=access, lead=False) as node:
        assert _told(await node.client.get("/v1/status")) == (401, "token-missing")
        assert _told(await node.client.get("/", headers=_bearer(SENDER))) == (403, "token-scope")
        reply = await node.client.get("/v1/status", headers=_bearer(READER))
        assert reply.status_code == 200
        assert (await node.client.get("/healthz")).status_code == 200


async def test_the_client_shows_its_token(tmp_path: Path) -> None:
    access = Access(tokens=TOKENS, reading_needs_token=True)
    async with (
        running(tmp_path, access=access, lead=False) as node,
        connect([node.url], token=READER, deadline_seconds=5) as client,
    ):
        assert (await client.status())["node"] == "node-a"


async def test_tokens_stand_in_no_log_and_no_reply(tmp_path: Path) -> None:
    async with running(tmp_path, access=Access(tokens=TOKENS), lead=False) as node:

        def broken() -> None:
            raise RuntimeError("the board is broken")

        node.context.gate.judge_transactions = broken  # type: ignore[method-assign, assignment]
        replies = [
            await _send(node, _bearer(SENDER), b"?"),
            await _send(node, _bearer(READER), b"?"),
            await _send(node, _bearer(SENDER + "x"), b"?"),
        ]
        metrics = node.context.metrics.text().decode()
        seen = json.dumps([node.reports, [reply.text for reply in replies], metrics])

        assert [reply.status_code for reply in replies] == [500, 403, 401]
        assert len(node.reports) == 1
        assert SENDER not in seen
        assert READER not in seen


async def test_an_address_that_asks_too_much_is_told_when_to_come_again(tmp_path: Path) -> None:
    access = Access(requests_per_second_max=1)
    async with running(tmp_path, access=access, lead=False) as node:
        replies = [await node.client.get("/v1/status") for _ in range(12)]
        refused = [reply for reply in replies if reply.status_code == 429]

        assert [reply.status_code for reply in replies[:4]] == [200] * 4
        assert len(refused) >= 5
        assert _told(refused[0]) == (429, "too-many-requests")
        assert int(refused[0].headers["retry-after"]) == 1
        assert refused[0].headers["x-frame-options"] == "DENY"
        assert _counted(node, "too-many-requests") == len(refused)
        assert (await node.client.get("/readyz")).status_code in (200, 503)
        posted = await _send(node, {}, b"x" * 100_000)
        assert _told(posted) == (429, "too-many-requests")


async def test_an_author_waits_and_another_does_not(tmp_path: Path) -> None:
    access = Access(author_transactions_per_second_max=0.1, requests_per_second_max=0)
    async with running(tmp_path, access=access) as node:
        first = _register(node, "one")
        assert (await _send(node, {}, first)).status_code == 200
        late = await _send(node, {}, _register(node, "two"))
        other = node.raw(
            (int(Kind.CREATE_REGISTER), ["three", "three", [], "commitment", []]),
            office="bank/branch", signers=("branch",),
        )  # fmt: skip

        assert _told(late) == (429, "author-too-fast")
        assert int(late.headers["retry-after"]) >= 5
        assert (await _send(node, {}, other)).status_code == 200
        assert _counted(node, "author-too-fast") == 1


async def test_whoever_repeats_an_authors_transactions_takes_nothing_from_it(
    tmp_path: Path,
) -> None:
    access = Access(author_transactions_per_second_max=0.5)  # two at once
    async with running(tmp_path, access=access) as node:
        first = _register(node, "one")
        replies = [await _send(node, {}, first) for _ in range(20)]

        assert {reply.status_code for reply in replies} == {200}
        assert (await _send(node, {}, _register(node, "two"))).status_code == 200


def test_a_batch_larger_than_the_burst_passes_once() -> None:
    access = Access(author_transactions_per_second_max=1)

    class Item:
        institution, office = "ministry", "head"

    batch = [Item()] * 1000
    access.check_authors(batch, 0.0)  # type: ignore[arg-type]  # two of a transaction's facts
    access.charge_authors(batch, 0.0)  # type: ignore[arg-type]

    with pytest.raises(Busy) as caught:
        access.check_authors(batch, 0.0)  # type: ignore[arg-type]
    assert caught.value.retry_after_seconds == 997


@pytest.mark.parametrize(
    "line",
    [
        "portal read",
        "portal read " + "0" * 63,
        "portal admin " + "0" * 64,
        "portal read,,submit " + "0" * 64,
        "Portal read " + "0" * 64,
        "portal read " + "0" * 64 + "\nportal submit " + "1" * 64,
        "portal read " + "é" * 64,
    ],
)
def test_a_wrong_line_is_refused_by_its_number_and_not_shown(line: str) -> None:
    with pytest.raises(InvalidSetting, match="line") as caught:
        parse_tokens(f"# clients\n\n{line}\n".encode(), Path("tokens"))
    assert caught.value.code == "bad-tokens"
    assert "0000" not in caught.value.message


def test_a_token_is_found_by_its_hash_and_by_nothing_else() -> None:
    text = "".join(token.line() for token in TOKENS)
    read = parse_tokens(text.encode(), Path("tokens"))

    assert read == TOKENS
    assert find_token(read, SENDER) == TOKENS[1]
    assert find_token(read, SENDER[:-1]) is None
    assert find_token(read, "") is None
    assert find_token(read, SENDER * 100) is None
    assert SENDER not in text
