"""Node folders of a stopped cluster, as the commands that recover it are given them."""

from __future__ import annotations

from pathlib import Path

import trio

from govchaind.base.encoding import encode
from govchaind.base.keyvalue import WriteBatch
from govchaind.cli.node_files import Ports, make_node
from govchaind.client.keyfile import new_key
from govchaind.identity import write_private
from govchaind.node import load
from govchaind.replica.store import APPLIED, GENESIS
from govchaind.runtime.guard import guard_bytes, read_guard
from govchaind.runtime.joining import WHOLE
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.store_exchange import exchange, second_directory
from govchaind.runtime.telemetry import Telemetry
from tests.replica.cluster import OFFICE, Cluster, store_id

Rows = dict[bytes, bytes]


def seed(name: str) -> bytes:
    """Return the seed of the cluster's key of this name."""
    return name.encode().ljust(32, b".")[:32]


def folder(root: Path, cluster: Cluster, name: str) -> Path:
    """Write a node's folder with its keys, its guard and what is on its disk."""
    directory = root / name
    parts = iter((store_id(name), seed(f"{name}-attest"), seed(f"{name}-tls")))
    make_node(
        directory,
        name=name,
        institution=f"dept-{name}",
        role="validator",
        ports=Ports("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"),
        advertised="127.0.0.1:1",
        entropy=lambda _: next(parts),
    )
    (directory / "genesis.bin").write_bytes(cluster.genesis.bytes)
    node = cluster.nodes[name]
    assert node.guard is not None
    (directory / "guard").write_bytes(guard_bytes(node.guard))
    write(directory / "store", dict(node.disk.scan(b"", b"\xff" * 16)))
    return directory


def office_key(root: Path, institution: str) -> Path:
    """Write the key of an institution's governing office."""
    key = new_key(institution=institution, office=OFFICE, title="Head", seed=seed(institution))
    path = root / f"{institution}.key"
    write_private(path, key.text(private=True))
    return path


def second(directory: Path) -> Path:
    """Return where a node's second store lies."""
    config, _, _ = load(directory)
    return second_directory(config.store_directory)


def join(directory: Path, height: int, *, whole: bool = True) -> Path:
    """Leave a second store of this height beside a node's store; return its folder."""
    genesis = {GENESIS: rows(directory / "store")[GENESIS], APPLIED: encode(height)}
    write(second(directory), genesis | ({WHOLE: encode(height)} if whole else {}))
    return second(directory)


def next_start(directory: Path) -> None:
    """Do with the stores what the node's next start does before all else."""
    config, identity, _ = load(directory)
    guard = read_guard(identity.guard_path.read_bytes())
    telemetry = Telemetry(version="0")
    trio.run(exchange, config.store_directory, config.storage, guard, telemetry)


def rows(store: Path) -> Rows:
    """Return all that a store holds."""
    storage = LmdbStorage(store)
    try:
        with storage.snapshot() as snapshot:
            return dict(snapshot.scan(b"", b"\xff" * 16))
    finally:
        storage.close()


def write(store: Path, given: Rows) -> None:
    batch = WriteBatch()
    for key, value in given.items():
        batch.put(key, value)
    storage = LmdbStorage(store)
    try:
        trio.run(storage.write, batch)
    finally:
        storage.close()
