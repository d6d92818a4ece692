"""Who is told when a property does not hold. The first word stands, and ends the run.

Nothing is raised where a node could catch it: a link holds on to every exception of its own.
"""

from __future__ import annotations

import trio

from govchaind.base.types import NodeId
from netsim.trace import Trace

PROPERTIES = {
    "I-1": "at most one leader per term, over the whole run: in what leaves on the wire",
    "I-2": "a node grants at most one candidate per term, across restarts",
    "I-9": "ack implies durable: a granted vote or a match that leaves is in the disk's image",
    "I-10": "what a client is told as committed is durable on a majority of the voters' disks",
    "I-16": "equal height, equal results on every node's disk",
    "I-17": "a transaction acts at most once, however often it is sent, and has one fate",
    "I-18": "nothing acknowledged is lost: what a client was told stays on every node's disk",
    "I-19": "what a client is answered makes sense: no definite refusal of what is in order",
    "I-20": "reads and writes linearizable (by heights; and by search per key, with a budget)",
    "I-21": "every receipt and certificate verifies with the client's code, pinned at genesis only",
    "I-22": "no two certificates for one height with different content",
    "I-23": "no node ever signs two different attestations for one height, across restarts",
    "I-24": "attestation only for durably applied heights",
    "I-25": "any single-bit change to a receipt, certificate or trust file is refused (sampled)",
    "I-27": "a flipped bit is never served: the node stops with StorageCorrupt",
    "I-28": "after a failed write the node writes and sends nothing more",
    "I-30": "whoever sends what, no exception leaves a link or a door; no honest peer is a liar",
    "I-33": "same seed, same trace digest, in two processes",
    "L-a": "after heal of a core quorum: a write is accepted, and certified, in time",
    "L-c": "all nodes of the core reach one height and one state root",
    "L-e": "time goes on, and the world does not fall asleep",
    "L-i": "a process that is asked to stop ends in time, unless its disk keeps it",
    "N-1": "no exception leaves a node but the one that its broken disk explains",
    "N-4": "what ends leaves nothing open: no connection, listener, door, snapshot or memory",
    "N-5": "nothing is on the chain that no office has signed",
}


class Judge:
    """The verdict of one run, while it goes on."""

    def __init__(self, trace: Trace, watched: frozenset[str] | None = None) -> None:
        """`watched` leaves out all other properties: for planted bugs."""
        self.violation: tuple[str, NodeId, str, float] | None = None
        self.scope = trio.CancelScope()
        self._trace = trace
        self._watched = watched

    def fail(self, property_id: str, node: NodeId, text: str) -> None:
        """Report that a property does not hold."""
        if self._watched is not None and property_id not in self._watched:
            return
        if self.violation is None:
            now = trio.current_time()
            self.violation = (property_id, node, text, now)
            self._trace.line(now, node, f"VIOLATION {property_id} at {node}: {text}")
            self.scope.cancel()
