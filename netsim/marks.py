"""Named places that the seeds of a sweep must reach: a sweep that misses one proves little.

A mark is reached at the place in netsim that its name describes; here are all of them, with the
sentence that `docs/netsim.md` repeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

MARKS = MappingProxyType(
    {
        "two-leaders": "two nodes lead at once, in different terms",
        "log-truncated": "a follower cuts its log at a conflict",
        "membership-changed": "a configuration block is committed",
        "voter-added": "a node that was no voter at genesis becomes one",
        "voter-removed": "a voter leaves the configuration",
        "leader-removed": "the leader itself is removed",
        "configuration-truncated": "an uncommitted configuration is cut from a log",
        "committed-while-down": "a block is committed while a voter is down",
        "vote-refused-stale-log": "a vote is refused to a candidate whose log is behind",
        "split-vote": "a candidate gives up in its term, in which it has heard no leader",
        "rivals": "a second candidate of one term is late at the first",
        "stale-ticket": "entries are cut from a log before their write has completed",
        "term-superseded": "a leader steps down because it hears a newer term",
        "transfer-done": "the target of a leadership transfer leads the next term",
        "transfer-given-up": "a leadership transfer is given up",
        "read-answered": "a linearizable read is answered",
        "read-at-follower": "a node that does not lead answers a linearizable read",
        "read-refused": "a read is refused",
        "read-refused-deposed": "a read is refused because its node was deposed while it waited",
        "restarted": "a node starts again from its disk",
        "restarted-in-write": "a node is killed with a write in flight",
        "all-restarted": "every node is down at once",
        "disk-hung-leader-deposed": "a leader steps down because its disk hangs",
        "disk-failed": "a write fails and the node stops",
        "disk-full": "a node finds its disk full",
        "store-wiped": "a disk is replaced by an empty one under the same key",
        "store-readmitted": "a wiped store is voter again",
        "store-behind-guard": "a disk set back to an older copy is found out by the guard file",
        "rot-found": "a node stops because a row of its store has rotted",
        "cas-conflict": "a compare-and-set is refused because the revision has changed",
        "retried": "a client sends a transaction again",
        "outcome-unknown": "a client gives up without an answer",
        "expired": "a transaction leaves a pool because its time has passed",
        "certificates-lag": "commit is ten heights ahead of certificates",
        "clock-objection": "a follower objects to a block that is ahead of its clock",
        "observer-followed": "an observer applies a certified block",
        "heard-after-heal": "a node that was cut off for good joins again in the calm",
        "hung-leader-replaced": "in the liveness phase, a leader with a hung disk is replaced",
        "deaf-leader-replaced": "in the liveness phase, a leader that hears nobody is replaced",
        "lied": "a malicious member sends what an honest one would not",
        "versions-mixed": "nodes whose software speaks different protocols run at once",
        "served-falsely": "a malicious member serves what no quorum has signed",
        "lie-proved": "a node has heard a validator sign two things about one height",
        "durability-claimed": "a malicious member says to hold on disk what it does not",
        "liar-refused": "a node ends its link to a malicious member",
        "ambushed": "something goes wrong just as a node votes, is elected, commits or is deposed",
        "all-paused": "all nodes stand still at once and go on together",
        "link-clogged": "what is sent waits for a while, and comes late and all at once",
        "link-half-open": "one end of a link is gone, and the other has not noticed",
        "flooded-amid-faults": "one author floods a node while other things go wrong",
        "joined-by-nobody": "in the calm, a node is to join and never comes up, and a voter dies",
        "kept-to-sign": "in the calm, a voter that is ordered to go stays, for too few could sign",
        "flooded": "in the calm, one author floods a node",
        "restarted-in-calm": "in the calm, all nodes are stopped at once and start again",
        "request-granted": "an institution is granted data that it asked for",
        "condition-refused": "a grant asks for a condition that the catalogue did not have",
        "time-extended": "a provider is given more time",
        "answered-twice": "a request is answered that does not wait for it",
        "refusal-overturned": "a supervisor overturns a refusal, or a silence",
        "grant-used-up": "a use beyond the last one that a grant allows is refused",
        "grant-revoked": "a grant is revoked",
        "side-value-removed": "a vote removes a side value",
        "evidence-kept": "a node's double signing is proved on the ledger",
        "evidence-forged": "evidence is refused, because the node has not signed it",
    }
)


class Marks:
    """Which marks one run has reached."""

    __slots__ = ("known", "reached")

    def __init__(self, known: Mapping[str, str] = MARKS) -> None:
        self.known = known
        self.reached: set[str] = set()

    def reach(self, name: str) -> None:
        """Note that a mark was reached."""
        if name not in self.known:
            raise KeyError(name)
        self.reached.add(name)
