"""Side values through the client door: by leave, for whom they are, until a vote removes one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from govchaind.api.context import Context
from govchaind.base.limits import SIDE_SEALED_BYTES_MAX
from govchaind.ledger.office_leave import build_office_leave, side_subject
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.runtime.side_shelf import SideShelf, side_judge
from govchaind.runtime.system import InlineThreads, wall_milliseconds
from govchaind.runtime.verify_store import verify_store
from tests.api.delivered import code
from tests.api.node import Node, key, running
from tests.api.test_exchange import get, refused
from tests.api.voting import BOTH, do, vote

TEXT = b"sealed bytes of a purpose" * 40
COMMITMENT = b"c" * 32
PATH = f"/v1/side-values/bank/{COMMITMENT.hex()}"
SIGNERS = {"bank/branch": "branch", "ministry/head": "head", "ministry/pair": "pair 0"}


def shelves(folder: Path) -> Callable[[Context], None]:
    """Return what gives a node's context a shelf, for `running`."""

    def give(context: Context) -> None:
        context.shelf = SideShelf(
            folder,
            bytes_max=10**6,
            reserve_bytes=0,
            threads=InlineThreads(),
            judge=side_judge(context.storage),
        )

    return give


async def recorded(node: Node) -> None:
    """Have the bank record a text that is sealed to the ministry's head."""
    arguments = [
        COMMITMENT, hashlib.sha256(TEXT).digest(), len(TEXT), [["ministry", "head"]], None
    ]  # fmt: skip
    await do(node, Kind.RECORD_SIDE_VALUE, arguments, "bank")


def leave(node: Node, office: str, purpose: Any, **changes: Any) -> dict[str, str]:
    institution, _, name = office.partition("/")
    made = build_office_leave(
        key(changes.get("signer", SIGNERS[office])),
        chain_id=changes.get("chain_id", node.genesis.chain_id),
        purpose=purpose,
        subject=changes.get("subject", side_subject("bank", COMMITMENT)),
        office=(institution, name),
        until=changes.get("until", wall_milliseconds() + 600_000),
    )
    return {"govchaind-leave": made.hex()}


async def bring(node: Node, headers: dict[str, str], data: bytes = TEXT) -> httpx.Response:
    return await node.client.post(f"{PATH}/sealed", content=data, headers=headers)


async def fetch(node: Node, headers: dict[str, str]) -> httpx.Response:
    return await node.client.get(f"{PATH}/sealed", headers=headers)


async def test_it_is_brought_and_fetched_by_those_it_is_for(tmp_path: Path) -> None:
    async with running(tmp_path, before=shelves(tmp_path / "sides")) as node:
        early = await bring(node, leave(node, "bank/branch", "bring"))
        await recorded(node)
        absent = await fetch(node, leave(node, "ministry/head", "fetch"))
        before = await get(node, PATH)
        other = await bring(node, leave(node, "bank/branch", "bring"), TEXT[:-1])
        long = await bring(
            node, leave(node, "bank/branch", "bring"), bytes(SIDE_SEALED_BYTES_MAX + 1)
        )
        brought = await bring(node, leave(node, "bank/branch", "bring"))
        after = await get(node, PATH)
        fetched = await fetch(node, leave(node, "ministry/head", "fetch"))
        own = await fetch(node, leave(node, "bank/branch", "fetch"))
        listed = await get(node, "/v1/side-values?institution=bank")
        page = await get(node, "/v1/side-values?limit=1")

    assert (code(early), code(absent)) == ((404, "not-recorded"), (404, "not-held"))
    assert (code(other), code(long)) == ((400, "not-the-recorded-file"), (413, "too-large"))
    assert brought.json()["held"] is True
    assert (before["held"], after["held"], after["removal"]) == (False, True, None)
    assert (after["office"], after["length"]) == ("branch", len(TEXT))
    assert after["readers"] == [{"institution": "ministry", "office": "head"}]
    assert (fetched.content, own.content) == (TEXT, TEXT)
    assert [one["commitment"] for one in listed["side_values"]] == [COMMITMENT.hex()]
    assert (page["side_values"], page["next"]) == (listed["side_values"], None)


