"""Blocks, registers, state, institutions, network: every reply names its height."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from govchaind.api import chain
from govchaind.base.encoding import encode, read
from govchaind.base.merkle import check_consistency
from govchaind.ledger.block import read_block
from govchaind.ledger.certificate import check_certificate, read_certificate
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.ledger.state_keys import record_key
from govchaind.ledger.state_proof import verify_state_proof
from govchaind.ledger.trust import read_advance
from tests.api.node import Node, running

AS_CBOR = {"accept": "application/cbor"}


async def _certified_checkpoint(node: Node, above: int) -> int:
    """Make blocks until a checkpoint above a height has a certificate; return its height."""
    while True:
        await node.submit(node.put("zz"))
        status = (await node.client.get("/v1/status")).json()
        if above < status["checkpoint"] <= status["certified"]:
            return int(status["checkpoint"])


async def test_blocks_by_height_hash_and_bytes(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        row = (await node.submit(node.put("11", area=7))).json()["transactions"][0]
        reply = await node.client.get(f"/v1/blocks/{row['height']}")
        block = reply.json()
        assert block["content"][0]["operations"] == [
            {"kind": 11, "name": "put", "arguments": ["provinces", "3131", ["11", 7], None]}
        ]
        assert (block["content"][0]["code"], block["certified"]) == (0, True)
        assert int(reply.headers["govchaind-height"]) >= block["height"]
        by_hash = await node.client.get(f"/v1/blocks/{block['hash']}")
        assert by_hash.json() == block
        raw = await node.client.get(
            f"/v1/blocks/{row['height']}", headers={"accept": "application/cbor"}
        )
        assert read_block(raw.content).hash.hex() == block["hash"]
        listed = (await node.client.get("/v1/blocks?first=1&limit=2")).json()
        assert [item["height"] for item in listed["blocks"]] == [1, 2]
        assert listed["next"] == 3
        assert (await node.client.get("/v1/blocks")).json()["blocks"][-1]["height"] <= listed[
            "height"
        ] + 1


async def test_many_blocks_with_their_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        row = (await node.submit(node.put("11"))).json()["transactions"][0]

        async def blocks(query: str) -> list[list[bytes]]:
            reply = await node.client.get(f"/v1/blocks?{query}", headers=AS_CBOR)
            assert reply.headers["content-type"] == "application/cbor"
            return read(reply.content, list[list[bytes]], bytes_max=1 << 22)

        pairs = await blocks(f"first=1&limit={row['height']}")
        heights = [read_block(raw).height for raw, _ in pairs]
        certified = [read_certificate(certificate).height for _, certificate in pairs]
        assert heights == certified == list(range(1, len(pairs) + 1))
        assert len(heights) == row["height"] > 2
        assert await blocks("first=2&limit=1") == pairs[1:2]
        assert await blocks("first=999999&limit=1") == []
        monkeypatch.setattr(chain, "BLOCK_BYTES_MAX", len(pairs[0][0]) + len(pairs[1][0]))
        assert await blocks("first=1&limit=3") == pairs[:2]
        monkeypatch.setattr(chain, "BLOCK_BYTES_MAX", 1)
        assert await blocks("first=1&limit=3") == pairs[:1]  # one at least, however large it is


async def test_blocks_that_are_not_there(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        for name, status in (("0", 404), ("999999", 404), ("00" * 32, 404), ("abc", 400)):
            assert status == (await node.client.get(f"/v1/blocks/{name}")).status_code, name
            assert (
                status == (await node.client.get(f"/v1/blocks/{name}/certificate")).status_code
            ), name


async def test_certificates_heads_and_consistency(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        first = (await node.client.get("/v1/head")).json()
        await node.create_register()
        data = (
            await node.client.get(
                "/v1/blocks/1/certificate", headers={"accept": "application/cbor"}
            )
        ).content
        check_certificate(read_certificate(data), node.genesis.membership())
        head = (
            await node.client.get("/v1/head", params={"consistent_with": first["certified"]})
        ).json()
        check_consistency(
            first["certified"],
            head["certified"],
            [bytes.fromhex(item) for item in head["consistency"]],
            bytes.fromhex(first["certificate"]["log_root"]),
            bytes.fromhex(head["certificate"]["log_root"]),
        )
        ahead = await node.client.get("/v1/head", params={"consistent_with": 10_000})
        assert (ahead.status_code, ahead.json()["error"]["code"]) == (400, "height-ahead")


async def test_genesis_trust_and_outcomes(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        assert node.genesis.bytes == (await node.client.get("/v1/genesis")).content
        steps = read_advance((await node.client.get("/v1/trust?from=0")).content)
        assert node.trust.advance(steps).head_height >= 2
        rows = (await node.client.get("/v1/outcomes")).json()["outcomes"]
        assert sorted(OUTCOMES) == [row["code"] for row in rows]


async def test_a_record_now_then_and_through_time(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        first = (await node.submit(node.put("11", area=1))).json()["transactions"][0]["height"]
        second = (await node.submit(node.put("11", area=2))).json()["transactions"][0]["height"]
        base = "/v1/registers/provinces/records/11"
        now = await node.client.get(base, params={"linearizable": "true"})
        assert now.json()["value"] == {"code": "11", "area": 2}
        assert (2, second) == (now.json()["revision"], now.json()["changed_at"])
        then = await node.client.get(base, params={"height": first})
        assert ({"code": "11", "area": 1}, first, str(first)) == (
            then.json()["value"],
            then.json()["height"],
            then.headers["govchaind-height"],
        )
        before = await node.client.get(base, params={"height": first - 1})
        assert (before.status_code, before.json()["error"]["code"]) == (404, "not-found")
        ahead = await node.client.get(base, params={"height": 10_000})
        assert (ahead.status_code, ahead.json()["error"]["code"]) == (400, "height-ahead")
        history = (await node.client.get(f"{base}/history")).json()
        assert [change["revision"] for change in history["changes"]] == [2, 1]
        page = (await node.client.get(f"{base}/history?limit=1")).json()
        rest = (await node.client.get(f"{base}/history?before={page['next']}")).json()
        assert [change["revision"] for change in rest["changes"]] == [1]
        assert now.json()["register"] == "provinces"


async def test_keys_of_any_kind(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        keys = ["北京/海淀 区?", "a/b/history", "%2F", "é"]
        raws = [node.put(item) for item in keys]
        raws.append(node.raw((int(Kind.PUT), ["provinces", b"\xff\x00", ["x", 1], None])))
        await node.submit(*raws)
        for item in (keys[0], keys[2], keys[3]):
            quoted = "".join(f"%{byte:02X}" for byte in item.encode())
            reply = await node.client.get(f"/v1/registers/provinces/records/{quoted}")
            assert reply.json()["key"] == item, reply.text
        for data in (keys[1].encode(), b"\xff\x00"):
            reply = await node.client.get(
                f"/v1/registers/provinces/records/{data.hex()}", params={"key_hex": "true"}
            )
            assert reply.json()["key_hex"] == data.hex()


async def test_listings_page_by_page(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register("provinces")
        await node.create_register("sealed", mode="commitment")
        registers = (await node.client.get("/v1/registers?limit=1")).json()
        assert [item["name"] for item in registers["registers"]] == ["provinces"]
        rest = (await node.client.get("/v1/registers?after=provinces")).json()
        assert ([item["name"] for item in rest["registers"]], rest["next"]) == (["sealed"], None)
        await node.submit(*[node.put(f"{number:02}") for number in range(25)])
        seen: list[str] = []
        after: dict[str, str] = {}
        while True:
            page = (
                await node.client.get(
                    "/v1/registers/provinces/records", params={"limit": 10, **after}
                )
            ).json()
            seen += [record["key"] for record in page["records"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert [f"{number:02}" for number in range(25)] == seen
        one = (await node.client.get("/v1/registers/sealed")).json()["register"]
        assert (one["mode"], one["owner"], one["writers"]) == ("commitment", "ministry/head", [])
        for path in ("/v1/registers/none", "/v1/registers/none/records"):
            assert (await node.client.get(path)).status_code == 404
        assert (await node.client.get("/v1/registers/Not-A-Name!")).status_code == 400
        assert (await node.client.get("/v1/registers?limit=100000")).status_code == 400


async def test_a_commitment_shows_no_value(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register("sealed", mode="commitment")
        secret = hashlib.sha256(b"salt and value").digest()
        await node.submit(node.raw((int(Kind.PUT), ["sealed", b"a", secret, None])))
        record = (await node.client.get("/v1/registers/sealed/records/a")).json()
        assert (secret.hex(), secret.hex()) == (record["value"], record["value_hex"])


@pytest.mark.parametrize("key", ["11", "missing"])
async def test_proofs_of_value_and_absence_verify_offline(tmp_path: Path, key: str) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        height = (await node.submit(node.put("11", area=3))).json()["height"]
        await _certified_checkpoint(node, height)
        reply = await node.client.get(f"/v1/registers/provinces/records/{key}/proof")
        assert reply.status_code == 200, reply.text
        proved = verify_state_proof(reply.content, node.trust)
        wanted = record_key("provinces", key.encode())
        expected = encode([1, False, ["11", 3]]) if key == "11" else None
        assert (wanted, expected) == (proved.key, proved.value)
        at = await node.client.get(
            f"/v1/registers/provinces/records/{key}/proof", params={"height": proved.height}
        )
        assert verify_state_proof(at.content, node.trust).height == proved.height
        raw = await node.client.get(f"/v1/state/{wanted.hex()}", params={"proof": "true"})
        assert expected == verify_state_proof(raw.content, node.trust).value


async def test_a_proof_that_is_gone_names_the_nearest(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        tree = node.replica.ledger._checkpoints.tree
        tree._window = 1  # the bound of 128 checkpoints would take a minute to pass
        height = 0
        for _ in range(4):
            height = await _certified_checkpoint(node, height)
        path = "/v1/registers/provinces/records/zz/proof"
        gone = await node.client.get(path, params={"height": 1})
        assert (gone.status_code, gone.json()["error"]["code"]) == (410, "gone")
        nearest = int(gone.json()["error"]["message"].rpartition(" ")[2])
        assert (await node.client.get(path, params={"height": nearest})).status_code == 200
        ahead = await node.client.get(path, params={"height": 100_000})
        assert (ahead.status_code, ahead.json()["error"]["code"]) == (503, "not-certified-yet")
        assert ahead.headers["retry-after"] == "1"


async def test_state_by_its_raw_key(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.create_register()
        height = (await node.submit(node.put("11"))).json()["transactions"][0]["height"]
        name = record_key("provinces", b"11").hex()
        value = (await node.client.get(f"/v1/state/{name}")).json()
        assert value["decoded"] == [1, False, ["11", 1]]
        assert None is (await node.client.get(f"/v1/state/{name}?height={1}")).json()["value"]
        assert value["changed_at"] == height
        assert (await node.client.get("/v1/state/xyz")).status_code == 400


async def test_institutions_offices_and_keys(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        listed = (await node.client.get("/v1/institutions")).json()["institutions"]
        assert [item["name"] for item in listed] == ["bank", "ministry"]
        ministry = (await node.client.get("/v1/institutions/ministry")).json()
        offices = {office["name"]: office for office in ministry["offices"]}
        assert (
            offices["pair"]["threshold"],
            offices["pair"]["seats"],
            offices["pair"]["governing"],
        ) == (2, 3, False)
        assert offices["head"]["governing"]
        branch = (await node.client.get("/v1/institutions/bank")).json()["offices"][0]
        assert branch["keys"][0]["state"] == "valid"
        assert branch["keys"][0]["days_left"] > 300
        assert (await node.client.get("/v1/institutions/none")).status_code == 404


async def test_status_and_members(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        status = (await node.client.get("/v1/status")).json()
        assert (
            status["role"],
            status["leader"],
            status["ready"],
            status["reasons"],
        ) == ("leader", "node-a", True, [])
        assert status["chain_id"] == node.genesis.chain_id.hex()
        members = (await node.client.get("/v1/members")).json()
        assert members["certificate_quorum"] == 1
        assert [
            (item["name"], item["role"], item["in_force"], item["link"])
            for item in members["members"]
        ] == [("node-a", "validator", "validator", "self")]
