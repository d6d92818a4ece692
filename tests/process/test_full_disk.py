"""No room: on the disk, which comes back by itself, and in the map, which takes a larger setting.

The node refuses writes with 507, serves reads, loses nothing, and goes on when there is room. The
whole node directory, guard file and all, lies on a tmpfs in a mount namespace of its own, which
ends with the node's process.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import httpx

from tests.process.conftest import MakeNetwork
from tests.process.network import ROOT, Network, govchaind

DISK_BYTES = 48 * 1024 * 1024
MAP_BYTES = 16 * 1024 * 1024  # the least that the setting allows
BATCH, VALUE_CHARS = 20, 15_000


def start_on_small_disk(network: Network, name: str) -> None:
    """Start a node whose directory is on a disk of its own; it is there as long as it runs."""
    folder = network.folder(name)
    kept = folder.with_name(f"{name}-on-the-large-disk")
    folder.rename(kept)
    folder.mkdir()
    script = (
        f"mount -t tmpfs -o size={DISK_BYTES} none {folder} && cp -a {kept}/. {folder} && "
        f"cd {ROOT} && exec {sys.executable} -m govchaind run {folder}"
    )
    network.start_as(name, ["unshare", "--mount", "sh", "-c", script])


def disk_of(network: Network, name: str) -> Path:
    """Return the small disk as the node's process sees it."""
    return Path(f"/proc/{network.daemons[name].pid}/root{network.folder(name)}")


def fill(disk: Path) -> Path:
    """Write until there is not one byte of room; return the file that takes it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return filler


def refused_with_507(network: Network, name: str) -> bool:
    """Offer the node a fact; say whether it refuses it for want of room."""
    reply = network.post(name, [network.put(f"refused-{time.monotonic_ns()}")], wait="none")
    if reply.status_code != 507:
        return False
    body = reply.json()
    assert body["error"]["code"] == "storage-full"
    assert body["error"]["remedy"]
    assert int(reply.headers["retry-after"]) > 0
    return True


def test_a_full_disk_refuses_writes_serves_reads_and_recovers(make_network: MakeNetwork) -> None:
    network = make_network()
    full, *others = network.names
    network.set(full, storage__reserve_bytes=0)  # so that writes themselves meet the full disk
    start_on_small_disk(network, full)
    network.start(*others)
    network.wait_ready(*network.names)
    network.create_register(network.leader())
    ids = network.submit(full, network.put("before", "full"))
    network.wait_level()

    filler = fill(disk_of(network, full))
    # The others go on, also if it was the leader that can no longer write.
    network.wait_for(lambda: network.leader() is not None, "nobody leads")
    ids += commit_somewhere(network, others, "while-one-is-full")
    network.wait_for(lambda: refused_with_507(network, full), "it does not refuse")
    network.wait_event(full, "storage.full")
    # It goes on so for seconds, the guard file's turns among them, and serves what it has.
    for i in range(4):
        time.sleep(1)
        network.check_alive()
        assert network.record(full, "before") == "full"
        ids += commit_somewhere(network, others, f"meanwhile-{i}")
    reply = network.get(full, "/readyz")
    assert reply.status_code == 503
    assert any("storage full" in reason for reason in reply.json()["reasons"])

    filler.unlink()
    network.wait_event(full, "storage.room_again")
    network.wait_ready(full)
    ids += network.submit(full, network.put("after", "room"))
    network.wait_level()
    for transaction in ids:
        assert network.json(full, f"/v1/transactions/{transaction.hex()}")["status"] == "certified"
    assert network.stop(full) == 0


def commit_somewhere(network: Network, names: list[str], key: str) -> list[bytes]:
    """Submit one fact through whichever of the nodes takes it."""
    raw = network.put(key)

    def committed() -> bool:
        for name in names:
            try:
                reply = network.post(name, [raw], seconds=3)
            except httpx.HTTPError:
                continue
            rows = reply.json().get("transactions", [])
            if rows and rows[0]["status"] in ("committed", "certified"):
                return True
        return False

    from govchaind.ledger.transaction import read_transaction

    network.wait_for(committed, f"{key} is not committed")
    return [read_transaction(raw).id]


def test_less_than_the_reserve_is_no_room(make_network: MakeNetwork) -> None:
    network = make_network(validators=1)
    name = network.names[0]
    network.set(name, storage__reserve_bytes=8 * 1024 * 1024)
    start_on_small_disk(network, name)
    network.wait_ready(name)
    network.create_register(name)
    filler = disk_of(network, name) / "filler"
    filler.write_bytes(bytes(DISK_BYTES - 8 * 1024 * 1024))
    network.wait_for(lambda: refused_with_507(network, name), "it does not refuse")
    told = network.wait_event(name, "storage.low")
    assert told["free_bytes"] < told["reserve_bytes"]
    assert network.get(name, "/v1/registers").status_code == 200
    filler.unlink()
    network.wait_ready(name)
    network.submit(name, network.put("after"))


def test_a_full_map_refuses_writes_until_the_setting_is_larger(make_network: MakeNetwork) -> None:
    network = make_network(validators=1)
    name = network.names[0]
    network.set(name, storage__map_bytes_max=MAP_BYTES, storage__reserve_bytes=0)
    network.start_all()
    network.create_register(name)
    accepted: list[str] = []
    number = 0
    while number < 10_000:
        keys = [f"large-{number + i}" for i in range(BATCH)]
        number += BATCH
        raws = [network.put(key, "x" * VALUE_CHARS) for key in keys]
        reply = network.post(name, raws, seconds=2)
        if reply.status_code == 507:
            break
        rows = reply.json()["transactions"]
        accepted += [
            key
            for key, row in zip(keys, rows, strict=True)
            if row["status"] in ("committed", "certified")
        ]
    assert refused_with_507(network, name)
    assert "map_bytes_max" in network.wait_event(name, "storage.full")["problem"]
    assert len(accepted) > BATCH
    # The last ones told are in the log, but their results found no room: they are read below.
    assert network.record(name, accepted[0]) == "x" * VALUE_CHARS
    time.sleep(2.5)  # more than one turn of the guard file
    network.check_alive()

    assert network.stop(name) == 0
    network.set(name, storage__map_bytes_max=4 * MAP_BYTES)
    network.start(name)
    network.wait_ready(name)
    network.submit(name, network.put("after"))
    for key in accepted:
        assert network.record(name, key) == "x" * VALUE_CHARS
    network.stop(name)
    assert "The store holds" in govchaind("verify", str(network.folder(name)))
