"""A store read by other processes beside the one that has it open: pieces of a whole check.

The one that has the store's lock waits and writes nothing meanwhile, so all read the same. Python
runs one thread at a time; signatures alone would not keep more than two or three cores busy.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from govchaind.base.errors import StorageFailed
from govchaind.ledger.genesis import Genesis, read_genesis
from govchaind.replica.whole_check import Found, Part, Piece, check_piece
from govchaind.runtime.lmdb_storage import LmdbSnapshot, LmdbStorage
from govchaind.runtime.stopped_store import StoppedStore, open_read_only

ALONE_BYTES = 8 * 1024 * 1024  # a store up to this is checked before other processes have begun


def jobs_for(storage: LmdbStorage | StoppedStore) -> int:
    """Return by how many processes a store is checked soonest."""
    return 1 if storage.used_bytes() <= ALONE_BYTES else os.cpu_count() or 1


def check_beside(
    path: Path, genesis: Genesis, pieces: Sequence[Piece], jobs: int
) -> Iterator[Found]:
    """Yield what so many other processes find, in the order of the pieces.

    Raises StorageFailed: a process ended before it had said what it found.
    """
    pool = ProcessPoolExecutor(
        min(jobs, len(pieces)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=begin_beside,
    )
    try:
        # What cannot be divided begins first, so that nobody waits for it at the end.
        ordered = sorted(pieces, key=lambda piece: piece.part is Part.BLOCKS)
        futures = {piece: pool.submit(_check, path, genesis.bytes, piece) for piece in ordered}
        for piece in pieces:
            yield futures[piece].result()
    except BrokenProcessPool:
        raise StorageFailed(
            "a process that checked the store was ended before it was done",
            remedy="If memory was short, check with fewer processes (--jobs 1). If it ends so "
            "again, the store is damaged: put it back from a backup, or let it be fetched anew.",
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def begin_beside() -> None:
    """Begin a process that checks pieces: it ends with the one that asks, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends here at once, without a word
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Nobody would tell this process that the one that began it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _check(path: Path, genesis: bytes, piece: Piece) -> Found:
    environment = open_read_only(path)
    with LmdbSnapshot(environment.begin(), environment.close) as reader:
        return check_piece(reader, read_genesis(genesis), piece)
