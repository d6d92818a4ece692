"""What a leader knows of a peer never goes backwards within one store."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from govchaind.base.limits import APPENDS_IN_FLIGHT_BYTES_MAX, APPENDS_IN_FLIGHT_MAX
from govchaind.raft.progress import Progress
from tests.raft.disk import store_of


def test_a_success_ends_probing() -> None:
    peer = Progress(next_index=11, now=0.0)
    peer.paused = True
    assert peer.matched(4)
    assert (peer.probing, peer.match, peer.next) == (False, 4, 5)
    assert not peer.matched(4)
    assert not peer.matched(2)
    assert (peer.match, peer.next) == (4, 5)


def test_a_refusal_counts_if_it_answers_the_probe_that_is_out() -> None:
    peer = Progress(next_index=11, now=0.0)
    assert not peer.refused(9, 3)
    assert peer.refused(10, 3)
    assert (peer.next, peer.probing, peer.paused) == (4, True, False)
    assert not peer.refused(10, 1)
    assert peer.next == 4


def test_a_refusal_at_or_below_match_is_stale() -> None:
    peer = Progress(next_index=11, now=0.0)
    peer.matched(10)
    peer.sent(20, 100, 1)
    assert not peer.refused(10, 0)
    assert not peer.refused(21, 0)
    assert peer.refused(20, 5)
    assert (peer.match, peer.next, peer.oldest_flight_round) == (10, 11, None)


def test_flight_is_bounded_in_count_and_bytes() -> None:
    peer = Progress(next_index=1, now=0.0)
    peer.matched(0)
    full = []
    for index in range(1, APPENDS_IN_FLIGHT_MAX + 1):
        full.append(peer.full)
        peer.sent(index, 1, 7)
    full.append(peer.full)
    assert full == [False] * APPENDS_IN_FLIGHT_MAX + [True]
    assert peer.oldest_flight_round == 7
    peer.matched(1)
    full = [peer.full]
    peer.sent(100, APPENDS_IN_FLIGHT_BYTES_MAX, 8)
    full.append(peer.full)
    peer.matched(100)
    assert [*full, peer.full] == [False, True, False]
    assert peer.oldest_flight_round is None


def test_another_store_is_another_peer() -> None:
    peer = Progress(next_index=1, now=0.0)
    peer.observe_store(store_of("n2"), 9)
    peer.matched(9)
    peer.round = 5
    peer.observe_store(store_of("n2"), 9)
    assert peer.match == 9
    peer.observe_store(store_of("n2", 1), 9)
    assert (peer.match, peer.next, peer.round, peer.probing) == (0, 10, 0, True)


@given(
    st.lists(
        st.tuples(st.sampled_from("msrp"), st.integers(0, 30), st.integers(-1, 30)), max_size=60
    )
)
def test_next_is_always_above_match_and_match_never_falls(
    steps: list[tuple[str, int, int]],
) -> None:
    peer = Progress(next_index=10, now=0.0)
    for kind, index, guess in steps:
        match = peer.match
        if kind == "m":
            peer.matched(index)
        elif kind == "s" and not peer.probing:
            peer.sent(peer.next + index, 1, 1)
        elif kind == "r":
            peer.refused(index, guess)
        elif kind == "p":
            peer.probe(index)
        assert peer.match >= match
        assert peer.next > peer.match
