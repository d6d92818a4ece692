"""Reads by office: each kind of route, asked with no leave, with wrong ones, by others, by parties.

The chain: `ministry/head` answers for the data, supervises and governs an institution with a node;
`bank/branch` asks and issues an asset; `ministry/pair` is party to nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from govchaind.api.access import Access, Reads
from govchaind.base.encoding import decode
from govchaind.ledger.block import read_block
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.read_leave import build_read_leave
from govchaind.ledger.state_keys import (
    account_sum_key,
    delivery_key,
    grant_key,
    institution_key,
    request_key,
    side_value_key,
)
from govchaind.runtime.system import wall_milliseconds
from tests.api.delivered import deliver, granted
from tests.api.node import NODE, Node, key, running
from tests.api.test_assets import BRANCH, HEAD, create
from tests.api.voting import BOTH, do, vote

HEADER = "govchaind-read-leave"
CBOR, HTML = {"accept": "application/cbor"}, {"accept": "text/html"}
SIDE = b"s" * 32
SIGNERS = {"bank/branch": "branch", "ministry/head": "head", "ministry/pair": "pair 0"}
HOLDING = "/v1/assets/voucher/holdings/bank/branch/lookups"
# What concerns bank/branch and ministry/head alone; paths of state keys are filled in by `paths`.
ONE = (
    "/v1/requests/bank/r-1",
    "/v1/deliveries/bank/r-1/1",
    f"/v1/side-values/bank/{SIDE.hex()}",
    HOLDING,
    f"{HOLDING}/proof",
    f"/v1/state/{request_key('bank', 'r-1').hex()}",
    f"/v1/state/{grant_key('bank', 'r-1').hex()}?proof=true",
    f"/v1/state/{delivery_key('bank', 'r-1', 1).hex()}",
    f"/v1/state/{side_value_key('bank', SIDE).hex()}?height=1",
)
LISTS = {
    "/v1/requests": "requests",
    "/v1/deliveries": "deliveries",
    "/v1/side-values": "side_values",
    "/v1/assets/voucher/holdings": "holdings",
    "/v1/holdings/bank/branch": "holdings",
}
MEMBERS = (
    "/v1/accounts?month=2026-01",
    f"/v1/state/{account_sum_key(1, 'bank').hex()}",
)
OPEN = (
    *("/v1/status", "/v1/members", "/v1/head", "/v1/genesis", "/v1/trust?from=0", "/v1/outcomes"),
    *("/v1/registers", "/v1/catalogue", "/v1/duties", "/v1/terms/law", "/v1/mandates"),
    *("/v1/institutions", "/v1/offices", "/v1/motions", "/v1/rules", "/v1/parameters"),
    *("/v1/delivery-keys", "/v1/assets", "/v1/assets/voucher", "/v1/assets/voucher/proof"),
    *("/v1/evidence", "/v1/blocks", "/v1/blocks/1", "/v1/blocks/1/certificate"),
    *("/healthz", "/openapi.json", "/", "/blocks", "/catalogue", "/assets"),
    f"/v1/state/{institution_key('bank').hex()}",
)


def leave(node: Node, office: str, **changes: Any) -> dict[str, str]:
    """Return the header with an office's leave to read, or with one that `changes` make wrong."""
    institution, _, name = office.partition("/")
    made = build_read_leave(
        key(changes["signer"] if "signer" in changes else SIGNERS[office]),
        chain_id=changes.get("chain_id", node.genesis.chain_id),
        node=changes.get("audience", NODE),
        office=(institution, name),
        until=changes.get("until", wall_milliseconds() + 600_000),
    )
    return {HEADER: made.hex()}


@asynccontextmanager
async def exchanged(path: Path, reads: Reads = "offices") -> AsyncIterator[Node]:
    """Run a node on whose ledger bank and ministry have made one of each thing that is theirs."""
    async with running(path, access=Access(reads=reads, requests_per_second_max=0)) as node:
        await granted(node)
        await deliver(node)
        sealed = [SIDE, hashlib.sha256(b"text").digest(), 4, [HEAD], None]
        await do(node, Kind.RECORD_SIDE_VALUE, sealed, "bank")
        await create(node, "voucher")
        await do(node, Kind.ISSUE_ASSET, ["voucher", BRANCH, 5, "lookups"])
        await node.certified(node.context.board.height)
        yield node


