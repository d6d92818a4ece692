"""Evidence against validators that this node has come by: kept, told, handed out.

A node sees every validator's attestations and certificates, so it is the first to hold two things
that one validator has signed about one height; clients bring what they hold. Rules it keeps:
- Only what was verified comes here. It is written with the next write and stays, also over
  restarts: a first piece for each key and height, a few for each key, a bounded number in all.
- Nothing follows from it. The validator's signatures count as before, for certificates tolerate
  liars by their number; a node has no office key, so it reports nothing by itself. It shows what
  it keeps, with the arguments of `report-double-signing`, for any office to report.
"""

from __future__ import annotations

from collections.abc import Iterator

from govchaind.base.errors import InvalidEncoding, StorageCorrupt
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import KeyValueReader, prefix_end
from govchaind.base.types import Height, PublicKey
from govchaind.ledger.contradiction import Contradiction, read_contradiction
from govchaind.replica.desk import Desk
from govchaind.replica.events import Happened

KEPT_MAX = 256
KEPT_PER_KEY_MAX = 8  # of one liar: more prove nothing more


def evidence_row(key: PublicKey, height: Height) -> bytes:
    """Return the row's key: of one signing key and one height."""
    return Table.EVIDENCE + key + height.to_bytes(8, "big")


def kept_evidence(reader: KeyValueReader) -> Iterator[tuple[PublicKey, Contradiction]]:
    """Yield (attestation key, contradiction) of all that is kept. Raises StorageCorrupt."""
    start = Table.EVIDENCE.value
    for key, value in reader.scan(start, prefix_end(start)):
        try:
            yield key[1:33], read_contradiction(value)
        except InvalidEncoding as error:
            raise StorageCorrupt(f"a row of evidence is not readable: {error}") from None


class Evidence:
    """What one node keeps."""

    def __init__(self, reader: KeyValueReader, desk: Desk) -> None:
        self._desk = desk
        self._kept = {(key, found.height) for key, found in kept_evidence(reader)}

    def has(self, key: PublicKey, height: Height) -> bool:
        """Say whether there is a piece about this key and height."""
        return (key, height) in self._kept

    def keep(self, key: PublicKey, found: Contradiction) -> bool:
        """Keep a verified contradiction; False if it is known, or there is enough."""
        place = key, found.height
        of_key = sum(1 for kept, _ in self._kept if kept == key)
        if place in self._kept or of_key >= KEPT_PER_KEY_MAX or len(self._kept) >= KEPT_MAX:
            return False
        self._kept.add(place)
        pending = self._desk.pending
        pending.batch.put(evidence_row(*place), found.encode())
        pending.notices.append(
            Happened("evidence.double_signing", {"node": found.node, "height": found.height})
        )
        return True
