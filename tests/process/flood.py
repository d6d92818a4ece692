"""One institution floods a real network through a thousand keys; how does another fare meanwhile?

    python -m tests.process.flood        starts a network, measures, prints the table

Calm and flood are measured in one run, in turns: a lone client of another institution submits
one transaction at a time through a node of its own, and each round has as many samples without
the flood as with it. The flood comes from a process of its own that posts batches signed
beforehand, each transaction new and by the next of a thousand keys, on many connections, without
waiting for any outcome: as fast as the nodes can say yes or no, which is more than they commit.
"""

from __future__ import annotations

import http.client
import itertools
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from govchaind.base.crypto import Domain, SigningKey, digest
from govchaind.base.encoding import encode
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import build_body, sign_body
from tests.process.network import Network, put

FLOODER, QUIET = "statistics", "civil-affairs"
OFFICES, KEYS_EACH = 63, 16  # 1,008 keys
CONNECTIONS = 24
BATCH = 50
BATCHES = 600  # of one round; signed in some seconds
LIFETIME_MILLISECONDS = 10 * 60 * 1000


@dataclass(slots=True)
class Measured:
    """What one run saw."""

    calm: list[float] = field(default_factory=list)  # seconds of each transaction
    flooded: list[float] = field(default_factory=list)
    offered: int = 0  # transactions of the flood
    flood_seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)  # of the flood, by status or outcome

    def p99(self, times: list[float]) -> float:
        return statistics.quantiles(times, n=100, method="inclusive")[98]

    def ratio(self) -> float:
        return self.p99(self.flooded) / self.p99(self.calm)


def keys() -> list[tuple[str, SigningKey]]:
    """Return (office, key) of each of the flood's keys."""
    found = []
    for office in range(OFFICES):
        for number in range(KEYS_EACH):
            name = f"flood-{office}-{number}".encode()
            found.append((f"flood-{office}", SigningKey(digest(Domain.GENESIS, name))))
    return found


def prepare(network: Network) -> None:
    """Give the flooder its offices and both their registers."""
    by_office: dict[str, list[list[Any]]] = {}
    for office, key in keys():
        by_office.setdefault(office, []).append([key.public, "Flood", 0, None])
    operations = [
        (int(Kind.CREATE_OFFICE), [office, "Flood", 1, members])
        for office, members in by_office.items()
    ]
    leader = network.leader()
    for first in range(0, len(operations), 21):
        network.submit(leader, network.sign(FLOODER, operations[first : first + 21]))
    network.create_register(leader)
    create = (int(Kind.CREATE_REGISTER), ["flood", "Flood", [["v", "text"]], "clear", []])
    network.submit(leader, network.sign(FLOODER, [create]))


def flood_process(
    chain_id: bytes,
    addresses: list[tuple[str, int]],
    go: Event,
    stop: Event,
    told: Any,
    seed: int,
) -> None:
    """Sign batches, post them as fast as the nodes answer, and count the answers."""
    signers = keys()
    bodies: list[bytes] = []
    until = time.time_ns() // 1_000_000 + LIFETIME_MILLISECONDS
    for number in range(BATCHES):
        raws = []
        for place in range(BATCH):
            office, key = signers[(seed + number * BATCH + place) % len(signers)]
            operation = (int(Kind.PUT), ["flood", os.urandom(8), ["x" * 40], None])
            body = build_body(
                chain_id=chain_id,
                institution=FLOODER,
                office=office,
                operations=[operation],
                valid_until=until,
                salt=os.urandom(16),
            )
            raws.append(sign_body(body, [key]))
        bodies.append(encode(raws))
    told.put(("signed", None))
    counts: Counter[str] = Counter()
    lock = threading.Lock()
    turns = itertools.count()

    def post(address: tuple[str, int]) -> None:
        connection = http.client.HTTPConnection(*address, timeout=30)
        while not stop.is_set() and (turn := next(turns)) < len(bodies):
            body = bodies[turn]
            connection.request(
                "POST", "/v1/transactions?wait=none", body, {"content-type": "application/cbor"}
            )
            reply = connection.getresponse()
            data = reply.read()
            with lock:
                counts["offered"] += BATCH
                counts[f"http {reply.status}"] += 1
                for outcome in (b"institution-share-full", b"pool-full", b"inbox-full"):
                    counts[outcome.decode()] += data.count(b'"outcome":"' + outcome)

    threads = [
        threading.Thread(target=post, args=(addresses[i % len(addresses)],))
        for i in range(CONNECTIONS)
    ]
    go.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put(("counts", counts))


class Flood:
    """A flood that runs while this is entered."""

    def __init__(self, network: Network, targets: list[str], measured: Measured) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._go, self._stop = self._context.Event(), self._context.Event()
        self._told = self._context.Queue()
        self._measured = measured
        self._process = self._context.Process(
            target=flood_process,
            args=(
                network.chain_id,
                [network.api_address(name) for name in targets],
                self._go,
                self._stop,
                self._told,
                int.from_bytes(os.urandom(2), "big"),
            ),
        )
        self._process.start()
        assert self._told.get(timeout=120)[0] == "signed"
        self._began = 0.0

    def __enter__(self) -> Flood:
        self._began = time.monotonic()
        self._go.set()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        seconds = time.monotonic() - self._began
        counts = self._told.get(timeout=60)[1]
        self._process.join(60)
        self._measured.flood_seconds += seconds
        self._measured.offered += counts.pop("offered", 0)
        self._measured.answers.update(counts)


def lone_client(network: Network, name: str, samples: int, times: list[float]) -> None:
    """Submit one transaction after the other through one node; add what each took."""
    for _ in range(samples):
        raw = network.sign(QUIET, [put(f"quiet-{time.monotonic_ns()}")])
        began = time.monotonic()
        network.submit(name, raw)
        times.append(time.monotonic() - began)


def measure(network: Network, *, rounds: int, samples: int) -> Measured:
    """Measure in turns; the network runs and is prepared."""
    measured = Measured()
    own, *others = network.validators
    lone_client(network, own, 10, [])
    for _ in range(rounds):
        flood = Flood(network, others, measured)
        lone_client(network, own, samples, measured.calm)
        with flood:
            time.sleep(1.0)
            lone_client(network, own, samples, measured.flooded)
        network.wait_level(*network.validators)
    return measured


def write(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        network = Network(Path(folder) / "net")
        try:
            network.start_all()
            prepare(network)
            measured = measure(network, rounds=3, samples=60)
        finally:
            network.close()
    for name, times in (("calm", measured.calm), ("flooded", measured.flooded)):
        middle = statistics.median(times)
        write(f"{name:8} p50 {middle * 1e3:8.1f} ms   p99 {measured.p99(times) * 1e3:8.1f} ms")
    rate = measured.offered / measured.flood_seconds
    write(f"p99 ratio {measured.ratio():.2f}; flood {rate:,.0f} transactions a second offered")
    write(f"the flood was told: {dict(measured.answers)}")


if __name__ == "__main__":
    main()
