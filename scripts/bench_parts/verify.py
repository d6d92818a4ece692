"""How long `govchaind verify` takes for a whole store, against the verification of its signatures.

The bound is the same transactions' signatures alone, in memory, by as many processes at once.
"""

from __future__ import annotations

import multiprocessing
import statistics
import subprocess
import sys
import time
from typing import Any

from bench_parts.network import BenchFailed, NodePlace, TrialNetwork
from govchaind.ledger.transaction import Transaction, verify_transaction
from govchaind.node import load
from govchaind.replica.store import StoredLog, View
from govchaind.runtime.lmdb_storage import LmdbStorage

ROUNDS = 3
SAMPLE = 8_000  # transactions whose signatures give the bound
_sample: list[Transaction] = []  # read before processes are forked, which then have it too


def measure_verify(network: TrialNetwork, cores: int) -> dict[str, Any]:
    """Stop a follower and check its store, by one process and by one for each core."""
    network.wait_level()
    leader = network.leader()
    node = next(node for node in network.nodes if node.name != leader)
    network.stop(node.name)
    transactions = _read(node)
    found: dict[str, Any] = {"transactions": transactions, "processes": {}}
    for jobs in sorted({1, cores}):
        rounds = [_round(node, jobs, transactions) for _ in range(ROUNDS)]
        found["processes"][str(jobs)] = {
            "seconds": statistics.median(seconds for seconds, _ in rounds),
            "of_bound": statistics.median(share for _, share in rounds),
            "rounds": rounds,
        }
    _sample.clear()
    network.start(node.name)
    network.wait_ready(node.name)
    return found


def _read(node: NodePlace) -> int:
    """Take the sample from a store; return how many transactions it has."""
    storage = LmdbStorage(load(node.directory)[0].store_directory)
    try:
        with storage.snapshot() as snapshot:
            log = StoredLog(View(snapshot), lambda _: None)
            count = 0
            for height in range(1, log.last_index() + 1):
                transactions = log.block(height).transactions
                count += len(transactions)
                _sample.extend(transactions[: SAMPLE - len(_sample)])
            return count
    finally:
        storage.close()


def _round(node: NodePlace, jobs: int, transactions: int) -> tuple[float, float]:
    """Return the seconds of one check, and the share of the bound, measured before and after."""
    before = _signatures_a_second(jobs)
    command = ["-m", "govchaind", "verify", str(node.directory), "--jobs", str(jobs)]
    began = time.monotonic()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode:
        raise BenchFailed(f"govchaind verify: {done.stdout}{done.stderr}")
    bound = (before + _signatures_a_second(jobs)) / 2
    return round(seconds, 2), round(transactions / seconds / bound, 3)


def _signatures_a_second(jobs: int) -> float:
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        return sum(pool.map(_rate, range(jobs), chunksize=1))


def _rate(_: int) -> float:
    began = time.perf_counter()
    for transaction in _sample:
        verify_transaction(transaction)
    return len(_sample) / (time.perf_counter() - began)