async def ask(node: Node, path: str, *headers: Mapping[str, str]) -> tuple[int, str]:
    """Return the status of a reply, and the code of its error, or ""."""
    sent = {name: value for each in headers for name, value in each.items()}
    reply = await node.client.get(path, headers=sent)
    return reply.status_code, code_of(reply)


def code_of(reply: httpx.Response) -> str:
    return "" if reply.is_success else str(reply.json()["error"]["code"])


async def block_of(node: Node, kind: Kind) -> tuple[int, str]:
    """Return height and transaction id of the first operation of a kind."""
    for height in range(1, node.context.board.height + 1):
        reply = await node.client.get(
            f"/v1/blocks/{height}", headers=CBOR | leave(node, "ministry/head")
        )
        for item in read_block(reply.content).transactions:
            if item.operations[0][0] == kind:
                return height, item.id.hex()
    raise AssertionError(f"no block has a {kind.name}")


async def test_one_thing_is_shown_to_its_parties_alone(tmp_path: Path) -> None:
    async with exchanged(tmp_path) as node:
        no_leave = [await ask(node, path) for path in ONE]
        others = [await ask(node, path, leave(node, "ministry/pair")) for path in ONE]
        parties = {
            office: [(await ask(node, path, leave(node, office)))[0] for path in ONE]
            for office in ("bank/branch", "ministry/head")
        }
        absent = [
            await ask(node, "/v1/requests/bank/none", leave(node, office))
            for office in ("ministry/pair", "bank/branch")
        ]

    assert no_leave == [(403, "read-leave-missing")] * len(ONE)
    assert others == [(403, "not-a-party")] * len(ONE)
    assert parties["bank/branch"] == [200] * len(ONE)
    assert parties["ministry/head"] == [200] * len(ONE)
    assert absent == [(403, "not-a-party"), (404, "not-found")]  # others do not learn which it is


async def test_lists_have_what_concerns_the_reader(tmp_path: Path) -> None:
    async def rows(node: Node, path: str, office: str) -> tuple[int, Any]:
        reply = await node.client.get(path, headers=leave(node, office))
        return len(reply.json()[LISTS[path]]), reply.json()["next"]

    async with exchanged(tmp_path) as node:
        no_leave = [await ask(node, path) for path in (*LISTS, "/v1/deliveries/erasures")]
        others = [await rows(node, path, "ministry/pair") for path in LISTS]
        parties = [await rows(node, path, "bank/branch") for path in LISTS]
        around = await node.client.get(
            "/v1/holdings/bank/branch?after=voucher/a", headers=leave(node, "ministry/pair")
        )
        accounts = [
            [await ask(node, path, *given) for path in MEMBERS]
            for given in ((), (leave(node, "ministry/pair"),))
        ]

    assert no_leave == [(403, "read-leave-missing")] * (len(LISTS) + 1)
    assert others == [(0, None)] * len(LISTS)
    assert parties == [(1, None)] * len(LISTS)
    assert around.json()["holdings"] == []
    assert accounts == [[(403, "read-leave-missing")] * 2, [(200, "")] * 2]


async def test_what_is_open_needs_no_leave(tmp_path: Path) -> None:
    async with exchanged(tmp_path) as node:
        replies = {path: (await ask(node, path))[0] for path in OPEN}
        transaction = (await block_of(node, Kind.REQUEST))[1]
        fate = await ask(node, f"/v1/transactions/{transaction}")
    assert replies == dict.fromkeys(OPEN, 200)
    assert fate == (200, "")


async def test_a_block_leaves_out_what_concerns_others(tmp_path: Path) -> None:
    async def content(node: Node, height: int, *given: Mapping[str, str]) -> dict[str, Any]:
        headers = {name: value for each in given for name, value in each.items()}
        reply = await node.client.get(f"/v1/blocks/{height}", headers=headers)
        found: dict[str, Any] = reply.json()["content"][0]
        return found

    async with exchanged(tmp_path) as node:
        height, transaction = await block_of(node, Kind.REQUEST)
        receipt = f"/v1/transactions/{transaction}/receipt"
        pair, branch = leave(node, "ministry/pair"), leave(node, "bank/branch")
        hidden = [await content(node, height, *given) for given in ((), (pair,))]
        shown = await content(node, height, branch)
        receipts = [await ask(node, receipt, *given) for given in ((), (pair,), (branch,))]
        whole = [
            await ask(node, path, CBOR, *given)
            for path in (f"/v1/blocks/{height}", f"/v1/blocks?first={height}")
            for given in ((), (pair,), (leave(node, "ministry/head"),))
        ]
        run = await node.client.get(f"/v1/blocks?first=1&limit={height}", headers=CBOR | pair)

    for seen in hidden:
        assert (seen["withheld"], seen["operations"], seen["code"]) == (True, [], 0)
        assert seen["sentence"]["english"].endswith("to those alone whom it concerns.")
    assert (shown["withheld"], shown["operations"][0]["name"]) == (False, "request")
    assert receipts == [(403, "read-leave-missing"), (403, "not-a-party"), (200, "")]
    refused = [(403, "read-leave-missing"), (403, "block-not-for-all"), (200, "")]
    assert whole == [*refused, *refused]
    assert len(decode(run.content, bytes_max=len(run.content))) == height - 1


