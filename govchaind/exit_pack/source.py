"""What a pack is made from: one snapshot of a store, read from genesis up to a height."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from govchaind.base.encoding import read
from govchaind.base.errors import InvalidSetting, StorageCorrupt
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import Height
from govchaind.ledger.beginning import check_held
from govchaind.ledger.block import Block, read_block
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.results import Result, read_result
from govchaind.ledger.state import State
from govchaind.ledger.trust import ConfigurationBlock, TrustRoot, build_steps
from govchaind.replica.marker import check_kept
from govchaind.replica.store import ROW_BYTES_MAX, applied_height, check_store
from govchaind.replica.stored_certificates import certificate_at, last_certified


@dataclass(frozen=True, slots=True)
class PackedBlock:
    """A block with everything that a pack says of it."""

    block: Block
    result: Result
    certificate: Certificate | None  # None above the newest certified height


class Source:
    """A store's snapshot, judged to be this chain's.

    Args:
        until: the last height that is wanted; None: the newest that is applied.

    Raises:
        InvalidSetting: the store is of another chain or format, or does not reach up to `until`.
        Pruned: old blocks were removed here, and a pack is of all.
    """

    def __init__(
        self, reader: KeyValueReader, genesis: Genesis, until: Height | None = None
    ) -> None:
        check_store(reader, genesis)
        applied = applied_height(reader)
        if until is not None and until > applied:
            raise InvalidSetting(
                f"height {until} is not there; the newest is {applied}",
                code="height-ahead",
                remedy="Name a height that is there, or leave --until out.",
            )
        check_kept(reader, 1)
        self.reader = reader
        self.genesis = genesis
        self.height: Height = applied if until is None else until
        self.certified: Height = min(self.height, last_certified(reader))

    def blocks(self) -> Iterator[PackedBlock]:
        """Yield every block in order of height. Raises StorageCorrupt."""
        for height in range(1, self.height + 1):
            check_held(self.reader, height)
            data = self.reader.get(height_key(Table.LOG, height))
            if data is None:
                raise StorageCorrupt(f"block {height} is missing from the store")
            _, raw = read(data, tuple[int, bytes], bytes_max=ROW_BYTES_MAX)
            certificate = certificate_at(self.reader, height)
            if certificate is None and height <= self.certified:
                raise StorageCorrupt(f"the certificate of height {height} is missing")
            kept = certificate if height <= self.certified else None
            yield PackedBlock(read_block(raw), read_result(self.reader, height), kept)

    def changes(self) -> Iterator[tuple[bytes, Height, bytes | None]]:
        """Yield (state key, height, value) of each change: by key, then height."""
        return State().every_change(self.reader, self.height)

    def result(self, height: Height) -> Result | None:
        """Return what was stored of a height; None of genesis."""
        return read_result(self.reader, height) if height else None

    def trust(self, configurations: list[ConfigurationBlock]) -> TrustRoot:
        """Return the trust root at the newest certified height, moved there step by step.

        Args:
            configurations: each certified configuration block, in order of height.
        """
        newest = certificate_at(self.reader, self.certified) if self.certified else None
        steps = build_steps(
            self.reader, from_height=0, configurations=configurations, newest=newest
        )
        return TrustRoot.from_genesis(self.genesis).advance(steps)