@pytest.mark.parametrize(
    ("office", "changes", "expected"),
    [
        ("ministry/pair", {}, (403, "not-permitted")),  # it is not sealed to this office
        ("ministry/head", {"signer": "branch"}, (403, "not-permitted")),
        ("ministry/head", {"subject": f"bank/{'00' * 32}"}, (403, "leave-for-another")),
        ("ministry/head", {"chain_id": bytes(32)}, (403, "leave-for-another")),
        ("ministry/head", {"until": 1}, (403, "leave-over")),
        ("ministry/head", {"until": 1 << 62}, (403, "leave-over")),
    ],
)
async def test_nobody_else_gets_it(
    tmp_path: Path, office: str, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    async with running(tmp_path, before=shelves(tmp_path / "sides")) as node:
        await recorded(node)
        await bring(node, leave(node, "bank/branch", "bring"))
        refusal = await fetch(node, leave(node, office, "fetch", **changes))
        crossed = await fetch(node, leave(node, "ministry/head", "bring"))
        nonsense = await fetch(node, {"govchaind-leave": "abcd"})
        without = await node.client.get(f"{PATH}/sealed")

    assert code(refusal) == expected
    assert code(crossed) == (403, "leave-for-another")
    assert [code(reply) for reply in (nonsense, without)] == [(400, "invalid-parameter")] * 2


async def test_a_forged_leave_opens_nothing(tmp_path: Path) -> None:
    """Another's key named in it, or its time made longer, and the signature no longer holds."""
    async with running(tmp_path, before=shelves(tmp_path / "sides")) as node:
        await recorded(node)
        await bring(node, leave(node, "bank/branch", "bring"))
        real = bytes.fromhex(leave(node, "ministry/head", "fetch")["govchaind-leave"])
        forged = leave(node, "ministry/head", "fetch", signer="branch")["govchaind-leave"]
        swapped = forged.replace(key("branch").public.hex(), key("head").public.hex())
        broken = (real[:-1] + bytes([real[-1] ^ 1])).hex()
        replies = [await fetch(node, {"govchaind-leave": text}) for text in (swapped, broken)]

    assert [code(reply) for reply in replies] == [(400, "invalid-signature")] * 2


async def test_a_vote_removes_it_and_the_whole_store_still_verifies(tmp_path: Path) -> None:
    sides = tmp_path / "sides"
    async with running(tmp_path, before=shelves(sides)) as node:
        await recorded(node)
        await bring(node, leave(node, "bank/branch", "bring"))
        arguments = ["bank", COMMITMENT, "personal-data"]
        await vote(node, MotionKind.REMOVE_SIDE_VALUE, arguments, *BOTH)
        fetched = await fetch(node, leave(node, "ministry/head", "fetch"))
        again = await bring(node, leave(node, "bank/branch", "bring"))
        assert node.context.shelf is not None
        await node.context.shelf.look()
        left = list(sides.iterdir())
        told = await get(node, PATH)
        await node.certified(node.context.board.height)
        height = node.context.board.height
        checked = verify_store(node.storage, node.genesis)

    assert (code(fetched), code(again)) == ((410, "side-value-removed"),) * 2
    assert left == []
    assert (told["removal"]["ground"], told["held"]) == ("personal-data", False)
    assert checked.applied >= height
    for path in (tmp_path / "store").iterdir():
        assert TEXT[:100] not in path.read_bytes()


async def test_a_node_that_carries_nothing_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await recorded(node)
        brought = await bring(node, leave(node, "bank/branch", "bring"))
        told = await get(node, PATH)
        wrong = [
            await refused(node, "/v1/side-values/bank/abc"),
            await refused(node, f"/v1/side-values/Bank/{'00' * 32}"),
            await refused(node, "/v1/side-values?after=00"),
        ]
        unknown = await refused(node, f"/v1/side-values/bank/{'00' * 32}")

    assert (code(brought), told["held"]) == ((404, "no-carrier"), False)
    assert wrong == [(400, "invalid-parameter")] * 3
    assert unknown == (404, "not-found")
