"""Submitting and looking up, through a real listener."""

from __future__ import annotations

from pathlib import Path

import trio

from govchaind.base.encoding import encode
from govchaind.base.limits import HTTP_BATCH_TRANSACTIONS_MAX
from govchaind.ledger.outcomes import Code
from govchaind.ledger.receipt import verify_receipt
from govchaind.ledger.transaction import read_transaction
from govchaind.replica.events import Decided
from govchaind.runtime.inbox import Inbox
from tests.api.node import running

CBOR = {"content-type": "application/cbor"}


async def test_a_batch_is_certified_and_each_transaction_has_its_place(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        raws = [node.put(f"{number}") for number in range(300)]
        reply = await node.submit(*raws, wait="certified")
        assert reply.status_code == 200
        body = reply.json()
        rows = body["transactions"]
        assert [read_transaction(raw).id.hex() for raw in raws] == [row["id"] for row in rows]
        assert {"certified"} == {row["status"] for row in rows}
        assert {(0, "applied")} == {(row["code"], row["outcome"]) for row in rows}
        places = [(row["height"], row["position"]) for row in rows]
        assert len(set(places)) == 300
        assert body["height"] >= max(height for height, _ in places)
        assert reply.headers["govchaind-height"] == str(body["height"])
        assert "error" in body
        assert body["error"] is None


async def test_the_same_bytes_again_are_answered_as_the_first_time(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        raw = node.put("11")
        first = (await node.submit(raw)).json()["transactions"]
        again = (await node.submit(raw, wait="none")).json()["transactions"]
        assert first == again
        both = (await node.submit(raw, raw)).json()["transactions"]
        assert both == [first[0], first[0]]


async def test_good_and_bad_ones_in_one_batch(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        good = node.put("11")
        forged = good[:-1] + bytes((good[-1] ^ 1,))
        other_chain = node.put("12", chain_id=b"\x07" * 32)
        expired = node.put("13", valid_until=1)
        few = node.put("14", office="ministry/pair", signers=["pair 0"])
        on_ledger = node.put("15", register="nowhere")
        reply = await node.submit(
            b"junk", forged, other_chain, expired, few, on_ledger, good, wait="certified"
        )
        assert reply.status_code == 200
        rows = reply.json()["transactions"]
        assert [(row["status"], row["code"]) for row in rows] == [
            ("refused", Code.MALFORMED_TRANSACTION),
            ("refused", Code.BAD_SIGNATURE),
            ("refused", Code.WRONG_CHAIN),
            ("expired", Code.EXPIRED),
            ("refused", Code.SIGNATURES_INSUFFICIENT),
            ("certified", Code.UNKNOWN_REGISTER),
            ("certified", Code.APPLIED),
        ]
        assert rows[0]["id"] == ""
        assert rows[1]["id"] == read_transaction(forged).id.hex()
        assert rows[5]["operation"] == 0
        assert all(row["remedy"] for row in rows)


async def test_all_refused_for_one_class_is_that_class_in_http(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        reply = await node.submit(b"junk", b"junk too")
        assert reply.status_code == 400
        assert reply.json()["error"]["code"] == "malformed-transaction"
        assert [row["status"] for row in reply.json()["transactions"]] == ["refused", "refused"]
        raw = node.put("1", office="ministry/pair", signers=["pair 0"])
        reply = await node.submit(raw)
        assert reply.status_code == 403
        assert reply.json()["error"]["code"] == "signatures-insufficient"


async def test_a_refusal_that_did_not_consume_the_id_is_not_taken_for_the_answer(
    tmp_path: Path,
) -> None:
    """A copy with too few signatures came to nothing; the same body, well signed, is waited for."""
    async with running(tmp_path) as node:
        await node.create_register()
        raw = node.put("11")
        identifier = read_transaction(raw).id
        board = node.context.board
        refused: list[tuple[bytes, int, int | None]] = [
            (identifier, int(Code.SIGNATURES_INSUFFICIENT), None)
        ]
        board.post(Decided(board.height, refused, None))
        row = (await node.submit(raw, wait="certified")).json()["transactions"][0]
        assert (row["status"], row["code"]) == ("certified", 0)


async def test_an_old_refusal_is_not_shown_while_the_id_is_alive_again(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        raw = node.put("11")
        item = read_transaction(raw)
        board = node.context.board
        refused: list[tuple[bytes, int, int | None]] = [(item.id, int(Code.KEY_EXPIRED), None)]
        board.post(Decided(board.height, refused, None))
        assert node.replica.pool.add(item, trio.current_time())  # a peer has sent a better copy
        found = await node.client.get(
            f"/v1/transactions/{item.id.hex()}", params={"wait": "certified"}
        )
        assert (found.json()["status"], found.json()["code"]) == ("certified", 0)


async def test_what_came_by_gossip_is_pending(tmp_path: Path) -> None:
    async with running(tmp_path, lead=False) as node:
        item = read_transaction(node.put("11"))
        path = f"/v1/transactions/{item.id.hex()}"
        assert (await node.client.get(path)).json()["status"] == "unknown"
        node.replica.pool.add(item, trio.current_time())
        assert (await node.client.get(path)).json()["status"] == "pending"
        refused: list[tuple[bytes, int, int | None]] = [(item.id, int(Code.KEY_EXPIRED), None)]
        node.context.board.post(Decided(1, refused, None))
        assert (await node.client.get(path)).json()["status"] == "pending"
        node.replica.pool.remove(item.identity)


async def test_wait_none_is_pending_then_found(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        raw = node.put("11")
        identifier = read_transaction(raw).id.hex()
        before = (await node.client.get(f"/v1/transactions/{identifier}")).json()
        assert before["status"] == "unknown"
        assert before["code"] is None
        reply = await node.submit(raw, wait="none")
        assert reply.status_code in (200, 202)
        found = await node.client.get(
            f"/v1/transactions/{identifier}", params={"wait": "certified"}
        )
        body = found.json()
        assert (body["status"], body["code"], body["position"]) == ("certified", 0, 0)
        assert body["node_height"] >= body["height"]


async def test_a_wait_ends_in_time_with_what_is_known(tmp_path: Path) -> None:
    async with running(tmp_path, lead=False) as node:
        identifier = "ab" * 32
        with trio.fail_after(10):
            reply = await node.client.get(
                f"/v1/transactions/{identifier}",
                params={"wait": "committed", "timeout_seconds": 0.05},
            )
        assert (reply.status_code, reply.json()["status"]) == (200, "unknown")


async def test_a_full_inbox_is_503_with_a_time_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path, lead=False) as node:
        node.context.inbox = Inbox(transactions_max=0)
        reply = await node.submit(node.put("1"))
        assert reply.status_code == 503
        assert reply.headers["retry-after"] == "1"
        assert reply.json()["error"]["code"] == "inbox-full"
        assert reply.json()["transactions"][0]["status"] == "refused"


async def test_bodies_that_are_no_batch(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        cases = [
            (b"", 400, "invalid-encoding"),
            (b"\xff\xff", 400, "invalid-encoding"),
            (encode([]), 400, "invalid-encoding"),
            (encode([1, 2]), 400, "invalid-encoding"),
            (encode({"a": 1}), 400, "invalid-encoding"),
            (encode([b""] * (HTTP_BATCH_TRANSACTIONS_MAX + 1)), 400, "invalid-encoding"),
            (b"\x81" * 200, 400, "invalid-encoding"),
        ]
        for content, status, code in cases:
            reply = await node.client.post("/v1/transactions", content=content, headers=CBOR)
            assert (status, code) == (reply.status_code, reply.json()["error"]["code"])
        reply = await node.client.post("/v1/transactions", json=[])
        assert (
            reply.status_code,
            reply.json()["error"]["code"],
        ) == (415, "unsupported-media-type")


async def test_wrong_parameters(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        for query in ({"wait": "forever"}, {"timeout_seconds": "nan"}, {"timeout_seconds": "-1"}):
            reply = await node.client.post(
                "/v1/transactions", content=encode([b"x"]), headers=CBOR, params=query
            )
            assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid-parameter")
        for path in ("/v1/transactions/zz", f"/v1/transactions/{'a' * 63}"):
            reply = await node.client.get(path)
            assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid-parameter")
        reply = await node.client.get(f"/v1/transactions/{'a' * 64}", params={"wait": "no"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid-parameter")


async def test_a_receipt_verifies_offline(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        raw = node.put("11")
        row = (await node.submit(raw)).json()["transactions"][0]
        reply = await node.client.get(f"/v1/transactions/{row['id']}/receipt")
        assert reply.status_code == 200
        assert reply.headers["content-type"] == "application/cbor"
        verified = verify_receipt(reply.content, node.trust)
        assert (raw, row["height"], 0) == (
            verified.transaction and verified.transaction.raw,
            verified.height,
            verified.outcome.code,
        )
        readable = await node.client.get(
            f"/v1/transactions/{row['id']}/receipt", headers={"accept": "application/json"}
        )
        assert readable.json()["content"]["operations"][0]["name"] == "put"
        unknown = await node.client.get(f"/v1/transactions/{'00' * 32}/receipt")
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not-found")