async def test_pages_show_less_rather_than_fail(tmp_path: Path) -> None:
    async with exchanged(tmp_path) as node:
        height, transaction = await block_of(node, Kind.REQUEST)
        paths = (
            *("/requests", "/requests/bank/r-1", "/requests/bank/none", "/deliveries"),
            *("/assets/voucher", f"/blocks/{height}", f"/transactions/{transaction}"),
        )
        plain = [await node.client.get(path, headers=HTML) for path in paths]
        known = [
            await node.client.get(path, headers=HTML | leave(node, "bank/branch")) for path in paths
        ]

    assert [reply.status_code for reply in plain] == [200] * len(paths)
    details = bytes(range(32)).hex()
    told = ('/requests/bank/r-1"', "/bank/r-1/1", "bank/branch</td>", details, "asked 民政部")
    assert [word for word in told for reply in plain[:5] if word in reply.text] == []
    assert [details in reply.text for reply in (plain[6], known[6])] == [False, True]
    # others learn nothing of it; a block may have come between the two
    one, none = (re.sub(r"at height \d+", "at a height", plain[n].text) for n in (1, 2))
    assert one.replace("r-1", "none") == none
    assert "to those alone whom it concerns" in plain[5].text
    assert "to those alone whom it concerns" not in known[5].text
    assert [word in known[n].text for n, word in ((0, "r-1"), (3, "/bank/r-1/1"))] == [True, True]


