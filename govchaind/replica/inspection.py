"""Judging a store by itself: the chain's links, results and certificates, block by block.

At each start a node checks its newest blocks (bounded); `govchaind verify` checks everything.
What a node has written it wrote after judging it, so whatever does not hold here is rot or
tampering: StorageCorrupt, with the height.

Where old blocks were removed, their results' hashes are still here: a check from height 1 on builds
the tree of heights from them, and the certificates of what is left speak for all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from govchaind.base.errors import GovchaindError, StorageCorrupt
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.merkle import SUITE_1, Frontier
from govchaind.base.merkle import root as merkle_root
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.beginning import beginning
from govchaind.ledger.block import Block, check_block
from govchaind.ledger.certificate import check_certificate
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.outcomes import Outcome
from govchaind.ledger.results import Result, load_frontier, outcome_leaf, read_result
from govchaind.ledger.transaction import verify_transaction
from govchaind.replica.memberships import Memberships
from govchaind.replica.recovering import check_recovered, judge_record
from govchaind.replica.store import StoredLog, View, applied_height, last_index
from govchaind.replica.stored_certificates import certificate_at

_Place = tuple[Hash, BlockTime]  # of the block that the next one follows


def check_chain(
    reader: KeyValueReader,
    genesis: Genesis,
    first: Height,
    last: Height | None = None,
    *,
    signatures: bool = True,
) -> Iterator[Height]:
    """Check the log from `first` on, yielding each height whose block is here and holds.

    Args:
        last: where to end; None is the end of the log. Stretches that follow each other show as
            much as one: each begins with the stored tree of heights that the one before has found
            to be that of its results, and after the block that it has judged.
        signatures: whether those of transactions and certificates are verified; without them
            certificates are left aside.

    Raises:
        StorageCorrupt: a height does not hold; the message names it.
    """
    view = View(reader)
    log = StoredLog(view, lambda _: None)
    memberships = Memberships(log.memberships())
    applied, newest = applied_height(reader), last_index(reader)
    if applied > newest:
        raise StorageCorrupt(f"height {applied} is applied but the log ends at {newest}")
    origin = beginning(reader)  # what stands there was judged when it was fetched
    begins = max(first, log.first_index(), origin + 1)
    before = _place_before(reader, log, genesis, begins)
    frontier = None
    if first <= origin + 1:
        frontier = load_frontier(reader, origin)
        if origin and signatures:
            _check_origin(reader, log, origin, memberships, frontier)
        _check_removed(reader, log, genesis, memberships, frontier)
    elif signatures and begins <= applied + 1:
        frontier = load_frontier(reader, begins - 1)
    for height in range(begins, (newest if last is None else last) + 1):
        with _told(height):
            block = log.block(height)
            _check_link(block, before, genesis, memberships, height)
            if signatures:
                for transaction in block.transactions:
                    verify_transaction(transaction)
            if height <= applied:
                result = read_result(reader, height)
                _check_result(block, result)
                if frontier is not None:
                    frontier.append(SUITE_1.leaf(result.leaf()))
                if signatures:
                    _check_certificate(reader, height, result, memberships, frontier)
        before = block.hash, block.time
        yield height
    if frontier is not None and load_frontier(reader, frontier.size).root() != frontier.root():
        raise StorageCorrupt(
            f"the tree of heights that is stored for {frontier.size} heights is not their results'"
        )


@contextmanager
def _told(height: Height) -> Iterator[None]:
    """Have whatever does not hold within this block told as StorageCorrupt, with the height."""
    try:
        yield
    except StorageCorrupt:
        raise
    except GovchaindError as error:
        raise StorageCorrupt(f"height {height} does not hold: {error.message}") from error


def _place_before(
    reader: KeyValueReader, log: StoredLog, genesis: Genesis, height: Height
) -> _Place:
    """Return what the block at `height` must follow. Raises StorageCorrupt."""
    if height <= 1:
        return genesis.chain_id, genesis.time
    marker = log.marker
    if marker is None or height > marker.first:
        block = log.block(height - 1)
        return block.hash, block.time
    if _place_of(reader, height - 1) != (marker.block_hash, marker.time):
        raise StorageCorrupt(f"the store says that it begins at {height}, after another block")
    return marker.block_hash, marker.time


def _place_of(reader: KeyValueReader, height: Height) -> _Place:
    result = read_result(reader, height)
    return result.block_hash, result.time


def _check_origin(
    reader: KeyValueReader,
    log: StoredLog,
    origin: Height,
    memberships: Memberships,
    frontier: Frontier,
) -> None:
    """Check what a store that joined by snapshot holds of the snapshot's own height."""
    with _told(origin):
        result = read_result(reader, origin)
        _check_certificate(reader, origin, result, memberships, frontier)
        if log.first_index() <= origin:
            _check_result(log.block(origin), result)


def _check_removed(
    reader: KeyValueReader,
    log: StoredLog,
    genesis: Genesis,
    memberships: Memberships,
    frontier: Frontier,
) -> None:
    """Put the results of removed blocks into the tree of heights; check what is left of them."""
    origin = beginning(reader)
    before = _place_of(reader, origin) if origin else (genesis.chain_id, genesis.time)
    for height in range(origin + 1, log.first_index()):
        with _told(height):
            result = read_result(reader, height)
            frontier.append(SUITE_1.leaf(result.leaf()))
            if height in memberships:
                block = log.block(height)
                _check_link(block, before, genesis, memberships, height)
                _check_result(block, result)
                _check_certificate(reader, height, result, memberships, frontier)
        before = result.block_hash, result.time


def _check_link(
    block: Block, before: _Place, genesis: Genesis, memberships: Memberships, height: Height
) -> None:
    check_block(
        block,
        chain_id=genesis.chain_id,
        height=height,
        previous_hash=before[0],
        previous_time=before[1],
        membership_digest=memberships.digest_after(height - 1),
    )
    if block.membership is not None and memberships.after(height) != block.membership:
        raise StorageCorrupt(f"the membership stored for height {height} is not the block's")
    check_recovered(block, memberships)
    if block.recovery is not None:
        judge_record(block.recovery, memberships)


def _check_result(block: Block, result: Result) -> None:
    height = block.height
    if (result.block_hash, result.time) != (block.hash, block.time):
        raise StorageCorrupt(f"the result of height {height} is of another block")
    named = [(transaction.id, transaction.identity) for transaction in block.transactions]
    if named != [outcome[:2] for outcome in result.outcomes]:
        raise StorageCorrupt(f"the outcomes of height {height} are of other transactions")
    leaves = [
        SUITE_1.leaf(outcome_leaf(tx, identity, Outcome(code, operation)))
        for tx, identity, code, operation in result.outcomes
    ]
    if merkle_root(leaves) != result.outcomes_root:
        raise StorageCorrupt(f"the outcomes of height {height} do not have the root stored")


def _check_certificate(
    reader: KeyValueReader,
    height: Height,
    result: Result,
    memberships: Memberships,
    frontier: Frontier | None,
) -> None:
    certificate = certificate_at(reader, height)
    if certificate is None:
        return  # certificates may lag behind
    check_certificate(certificate, *memberships.certifying(height))
    stated = certificate.read
    found = (stated.height, stated.block_hash, stated.outcomes_root, stated.state_root)
    if found != (height, result.block_hash, result.outcomes_root, result.state_root):
        raise StorageCorrupt(f"the certificate of height {height} states other results")
    if frontier is not None and frontier.root() != stated.log_root:
        raise StorageCorrupt(f"the certificate of height {height} states another tree of heights")
