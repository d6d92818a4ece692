"""What an operator asks of a running node by HTTP, with a token made for that and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from govchaind.api.access import CHANGING, OPERATING, Access
from govchaind.api.app import make_routes
from govchaind.api.operating import LOUD_SECONDS_MAX
from govchaind.api.tokens import Token, digest_of, token_text
from tests.api.node import Node, running

PATH = "/v1/operate/log-level"
OPERATOR, PORTAL = token_text(b"o" * 32), token_text(b"p" * 32)
TOKENS = (
    Token("operator", frozenset({"operate"}), digest_of(OPERATOR)),
    Token("portal", frozenset({"read", "submit"}), digest_of(PORTAL)),
)
LOUD = {"level": "debug", "seconds": 60}


class Log:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float] | None] = []

    def change(self, level: str, seconds: float) -> None:
        self.asked.append((level, seconds))

    def as_set(self) -> str:
        self.asked.append(None)
        return "info"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def asked(node: Node, token: str, body: object) -> tuple[int, str]:
    reply = await node.client.put(PATH, json=body, headers=bearer(token))
    return reply.status_code, reply.json().get("error", {}).get("code", "")


async def test_the_log_is_louder_for_a_while_and_as_set_again(tmp_path: Path) -> None:
    async with running(tmp_path, access=Access(tokens=TOKENS), lead=False) as node:
        log = node.context.log = Log()
        reply = await node.client.put(PATH, json=LOUD, headers=bearer(OPERATOR))
        assert (reply.status_code, reply.json()) == (200, LOUD)
        reply = await node.client.delete(PATH, headers=bearer(OPERATOR))
        assert (reply.status_code, reply.json()) == (200, {"level": "info", "seconds": None})
    assert log.asked == [("debug", 60), None]


@pytest.mark.parametrize("tokens", [None, (), TOKENS])
async def test_no_other_token_and_no_absence_of_one_will_do(
    tmp_path: Path, tokens: tuple[Token, ...] | None
) -> None:
    async with running(tmp_path, access=Access(tokens=tokens), lead=False) as node:
        log = node.context.log = Log()
        bare = await node.client.put(PATH, json=LOUD)
        assert (bare.status_code, bare.json()["error"]["code"]) == (401, "token-missing")
        wanted = (403, "token-scope") if tokens else (401, "token-unknown")
        assert await asked(node, PORTAL, LOUD) == wanted
        assert (await node.client.delete(PATH)).status_code == 401
    assert log.asked == []


async def test_every_route_for_operators_is_behind_their_token(tmp_path: Path) -> None:
    async with running(tmp_path, lead=False) as node:
        paths = make_routes(node.context).openapi()["paths"]
        methods = {
            method.upper()
            for path, each in paths.items() if path.startswith(OPERATING) for method in each
        }  # fmt: skip
    assert methods == set(CHANGING)


@pytest.mark.parametrize(
    "body",
    [
        {"level": "trace", "seconds": 60},
        {"level": "debug"},
        {"level": "debug", "seconds": 0},
        {"level": "debug", "seconds": LOUD_SECONDS_MAX + 1},
        {"level": "debug", "seconds": "60"},
        {**LOUD, "more": 1},
        [],
    ],
)
async def test_a_level_or_time_that_is_none_changes_nothing(tmp_path: Path, body: object) -> None:
    async with running(tmp_path, access=Access(tokens=TOKENS), lead=False) as node:
        log = node.context.log = Log()
        assert (await asked(node, OPERATOR, body))[0] == 400
    assert log.asked == []


async def test_a_process_without_a_log_to_change_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, access=Access(tokens=TOKENS), lead=False) as node:
        assert await asked(node, OPERATOR, LOUD) == (409, "no-log-level")
