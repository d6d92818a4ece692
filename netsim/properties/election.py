"""Terms, votes and leaders: I-1, I-2, I-5, I-7, and I-14's half about who elects."""

from __future__ import annotations

from bisect import bisect_left
from typing import ClassVar

from govchaind.base.quorum import majority
from govchaind.base.types import NodeId
from govchaind.raft.core import Role
from govchaind.raft.messages import RequestVote, Vote
from govchaind.replica.messages import PeerMessage
from netsim.ghost import Mirror
from netsim.node import Node
from netsim.properties.base import Property, Step


class OneLeader(Property):
    id = "I-1"
    text = "at most one leader per term, over the whole run"

    def step(self, step: Step) -> None:
        if not step.elected:
            return
        name = step.node.name
        other = self.ghost.leaders[step.term]
        if other != name:
            self.fail(name, f"leads term {step.term}, which {other} has led")


class OneVote(Property):
    id = "I-2"
    text = "a node grants at most one candidate per term, across restarts"
    looks_at: ClassVar[tuple[type, ...]] = (Vote, RequestVote)

    def leaving(self, node: Node, to: NodeId, message: PeerMessage) -> None:
        if isinstance(message, Vote):
            if message.granted and not message.pre:
                self._granted(node, message.term, to)
        elif isinstance(message, RequestVote) and not message.pre:
            self._granted(node, message.term, node.name)

    def _granted(self, node: Node, term: int, to: NodeId) -> None:
        other = self.ghost.votes[node.name, node.store, term]
        if other != to:
            self.fail(node.name, f"votes for {to} in term {term} after it voted for {other}")

    def step(self, step: Step) -> None:
        if step.elected:
            self._granted(step.node, step.term, step.node.name)


class LeaderComplete(Property):
    id = "I-5"
    text = "leader completeness: a new leader holds every entry committed in an earlier term"

    def step(self, step: Step) -> None:
        if not step.elected:
            return
        # Its votes may have waited while it was paused, and a later term has committed since.
        before = bisect_left(self.ghost.committed_in, step.term)
        entries, committed = step.mirror.entries, self.ghost.committed[:before]
        if len(entries) < len(committed):
            self.fail(
                step.node.name,
                f"leads term {step.term} with {len(entries)} of {len(committed)} committed entries",
            )
        for entry, known in zip(entries, committed, strict=False):
            if entry.term != known.entry.term:
                self.fail(
                    step.node.name,
                    f"leads term {step.term} with entry {entry.index} of term {entry.term}, "
                    f"where term {known.entry.term} is committed",
                )


class Monotonic(Property):
    id = "I-7"
    text = "term, vote, commit and applied never go back in a life; term and vote across lives"

    def step(self, step: Step) -> None:
        name = step.node.name
        if step.term < step.old_term:
            self.fail(name, f"term {step.term} after {step.old_term}")
        if step.term == step.old_term and step.old_vote is not None and step.vote != step.old_vote:
            self.fail(name, f"vote {step.vote} in term {step.term} after {step.old_vote}")
        if step.commit < step.old_commit:
            self.fail(name, f"commit {step.commit} after {step.old_commit}")
        replica = step.node.replica
        if replica is not None:
            applied = replica.ledger.height
            if applied < step.mirror.applied:
                self.fail(name, f"applied {applied} after {step.mirror.applied}")
            step.mirror.applied = applied

    def started(self, node: Node, mirror: Mirror) -> None:
        told = self.ghost.told_terms.get((node.name, node.store), 0)
        if mirror.term < told:
            self.fail(node.name, f"starts in term {mirror.term} after it spoke in term {told}")
        vote = self.ghost.votes.get((node.name, node.store, mirror.term))
        if vote is not None and mirror.vote != vote:
            self.fail(
                node.name, f"starts with vote {mirror.vote} in term {mirror.term} after {vote}"
            )


class MembersElect(Property):
    id = "I-14"
    text = (
        "votes and matches of non-members are never counted; a node's configuration is the one "
        "its own log says at that height"
    )

    def step(self, step: Step) -> None:
        replica = step.node.replica
        if replica is None:
            return
        index, configuration = step.mirror.configurations[-1]
        in_force = replica.raft._state.membership.configuration
        if in_force is not configuration:
            if in_force != configuration:
                at = replica.raft.configuration_index
                self.fail(step.node.name, f"acts on configuration {at}, its log says {index}")
            step.mirror.configurations[-1] = (index, in_force)  # equal: the next look is short
        if step.elected:
            self._check_ballots(step.node, step.term, in_force.voters)

    def _check_ballots(
        self, node: Node, term: int, voters: tuple[tuple[NodeId, bytes], ...]
    ) -> None:
        votes = self.ghost.votes
        for_it = [name for name, store in voters if votes.get((name, store, term)) == node.name]
        if len(for_it) < majority(len(voters)):
            names = " ".join(name for name, _ in voters)
            self.fail(
                node.name,
                f"leads term {term} by votes of [{' '.join(for_it)}] where [{names}] vote",
            )


class TermsBounded(Property):
    id = "L-e"
    text = "terms per simulated minute bounded, resends per entry bounded (no livelock)"

    def step(self, step: Step) -> None:
        if step.term > self.ghost.highest_term:
            world = step.node.world
            allowed = 20 + 2 * world.heap.now / world.options.election_min
            if step.term > allowed and step.role is not Role.LEADER:
                self.fail(step.node.name, f"term {step.term} after {world.heap.now:.0f} seconds")


PROPERTIES: tuple[type[Property], ...] = (
    OneLeader,
    OneVote,
    LeaderComplete,
    Monotonic,
    MembersElect,
    TermsBounded,
)
