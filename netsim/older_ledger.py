"""The ledger of another release, as a process: blocks in, results out. Run by `beside.py`.

    PYTHONPATH=wheel python -P older_ledger.py wheel < frames > lines

Imports nothing of netsim, and only names that release 0.1.0 has. In: frames of four bytes of length
and so many bytes, the genesis first, then the blocks in order. Out: a line for each block, the
result's row in hex, or `stopped CODE` for the one before which this release stops.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import BinaryIO

import govchaind
from govchaind.base.errors import Fatal
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.ledger.apply import Ledger
from govchaind.ledger.block import read_block
from govchaind.ledger.genesis import read_genesis


def frames(source: BinaryIO) -> Iterator[bytes]:
    """Yield the frames of a stream."""
    while head := source.read(4):
        yield source.read(int.from_bytes(head, "big"))


def results(given: Iterator[bytes]) -> Iterator[str]:
    """Yield what comes of each block, up to the one that is not judged here."""
    genesis = read_genesis(next(given))
    reader, batch = MemoryReader(), WriteBatch()
    Ledger.write_genesis(genesis, batch)
    reader.apply(batch)
    ledger = Ledger(genesis, reader)
    for raw in given:
        block = read_block(raw)
        batch = WriteBatch()
        try:
            ledger.apply(block, reader, batch)
        except Fatal as error:
            yield f"stopped {error.code}"
            return
        reader.apply(batch)
        yield reader.values[Table.RESULT.value + block.height.to_bytes(8, "big")].hex()


def main(wheel: str) -> None:
    """Judge what comes on standard input; refuse to be another code than the one that was named."""
    place = str(govchaind.__file__)
    if not place.startswith(wheel):
        sys.exit(f"the code is {place}, not {wheel}")
    for line in results(frames(sys.stdin.buffer)):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(sys.argv[1])
