"""What checkers read of rows and messages, each read once a run.

All nodes store and send the same statements, certificates and results, and every property looks at
each of them. To read is a function of the bytes alone, so what the first look has found is true of
the same bytes wherever they are met again; a single other bit is another entry, and is read anew.
Nodes get nothing from here: they read for themselves, as in production. What is remembered lives
as long as one run, because a planted bug may stand in for the functions that read.
"""

from __future__ import annotations

from govchaind.base.encoding import decode
from govchaind.base.types import Hash, Height
from govchaind.ledger.certificate import Certificate, read_certificate

ROW_MAX = 1 << 22


class Readings:
    """What the bytes of one run mean."""

    __slots__ = ("_blocks", "_certificates", "_numbers", "_statements")

    def __init__(self) -> None:
        self._statements: dict[bytes, tuple[Height, Hash]] = {}
        self._certificates: dict[bytes, Certificate] = {}
        self._blocks: dict[bytes, Hash] = {}
        self._numbers: dict[bytes, int] = {}

    def statement(self, data: bytes) -> tuple[Height, Hash]:
        """Return height and block hash of an attestation's statement."""
        found = self._statements.get(data)
        if found is None:
            fields = decode(data, bytes_max=4096)
            found = self._statements[data] = fields[2], fields[3]
        return found

    def certificate(self, row: bytes) -> Certificate:
        """Return the certificate in a CERTIFICATE row."""
        found = self._certificates.get(row)
        if found is None:
            found = self._certificates[row] = read_certificate(row)
        return found

    def block_hash(self, row: bytes) -> Hash:
        """Return which block a RESULT row is of."""
        found = self._blocks.get(row)
        if found is None:
            found = self._blocks[row] = decode(row, bytes_max=ROW_MAX)[0]
        return found

    def number(self, row: bytes) -> int:
        """Return the integer that a row holds."""
        found = self._numbers.get(row)
        if found is None:
            found = self._numbers[row] = int(decode(row, bytes_max=16))
        return found
