"""A leader whose log is cut while it leads: who lacks what is gone is known, and is asked again."""

from __future__ import annotations

from govchaind.raft.messages import AppendEntries, AppendReply
from tests.raft.alone import Alone
from tests.raft.disk import store_of

BEGINS = 4  # of six entries


def leading() -> Alone:
    alone = Alone([1, 1, 2, 2, 3, 3], term=3, commit=6)
    alone.lead()
    alone.take(AppendEntries)
    return alone


def needs(alone: Alone, node: str) -> int:
    return alone.raft.peers()[node].needs


def test_who_lacks_what_is_gone_is_known_until_it_has_it_from_elsewhere() -> None:
    alone = leading()
    alone.disk.begins = BEGINS
    alone.receive("n3", AppendReply(4, store_of("n3"), False, 6, 1, 1))
    assert needs(alone, "n3") > 0
    assert [one.entries for one in alone.take(AppendEntries, "n3")] in ([], [[]])
    alone.receive("n3", AppendReply(4, store_of("n3"), True, BEGINS))
    [sent] = alone.take(AppendEntries, "n3")
    assert [entry.index for entry in sent.entries] == [5, 6, 7]
    assert needs(alone, "n3") == 0


def test_what_is_removed_while_a_peer_is_fed_ends_its_feeding() -> None:
    alone = leading()
    alone.receive("n3", AppendReply(4, store_of("n3"), False, 6, 1, 1))
    alone.take(AppendEntries)
    alone.disk.begins = BEGINS
    alone.receive("n3", AppendReply(4, store_of("n3"), True, 1))
    [probe] = alone.take(AppendEntries, "n3")
    assert probe.previous_index == BEGINS


def test_nobody_lacks_anything_where_all_is_there() -> None:
    alone = leading()
    alone.receive("n3", AppendReply(4, store_of("n3"), False, 6, 1, 1))
    assert (needs(alone, "n2"), needs(alone, "n3")) == (0, 0)
