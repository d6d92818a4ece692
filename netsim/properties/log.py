"""Logs and commit: I-3, I-4, I-6, I-8, I-10, I-11, I-12, I-13, I-15."""

from __future__ import annotations

from govchaind.base.quorum import majority
from govchaind.raft.core import Role
from govchaind.raft.messages import AppendEntries, Configuration, Entry
from govchaind.replica.events import Event, Received
from govchaind.replica.messages import CertifiedBlocks
from govchaind.replica.store import block_of
from netsim.disk import Disk
from netsim.properties.base import Property, Step


class LeaderAppendsOnly(Property):
    id = "I-3"
    text = "a leader never overwrites or deletes in its own log during its term"

    def step(self, step: Step) -> None:
        if (
            step.truncated_from is not None
            and step.old_role is Role.LEADER
            and step.role is Role.LEADER
            and step.old_term == step.term
        ):
            self.fail(step.node.name, f"cuts its log at {step.truncated_from} while it leads")


class LogMatching(Property):
    id = "I-4"
    text = "log matching: same index and term, equal prefix"

    def step(self, step: Step) -> None:
        for entry in step.appended:
            previous_term = step.mirror.term_at(entry.index - 1)
            known = self.ghost.learn(entry, previous_term)
            if known.entry is entry and known.previous_term == previous_term:
                continue
            where = f"entry {entry.index} of term {entry.term}"
            if known.hash != block_of(entry).hash:
                self.fail(step.node.name, f"{where} is another block than elsewhere")
            if known.previous_term != previous_term:
                self.fail(
                    step.node.name,
                    f"{where} follows term {previous_term}, elsewhere term {known.previous_term}",
                )


class ChainUnbroken(Property):
    id = "I-15"
    text = "hash chain unbroken; height = index"

    def step(self, step: Step) -> None:
        for entry in step.appended:
            block = block_of(entry)
            index = entry.index
            before = step.mirror.entries[index - 2] if index > 1 else None
            previous = self.ghost.chain_id if before is None else block_of(before).hash
            if block.height != index or block.term != entry.term:
                self.fail(
                    step.node.name,
                    f"block of height {block.height}, term {block.term} at {index}, {entry.term}",
                )
            if block.previous != previous:
                self.fail(step.node.name, f"block {index} does not follow the block before it")


class OneCommittedLog(Property):
    id = "I-6"
    text = "one committed entry per index, ever, on any node"

    def step(self, step: Step) -> None:
        committed = self.ghost.committed
        last = min(step.commit, len(committed))
        for index in range(step.old_commit + 1, last + 1):
            entry = step.mirror.entries[index - 1]
            known = committed[index - 1]
            if entry is not known.entry and (
                entry.term != known.entry.term or block_of(entry).hash != known.hash
            ):
                self.fail(
                    step.node.name,
                    f"commits entry {index} of term {entry.term}, where term "
                    f"{known.entry.term} is committed",
                )
        if step.truncated_from is not None and step.truncated_from <= step.old_commit:
            self.fail(
                step.node.name,
                f"cuts its log at {step.truncated_from}, below its commit {step.old_commit}",
            )


class CommitWithinLog(Property):
    id = "I-8"
    text = "applied ≤ commit ≤ last; a follower's commit ≤ last index verified by that very request"

    def step(self, step: Step) -> None:
        node, mirror = step.node, step.mirror
        replica = node.replica
        if replica is None:
            return
        for event in step.events:  # also what an observer hears: it may be one no longer
            if isinstance(event, Received) and isinstance(event.message, CertifiedBlocks):
                for block, _ in event.message.blocks:
                    newest = max(mirror.verified_by_certificate, block.height)
                    mirror.verified_by_certificate = newest
        applied, last = replica.ledger.height, replica.raft._state.log.last_index
        within = applied <= step.commit <= last
        still = step.term == step.old_term and step.commit == step.old_commit
        if within and still and not any(map(_verifies, step.events)):
            return
        if replica.is_observer():
            return  # it takes no part in Raft
        if not within:
            self.fail(node.name, f"applied {applied}, commit {step.commit}, last {last}")
        earlier = 0
        if step.term != step.old_term:
            if any(_speaks(event, step.old_term) for event in step.events):
                # It may have committed before it left the term, whose own entries vouch for all.
                own = bool(mirror.entries) and mirror.entries[-1].term == step.old_term
                earlier = len(mirror.entries) if own else mirror.verified
            mirror.verified = step.old_commit
        for event in step.events:
            if isinstance(event, Received) and isinstance(event.message, AppendEntries):
                self._verify(step, event.message)
        if step.old_role is Role.LEADER or step.role is Role.LEADER:
            return
        if step.commit > step.old_commit:
            own = mirror.entries[-1].term == step.term
            verified = max(mirror.verified, mirror.verified_by_certificate, earlier)
            if step.commit > verified and not own:
                self.fail(
                    node.name,
                    f"commits {step.commit} where its leader has verified {mirror.verified}",
                )

    def _verify(self, step: Step, message: AppendEntries) -> None:
        if message.term < step.old_term:
            return
        entries, mirror = message.entries, step.mirror
        for entry in reversed(entries):
            index = entry.index
            if index <= len(mirror.entries) and mirror.term_at(index) == entry.term:
                mirror.verified = max(mirror.verified, index)
                return
        index = message.previous_index
        if index <= len(mirror.entries) and mirror.term_at(index) == message.previous_term:
            mirror.verified = max(mirror.verified, index)


_VERIFYING = (AppendEntries, CertifiedBlocks)


