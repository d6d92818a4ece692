"""A validator's judgement of blocks that a leader sends, before they enter its log.

Rules it keeps:
- Each block continues the one before it: height, previous hash, a later time, the term of its
  entry, the digest of the membership in force after it.
- An uncommitted block whose time is more than 30 s ahead of the own clock is held back, and the
  leader is told why; a committed one never is: skew refuses nothing that a majority has.
- A recovery block is judged by the record that it carries (recovering.py).
- A configuration block must be one step toward what state orders, if that state is applied here;
  if not, it is judged when it is applied (execution.py).
What is not taken is cut off the message; the rest goes on to Raft.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from govchaind.base.errors import Invalid, InvalidBlock
from govchaind.base.limits import CLOCK_AHEAD_MAX_MILLISECONDS
from govchaind.base.types import BlockTime, Hash, Height
from govchaind.ledger.block import Block, check_block
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.membership import Membership, next_steps
from govchaind.ledger.recovery import Recovery
from govchaind.raft.core import Raft
from govchaind.raft.messages import AppendEntries, Entry
from govchaind.replica.execution import Executor
from govchaind.replica.memberships import Memberships
from govchaind.replica.recovering import Recovering
from govchaind.replica.store import block_of, configuration_of

CLOCK_AHEAD = "clock-ahead"
INVALID_BLOCK = "invalid-block"


@dataclass(frozen=True, slots=True)
class Link:
    """What the next block must continue: hash and time of the one before, and who is in force."""

    hash: Hash
    time: BlockTime
    membership: Membership
    membership_digest: Hash


def screen(
    message: AppendEntries,
    *,
    first_new: int,
    link: Link,
    chain_id: Hash,
    wall_milliseconds: int,
    ordered: Callable[[Membership, Membership], bool],
    recovered: Callable[[Recovery], None],
) -> tuple[list[Entry], tuple[Height, str, str] | None]:
    """Return the entries to take, and why the next one is not taken: (height, reason, detail).

    Args:
        first_new: position in `message.entries` of the first that the own log does not hold.
        link: what that entry must continue.
        ordered: says whether state orders the step from one membership to the next.
        recovered: judges the record of a recovery block; raises Invalid.
    """
    entries = message.entries
    for position in range(first_new, len(entries)):
        entry = entries[position]
        block = block_of(entry)
        try:
            _check(entry, block, link, chain_id, ordered)
            if block.recovery is not None:
                recovered(block.recovery)
        except Invalid as error:
            return entries[:position], (entry.index, INVALID_BLOCK, error.message)
        ahead = block.time - wall_milliseconds
        if ahead > CLOCK_AHEAD_MAX_MILLISECONDS and entry.index > message.commit:
            detail = f"block time is {ahead / 1000:.0f} s ahead of this node's clock"
            return entries[:position], (entry.index, CLOCK_AHEAD, detail)
        link = Link(
            block.hash, block.time, block.membership or link.membership, block.membership_digest
        )
    return entries, None


def _check(
    entry: Entry,
    block: Block,
    link: Link,
    chain_id: Hash,
    ordered: Callable[[Membership, Membership], bool],
) -> None:
    if block.height != entry.index or block.term != entry.term:
        raise InvalidBlock(
            f"block of height {block.height}, term {block.term} in the entry of "
            f"index {entry.index}, term {entry.term}"
        )
    check_block(
        block,
        previous_hash=link.hash,
        previous_time=link.time,
        chain_id=chain_id,
        height=entry.index,
        membership_digest=link.membership_digest,
    )
    stated = None if block.membership is None else configuration_of(block.membership)
    if stated != entry.configuration:
        raise InvalidBlock("the entry's configuration is not the one in its block")
    if (
        block.recovery is None
        and block.membership is not None
        and not (
            block.membership.ordered_at < entry.index and ordered(link.membership, block.membership)
        )
    ):
        raise InvalidBlock("a configuration block that state does not order")


class Screener:
    """Judges a leader's appends against the own log, clock and applied state."""

    def __init__(
        self,
        *,
        genesis: Genesis,
        raft: Raft,
        memberships: Memberships,
        executor: Executor,
        recovering: Recovering,
    ) -> None:
        self._genesis = genesis
        self._raft = raft
        self._memberships = memberships
        self._executor = executor
        self._recovering = recovering

    def judge(
        self, message: AppendEntries, wall_milliseconds: int
    ) -> tuple[AppendEntries, tuple[Height, str, str] | None]:
        """Return what to give to Raft, and what was cut off: (height, reason, detail)."""
        raft = self._raft
        message = raft.from_beginning(message)
        previous = message.previous_index
        entries = message.entries
        if message.term < raft.term or previous > raft.last_index:
            return message, None  # Raft refuses it as it is
        if previous + len(entries) <= raft.commit:
            return message, None  # all of it is committed here
        if raft.term_of(previous) != message.previous_term:
            return message, None
        if any(entry.index != previous + 1 + i for i, entry in enumerate(entries)):
            return message, None  # Raft ends the link for it
        first_new = 0
        for entry in entries:
            if entry.index > raft.last_index or raft.term_of(entry.index) != entry.term:
                break
            first_new += 1
        if first_new == len(entries):
            return message, None
        taken, refused = screen(
            message,
            first_new=first_new,
            link=self._link_after(previous + first_new),
            chain_id=self._genesis.chain_id,
            wall_milliseconds=wall_milliseconds,
            ordered=self._ordered,
            recovered=self._recovering.judge,
        )
        if refused is None:
            return message, None
        cut = AppendEntries(message.term, previous, message.previous_term, taken, message.commit)
        return cut, refused

    def _link_after(self, index: Height) -> Link:
        """Return what the block after `index` of the own log must continue."""
        memberships = self._memberships
        membership, digest = memberships.after(index), memberships.digest_after(index)
        if index == 0:
            return Link(self._genesis.chain_id, self._genesis.time, membership, digest)
        block = block_of(self._raft.entry(index))
        return Link(block.hash, block.time, membership, digest)

    def _ordered(self, current: Membership, proposed: Membership) -> bool:
        """Say whether applied state orders this step; state that is not there yet cannot say no."""
        executor = self._executor
        if executor.ordered_at != proposed.ordered_at:
            return proposed.ordered_at > executor.ledger.height
        return proposed in next_steps(current, executor.wanted, executor.ordered_at)
