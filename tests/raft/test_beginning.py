"""A log that begins after the first entry: what stood before it is asked for nowhere."""

from __future__ import annotations

from govchaind.raft.messages import AppendEntries, AppendReply, Heartbeat, HeartbeatReply
from tests.raft.alone import Alone, append
from tests.raft.disk import store_of


def joined() -> Alone:
    """Return a node whose log begins at 4 and ends at 5."""
    return Alone([1, 1, 1, 2, 2], commit=4, begins=4)


def test_an_append_from_before_the_beginning_is_taken_from_there_on() -> None:
    alone = joined()
    alone.receive("n2", append(2, 1, 1, [1, 1, 2, 2, 2], commit=6))
    [reply] = alone.take(AppendReply)
    assert (reply.success, reply.index) == (True, 6)
    assert (alone.raft.last_index, alone.raft.commit) == (6, 6)


def test_an_append_that_ends_before_the_beginning_tells_where_the_log_stands() -> None:
    alone = joined()
    alone.receive("n2", append(2, 1, 1, [1]))
    [reply] = alone.take(AppendReply)
    assert (reply.success, reply.index) == (True, 4)
    assert alone.raft.last_index == 5


def test_a_leader_sends_no_entries_to_one_who_ends_before_its_log_begins() -> None:
    alone = joined()
    alone.lead()
    alone.take(AppendEntries)
    behind = AppendReply(alone.raft.term, store_of("n3"), False, 5, 2, 1)
    alone.receive("n3", behind)
    assert alone.take(AppendEntries, "n3") == []  # not at once: it would go to and fro for ever
    for _ in range(2):
        alone.time_out()
        [heartbeat] = [beat for beat in alone.take(Heartbeat, "n3") if beat.round]
        answer = HeartbeatReply(alone.raft.term, store_of("n3"), heartbeat.round)
        alone.receive("n3", answer)
        [asked] = alone.take(AppendEntries, "n3")
        assert (asked.previous_index, asked.previous_term, asked.entries) == (4, 2, [])
        alone.receive("n3", AppendReply(alone.raft.term, store_of("n3"), False, 4, 3, 1))
        assert alone.take(AppendEntries, "n3") == []
    alone.receive("n3", AppendReply(alone.raft.term, store_of("n3"), True, 4))
    [following] = alone.take(AppendEntries, "n3")
    assert [entry.index for entry in following.entries] == [5, 6]
