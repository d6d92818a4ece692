"""A ledger over a real store in this process, of which decode, verify and apply are timed apart.

No network and no consensus: what is measured is what every node does for every transaction. It is
measured in processor time of this thread, so other work on the machine shows less; the write of a
block, with its sync, is not in it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_parts.network import BenchFailed
from govchaind.base.crypto import SigningKey
from govchaind.base.keyvalue import WriteBatch
from govchaind.base.limits import CHECKPOINT_LOADED_INTERVAL_MILLISECONDS
from govchaind.ledger.apply import Ledger
from govchaind.ledger.block import make_block
from govchaind.ledger.genesis import Genesis, Institution, Office, OfficeKey, make_genesis
from govchaind.ledger.membership import Member
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.ledger.state import State
from govchaind.ledger.transaction import (
    build_body,
    read_transaction,
    sign_body,
    verify_transaction,
)
from govchaind.ledger.working_state import WorkingState
from govchaind.runtime.lmdb_storage import LmdbStorage

START = 1_790_000_000_000
# Each block is a checkpoint, so each pays for its own changes of the state's tree.
BLOCK_MILLISECONDS = CHECKPOINT_LOADED_INTERVAL_MILLISECONDS
LIFETIME = 60_000
OFFICE = "head"
ASKER, PROVIDER, SUPERVISOR, ISSUER = INSTITUTIONS = ("bank", "railways", "statistics", "treasury")
Act = tuple[str, int, list[Any]]  # institution, kind of operation, arguments


@dataclass(frozen=True, slots=True)
class Spent:
    """What one transaction of a block cost, in microseconds of one core, and what it writes."""

    decode: float
    verify: float
    apply: float
    rows: float

    @property
    def whole(self) -> float:
        return self.decode + self.verify + self.apply


class TrialLedger:
    """Four institutions with one office of one key each; the first two are voluntary."""

    def __init__(self, folder: Path) -> None:
        self._keys = {name: _key(name) for name in INSTITUTIONS}
        self.genesis = _genesis(self._keys)
        self._storage = LmdbStorage(folder)
        self._salt = 0

    async def found(self) -> None:
        """Write the genesis state."""
        batch = WriteBatch()
        Ledger.write_genesis(self.genesis, batch)
        await self._storage.write(batch)
        with self._storage.snapshot() as reader:
            self._ledger = Ledger(self.genesis, reader)

    def close(self) -> None:
        self._storage.close()

    @property
    def now(self) -> int:
        """The newest block's time."""
        return self._ledger.time

    def values(self, keys: Sequence[bytes]) -> list[Any]:
        """Return what the state has under some keys."""
        with self._storage.snapshot() as reader:
            state = WorkingState(State(), reader, {}, keeps_cache=False)
            return [state.decoded(key) for key in keys]

    async def apply(self, acts: Sequence[Act]) -> Spent:
        """Sign acts, a transaction each, and apply them in one block. Raises BenchFailed."""
        raws = [self._signed(*act) for act in acts]
        began = time.thread_time()
        transactions = [read_transaction(raw) for raw in raws]
        decoded = time.thread_time()
        for transaction in transactions:
            verify_transaction(transaction)
        verified = time.thread_time()
        ledger = self._ledger
        block = make_block(
            chain_id=self.genesis.chain_id,
            height=ledger.height + 1,
            previous=ledger.last_hash,
            term=1,
            leader="node",
            time=ledger.time + BLOCK_MILLISECONDS,
            transactions=transactions,
            membership_digest=self.genesis.membership().digest,
        )
        batch = WriteBatch()
        with self._storage.snapshot() as reader:
            applying = time.thread_time()
            applied = ledger.apply(block, reader, batch)
            ended = time.thread_time()
        for outcome, act in zip(applied.outcomes, acts, strict=True):
            if outcome.code:
                raise BenchFailed(f"{act} was refused: {OUTCOMES[outcome.code].name}")
        await self._storage.write(batch)
        parts = (decoded - began, verified - decoded, ended - applying)
        decode, verify, apply = (part * 1e6 / len(acts) for part in parts)
        return Spent(decode, verify, apply, len(batch.changes) / len(acts))

    def _signed(self, institution: str, kind: int, arguments: list[Any]) -> bytes:
        self._salt += 1
        body = build_body(
            chain_id=self.genesis.chain_id,
            institution=institution,
            office=OFFICE,
            operations=[(int(kind), arguments)],
            valid_until=self.now + LIFETIME,
            salt=self._salt.to_bytes(16, "big"),
        )
        return sign_body(body, [self._keys[institution]])


def _key(name: str) -> SigningKey:
    return SigningKey(name.encode().ljust(32, b"."))


def _genesis(keys: dict[str, SigningKey]) -> Genesis:
    institutions = [
        Institution(
            name,
            name.capitalize(),
            "voluntary" if name in (ASKER, PROVIDER) else "duty-bound",
            (Office(OFFICE, "Head", 1, (OfficeKey(keys[name].public, "Head"),)),),
        )
        for name in INSTITUTIONS
    ]
    attests, tls = _key("attests").public, _key("tls").public
    node = Member("node", ASKER, "validator", attests, tls, bytes(16), ("node.example:7000",))
    return make_genesis(name="bench", time=START, institutions=institutions, nodes=[node])