def _verifies(event: Event) -> bool:
    """Say whether an event may verify entries of the log."""
    return isinstance(event, Received) and isinstance(event.message, _VERIFYING)


def _speaks(event: Event, term: int) -> bool:
    """Say whether an event is a message of this term."""
    return isinstance(event, Received) and getattr(event.message, "term", None) == term


class CommittedIsDurable(Property):
    id = "I-10"
    text = (
        "committed implies durable on a quorum of the configuration in force, read from disk images"
    )

    def step(self, step: Step) -> None:
        ghost = self.ghost
        if step.commit <= len(ghost.committed):
            return
        replica = step.node.replica
        if replica is None:
            return
        if step.old_role is not Role.LEADER and step.role is not Role.LEADER:
            self.fail(
                step.node.name,
                f"commits {step.commit} as {step.role.value}, where no leader has committed "
                f"more than {len(ghost.committed)}",
            )
        # A leader takes what came in before it proposes: what it appends here, it commits later.
        at = step.appended[0].index if step.appended else len(step.mirror.entries) + 1
        voters = step.mirror.configuration_before(at)[1].voters
        for index in range(len(ghost.committed) + 1, step.commit + 1):
            entry = step.mirror.entries[index - 1]
            holds = [
                name
                for name, store in voters
                if name == step.node.world.liar.claimed  # and nobody can know that it does not
                or (store in ghost.disks and ghost.holds(ghost.disks[store], index, entry.term))
            ]
            if len(holds) < majority(len(voters)):
                names = " ".join(name for name, _ in voters)
                self.fail(
                    step.node.name,
                    f"commits entry {index} of term {entry.term} that is durable on "
                    f"[{' '.join(holds)}] where [{names}] vote",
                )


class MatchIsTrue(Property):
    id = "I-11"
    text = "a leader's match[f] ≤ true common prefix with f's durable log; next > match"

    def step(self, step: Step) -> None:
        if step.truncated_from is not None:
            self._cut(step)
        if step.role is not Role.LEADER:
            return
        replica, mirror = step.node.replica, step.mirror
        leading = None if replica is None else replica.raft._state.leading
        if leading is None:
            return
        if step.elected:
            mirror.match = {}
        checked = mirror.match
        for name, peer in leading.peers.items():
            match = peer.match
            known, store = checked.get(name, (0, None))
            if (known, store) == (match, peer.store) and peer.next > match:
                continue
            if peer.next <= match:
                self.fail(step.node.name, f"next {peer.next} ≤ match {match} of {name}")
            if 0 < match < known and peer.store == store:
                self.fail(step.node.name, f"match of {name} goes back to {match}")
            checked[name] = (match, peer.store)
            disk = None if peer.store is None else self.ghost.disks.get(peer.store)
            if name == step.node.world.liar.claimed:
                continue
            if match and (disk is None or not self._held(disk, step, match)):
                self.fail(step.node.name, f"match {match} of {name}, whose disk does not hold it")

    def _cut(self, step: Step) -> None:
        """A follower has cut its log: what its leader counts on must still be there."""
        node, leader = step.node, self.ghost.leaders.get(step.term)
        other = None if leader is None else self.ghost.mirrors.get(leader)
        if other is None or other.role is not Role.LEADER or other.term != step.term:
            return
        match, store = other.match.get(node.name, (0, None))
        entries = step.mirror.entries
        if store != node.store or not match or match > len(other.entries):
            return
        if node.name == node.world.liar.claimed:
            return
        if len(entries) < match or entries[match - 1].term != other.term_at(match):
            self.fail(
                node.name, f"cuts its log to {len(entries)}, where {leader} counts on {match}"
            )

    def _held(self, disk: Disk, step: Step, match: int) -> bool:
        return match <= len(step.mirror.entries) and self.ghost.holds(
            disk, match, step.mirror.term_at(match)
        )


class OwnTermCommits(Property):
    id = "I-12"
    text = "only entries of the current term are committed by counting"

    def step(self, step: Step) -> None:
        if step.commit == step.old_commit or step.role is not Role.LEADER:
            return
        if step.elected and step.commit <= len(self.ghost.committed):
            return  # told by a former leader, before it was elected in this very step
        term = step.mirror.term_at(step.commit)
        if term != step.term:
            self.fail(
                step.node.name, f"commits entry {step.commit} of term {term} in term {step.term}"
            )


class OneChangeAtATime(Property):
    id = "I-13"
    text = (
        "one membership change in flight; none before an entry of the own term is committed; "
        "consecutive configurations' quorums intersect"
    )

    def step(self, step: Step) -> None:
        for entry in step.appended:
            if entry.configuration is not None:
                self._check(step, entry, entry.configuration)

    def _check(self, step: Step, entry: Entry, configuration: Configuration) -> None:
        name = step.node.name
        at, before = step.mirror.configuration_before(entry.index)
        changed = set(before.voters) ^ set(configuration.voters)
        if len(changed) > 1:
            self.fail(name, f"configuration {entry.index} changes {len(changed)} votes at once")
        if step.role is not Role.LEADER or entry.term != step.term:
            return
        if at > step.commit:
            self.fail(name, f"configuration {entry.index} while {at} is not committed")
        if step.mirror.term_at(step.commit) != step.term:
            self.fail(
                name,
                f"configuration {entry.index} before an entry of term {step.term} is committed",
            )


PROPERTIES: tuple[type[Property], ...] = (
    LeaderAppendsOnly,
    LogMatching,
    ChainUnbroken,
    OneCommittedLog,
    CommitWithinLog,
    OwnTermCommits,
    CommittedIsDurable,
    MatchIsTrue,
    OneChangeAtATime,
)
