"""Carries a record of recovery out in one survivor's store: one write, or none.

Everything is judged before anything is written, by what the node itself holds: the record's
signatures by the state of the kept height, which is carried out in memory; its proofs by the sets
of validators in the own log; the blocks that the own log lacks by their links and signatures. Then
the log ends with the recovery block, in the record's term, and the node goes on from there when it
is started. Nothing that was applied or signed here changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from govchaind.base.encoding import encode
from govchaind.base.errors import ChainRecovered, Conflict, InvalidProof
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader, Overlay, WriteBatch
from govchaind.base.types import BlockTime, Height, Term
from govchaind.ledger.apply import Ledger
from govchaind.ledger.block import Block, check_block, read_block, recovery_block
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.recovery import Recovery
from govchaind.ledger.transaction import verify_transaction
from govchaind.recovery.own_clock import check_recovery_time
from govchaind.recovery.survivor import Survivor
from govchaind.recovery.tail import Tail
from govchaind.replica.memberships import Memberships
from govchaind.replica.recovering import judge_record
from govchaind.replica.store import HARD_STATE, StoredLog, View, membership_row


@dataclass(frozen=True, slots=True)
class Applied:
    """What a record does to a store; no batch: it was carried out before."""

    batch: WriteBatch | None
    height: Height
    institutions: tuple[str, ...]
    dropped: int  # blocks of the own log that were never committed, and are not kept
    taken: int  # blocks that the own log lacked


def apply_record(
    survivor: Survivor,
    genesis: Genesis,
    recovery: Recovery,
    tail: Tail | None,
    *,
    now: BlockTime,
) -> Applied:
    """Return what to write.

    Args:
        now: the own clock, milliseconds since 1970; the recovery may not be far ahead of it.

    Raises:
        InvalidProof: the record does not hold, or too few institutions have signed it.
        Conflict: it is not for this store.
        ChainRecovered: this store has applied what the record does not keep.
    """
    body = recovery.body
    if body.chain_id != genesis.chain_id:
        raise InvalidProof("the record is of another chain", code="other-chain")
    if _carried_out(survivor, recovery):
        return Applied(None, body.height, (), 0, 0)
    _check_place(survivor, recovery)
    check_recovery_time(body.time, now)
    common, blocks = _missing(survivor, genesis, recovery, tail)
    if survivor.applied > common:
        raise ChainRecovered(
            f"{survivor.name} has applied height {survivor.applied}, which the record does not keep"
        )
    batch = WriteBatch()
    for height in range(common + 1, survivor.last + 1):
        batch.delete(height_key(Table.LOG, height))
    for height, _, _ in survivor.log().memberships():
        if height > common:
            batch.delete(height_key(Table.MEMBERSHIP, height))
    for term, block in blocks:
        _put(batch, term, block)
    signed = _judge(Overlay(survivor.reader, [batch]), survivor, genesis, recovery)
    _put(batch, body.term, recovery_block(recovery))
    batch.put(HARD_STATE, encode([body.term, None]))
    dropped = max(0, survivor.last - common)
    return Applied(batch, body.height, tuple(signed), dropped, len(blocks))


def _carried_out(survivor: Survivor, recovery: Recovery) -> bool:
    for known in Memberships(survivor.log().memberships()).recoveries:
        if known.raw == recovery.raw:
            return True
        if known.body.height >= recovery.body.height:
            raise Conflict(
                f"the store of {survivor.name} was recovered at height {known.body.height} by "
                "another record",
                code="other-recovery",
                remedy="Use that record for every node; two of them are two chains.",
            )
    return False


def _check_place(survivor: Survivor, recovery: Recovery) -> None:
    body = recovery.body
    member = body.membership.member(survivor.name)
    if member is None:
        raise Conflict(
            f"the record goes on without {survivor.name}",
            code="left-out",
            remedy="Start the node as it is when the others run: it follows the chain again, or "
            "says that its store cannot. It votes again when institutions have re-admitted it.",
        )
    if member.store != survivor.store:
        raise Conflict(
            f"the record goes on with another store of {survivor.name} than this one",
            code="other-store",
            remedy="Prepare the record anew from the stores that there are.",
        )
    if survivor.term >= body.term:
        raise Conflict(
            f"{survivor.name} has been in term {survivor.term} since the record was prepared",
            code="term-ahead",
            remedy="The node ran in between. Prepare the record anew, and keep all nodes stopped.",
        )


def _missing(
    survivor: Survivor, genesis: Genesis, recovery: Recovery, tail: Tail | None
) -> tuple[Height, list[tuple[Term, Block]]]:
    """Return up to where the own log is the kept one, and the blocks that follow there."""
    body = recovery.body
    if survivor.last >= body.kept and survivor.hash_at(body.kept, genesis) == body.kept_hash:
        return body.kept, []
    blocks = [] if tail is None else [(term, read_block(raw)) for term, raw in tail.blocks]
    if tail is None or tail.chain_id != genesis.chain_id or tail.first > survivor.last + 1:
        raise Conflict(
            f"the log of {survivor.name} ends at {survivor.last} and does not hold what is kept up "
            f"to height {body.kept}",
            code="blocks-missing",
            remedy="Put the file of blocks that `recover prepare` wrote beside the record, or name "
            "it with --blocks.",
        )
    if len(blocks) != body.kept - tail.first + 1 or blocks[-1][1].hash != body.kept_hash:
        raise InvalidProof("the blocks beside the record are not those that it keeps")
    common = tail.first - 1
    while common < survivor.last and common < body.kept:
        ours = survivor.hash_at(common + 1, genesis)
        if ours != blocks[common + 1 - tail.first][1].hash:
            break
        common += 1
    return common, blocks[common + 1 - tail.first :]


def _put(batch: WriteBatch, term: Term, block: Block) -> None:
    batch.put(height_key(Table.LOG, block.height), encode([term, block.raw]))
    if block.membership is not None:
        row = membership_row(block.membership, block.recovery)
        batch.put(height_key(Table.MEMBERSHIP, block.height), row)


def _judge(
    reader: KeyValueReader, survivor: Survivor, genesis: Genesis, recovery: Recovery
) -> list[str]:
    """Judge kept blocks and the record by the state that they lead to. Raises InvalidProof."""
    view = View(reader)
    log, ledger = StoredLog(view, lambda _: None), Ledger(genesis, view)
    memberships = Memberships(log.memberships())
    while ledger.height < recovery.body.kept:
        block = log.block(ledger.height + 1)
        check_block(
            block,
            chain_id=genesis.chain_id,
            height=ledger.height + 1,
            previous_hash=ledger.last_hash,
            previous_time=ledger.time,
            membership_digest=memberships.digest_after(ledger.height),
        )
        for transaction in block.transactions:
            verify_transaction(transaction)
        ledger.apply(block, view, view.pending)
    if ledger.time >= recovery.body.time:
        raise InvalidProof("the recovery is not later than what it keeps")
    signed = judge_record(recovery, memberships)
    ledger.check_recovery(recovery, view)
    return signed
