"""I-32: an older release's ledger judges a run's chain beside this one's, and comes to the same.

The older release is a wheel; Python imports from it as it is, in a process of its own. What is
compared is each height's stored result: block hash, outcomes, roots. Behind the committed log come
a few blocks of this module: what neither release or only this one knows, all nodes declared ready,
and a vote for the next version. The older one must stop before the very block that activates it,
and until then every result must be its own, to the byte.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from govchaind.base.encoding import decode
from govchaind.base.errors import InvalidSetting
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.base.types import Height
from govchaind.ledger.apply import Ledger
from govchaind.ledger.block import Block, make_block
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.state_keys import NODE, VERSION
from govchaind.ledger.transaction import Transaction
from govchaind.ledger.versions import FIRST_VERSION, MOTIONS_OF, OPERATIONS_OF
from govchaind.replica.store import block_of
from netsim.chain import INSTITUTIONS
from netsim.properties.base import Violation
from netsim.world import World

CHILD = Path(__file__).with_name("older_ledger.py")
CHILD_SECONDS_MAX = 120
NOBODYS = 60_001  # an operation and a motion that no release has
STOPPED = "stopped upgrade-needed"
LIVES_MILLISECONDS = 60_000


@dataclass(frozen=True, slots=True)
class Compared:
    """How far two releases were compared, and where the older one stopped, if it did."""

    heights: int
    transactions: int
    activated: Height | None


class Older:
    """The ledger of the release in a wheel."""

    def __init__(self, wheel: Path) -> None:
        """Raises InvalidSetting: there is no such wheel."""
        if wheel.suffix != ".whl" or not wheel.is_file():
            raise InvalidSetting(
                f"{wheel} is no wheel",
                code="no-wheel",
                remedy="Name the wheel of an older release, as in tests/releases.",
            )
        self._wheel = str(wheel.resolve())

    def judge(self, genesis: bytes, blocks: list[bytes]) -> list[str]:
        """Return what this release says of each block, up to the one that it does not judge."""
        given = b"".join(len(item).to_bytes(4, "big") + item for item in (genesis, *blocks))
        done = subprocess.run(
            [sys.executable, "-P", str(CHILD), self._wheel],
            input=given,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": self._wheel},
            timeout=CHILD_SECONDS_MAX,
            check=False,
        )
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise Violation("I-32", "-", f"the older release ends with an error: {last}")
        return done.stdout.decode().splitlines()


class _Tail:
    """This release's ledger at the end of a run, and blocks that go on from there."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._membership = world.genesis.membership()
        self.reader, batch = MemoryReader(), WriteBatch()
        Ledger.write_genesis(world.genesis, batch)
        self.reader.apply(batch)
        self._ledger = Ledger(world.genesis, self.reader)
        self.blocks: list[Block] = []
        for known in world.ghost.committed:
            self.take(block_of(known.entry))

    def take(self, block: Block) -> None:
        batch = WriteBatch()
        self._ledger.apply(block, self.reader, batch)
        self.reader.apply(batch)
        self.blocks.append(block)
        if block.membership is not None:
            self._membership = block.membership

    def add(self, *transactions: Transaction) -> None:
        """Apply one block more."""
        self.take(
            make_block(
                chain_id=self._world.genesis.chain_id,
                height=self._ledger.height + 1,
                previous=self._ledger.last_hash,
                term=1,
                leader=self._world.chain.voters[0],
                time=self._ledger.time + 1000,
                transactions=transactions,
                membership_digest=self._membership.digest,
            )
        )

    def signed(self, institution: str, kind: int, arguments: list[Any]) -> Transaction:
        until = self._ledger.time + LIVES_MILLISECONDS
        return self._world.chain.transaction(institution, [(kind, arguments)], until)

    def version(self) -> int:
        found = self._ledger._state.get(self.reader, VERSION)
        return FIRST_VERSION if found is None else int(decode(found, bytes_max=64)[0])

    def nodes(self) -> list[tuple[str, str]]:
        """Return the wanted nodes with their institutions."""
        rows = self._ledger._state.scan(self.reader, NODE, limit=1000)
        fields = [decode(value, bytes_max=len(value)) for _, value, _ in rows]
        return [(item[0], item[1]) for item in fields]

    def result(self, height: Height) -> str:
        return self.reader.values[Table.RESULT.value + height.to_bytes(8, "big")].hex()


def _go_on(tail: _Tail) -> None:
    """Add what only a newer release might know, and the vote that ends the older one's part."""
    author = INSTITUTIONS[0]
    newer = sorted(OPERATIONS.keys() - OPERATIONS_OF[FIRST_VERSION])
    motions = sorted(MOTIONS.keys() - MOTIONS_OF[FIRST_VERSION])
    tail.add(*(tail.signed(author, kind, []) for kind in (*newer, NOBODYS)))
    votes = [[0, kind, []] for kind in (*motions, NOBODYS)]
    votes.append([0, int(MotionKind.SET_PARAMETER), ["nobodys", 1]])
    tail.add(*(tail.signed(name, int(Kind.VOTE), vote) for vote in votes for name in INSTITUTIONS))
    wanted = tail.version() + 1
    for node, institution in tail.nodes():
        if institution in INSTITUTIONS:
            tail.add(tail.signed(institution, int(Kind.DECLARE_READY), [node, wanted]))
    motion = [0, int(MotionKind.ACTIVATE_UPGRADE), [wanted, 0]]
    for name in INSTITUTIONS:
        tail.add(tail.signed(name, int(Kind.VOTE), motion))
        if tail.version() == wanted:
            break


def compare(world: World, older: Older) -> Compared:
    """Judge a run's chain by both releases. Raises Violation."""
    tail = _Tail(world)
    before = tail.version()
    _go_on(tail)
    raws = [block.raw for block in tail.blocks]
    said = older.judge(world.genesis.bytes, raws)
    last = len(raws)
    activated = last if tail.version() > before else None
    for height in range(1, last + 1):
        told = said[height - 1] if height <= len(said) else "nothing"
        expected = STOPPED if height == activated else tail.result(height)
        if told != expected:
            what = (
                told[:40] if told.startswith("stopped") or told == "nothing" else "another result"
            )
            raise Violation("I-32", "-", f"the older release says {what} at height {height}")
    transactions = sum(len(block.transactions) for block in tail.blocks)
    return Compared(last, transactions, activated)
