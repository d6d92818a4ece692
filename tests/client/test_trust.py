"""`govchaind trust advance` over real changes of membership, through a real node's HTTP door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio

from govchaind.api.context import ApiLimits, Context
from govchaind.api.network import membership_in_force
from govchaind.api.server import serve_api
from govchaind.base.crypto import Domain
from govchaind.base.keyvalue import WriteBatch
from govchaind.base.merkle import AppendTree
from govchaind.cli.main import OK
from govchaind.client.trust import load_trust, save_trust
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.results import stored_subtree
from govchaind.ledger.trust import TrustRoot, TrustStep, read_advance
from govchaind.replica.stored_certificates import certificate_at
from govchaind.runtime.gate import Gate
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.metrics import Metrics
from govchaind.runtime.noticeboard import NoticeBoard
from govchaind.runtime.system import InlineThreads
from tests.cli.command import Command
from tests.replica.cluster import Cluster, key, member

FOUNDERS = ("ann", "bob", "cid")
MAP_BYTES = 16 * 1024 * 1024


@pytest.fixture
def cluster() -> Cluster:
    """Return a network that dee, an observer, has joined as a validator."""
    cluster = Cluster(FOUNDERS, ["dee"])
    cluster.run(10)
    _vote(cluster, MotionKind.SET_NODE, member("dee").fields()[:-1])
    assert _validators(cluster) == ["ann", "bob", "cid", "dee"]
    return cluster


def _vote(cluster: Cluster, kind: MotionKind, arguments: list[object]) -> None:
    cluster.vote(kind, arguments)
    cluster.run(200)


def _validators(cluster: Cluster) -> list[str]:
    force = membership_in_force(cluster.nodes["bob"].disk, cluster.heights()["bob"])
    return [voter.name for voter in force.voters()]


def _past_the_change(cluster: Cluster) -> TrustRoot:
    """Return the trust of one to whom a newer head was shown, signed by those who stayed, and the
    change before it was not."""
    disk = cluster.nodes["bob"].disk
    height = cluster.certified()["bob"]
    newest = certificate_at(disk, height)
    assert newest is not None
    pairs = [
        (name, key(f"{name}-attest").sign(Domain.ATTESTATION, newest.statement))
        for name in FOUNDERS
    ]
    proof = AppendTree(height, stored_subtree(disk)).consistency_proof(0)
    step = TrustStep(Certificate(newest.statement, tuple(pairs)), tuple(proof))
    return TrustRoot.from_genesis(cluster.genesis).advance([step])


@asynccontextmanager
async def door(cluster: Cluster, path: Path) -> AsyncIterator[str]:
    """Serve bob's store over HTTP; yield the address."""
    bob = cluster.nodes["bob"]
    storage = LmdbStorage(path / "store", map_bytes_max=MAP_BYTES)
    batch = WriteBatch()
    batch.changes.update(bob.disk.values)
    await storage.write(batch)
    replica = bob.replica
    context = Context(
        name="bob",
        version="0.1.0",
        genesis=cluster.genesis,
        storage=storage,
        gate=Gate(InlineThreads(), known=replica.known),
        inbox=Inbox(),
        board=NoticeBoard(lambda: replica.status(cluster.now)),
        members=replica.members,
        links=lambda: [],
        pooled=replica.pool.has,
        metrics=Metrics(version="test"),
        failed=lambda error: pytest.fail(str(error)),
        report=lambda name, values: pytest.fail(f"{name} {values}"),
        limits=ApiLimits(grace_seconds=1.0),
    )
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        serve = partial(serve_api, context, host="127.0.0.1", port=0, stop=stop)
        yield f"http://{await nursery.start(serve)}"
        stop.set()
    storage.close()


def _advance(govchaind: Command, cluster: Cluster, path: Path, trust: TrustRoot) -> TrustRoot:
    """Run the command in a thread, as its user does in a terminal."""
    file = path / "trust"
    save_trust(file, trust)

    async def run() -> None:
        async with door(cluster, path) as url:
            ended = await trio.to_thread.run_sync(govchaind, "trust", "advance", file, "--url", url)
            assert (ended.code, ended.errors) == (OK, "")

    trio.run(run)
    return load_trust(file)


def test_from_genesis_over_all_changes(
    capsys: pytest.CaptureFixture[str], cluster: Cluster, tmp_path: Path
) -> None:
    _vote(cluster, MotionKind.REMOVE_NODE, ["ann"])
    assert _validators(cluster) == ["bob", "cid", "dee"]
    advanced = _advance(Command(capsys), cluster, tmp_path, TrustRoot.from_genesis(cluster.genesis))
    assert [voter.name for voter in advanced.membership.voters()] == ["bob", "cid", "dee"]
    assert advanced.head_height == cluster.certified()["bob"]


def test_after_a_head_beyond_a_change_that_was_not_shown(
    capsys: pytest.CaptureFixture[str], cluster: Cluster, tmp_path: Path
) -> None:
    past = _past_the_change(cluster)
    cluster.drop("ann")  # so that dee's signature is needed, whom this trust does not know yet
    cluster.run(200)
    advanced = _advance(Command(capsys), cluster, tmp_path, past)
    assert (past.era, past.changes) == (0, 0)
    assert [voter.name for voter in advanced.membership.voters()] == ["ann", "bob", "cid", "dee"]
    assert (advanced.changes, advanced.head_height) == (2, cluster.certified()["bob"])
    assert advanced.head_height > past.head_height


async def test_what_a_node_cannot_prove(cluster: Cluster, tmp_path: Path) -> None:
    async with door(cluster, tmp_path) as url, httpx.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"{url}/v1/trust?from=3&era=4")
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid-parameter")
        ahead = await client.get(f"{url}/v1/trust?from=1000000&era=0")
        assert read_advance(ahead.content) == []
