"""What must be so at the end: nothing acknowledged is lost, one chain, receipts that verify."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import trio

from govchaind.base.encoding import read
from govchaind.base.errors import GovchaindError
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import prefix_end
from govchaind.base.types import Hash
from govchaind.client.client import Client
from govchaind.ledger.block import read_block
from govchaind.ledger.receipt import verify_receipt
from govchaind.ledger.trust import TrustRoot
from govchaind.replica.store import ROW_BYTES_MAX, applied_height, stored_genesis
from govchaind.runtime.lmdb_storage import LmdbStorage
from netsim.checker.jepsen import read_history
from netsim.checker.register import check, overall
from netsim.checker.search import Answer

RECEIPTS = 25  # of the acknowledged writes, evenly spread


def stored(folder: Path) -> tuple[int, Counter[Hash], list[Hash]]:
    """Return a stopped node's height, how often each transaction is there, and block hashes."""
    storage = LmdbStorage(folder / "store")
    try:
        with storage.snapshot() as snapshot:
            height = applied_height(snapshot)
            times: Counter[Hash] = Counter()
            hashes: list[Hash] = []
            start = Table.LOG.value
            for _, row in snapshot.scan(start, prefix_end(start)):
                _, raw = read(row, tuple[int, bytes], bytes_max=ROW_BYTES_MAX)
                block = read_block(raw, lambda _: None)
                if block.height <= height:
                    times.update(item.id for item in block.transactions)
                    hashes.append(block.hash)
            return height, times, hashes
    finally:
        storage.close()


def trust_of(folder: Path) -> TrustRoot:
    """Return what one trusts who has only a stopped node's genesis."""
    storage = LmdbStorage(folder / "store")
    try:
        with storage.snapshot() as snapshot:
            return TrustRoot.from_genesis(stored_genesis(snapshot))
    finally:
        storage.close()


def stores_wrong(folders: Sequence[Path], acknowledged: Sequence[Hash]) -> list[str]:
    """Say what is wrong with the stores of stopped nodes."""
    wrong: list[str] = []
    chains: list[list[Hash]] = []
    for folder in folders:
        height, times, hashes = stored(folder)
        chains.append(hashes)
        lost = [item for item in acknowledged if times[item] != 1]
        doubled = [item for item, count in times.items() if count != 1]
        if lost:
            wrong.append(f"{folder.name} at {height}: {len(lost)} acknowledged writes are lost")
        if doubled:
            wrong.append(f"{folder.name}: {len(doubled)} transactions are there more than once")
    shortest = min(len(chain) for chain in chains)
    if len({tuple(chain[:shortest]) for chain in chains}) != 1:
        wrong.append("the nodes hold different chains")
    return wrong


async def fetch_receipts(client: Client, acknowledged: Sequence[Hash]) -> dict[Hash, bytes]:
    """Return receipts of some acknowledged writes."""
    step = max(1, len(acknowledged) // RECEIPTS)
    found: dict[Hash, bytes] = {}
    async with client:
        for item in acknowledged[::step]:
            with trio.fail_after(30):
                found[item] = await client.receipt(item, deadline_seconds=20)
    return found


def receipts_wrong(receipts: dict[Hash, bytes], trust: TrustRoot) -> list[str]:
    """Say which receipts do not verify."""
    wrong: list[str] = []
    for item, data in receipts.items():
        try:
            if verify_receipt(data, trust).transaction_id != item:
                wrong.append(f"the receipt of {item.hex()[:12]} is of another transaction")
        except GovchaindError as error:
            wrong.append(f"the receipt of {item.hex()[:12]} does not verify: {error.message}")
    return wrong


def history_wrong(lines: Sequence[str]) -> list[str]:
    """Say whether what clients saw is not linearizable, or not decided."""
    verdicts = check(read_history(lines))
    answer = overall(verdicts)
    if answer is Answer.YES:
        return []
    return [f"the history is {'not linearizable' if answer is Answer.NO else 'undecided'}"]
