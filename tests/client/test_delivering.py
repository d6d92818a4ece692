"""Bringing and fetching over nodes that fail, lie or break off."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from govchaind.base.crypto import SigningKey
from govchaind.base.errors import GovchaindError, InvalidProof, NotFound, NotPermitted, PeerError
from govchaind.client import delivering
from govchaind.client.client import Client
from govchaind.client.delivering import Carriage
from govchaind.client.transport import HttpTransport
from govchaind.ledger.carriage import read_leave
from tests.client.scripted_node import (
    Answer,
    Asked,
    ScriptedNode,
    error_answer,
    json_answer,
    scripted,
)

SIGNER = SigningKey(b"branch".ljust(32, b"."))
DELIVERY = ("bank", "loan-7", 1)
FILE = bytes(range(256)) * 6000  # three chunks on the way to a node
DIGEST = hashlib.sha256(FILE).digest()
NOW = 2_000_000_000_000


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "PAUSE_SECONDS", 0.02)


@asynccontextmanager
async def carriage(
    *nodes: ScriptedNode,
    advance: Callable[[int], None] = lambda _: None,
    patience: float = 0.5,
) -> AsyncIterator[Carriage]:
    transports = [HttpTransport(node.url) for node in nodes]
    async with Client(transports, chain_id=bytes(32)) as client:
        yield Carriage(
            client,
            SIGNER,
            chain_id=bytes(32),
            delivery=DELIVERY,
            now=lambda: NOW,
            patience_seconds=patience,
            advance=advance,
        )


async def fetch(part: Path, *nodes: ScriptedNode, **settings: Any) -> None:
    async with carriage(*nodes, **settings) as way:
        await way.fetch(part, DIGEST)


async def bring(sealed: Path, *nodes: ScriptedNode, **settings: Any) -> str:
    async with carriage(*nodes, **settings) as way:
        return await way.bring(sealed)


class Holder:
    """A node that takes or gives the file, in small pieces, and fails when it is told to."""

    def __init__(self, file: bytes = b"", *, piece: int = 10**9) -> None:
        self.file = bytearray(file)
        self.piece = piece
        self.failures: list[Answer] = []

    def __call__(self, asked: Asked) -> Answer:
        assert asked.path == "/v1/deliveries/bank/loan-7/1/sealed"
        leave = read_leave(bytes.fromhex(asked.headers["govchaind-leave"]))
        assert leave.purpose == ("bring" if asked.method == "POST" else "fetch")
        assert leave.until > NOW
        if self.failures and (asked.method == "GET" or asked.body):
            return self.failures.pop(0)
        offset, length = int(asked.query["offset"]), int(asked.query["length"])
        if asked.method == "GET":
            data = bytes(self.file[offset : offset + min(length, self.piece)])
            return Answer(200, data, {"govchaind-length": str(len(self.file))})
        if asked.body and offset != len(self.file):
            return error_answer(409, "other-offset")
        self.file += asked.body
        whole = len(self.file) == length
        return json_answer({"height": 1, "have": len(self.file), "whole": whole})


def broken(after: int | None = None) -> Answer:
    return Answer(200, b"x" * 500, {"govchaind-length": "1536000"}, hang_up=after or 0)


async def test_a_file_is_fetched_on_over_breaks_and_from_whoever_holds_it(tmp_path: Path) -> None:
    empty, holder = Holder(), Holder(FILE, piece=400_000)
    empty.failures = [error_answer(404, "not-held")] * 50
    holder.failures = [broken(), error_answer(503, "busy")]
    seen: list[int] = []
    part = tmp_path / "part"
    part.write_bytes(FILE[:100])  # of an earlier run
    async with scripted(empty, holder) as [first, second]:
        await fetch(part, first, second, advance=seen.append)
    assert part.read_bytes() == FILE
    assert (sum(seen), seen[0]) == (len(FILE), 100)
    offsets = [int(asked.query["offset"]) for asked in second.asked]
    assert offsets == [100, 100, 100, 400_100, 800_100, 1_200_100]


async def test_another_file_than_the_recorded_one_is_not_kept(tmp_path: Path) -> None:
    part = tmp_path / "part"
    async with scripted(Holder(FILE[:-1] + b"!")) as [node]:
        with pytest.raises(InvalidProof) as caught:
            await fetch(part, node)
    assert (caught.value.code, part.exists()) == ("not-the-recorded-file", False)


@pytest.mark.parametrize("said", ["", "-1", "x", "10", "٣"])
async def test_a_length_that_makes_no_sense_is_the_nodes_fault(tmp_path: Path, said: str) -> None:
    def respond(_: Asked) -> Answer:
        headers = {"govchaind-length": said} if said.isascii() else {}
        return Answer(200, b"more than ten bytes", headers)

    async with scripted(respond) as [node]:
        with pytest.raises(PeerError) as caught:
            await fetch(tmp_path / "part", node)
    assert caught.value.code == "unexpected-reply"


async def test_a_node_that_gives_nothing_is_given_up(tmp_path: Path) -> None:
    async with scripted(lambda _: Answer(200, b"", {"govchaind-length": "5"})) as [node]:
        with pytest.raises(PeerError):
            await fetch(tmp_path / "part", node)


async def test_where_nobody_holds_it_that_is_said(tmp_path: Path) -> None:
    async with scripted(lambda _: error_answer(404, "not-held")) as [node]:
        with pytest.raises(NotFound) as caught:
            await fetch(tmp_path / "part", node)
    assert caught.value.code == "not-held"
    assert len(node.asked) > 2  # it may be on its way, so it is asked for again


async def test_a_file_is_brought_on_over_breaks_to_one_node(tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    sealed.write_bytes(FILE)
    holder = Holder(FILE[:1000])
    holder.failures = [broken(), error_answer(503, "busy"), error_answer(409, "other-offset")]
    seen: list[int] = []
    async with scripted(holder) as [node]:
        assert await bring(sealed, node, advance=seen.append) == node.url
    assert (bytes(holder.file), sum(seen)) == (FILE, len(FILE))


async def test_what_a_node_refuses_for_good_is_not_tried_again(tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    sealed.write_bytes(FILE)
    async with scripted(lambda _: error_answer(403, "leave-for-another")) as [node]:
        with pytest.raises(NotPermitted):
            await bring(sealed, node)
    assert len(node.asked) == 1


async def test_a_node_that_is_behind_is_asked_again(tmp_path: Path) -> None:
    sealed, holder, early = tmp_path / "sealed", Holder(), [error_answer(403, "not-permitted")]
    sealed.write_bytes(FILE)
    async with scripted(lambda asked: early.pop() if early else holder(asked)) as [node]:
        await bring(sealed, node)
    assert (bytes(holder.file), early) == (FILE, [])


async def test_who_may_not_bring_it_is_told_so_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "BEHIND_SECONDS", 1.0)
    sealed = tmp_path / "sealed"
    sealed.write_bytes(FILE)
    async with scripted(lambda _: error_answer(403, "not-permitted")) as [node]:
        with pytest.raises(GovchaindError) as caught:
            await bring(sealed, node)
    assert caught.value.code == "not-permitted"
    assert len(node.asked) > 1


async def test_a_node_that_is_full_is_passed_over(tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    sealed.write_bytes(FILE)
    holder = Holder()
    full = error_answer(503, "delivery-quota", retry_after="60")
    async with scripted(lambda _: full, holder) as [first, second]:
        where = await bring(sealed, first, second)
    assert (where, bytes(holder.file)) == (second.url, FILE)


@pytest.mark.parametrize(
    "said",
    [{}, {"have": -1, "whole": False}, {"have": 10**9, "whole": False}, {"have": "0", "whole": 0},
     {"have": len(FILE), "whole": False}],
)  # fmt: skip
async def test_an_answer_that_makes_no_sense_is_the_nodes_fault(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    sealed = tmp_path / "sealed"
    sealed.write_bytes(FILE)
    async with scripted(lambda _: json_answer(said)) as [node]:
        with pytest.raises(PeerError) as caught:
            await bring(sealed, node, patience=0.1)
    assert caught.value.code == "unexpected-reply"
