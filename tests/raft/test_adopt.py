"""`Raft.adopt`: an entry that something else than a leader's word shows to be committed."""

from __future__ import annotations

import pytest

from govchaind.base.errors import InvariantBroken
from govchaind.raft.messages import Entry, Heartbeat
from tests.raft.alone import Alone, append
from tests.raft.disk import Text


def test_an_adopted_entry_is_appended_and_committed() -> None:
    alone = Alone([1, 1], commit=2)
    alone.raft.adopt(alone.now, Entry(3, 4, Text("x")))
    alone.turn()
    raft = alone.raft
    assert (raft.last_index, raft.commit, raft.term, raft.persisted) == (3, 3, 4, 3)
    assert alone.disk.durable_hard.term == 4


def test_what_is_held_already_is_only_committed() -> None:
    alone = Alone([1, 1, 1], commit=1)
    alone.raft.adopt(alone.now, Entry(2, 1, Text("")))
    ready = alone.turn()
    assert (ready.entries, ready.truncate_from) == ([], None)
    assert (alone.raft.last_index, alone.raft.commit) == (3, 2)


def test_another_term_there_goes_with_all_behind_it() -> None:
    alone = Alone([1, 1, 1, 1], commit=1)
    alone.raft.adopt(alone.now, Entry(2, 2, Text("x")))
    ready = alone.turn()
    assert (ready.truncate_from, [entry.index for entry in ready.entries]) == (2, [2])
    assert (alone.raft.last_index, alone.raft.commit) == (2, 2)


def test_another_payload_of_the_same_term_goes_too() -> None:
    alone = Alone([1, 1, 1], commit=1)
    alone.raft.adopt(alone.now, Entry(2, 1, Text("other")), another_payload=True)
    ready = alone.turn()
    assert (ready.truncate_from, ready.entries[0].payload) == (2, Text("other"))
    assert alone.raft.last_index == 2


def test_after_a_cut_no_heartbeat_commits_beyond_the_log() -> None:
    alone = Alone([1], commit=1)
    alone.raft.receive(alone.now, "n2", append(1, 1, 1, [1, 1, 1]))
    alone.turn()
    alone.raft.adopt(alone.now, Entry(2, 1, Text("other")), another_payload=True)
    alone.turn()
    alone.raft.receive(alone.now, "n2", Heartbeat(1, 4, 1))
    assert (alone.raft.commit, alone.raft.last_index) == (2, 2)


@pytest.mark.parametrize("index", [1, 2, 4])
def test_only_the_next_entry_is_adopted(index: int) -> None:
    alone = Alone([1, 1], commit=2)
    with pytest.raises(InvariantBroken, match="in order"):
        alone.raft.adopt(alone.now, Entry(index, 1, Text("")))
