"""What a leader puts on the ledger, and when.

Rules it keeps:
- Each term opens with an empty block, at once.
- A lone transaction never waits for a timer: a block is cut as soon as the pipe is free. While
  blocks are in flight, a further one is cut only when it would be well filled.
- When changes wait for a checkpoint and nothing else comes, an empty block makes it; at rest, an
  empty block each minute lets deadlines lapse.
- A configuration block brings one step into force that state orders; a learner is promoted once it
  has caught up; a leader that is to leave hands over first.
- It is proposed when everything before it is applied here and nothing is in flight, for what is in
  flight may order something else; new blocks wait meanwhile. So the state that orders it is the
  state right before it, and every node judges it alike.
- A leader whose block so many object to that no majority takes it steps down and does not campaign
  for a while. One whose disk is full hands over: it could propose nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from govchaind.base.errors import Refused
from govchaind.base.limits import (
    BLOCK_OPERATIONS_MAX,
    REST_BLOCK_INTERVAL_SECONDS,
)
from govchaind.base.quorum import certificate_quorum, majority
from govchaind.base.types import BlockTime, Height, NodeId, Seconds
from govchaind.ledger.apply import Ledger
from govchaind.ledger.block import Block, make_block
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.membership import Member, Membership, next_steps
from govchaind.ledger.state import due_after
from govchaind.ledger.transaction import Transaction
from govchaind.raft.core import Raft, Role
from govchaind.replica.intake import NEXT_BLOCK_MILLISECONDS
from govchaind.replica.memberships import Memberships
from govchaind.replica.messages import Objection
from govchaind.replica.pool import Pool
from govchaind.replica.store import block_of, configuration_of

BLOCKS_IN_FLIGHT_MAX = 8
FILLED_OPERATIONS = BLOCK_OPERATIONS_MAX // 2  # worth a further block while others are in flight
CAUGHT_UP_HEIGHTS = 16
QUIET_SECONDS = 60.0
NO_ROOM_SECONDS = 10.0  # between tries of a leader whose disk is full to hand over
CHECKPOINT_PATIENCE_MILLISECONDS = 25  # under calm traffic the next block makes the checkpoint
RETRY_SECONDS = 0.1  # after a refusal, which lasts as long as a hand-over


@dataclass(slots=True)
class Objections:
    """Who objects to which of the leader's blocks."""

    term: int = 0
    _by_height: dict[Height, set[NodeId]] = field(default_factory=dict)

    def add(
        self, peer: NodeId, objection: Objection, *, term: int, voters: int, undecided: range
    ) -> bool:
        """Count an objection; True when too few of `voters` are left to take the block.

        Objections to blocks that are decided, or that never were, count for nothing.
        """
        if objection.term != term or objection.height not in undecided:
            return False
        if self.term != term:
            self.term = term
            self._by_height.clear()
        for height in [h for h in self._by_height if h not in undecided]:
            del self._by_height[height]
        against = self._by_height.setdefault(objection.height, set())
        against.add(peer)
        return len(against) > voters - majority(voters)


def wants_block(raft: Raft, waiting_operations: int) -> bool:
    """Say whether a block of waiting transactions should be cut now."""
    in_flight = raft.last_index - raft.commit
    if not waiting_operations or in_flight >= BLOCKS_IN_FLIGHT_MAX:
        return False
    return in_flight == 0 or waiting_operations >= FILLED_OPERATIONS


def checkpoint_due(
    pending_changes: int, checkpoint_time: BlockTime, wall_milliseconds: int
) -> int | None:
    """Return in how many milliseconds an empty block should make a checkpoint; None: none waits."""
    if not pending_changes:
        return None
    longest = due_after(pending_changes) + CHECKPOINT_PATIENCE_MILLISECONDS
    wait = checkpoint_time + longest - wall_milliseconds
    # A clock far behind block time must not keep changes waiting for ever.
    return min(max(wait, 0), longest)


def rest_due(last_block_at: Seconds) -> Seconds:
    """Return when an empty block is due if nothing else comes."""
    return last_block_at + REST_BLOCK_INTERVAL_SECONDS


def slept(time: BlockTime, wall: BlockTime) -> bool:
    """Say whether the newest block is so old that this machine must have been suspended.

    No door follows the wall clock further (`intake.py`) until a block brings the ledger's time on.
    """
    return wall - time > NEXT_BLOCK_MILLISECONDS


