"""Named places that a sweep of gear 2 must reach, with the sentence that its page repeats."""

from __future__ import annotations

from types import MappingProxyType

MARKS = MappingProxyType(
    {
        "two-leaders": "two nodes lead at once, in different terms",
        "log-truncated": "a node cuts its log at a conflict",
        "transfer-done": "a leader that is asked to stop hands over before it ends",
        "partition": "the network is parted",
        "connection-reset": "a connection breaks at both ends while its nodes live",
        "restarted": "a process starts again on what is durable",
        "restarted-in-write": "a process dies with a write in flight",
        "all-restarted": "every process dies at once",
        "power-cut": "a machine falls silent, and its connections with it",
        "stopped": "a process that is asked to stop ends by itself",
        "disk-failed": "a write fails and the node ends",
        "disk-full": "a node finds its disk full",
        "disk-hung-leader": "the disk of a leader hangs",
        "membership-changed": "a configuration block brings a membership into force",
        "voter-added": "a node that was no voter at genesis becomes one",
        "voter-removed": "a voter of genesis leaves the configuration",
        "leader-removed": "the removal of a node is enacted that led when it was ordered",
        "store-wiped": "a disk is replaced by an empty one under the same key",
        "store-behind-guard": "a disk set back to an older copy is found out by the guard file",
        "store-readmitted": "a member votes under another store than that of genesis",
        "snapshot-joined": "a node goes on with a store that it has filled from a snapshot",
        "snapshot-resumed": "a node goes on with a fetch that an earlier life of it has begun",
        "snapshot-given-up": "a node gives up fetching a snapshot, and takes blocks",
        "joiner-crashed": "a process dies while it has a second store",
        "blocks-removed": "a node removes old blocks",
        "snapshot-served-wrongly": "a joining node leaves a malicious member for good",
        "lied": "a malicious member's bytes change as they leave",
        "liar-refused": "a node ends its link to a malicious member",
        "greeting-refused": "a node refuses who greets it wrongly",
        "rogue-refused": "a node ends a connection that a rogue has made",
        "link-idle": "a node gives up a peer whose frame does not come",
        "peer-never-reads": "a node gives up a peer that takes nothing",
        "vandal-answered": "who asks wrongly is told so",
        "stream-never-read": "who asked for the event stream takes nothing of it",
        "rot-found": "a node ends because a row of its store has rotted",
        "clock-objection": "a node objects to a block that is ahead of its clock",
        "observer-followed": "an observer applies a block",
        "cas-conflict": "a compare-and-set is refused because the revision has changed",
        "outcome-unknown": "a client gives up without an answer",
        "sent-again": "a client learns the fate of what it sent more than once",
        "read-answered": "a linearizable read is answered",
        "receipt-verified": "a receipt is fetched and verifies",
        "trust-over-a-change": "a client's trust moves over a change of the membership",
        "events-followed": "who follows the event stream was told what the chain holds",
    }
)
