"""Whoever follows a chain from outside comes over its recovery by office keys, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from govchaind.api.network import trust_steps
from govchaind.backup.links import Links
from govchaind.base.encoding import decode, encode
from govchaind.base.errors import InvalidProof
from govchaind.exit_pack.pack import write_pack
from govchaind.exit_pack.source import Source
from govchaind.ledger.block import read_block
from govchaind.ledger.certificate import Certificate, read_certificate
from govchaind.ledger.recovery import Recovery, read_recovery
from govchaind.ledger.snapshot_head import Standing
from govchaind.ledger.trust import TrustRoot, encode_advance, read_advance
from govchaind.replica.attestation import certificate_at
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.replay import Replay
from govchaind.runtime.snapshot_server import steps_between
from tests.exit_pack.packed import seal, verify, verify_here
from tests.exit_pack.test_damage import records, write_records
from tests.recovery.disaster import lose, recovered, signed, uncertified
from tests.replica.cluster import Cluster

Rows = list[tuple[bytes, bytes | None]]


@pytest.fixture(scope="module", name="chain")
def a_recovered_chain() -> tuple[Cluster, Recovery]:
    cluster = uncertified()
    leader = cluster.leader()
    one, two, *others = (name for name in "abcde" if name != leader)
    lose(cluster, leader, *others)
    recovery = recovered(cluster, one, two)
    cluster.run(3)
    cluster.offer(cluster.leader(), [cluster.put(77)])
    cluster.run(3)
    return cluster, recovery


def rows(cluster: Cluster) -> Rows:
    """Return all certified blocks and their certificates, as a node gives them."""
    node = next(iter(cluster.nodes.values()))
    found: Rows = []
    for height in range(1, node.replica.attestations.certified + 1):
        certificate = certificate_at(node.disk, height)
        assert certificate is not None
        found.append((node.log().block(height).raw, certificate.encode()))
    return found


def weaker(recovery: Recovery) -> bytes:
    """Return the record without one of the signatures that it needs."""
    return replace(recovery, signatures=recovery.signatures[1:]).encode()


def with_fewer_signatures(chain: tuple[Cluster, Recovery]) -> Rows:
    """Return the rows with a record that too few institutions have signed, wherever it stands."""
    cluster, recovery = chain
    found = rows(cluster)
    place, last = recovery.body.certified, recovery.body.kept
    raw, data = found[place]
    kept = read_certificate(data or b"")
    found[place] = raw, Certificate(kept.statement, kept.signatures, weaker(recovery)).encode()
    block = read_block(found[last][0])
    assert block.membership is not None
    said = [block.header, [], block.membership.encode(), weaker(recovery)]
    found[last] = encode(said), found[last][1]
    return found


def links(cluster: Cluster, given: Rows) -> int:
    followed = Links(cluster.genesis)
    for raw, certificate in given:
        followed.take(raw, certificate)
    return followed.tip.height


async def replayed(cluster: Cluster, given: Rows, path: Path) -> int:
    storage = LmdbStorage(path)
    try:
        replay = await Replay.prepare(storage, cluster.genesis)
        for height, row in enumerate(given, 1):
            await replay.take(await replay.judge(height, [row]))
        return replay.height
    finally:
        storage.close()


async def test_a_store_and_a_backup_are_made_over_it(
    chain: tuple[Cluster, Recovery], tmp_path: Path
) -> None:
    cluster, recovery = chain
    given = rows(cluster)
    assert len(given) > recovery.body.height > recovery.body.certified + 1
    assert links(cluster, given) == len(given)
    assert await replayed(cluster, given, tmp_path / "store") == len(given)


async def test_neither_is_made_where_too_few_institutions_have_signed(
    chain: tuple[Cluster, Recovery], tmp_path: Path
) -> None:
    cluster, recovery = chain
    forged = with_fewer_signatures(chain)
    place = recovery.body.certified
    with pytest.raises(InvalidProof, match="4 are needed"):
        links(cluster, forged)
    with pytest.raises(InvalidProof, match="4 are needed"):
        await replayed(cluster, forged, tmp_path / "store")
    bare = rows(cluster)
    certificate = read_certificate(bare[place][1] or b"").without_recovery()
    bare[place] = bare[place][0], certificate.encode()
    with pytest.raises(InvalidProof):
        links(cluster, bare)


def test_a_trust_root_is_led_over_it_from_genesis(chain: tuple[Cluster, Recovery]) -> None:
    cluster, recovery = chain
    node = next(iter(cluster.nodes.values()))
    genesis = TrustRoot.from_genesis(cluster.genesis)
    steps = read_advance(trust_steps(node.disk, 0, 0))
    later = genesis.advance(steps)
    assert later.head_height == node.replica.attestations.certified
    assert [each.height for each in later.recoveries] == [recovery.body.height]
    assert read_recovery(steps[0].recovery or b"").body == recovery.body
    forged = [replace(steps[0], recovery=weaker(recovery)), *steps[1:]]
    with pytest.raises(InvalidProof, match="4 are needed"):
        genesis.advance(read_advance(encode_advance(forged)))
    assert (
        later.advance(read_advance(trust_steps(node.disk, later.head_height, later.era))) == later
    )


def test_a_snapshot_is_believed_over_it(chain: tuple[Cluster, Recovery]) -> None:
    cluster, recovery = chain
    node = next(iter(cluster.nodes.values()))
    last = node.replica.attestations.certified
    steps, whole = steps_between(node.disk, 0, last)
    standing = Standing(cluster.genesis)
    for step in steps:
        standing.take(step)
    assert (whole, standing.era) == (True, recovery.body.height)
    assert standing.membership == recovery.body.membership
    [over] = read_advance(steps[-1])
    for wrong in (replace(over, recovery=None), replace(over, recovery=weaker(recovery))):
        with pytest.raises(InvalidProof):
            Standing(cluster.genesis).take(encode_advance([wrong]))


@pytest.fixture(name="folder")
def a_pack(chain: tuple[Cluster, Recovery], tmp_path: Path) -> Path:
    cluster, _ = chain
    node = next(iter(cluster.nodes.values()))
    folder = tmp_path / "pack"
    folder.mkdir()
    write_pack(Source(node.disk, cluster.genesis), folder, tables=False)
    return folder


def test_an_exit_pack_shows_it_and_judges_it_by_itself(
    chain: tuple[Cluster, Recovery], folder: Path
) -> None:
    _, recovery = chain
    done = verify(folder)
    assert (done.code, done.errors) == (0, "")
    assert f"RECOVERED     the quorum was lost; at height {recovery.body.height}" in done.output
    assert "dept-a, dept-b, dept-c, dept-d had " in done.output
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["certified"] > recovery.body.height


def _record_of(recovery: Recovery, change: str) -> bytes:
    if change == "too few":
        return weaker(recovery)
    if change == "a stranger":
        others = signed(replace(recovery, signatures=()), "abc").signatures
        name, _, signature = recovery.signatures[3]
        return replace(recovery, signatures=(*others, (name, bytes(32), signature))).encode()
    body = replace(recovery.body, time=recovery.body.time + 1)
    return replace(recovery, raw=body.encode(), body=body).encode()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("too few", "3 institutions recovered; 4 are needed"),
        ("a stranger", "the signature of dept-d on a recovery"),
        ("another time", "the signature of dept-a on a recovery"),
    ],
)
def test_an_exit_pack_with_a_forged_recovery_does_not_hold(
    chain: tuple[Cluster, Recovery], folder: Path, change: str, reason: str
) -> None:
    _, recovery = chain
    record = _record_of(recovery, change)

    def forge(found: list[Any]) -> None:
        place = 1 + recovery.body.certified  # after the file's own record
        statement, signatures, _ = decode_array(found[place][1])
        found[place][1] = encode([statement, signatures, record])

    changed(folder, forge)
    done = verify_here(folder)
    assert done.code == 1
    assert reason in done.errors


def test_an_exit_pack_whose_recovery_nobody_announces_does_not_hold(
    chain: tuple[Cluster, Recovery], folder: Path
) -> None:
    _, recovery = chain

    def forge(found: list[Any]) -> None:
        place = 1 + recovery.body.certified  # after the file's own record
        statement, signatures, _ = decode_array(found[place][1])
        found[place][1] = encode([statement, signatures])

    changed(folder, forge)
    done = verify_here(folder)
    assert done.code == 1
    assert "have signed" in done.errors


def decode_array(data: bytes) -> list[Any]:
    found: list[Any] = decode(data, bytes_max=len(data))
    return found


def changed(folder: Path, change: Callable[[list[Any]], None]) -> None:
    """Change the blocks of a pack and seal it anew."""
    path = folder / "blocks" / "000001.cbor"
    found = records(path)
    change(found)
    write_records(path, found)
    seal(folder)