def next_membership(
    raft: Raft, current: Membership, wanted: Sequence[Member], ordered_at: Height, now: Seconds
) -> tuple[Membership | None, NodeId | None]:
    """Return the configuration to propose now, or whom to hand over to first, or neither.

    Voters of whom no majority answers now could not commit the very block that makes them voters,
    and nobody could undo it: while one node is lost, another is not let go. Nor is a step taken
    after which too few answer to sign certificates, while enough do now: another comes first.
    """
    signs = _can_sign(raft, current, now)
    for step in next_steps(current, wanted, ordered_at):
        if not may_step(len(step.voters()), _answering(raft, step, now), signs=signs):
            continue
        own = step.member(raft.node)
        was_voter = current.member(raft.node)
        leaves = (
            was_voter is not None
            and was_voter.role == "validator"
            and (own is None or own.role != "validator" or own.store != was_voter.store)
        )
        if leaves and len(current.voters()) > 1:
            return None, best_follower(raft, now)
        promoted = _promoted(current, step)
        if promoted is not None:
            matched = raft.matched(promoted)
            if matched is None or matched + CAUGHT_UP_HEIGHTS < raft.commit:
                continue
        return step, None
    return None, None


def may_step(voters: int, answering: int, *, signs: bool) -> bool:
    """Say whether so many voters, of whom so many answer, may come into force.

    Args:
        signs: enough of those in force now answer to sign certificates.
    """
    return answering >= majority(voters) and not (signs and answering < certificate_quorum(voters))


def _can_sign(raft: Raft, membership: Membership, now: Seconds) -> bool:
    voters = len(membership.voters())
    return _answering(raft, membership, now) >= certificate_quorum(voters)


def _answering(raft: Raft, membership: Membership, now: Seconds) -> int:
    return raft.answering(now, {voter.name: voter.store for voter in membership.voters()})


def _promoted(current: Membership, step: Membership) -> NodeId | None:
    voters = {member.name for member in current.voters()}
    for member in step.voters():
        if member.name not in voters:
            return member.name
    return None


def best_follower(raft: Raft, now: Seconds) -> NodeId | None:
    """Return the voter whose log matches furthest, of those that answer; None if none does.

    One that is down may hold all there is, and would be waited for in vain, over and over.
    """
    best: tuple[int, NodeId] | None = None
    for node, store in raft.configuration.voters:
        if node == raft.node or not raft.answers(now, node, store):
            continue
        matched = raft.matched(node)
        if matched is not None and (best is None or matched > best[0]):
            best = (matched, node)
    return None if best is None else best[1]


