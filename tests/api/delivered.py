"""Deliveries of the ministry to the bank on `node.py`'s chain, and a carrier for its node."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from govchaind.api.context import Context
from govchaind.base.encoding import decode
from govchaind.ledger.carriage import build_leave
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.deliveries import request_hash
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import request_key
from govchaind.runtime.carried import judge_by
from govchaind.runtime.carrier import Carrier
from govchaind.runtime.spool import Spool
from govchaind.runtime.system import InlineThreads, wall_milliseconds
from govchaind.runtime.tcp import TcpNetwork
from govchaind.runtime.telemetry import Telemetry
from govchaind.runtime.tls import TlsIdentity
from tests.api.node import NODE, Node, key
from tests.api.test_exchange import ask, prepare
from tests.api.voting import DAY, do

FILE = b"sealed bytes, as far as a node knows" * 3000
SEALED = hashlib.sha256(FILE).digest()
COMMITMENT = b"c" * 32
NAMED = ("bank", "r-1")
PATH = "/v1/deliveries/bank/r-1/1/sealed"


def carries(folder: Path, *, quota: int = 10_000_000) -> Callable[[Context], None]:
    """Return what gives a node's context a carrier, for `running`."""

    def give(context: Context) -> None:
        context.carrier = Carrier(
            name=NODE,
            chain_id=context.genesis.chain_id,
            spool=Spool(
                folder,
                quota_bytes=quota,
                hold_seconds=1000,
                reserve_bytes=0,
                threads=InlineThreads(),
                wall_milliseconds=wall_milliseconds,
            ),
            network=TcpNetwork(TlsIdentity(bytes(32))),
            judge=judge_by(context.storage),
            members=context.members,
            telemetry=Telemetry(version="test"),
            carries_max=2,
            bytes_per_second_max=1e9,
        )

    return give


async def granted(node: Node, *, reference: str = "r-1") -> None:
    """Have the bank hold a grant and a delivery key."""
    if reference == "r-1":
        await prepare(node, "marriages")
        await do(node, Kind.PUBLISH_DELIVERY_KEY, [b"k" * 32, 0, None], "bank")
    await ask(node, reference)
    until = wall_milliseconds() + 30 * DAY
    await do(node, Kind.GRANT, ["bank", reference, [], until, None])


async def deliver(node: Node, number: int = 1, reference: str = "r-1") -> None:
    with node.context.reading() as reader:
        stored = State().get(reader, request_key("bank", reference))
    assert stored is not None
    asked = request_hash("bank", reference, decode(stored, bytes_max=len(stored)))
    arguments = ["bank", reference, number, COMMITMENT, 1000 + len(FILE), 20, asked, SEALED]
    await do(node, Kind.DELIVER, arguments)


async def receive(node: Node, number: int = 1) -> None:
    await do(node, Kind.RECEIVE, [*NAMED, number, COMMITMENT], "bank")


def leave(node: Node, signer: str, purpose: Any, **changes: Any) -> dict[str, str]:
    """Return the header with a leave for delivery 1, or for what `changes` say."""
    made = build_leave(
        key(signer),
        chain_id=changes.get("chain_id", node.genesis.chain_id),
        delivery=changes.get("delivery", (*NAMED, 1)),
        purpose=purpose,
        until=changes.get("until", wall_milliseconds() + 600_000),
    )
    return {"govchaind-leave": made.hex()}


async def bring(
    node: Node, offset: int, data: bytes, headers: dict[str, str], length: int = len(FILE)
) -> httpx.Response:
    query = {"offset": offset, "length": length}
    return await node.client.post(PATH, params=query, content=data, headers=headers)


async def fetch(node: Node, offset: int, headers: dict[str, str], **query: int) -> httpx.Response:
    return await node.client.get(PATH, params={"offset": offset, **query}, headers=headers)


def code(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]
