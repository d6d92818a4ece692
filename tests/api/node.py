"""A whole node of one validator behind its HTTP door: real store, replica, loop, gate, listener.

Only the peers are missing: a lone validator has none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx
import trio

from govchaind.api.access import Access
from govchaind.api.context import ApiLimits, Context
from govchaind.api.server import serve_api
from govchaind.base.crypto import SigningKey, verify
from govchaind.base.encoding import encode
from govchaind.base.errors import Fatal
from govchaind.base.types import Height, NodeId
from govchaind.ledger.genesis import Genesis, Institution, Office, OfficeKey, make_genesis
from govchaind.ledger.membership import Member
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import build_body, sign_body
from govchaind.ledger.trust import TrustRoot
from govchaind.raft.messages import Timing
from govchaind.replica.replica import Replica
from govchaind.replica.store import store_batch
from govchaind.runtime.drive import Drive
from govchaind.runtime.gate import Gate
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.metrics import Metrics
from govchaind.runtime.noticeboard import NoticeBoard
from govchaind.runtime.system import InlineThreads, wall_milliseconds
from govchaind.runtime.telemetry import Telemetry

NODE = "node-a"
STORE = b"store-of-node-a."
QUICK = Timing(heartbeat=0.02, election_min=0.05, election_max=0.1, broken_link_jitter=0.01)
MAP_BYTES = 64 * 1024 * 1024
WAIT_SECONDS = 20.0  # of a test for anything; only a failing test takes it


def key(label: str) -> SigningKey:
    return SigningKey(label.encode().ljust(32, b".")[:32])


def genesis() -> Genesis:
    """Return a chain of two institutions and one validator."""
    institutions = [
        Institution(
            "ministry",
            "民政部 Ministry of Civil Affairs",
            "duty-bound",
            (
                Office("head", "Head office", 1, (OfficeKey(key("head").public, "部长"),)),
                Office(
                    "pair",
                    "Two of three",
                    2,
                    tuple(OfficeKey(key(f"pair {n}").public, f"Holder {n}") for n in range(3)),
                ),
            ),
        ),
        Institution(
            "bank",
            "A bank <script>alert(1)</script>",
            "voluntary",
            (
                Office(
                    "branch",
                    "A branch",
                    1,
                    (OfficeKey(key("branch").public, "Manager", 0, 4_000_000_000_000),),
                ),
            ),
        ),
    ]
    node = Member(
        NODE,
        "ministry",
        "validator",
        key("attest").public,
        key("tls").public,
        STORE,
        ("127.0.0.1:7400",),
    )
    start = wall_milliseconds() - 1000
    return make_genesis(name="trial", time=start, institutions=institutions, nodes=[node])


class NoPeers:
    """What a lone validator's loop sends to."""

    def send(self, peer: NodeId, frame: bytes) -> None:
        raise AssertionError(f"a message to {peer}")

    def fall_silent(self) -> None:
        """There are no links."""

    def end_link(self, peer: NodeId, reason: str) -> None:
        raise AssertionError(f"{peer}: {reason}")

    def members_changed(self, members: tuple[Member, ...]) -> None:
        pass


@dataclass
class Node:
    """A running node, as a test sees it."""

    context: Context
    genesis: Genesis
    storage: LmdbStorage
    replica: Replica
    drive: Drive
    inbox: Inbox
    url: str
    stop: trio.Event
    stopped: trio.Event
    client: httpx.AsyncClient
    core: trio.CancelScope
    failures: list[Fatal]
    reports: list[tuple[str, dict[str, Any]]]
    _salt: int = field(default=0)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def trust(self) -> TrustRoot:
        return TrustRoot.from_genesis(self.genesis)

    def raw(
        self,
        *operations: tuple[int, list[Any]],
        office: str = "ministry/head",
        signers: Sequence[str] = ("head",),
        lifetime: int = 60_000,
        salt: int | None = None,
        chain_id: bytes | None = None,
        valid_until: int | None = None,
    ) -> bytes:
        """Return a signed transaction."""
        if salt is None:
            self._salt += 1
            salt = self._salt
        institution, _, name = office.partition("/")
        body = build_body(
            chain_id=self.genesis.chain_id if chain_id is None else chain_id,
            institution=institution,
            office=name,
            operations=operations,
            valid_until=wall_milliseconds() + lifetime if valid_until is None else valid_until,
            salt=salt.to_bytes(16, "big"),
        )
        return sign_body(body, [key(signer) for signer in signers])

    def put(self, code: str, area: int = 1, *, register: str = "provinces", **author: Any) -> bytes:
        """Return a signed put of one record."""
        return self.raw((int(Kind.PUT), [register, code.encode(), [code, area], None]), **author)

    async def submit(self, *raws: bytes, wait: str = "certified", **query: Any) -> httpx.Response:
        """POST a batch."""
        return await self.client.post(
            "/v1/transactions",
            params={"wait": wait, **query},
            content=encode(list(raws)),
            headers={"content-type": "application/cbor"},
        )

    async def create_register(self, name: str = "provinces", mode: str = "clear") -> None:
        """Create a register of (code text, area integer), and wait for its certificate."""
        schema = [["code", "text"], ["area", "integer"]] if mode == "clear" else []
        operation = (int(Kind.CREATE_REGISTER), [name, "省级行政区 Provinces", schema, mode, []])
        reply = await self.submit(self.raw(operation))
        assert [item["code"] for item in reply.json()["transactions"]] == [0], reply.text

    async def certified(self, height: Height) -> None:
        """Wait until a height is certified."""
        with trio.fail_after(WAIT_SECONDS):
            await self.context.board.wait_certified(height)


