"""Old entries that storage has removed: they agree unread, and are sent to nobody."""

from __future__ import annotations

from govchaind.raft.messages import AppendEntries, AppendReply, Heartbeat, HeartbeatReply
from tests.raft.alone import Alone, append
from tests.raft.disk import store_of

FIRST = 4  # of six entries


def cut(*, term: int = 3) -> Alone:
    alone = Alone([1, 1, 2, 2, 3, 3], term=term, commit=6)
    alone.disk.begins = FIRST
    return alone


def test_a_follower_takes_what_was_removed_for_known() -> None:
    alone = cut()
    alone.receive("n2", append(3, 0, 0, [1, 1, 2, 2, 3, 3, 3], commit=6))
    [reply] = alone.take(AppendReply)
    assert (reply.success, reply.index, alone.raft.last_index) == (True, 7, 7)
    alone.receive("n2", append(3, 1, 1, [1], commit=6))
    assert [reply.success for reply in alone.take(AppendReply)] == [True]


def test_the_first_entry_is_compared() -> None:
    alone = cut()
    alone.receive("n2", append(3, FIRST, 2, [3]))
    assert [reply.success for reply in alone.take(AppendReply)] == [True]


def test_a_leader_asks_once_a_round_whether_a_peer_has_them_from_elsewhere() -> None:
    alone = cut()
    alone.lead()
    alone.take(AppendEntries)
    alone.receive("n3", AppendReply(4, store_of("n3"), False, 6, 1, 1))
    assert alone.take(AppendEntries, "n3") == []
    assert alone.raft.peers()["n3"].needs == 2
    alone.receive("n2", AppendReply(4, store_of("n2"), True, 7))
    alone.now += 0.5
    alone.raft.expire(alone.now)
    alone.turn()
    [beat] = [one for one in alone.take(Heartbeat, "n3") if one.round]
    for _ in range(2):
        alone.receive("n3", HeartbeatReply(4, store_of("n3"), beat.round))
    [probe] = alone.take(AppendEntries, "n3")
    assert (probe.previous_index, probe.entries) == (FIRST, [])


def test_a_peer_that_has_them_is_sent_what_follows() -> None:
    alone = cut()
    alone.lead()
    alone.receive("n3", AppendReply(4, store_of("n3"), False, 6, 1, 1))
    alone.take(AppendEntries)
    alone.receive("n3", AppendReply(4, store_of("n3"), True, FIRST))
    [sent] = alone.take(AppendEntries, "n3")
    assert [entry.index for entry in sent.entries] == [5, 6, 7]
    assert alone.raft.peers()["n3"].needs == 0


def test_what_is_removed_while_a_peer_is_fed_ends_its_feeding() -> None:
    alone = cut()
    alone.disk.begins = 0
    alone.lead()
    alone.receive("n3", AppendReply(4, store_of("n3"), False, 6, 1, 1))
    alone.take(AppendEntries)
    alone.disk.begins = FIRST
    alone.receive("n3", AppendReply(4, store_of("n3"), True, 1))
    [probe] = alone.take(AppendEntries, "n3")
    assert probe.previous_index == FIRST
