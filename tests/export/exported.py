"""Makes exports of a chain in memory, verifies them by themselves and by a node, asks DuckDB."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import duckdb

from govchaind.bridge.feed import Judge, Verified, verified
from govchaind.bridge.following import Following, Reached
from govchaind.export.checking import Checked, check, own_genesis, own_heights
from govchaind.export.exporting import ExportSink
from govchaind.export.manifest import read_manifest
from govchaind.ledger.trust import TrustRoot
from tests.bridge.chain_node import ChainNode, client_of
from tests.ledger.chain import Chain


async def export(
    chain: Chain, folder: Path, *, certified: int | None = None, **settings: Any
) -> Reached:
    sink = ExportSink(folder, **settings)
    async with client_of(ChainNode(chain, certified=certified)) as client:
        following = Following(client, chain.genesis, sink, patience_seconds=1)
        return await following.run(once=True)


async def verify(chain: Chain, folder: Path, trust: TrustRoot | None = None) -> Checked:
    manifest = read_manifest(folder)
    assert manifest is not None
    genesis = own_genesis(folder, chain.genesis.chain_id)

    async def heights() -> AsyncGenerator[Verified, None]:
        for one in own_heights(folder, manifest, genesis, trust):
            yield one

    async with aclosing(heights()) as stream:
        return await check(folder, manifest, stream)


async def verify_by_node(chain: Chain, folder: Path) -> Checked:
    manifest = read_manifest(folder)
    assert manifest is not None
    async with client_of(ChainNode(chain)) as client:
        judge = Judge(chain.genesis, None)
        stream = verified(client, judge, until=manifest.tip.height, patience_seconds=1)
        async with aclosing(stream) as heights:
            return await check(folder, manifest, heights)


def ask(folder: Path, question: str) -> list[Any]:
    answer = duckdb.sql(question.replace("FOLDER", str(folder)))
    assert answer is not None
    return answer.fetchall()


def text(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
