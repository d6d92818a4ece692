"""Load signed before anything is measured: whole request bodies in a file, made on all cores.

A file holds requests one after the other: length (4 bytes), number of transactions (4 bytes), and
the body, a CBOR array of signed transactions. Authors take turns request by request, so that each
institution keeps within its share of the pool. Keys of records are numbers: those below `records`
are there already, so that a load can rewrite old records and add new ones in a stated mix.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_parts.network import INSTITUTIONS, TrialNetwork
from govchaind.base.crypto import SigningKey
from govchaind.base.encoding import encode
from govchaind.base.types import Hash
from govchaind.cli.init_network import GOVERNING_OFFICE
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import build_body, sign_body

LIFETIME_MILLISECONDS = 2 * 3600 * 1000
REQUESTS_PER_CHUNK = 64
TEXTS = ("Chang'an Avenue 长安街", "issued on request", "in force")

Seeds = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What one request carries."""

    operations: int  # under one signature
    transactions: int  # in one request
    rewrites: float = 0.5  # share of operations on records that are there already


@dataclass(frozen=True, slots=True)
class _Job:
    chain_id: Hash
    seeds: Seeds
    shape: Shape
    records: int  # keys below it are there
    next_key: int  # keys from it on are new
    requests: int
    first: int  # number of this chunk's first request, which says whose turn it is
    seed: int


def register_of(institution: str) -> str:
    return f"records-{institution}"


def record_operation(institution: str, number: int, salt: int) -> tuple[int, list[Any]]:
    """Return one `put`: a record of three short texts and a number, about 100 bytes."""
    key = f"{institution}-{number:012d}".encode()
    value = [*TEXTS, f"case {number} of {salt}", salt]
    return int(Kind.PUT), [register_of(institution), key, value, None]


def register_body(network: TrialNetwork) -> bytes:
    """Return the body that founds each institution's register."""
    raws = []
    for key in network.keys:
        fields = [["place", "text"], ["note", "text"], ["state", "text"], ["case", "text"]]
        schema = [*fields, ["number", "integer"]]
        name = register_of(key.institution)
        arguments = [name, f"Records of {key.institution}", schema, "clear", []]
        operation = (int(Kind.CREATE_REGISTER), arguments)
        raws.append(_signed(network.chain_id, key.institution, key.signing_key(), [operation]))
    return encode(raws)


def _signed(
    chain_id: Hash, institution: str, key: SigningKey, operations: list[tuple[int, list[Any]]]
) -> bytes:
    body = build_body(
        chain_id=chain_id,
        institution=institution,
        office=GOVERNING_OFFICE,
        operations=operations,
        valid_until=time.time_ns() // 1_000_000 + LIFETIME_MILLISECONDS,
        salt=os.urandom(16),
    )
    return sign_body(body, [key])


def _chunk(job: _Job) -> bytes:
    """Make the requests of one job, as they lie in the file."""
    keys = {name: SigningKey(seed) for name, seed in job.seeds}
    choice = random.Random(job.seed)
    shape, parts, fresh = job.shape, [], job.next_key
    for place in range(job.requests):
        institution = INSTITUTIONS[(job.first + place) % len(INSTITUTIONS)]
        raws = []
        for _ in range(shape.transactions):
            operations = []
            for _ in range(shape.operations):
                if job.records and choice.random() < shape.rewrites:
                    number = choice.randrange(job.records)
                else:
                    number, fresh = fresh, fresh + 1
                operations.append(record_operation(institution, number, choice.getrandbits(20)))
            raws.append(_signed(job.chain_id, institution, keys[institution], operations))
        body = encode(raws)
        parts.append(len(body).to_bytes(4, "big") + len(raws).to_bytes(4, "big") + body)
    return b"".join(parts)


class Presigner:
    """Makes load files for a network; new records get numbers that no other file used."""

    def __init__(self, network: TrialNetwork, folder: Path) -> None:
        self._network = network
        self._folder = folder
        self._files = 0
        self.records = 0  # numbers below it are used
        self._seeds: Seeds = tuple((key.institution, key.seed or b"") for key in network.keys)

    def make(self, shape: Shape, requests: int, *, existing: int | None = None) -> Path:
        """Sign `requests` requests into a new file; return its path.

        Args:
            existing: rewrites choose among so many records (None: no rewrites).
        """
        self._files += 1
        path = self._folder / f"load-{self._files}.bin"
        each = shape.operations * shape.transactions
        jobs = []
        for first in range(0, requests, REQUESTS_PER_CHUNK):
            count = min(REQUESTS_PER_CHUNK, requests - first)
            seed = self._files * 1_000_003 + first
            jobs.append(
                _Job(
                    chain_id=self._network.chain_id,
                    seeds=self._seeds,
                    shape=shape,
                    records=existing or 0,
                    next_key=self.records,
                    requests=count,
                    first=first,
                    seed=seed,
                )
            )
            self.records += count * each
        context = multiprocessing.get_context("fork")
        with context.Pool() as pool, path.open("wb") as file:
            for part in pool.imap(_chunk, jobs):
                file.write(part)
        return path


def read_requests(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield each request's body and its number of transactions."""
    with path.open("rb") as file:
        while head := file.read(8):
            body = file.read(int.from_bytes(head[:4], "big"))
            yield body, int.from_bytes(head[4:], "big")