@pytest.mark.parametrize(
    ("office", "changes", "expected"),
    [
        ("bank/branch", {"chain_id": bytes(32)}, (403, "leave-for-another")),
        ("bank/branch", {"audience": "node-b"}, (403, "leave-for-another")),
        ("bank/branch", {"until": 1}, (403, "leave-over")),
        ("bank/branch", {"until": 1 << 62}, (403, "leave-over")),
        ("bank/branch", {"signer": "head"}, (403, "not-permitted")),
        ("ministry/none", {"signer": "head"}, (403, "not-permitted")),
    ],
)
async def test_a_leave_that_does_not_hold_opens_nothing(
    tmp_path: Path, office: str, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    async with exchanged(tmp_path) as node:
        wrong = leave(node, office, **changes)
        height, transaction = await block_of(node, Kind.REQUEST)
        paths = (*ONE, *LISTS, *MEMBERS, f"/v1/blocks/{height}",
                 f"/v1/transactions/{transaction}/receipt")  # fmt: skip
        replies = [await ask(node, path, wrong) for path in paths]
        real = bytes.fromhex(leave(node, "bank/branch")[HEADER])
        forged = [
            await ask(node, ONE[0], {HEADER: text})
            for text in ("abcd", "zz", (real[:-1] + bytes([real[-1] ^ 1])).hex())
        ]
    assert replies == [expected] * len(paths)
    assert forged == [(400, "invalid-parameter")] * 2 + [(400, "invalid-signature")]


async def test_a_revoked_key_and_a_suspended_institution_read_nothing(tmp_path: Path) -> None:
    async with exchanged(tmp_path) as node:
        made = leave(node, "ministry/pair")
        before = await ask(node, "/v1/requests", made)
        await do(node, Kind.REVOKE_KEY, ["pair", key("pair 0").public])
        after = await ask(node, "/v1/requests", made)
        other = await ask(node, "/v1/requests", leave(node, "ministry/pair", signer="pair 1"))
        branch = leave(node, "bank/branch")
        await vote(node, MotionKind.SUSPEND_INSTITUTION, ["bank", "silence", bytes(32)], *BOTH)
        suspended = [await ask(node, path, branch) for path in ("/v1/requests", ONE[0])]
    assert (before, after, other) == ((200, ""), (403, "not-permitted"), (200, ""))
    assert suspended == [(403, "institution-suspended")] * 2


async def test_members_and_open_nodes_show_more(tmp_path: Path) -> None:
    async with exchanged(tmp_path, "members") as node:
        pair = leave(node, "ministry/pair")
        stranger = [(await ask(node, path))[1] for path in (*ONE, *LISTS)]
        member = [(await ask(node, path, pair))[0] for path in (*ONE, *LISTS)]
        height, _ = await block_of(node, Kind.REQUEST)
        whole = await ask(node, f"/v1/blocks/{height}", CBOR, pair)
        node.context.access.reads = "open"
        open_to_all = [(await ask(node, path))[0] for path in (*ONE, *LISTS)]
    assert stranger == ["read-leave-missing"] * len(stranger)
    assert (member, whole) == ([200] * len(member), (200, ""))
    assert open_to_all == [200] * len(open_to_all)


async def test_who_read_what_kind_is_logged_once_a_minute_and_no_more(tmp_path: Path) -> None:
    async with exchanged(tmp_path) as node:
        for path in (ONE[0], ONE[0], "/v1/requests", ONE[1], ONE[5]):
            await ask(node, path, leave(node, "bank/branch"))
        await ask(node, ONE[0], leave(node, "bank/branch", until=1))
        await ask(node, ONE[0])
        reports = list(node.reports)
    assert reports == [
        ("http.office_read", {"institution": "bank", "office": "branch", "matter": matter})
        for matter in ("requests", "deliveries", "state")
    ]


async def test_a_refused_transaction_concerns_its_author_and_whom_it_names(tmp_path: Path) -> None:
    """Arguments of any shape are on the ledger as well; they show nothing, and break nothing."""
    shapes: list[list[Any]] = [[], [1, 2, 3], ["x" * 300, "y", 1], ["bank", "r-1", -1]]
    async with exchanged(tmp_path) as node:
        for kind in (Kind.GRANT, Kind.DELIVER, Kind.RECORD_SIDE_VALUE, Kind.FREEZE_ASSET):
            for shape in shapes:
                raw = node.raw((int(kind), shape), office="bank/branch", signers=("branch",))
                await node.submit(raw, wait="committed")
        last = node.context.board.height
        seen = {
            office: [
                item["withheld"]
                for height in range(1, last + 1)
                for item in (
                    await node.client.get(f"/v1/blocks/{height}", headers=leave(node, office))
                ).json()["content"]
            ]
            for office in ("bank/branch", "ministry/pair")
        }
    assert not any(seen["bank/branch"])
    assert any(seen["ministry/pair"])


async def test_a_nodes_own_key_reads_all_at_that_node(tmp_path: Path) -> None:
    """Whoever holds it holds the store; so a backup needs no office's key."""
    async with exchanged(tmp_path) as node:
        own = leave(node, f"ministry/{NODE}", signer="attest")
        height, _ = await block_of(node, Kind.REQUEST)
        replies = [await ask(node, path, own) for path in (*ONE, *LISTS)]
        whole = await ask(node, f"/v1/blocks/{height}", CBOR, own)
        wrong = [
            await ask(node, ONE[0], leave(node, f"ministry/{NODE}", signer="attest", **changes))
            for changes in ({"audience": "node-b"}, {"until": 1})
        ]
        others = [
            await ask(node, ONE[0], leave(node, office, signer=signer))
            for office, signer in ((f"bank/{NODE}", "attest"), (f"ministry/{NODE}", "tls"))
        ]
    assert (replies, whole) == ([(200, "")] * len(replies), (200, ""))
    assert wrong == [(403, "leave-for-another"), (403, "leave-over")]
    assert others == [(403, "not-permitted")] * 2


async def test_the_description_names_the_scheme_where_an_office_is_asked_for(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as node:
        document = (await node.client.get("/openapi.json")).json()
    by_office = {
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
        if operation.get("security") == [{}, {"readLeave": []}]
    }
    scheme = document["components"]["securitySchemes"]["readLeave"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", HEADER)
    assert by_office == {
        *("listRequests", "getRequest", "listDeliveries", "getDelivery", "listErasures"),
        *("listSideValues", "getSideValue", "listAssetHoldings", "getHolding", "getHoldingProof"),
        *("listHoldings", "listAccounts", "getState", "listBlocks", "getBlock", "getReceipt"),
    }
