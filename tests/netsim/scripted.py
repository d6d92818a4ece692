"""A record written by hand: all that a picture can show, at known places, whatever a run does.

Two leaders in term 2 are its failure. It holds every fate, a crash, a one-way cut, a message to a
life that has ended, one still under way, and more messages than a diagram shows.
"""

from __future__ import annotations

from dataclasses import dataclass

from govchaind.raft.messages import AppendEntries, Entry, Heartbeat, RequestVote, Vote
from govchaind.replica.messages import Announce, Head, PeerMessage
from netsim.picture.record import NOBODY, Message, Record
from netsim.trace import described

NODES = ["n0", "n1", "n2", "o0"]
FAILURE = "I-1 at n1: leads term 2, which n2 has led"
FAILS_AT = 3.676094
BEFORE = {"Head": 60, "Heartbeat": 50, "Announce": 5, "AppendEntries": 200}  # from 1 s on
AFTER_THE_FAILURE = 4.0


@dataclass(slots=True)
class _Payload:
    text: str

    @property
    def size(self) -> int:
        return len(self.text)


def scripted() -> Record:
    """Return the record."""
    record = Record()
    for number, node in enumerate(NODES):
        at = 0.1 * (number + 1)
        record.line(at, node, f"start life {number + 1} store {number:06x}")
        record.stepped(at, node, "observer" if node == "o0" else "follower", 0, 0, 0)
    record.stepped(0.6, "n0", "candidate", 1, 0, 0)
    record.stepped(0.7, "n0", "leader", 1, 0, 0)
    _chatter(record)
    _fates(record)
    _crash(record)
    _second_leader(record)
    return record


def _say(
    record: Record, at: float, ways: str, content: PeerMessage, fate: str, *later: float
) -> Message:
    """Tell a message from one node to another ("n0 n1"), and its arrivals."""
    sender, to = ways.split()
    told = record.sent(at, sender, to, content, described(content), fate)
    told.arrivals += [(at + each, True) for each in later]
    return told


def _chatter(record: Record) -> None:
    """Messages one by one, 5 ms apart, kinds one after the other."""
    contents: dict[str, PeerMessage] = {
        "Head": Head(0),
        "Heartbeat": Heartbeat(1, 0, 1),
        "Announce": Announce([bytes(32)]),
        "AppendEntries": AppendEntries(1, 6, 1, [], 5),
    }
    kinds = [kind for kind, count in BEFORE.items() for _ in range(count)]
    for number, kind in enumerate(kinds):
        _say(record, 1.0 + 0.005 * number, "n0 n1", contents[kind], "sent", 0.002)
    record.stepped(2.9, "n0", "leader", 1, 5, 4)
    record.line(2.9, "n0", "= committed 5")


def _fates(record: Record) -> None:
    """One message of each fate, from 3 s on, and one that nobody takes any more."""
    entries = [Entry(index, 1, _Payload("paid " * 40)) for index in range(7, 15)]
    _say(record, 3.0, "n0 n1", AppendEntries(1, 6, 1, entries, 5), "sent", 0.002)
    _say(record, 3.01, "n0 n2", AppendEntries(1, 6, 1, entries, 5), "doubled", 0.003, 0.02)
    _say(record, 3.05, "n0 n1", Heartbeat(1, 5, 2), "overtaken", 0.03)
    _say(record, 3.06, "n0 n2", Heartbeat(1, 5, 2), "lost")
    _say(record, 3.07, "n1 o0", Head(4), "held", 0.3)
    record.cuts(3.1, NODES, [("n0", "o0"), ("n1", "n2"), ("n2", "n1")])
    _say(record, 3.11, "n0 o0", Head(5), "cut")
    late = _say(record, 3.12, "n1 n0", RequestVote(2, 6, 1, pre=True), "held")
    late.arrivals.append((3.4, False))
    record.cuts(3.15, NODES, [("n0", "o0")])


def _crash(record: Record) -> None:
    record.line(3.2, "n0", "* crash at a write before the machine's power fails")
    record.state(3.2, "n0", "down")
    record.line(3.3, NOBODY, "* heal n0 n1 n2 o0")
    record.state(3.35, "o0", "paused")
    record.state(3.45, "o0", "")
    record.line(3.46, "n1", "link down n0")


def _second_leader(record: Record) -> None:
    """Each of n1 and n2 has voted for itself, and votes again for the other."""
    for node, peer, at in (("n1", "n2", 3.6), ("n2", "n1", 3.61)):
        record.stepped(at, node, "candidate", 2, 5, 4)
        _say(record, at + 0.002, f"{node} {peer}", RequestVote(2, 6, 1, pre=False), "sent", 0.02)
    vote_of_n1 = Vote(2, True, pre=False, store=bytes.fromhex("ee05f3"))
    vote_of_n2 = Vote(2, True, pre=False, store=bytes.fromhex("a19099"))
    _say(record, 3.64, "n1 n2", vote_of_n1, "sent").arrivals.append((3.664594, True))
    _say(record, 3.65, "n2 n1", vote_of_n2, "sent").arrivals.append((FAILS_AT, True))
    entries = AppendEntries(2, 6, 1, [], 5)
    record.stepped(3.664594, "n2", "leader", 2, 5, 4)
    record.line(3.664594, "n2", "= raft.role_changed role=leader term=2 leader=n2")
    _say(record, 3.664594, "n2 n0", entries, "cut")
    _say(record, 3.664594, "n2 n1", entries, "sent").arrivals.append((AFTER_THE_FAILURE, True))
    _say(record, 3.665, "n2 o0", Head(5), "unlinked")
    record.line(3.666643, "n2", "durable 18 1")
    record.stepped(FAILS_AT, "n1", "leader", 2, 5, 4)
    record.line(FAILS_AT, "n1", f"VIOLATION {FAILURE}")
