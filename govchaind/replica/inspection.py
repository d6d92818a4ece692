"""Judging a store by itself: the chain's links, results and certificates, block by block.

At each start a node checks its newest blocks (bounded); `govchaind verify` checks everything.
What a node has written it wrote after judging it, so whatever does not hold here is rot or
tampering: StorageCorrupt, with the height.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from govchaind.base.errors import GovchaindError, StorageCorrupt
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.merkle import SUITE_1, Frontier
from govchaind.base.merkle import root as merkle_root
from govchaind.base.types import Height
from govchaind.ledger.block import Block, check_block
from govchaind.ledger.certificate import check_certificate
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.outcomes import Outcome
from govchaind.ledger.results import Result, load_frontier, outcome_leaf, read_result
from govchaind.ledger.state import check_state
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.transaction import Transaction, verify_transaction
from govchaind.replica.attestation import certificate_at
from govchaind.replica.memberships import Memberships
from govchaind.replica.recovering import check_recovered, judge_record
from govchaind.replica.store import StoredLog, View, applied_height, last_index

Verifier = Callable[[Transaction], None]


def check_chain(
    reader: KeyValueReader,
    genesis: Genesis,
    first: Height,
    *,
    verify: Verifier | None = verify_transaction,
    certificates: bool = True,
) -> Iterator[Height]:
    """Check the log from `first` to its end, yielding each height that holds.

    Args:
        verify: judges a transaction's signatures; None leaves them out.
        certificates: whether signatures of certificates are verified.

    Raises:
        StorageCorrupt: a height does not hold; the message names it.
    """
    view = View(reader)
    log = StoredLog(view, lambda _: None)
    memberships = Memberships(log.memberships())
    applied, last = applied_height(reader), last_index(reader)
    if applied > last:
        raise StorageCorrupt(f"height {applied} is applied but the log ends at {last}")
    begins = log.beginning()  # what stands there was judged by its certificate when it was fetched
    first = max(first, begins + 1)
    before = None if first <= 1 else log.block(first - 1)
    frontier = load_frontier(reader, begins) if first == begins + 1 else None
    for height in range(max(first, 1), last + 1):
        try:
            block = log.block(height)
            _check_link(block, before, genesis, memberships, height)
            if verify is not None:
                for transaction in block.transactions:
                    verify(transaction)
            if height <= applied:
                result = read_result(reader, height)
                _check_result(block, result)
                if frontier is not None:
                    frontier.append(SUITE_1.leaf(result.leaf()))
                if certificates:
                    _check_certificate(reader, height, result, memberships, frontier)
        except StorageCorrupt:
            raise
        except GovchaindError as error:
            raise StorageCorrupt(f"height {height} does not hold: {error.message}") from error
        before = block
        yield height


def _check_link(
    block: Block, before: Block | None, genesis: Genesis, memberships: Memberships, height: Height
) -> None:
    check_block(
        block,
        chain_id=genesis.chain_id,
        height=height,
        previous_hash=genesis.chain_id if before is None else before.hash,
        previous_time=genesis.time if before is None else before.time,
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


def check_every_state(reader: KeyValueReader) -> int:
    """Check the state tree against the stored values; return how many keys hold."""
    return check_state(reader, StateTree())