@asynccontextmanager
async def running(
    path: Path,
    *,
    limits: ApiLimits | None = None,
    access: Access | None = None,
    reserve_bytes: int = 0,
    before: Callable[[Context], None] = lambda _: None,
    lead: bool = True,
) -> AsyncIterator[Node]:
    """Run a node whose store is at `path`; it leads when the block begins."""
    begin = genesis()
    storage = LmdbStorage(path / "store", map_bytes_max=MAP_BYTES)
    await storage.write(store_batch(begin, STORE))
    replica = _replica(begin, storage)
    inbox, gate = Inbox(), Gate(InlineThreads(), known=replica.known)
    board = NoticeBoard(lambda: replica.status(trio.current_time()))
    drive = _drive(replica, storage, inbox, board, reserve_bytes)
    failures, reports = list[Fatal](), list[tuple[str, dict[str, Any]]]()
    context = Context(
        name=NODE,
        version="0.1.0",
        genesis=begin,
        storage=storage,
        gate=gate,
        inbox=inbox,
        board=board,
        members=replica.members,
        links=lambda: [],
        pooled=replica.pool.has,
        metrics=Metrics(version="test"),
        failed=failures.append,
        report=lambda name, values: reports.append((name, values)),
        wall_milliseconds=wall_milliseconds,
        limits=limits or ApiLimits(grace_seconds=1.0),
        access=access or Access(),
    )
    before(context)
    stop, stopped = trio.Event(), trio.Event()
    try:
        async with trio.open_nursery() as core:
            core.start_soon(gate.run)
            if lead:
                core.start_soon(drive.run)
                with trio.fail_after(WAIT_SECONDS):
                    await board.wait_certified(1)
            async with trio.open_nursery() as edge:
                serve = partial(_serve, context, stop, stopped)
                url = f"http://{await edge.start(serve)}"
                async with httpx.AsyncClient(
                    base_url=url, trust_env=False, timeout=WAIT_SECONDS
                ) as client:
                    yield Node(
                        context=context,
                        genesis=begin,
                        storage=storage,
                        replica=replica,
                        drive=drive,
                        inbox=inbox,
                        url=url,
                        stop=stop,
                        stopped=stopped,
                        client=client,
                        core=core.cancel_scope,
                        failures=failures,
                        reports=reports,
                    )
                stop.set()
            core.cancel_scope.cancel()
    finally:
        storage.close()


def _replica(begin: Genesis, storage: LmdbStorage) -> Replica:
    snapshot = storage.snapshot()
    replica = Replica(
        name=NODE,
        store=STORE,
        genesis=begin,
        signer=key("attest"),
        verify=verify,
        timing=QUICK,
        random=Random(1),
        reader=snapshot,
        now=trio.current_time(),
        wall_ms=wall_milliseconds(),
        guard=None,
    )
    snapshot.close()
    return replica


def _drive(
    replica: Replica, storage: LmdbStorage, inbox: Inbox, board: NoticeBoard, reserve_bytes: int
) -> Drive:
    return Drive(
        replica=replica,
        storage=storage,
        inbox=inbox,
        board=board,
        peers=NoPeers(),
        telemetry=Telemetry(version="test"),
        wall_milliseconds=wall_milliseconds,
        guard_write=_no_guard,
        reserve_bytes=reserve_bytes,
    )


async def _serve(
    context: Context, stop: trio.Event, stopped: trio.Event, *, task_status: trio.TaskStatus[str]
) -> None:
    await serve_api(context, host="127.0.0.1", port=0, stop=stop, task_status=task_status)
    stopped.set()


async def _no_guard(data: bytes) -> None:
    del data