class Proposer:
    """The leader's side of a replica."""

    def __init__(
        self, *, genesis: Genesis, raft: Raft, ledger: Ledger, pool: Pool, memberships: Memberships
    ) -> None:
        self._genesis = genesis
        self._raft = raft
        self._ledger = ledger
        self._pool = pool
        self._memberships = memberships
        self._leading_term = 0  # the term that was opened here, while this node leads it
        self._last_block_at: Seconds = 0.0
        self._retry_at: Seconds = 0.0
        self._gives_way_at: Seconds = 0.0
        self._drains = False  # a configuration block waits until nothing is in flight
        # What was found to be in force already: found again for each block otherwise.
        self._in_force: tuple[object, object, Height] = (None, None, 0)
        self.objections = Objections()

    def lead(
        self,
        now: Seconds,
        wall: BlockTime,
        *,
        room: bool,
        wanted: Sequence[Member],
        ordered_at: Height,
    ) -> bool:
        """Propose what is due; True if something was proposed or handed over."""
        raft = self._raft
        if raft.role is not Role.LEADER:
            if self._leading_term:
                self._leading_term = 0
                self._pool.release()  # the blocks they were in may not survive
            return False
        try:
            if self._leading_term != raft.term:
                self._open_term(now, wall)
                return True
            if not room:
                return self._give_way(now)
            self._gives_way_at = 0.0
            if self._change_membership(now, wall, wanted, ordered_at):
                return True
            if self._drains:
                return False
            if wants_block(raft, self._pool.waiting_operations):
                transactions = self._pool.take()
                if transactions:
                    self._propose(now, wall, transactions)
                    return True
            return self._keep_time(now, wall)
        except Refused:  # leadership is being handed over: what was taken goes back
            self._retake()
            self._retry_at = now + RETRY_SECONDS
            return False

    def _give_way(self, now: Seconds) -> bool:
        """Let another lead while there is no room here; not again at once, if all are full."""
        if now < self._gives_way_at:
            return False
        self._gives_way_at = now + NO_ROOM_SECONDS
        return self.hand_over(now, None) is None

    def hand_over(self, now: Seconds, target: NodeId | None) -> str | None:
        """Hand leadership to `target`, or to the best follower; return why not, if refused."""
        raft = self._raft
        successor = target or best_follower(raft, now)
        if raft.role is not Role.LEADER or successor is None:
            return None
        try:
            raft.transfer(now, successor)
        except Refused as error:
            return error.code
        return None

    def objected(self, now: Seconds, peer: NodeId, objection: Objection) -> bool:
        """Count a voter's objection to an own block; True if this node steps down for it."""
        raft = self._raft
        voters = raft.configuration.voter_ids()
        if raft.role is not Role.LEADER or peer not in voters:
            return False
        undecided = range(raft.commit + 1, raft.last_index + 1)
        refused = self.objections.add(
            peer, objection, term=raft.term, voters=len(voters), undecided=undecided
        )
        if refused:
            raft.step_down(now, QUIET_SECONDS)
        return refused

    def deadline(self, now: Seconds, wall: BlockTime) -> Seconds:
        """Return when an empty block is due, if this node leads."""
        if self._raft.last_index > self._raft.commit or self._ledger.height < self._raft.commit:
            return math.inf  # the next commit comes first
        due = now if slept(self._ledger.time, wall) else rest_due(self._last_block_at)
        wait = checkpoint_due(self._ledger.pending_changes, self._ledger.last_checkpoint_time, wall)
        due = due if wait is None else min(due, now + wait / 1000)
        return max(due, self._retry_at)

    def _open_term(self, now: Seconds, wall: BlockTime) -> None:
        self._retake()
        self._leading_term = self._raft.term
        self._propose(now, wall, [])

    def _retake(self) -> None:
        """What the log already holds must not go into another block; all else waits again."""
        self._pool.release()
        for index in range(self._raft.commit + 1, self._raft.last_index + 1):
            for transaction in block_of(self._raft.entry(index)).transactions:
                self._pool.mark_taken(transaction.identity)

    def _change_membership(
        self, now: Seconds, wall: BlockTime, wanted: Sequence[Member], ordered_at: Height
    ) -> bool:
        raft = self._raft
        self._drains = False
        if not raft.may_change_configuration() or self._ledger.height < raft.configuration_index:
            return False
        current = self._memberships.latest()
        found = self._in_force
        if found[0] is current and found[1] is wanted and found[2] == ordered_at:
            return False
        if not next_steps(current, wanted, ordered_at):
            self._in_force = current, wanted, ordered_at
            return False
        membership, successor = next_membership(raft, current, wanted, ordered_at, now)
        if successor is not None:
            raft.transfer(now, successor)
            return False
        if membership is None:
            return False
        self._drains = self._ledger.height < raft.last_index
        if self._drains:
            return False
        self._propose(now, wall, [], membership)
        return True

    def _keep_time(self, now: Seconds, wall: BlockTime) -> bool:
        """Add an empty block when changes wait for a checkpoint, or when nothing else came."""
        if self._raft.last_index > self._raft.commit or self._ledger.height < self._raft.commit:
            return False
        ledger = self._ledger
        wait = checkpoint_due(ledger.pending_changes, ledger.last_checkpoint_time, wall)
        if wait == 0 or now >= rest_due(self._last_block_at) or slept(ledger.time, wall):
            self._propose(now, wall, [])
            return True
        return False

    def _propose(
        self,
        now: Seconds,
        wall: BlockTime,
        transactions: list[Transaction],
        membership: Membership | None = None,
    ) -> None:
        """Append a block to the log. Raises Refused while leadership is handed over."""
        raft, last = self._raft, self._raft.last_index
        previous, time = self._genesis.chain_id, self._genesis.time
        if last:
            before: Block = block_of(raft.entry(last))
            previous, time = before.hash, before.time
        block = make_block(
            chain_id=self._genesis.chain_id,
            height=last + 1,
            previous=previous,
            term=raft.term,
            leader=raft.node,
            time=max(wall, time + 1),
            transactions=transactions,
            membership_digest=self._memberships.digest_after(last),
            membership=membership,
        )
        configuration = None if membership is None else configuration_of(membership)
        raft.propose(now, block, configuration)
        self._last_block_at = now
