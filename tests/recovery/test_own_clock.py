"""A recovery is never far ahead of the clocks of those who make, sign and carry it out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govchaind.base.errors import Conflict
from govchaind.base.limits import CLOCK_AHEAD_MAX_MILLISECONDS as BOUND
from govchaind.ledger.recovery import Recovery, make_recovery
from govchaind.recovery.applying import Applied, apply_record
from govchaind.recovery.own_clock import check_recovery_time
from govchaind.recovery.preparing import Prepared, prepare
from tests.recovery.disaster import carry_out, clock, lose, signed, start, survivor, uncertified
from tests.replica.cluster import Cluster

HOUR = 3_600_000


def two_left() -> tuple[Cluster, tuple[str, str]]:
    cluster = uncertified()
    leader = cluster.leader()
    one, two, *others = (name for name in "abcde" if name != leader)
    lose(cluster, leader, *others)
    return cluster, (one, two)


def prepared_at(cluster: Cluster, names: tuple[str, str], now: int) -> Prepared:
    return prepare([survivor(cluster, name) for name in names], cluster.genesis, now=now)


def applied_at(cluster: Cluster, name: str, recovery: Recovery, now: int) -> Applied:
    return apply_record(survivor(cluster, name), cluster.genesis, recovery, None, now=now)


def test_a_record_from_a_clock_that_is_ahead_is_not_carried_out() -> None:
    """It would be the last block until that hour comes: a second recovery must be later still."""
    cluster, names = two_left()
    now = clock(cluster)
    recovery = signed(prepared_at(cluster, names, now + HOUR).recovery, "abcd")
    assert recovery.body.time == now + HOUR
    for name in names:
        with pytest.raises(Conflict, match="3600 s ahead of this machine's clock") as refused:
            applied_at(cluster, name, recovery, now)
        assert refused.value.code == "time-ahead"
        assert "prepare it anew" in refused.value.remedy
    assert applied_at(cluster, names[0], recovery, now + HOUR).batch is not None


def test_the_bound_is_that_of_followers_and_who_keeps_to_it_goes_on() -> None:
    cluster, names = two_left()
    now = clock(cluster)
    made = prepared_at(cluster, names, now + BOUND)
    recovery = signed(made.recovery, "abcd")
    with pytest.raises(Conflict):
        applied_at(cluster, names[0], recovery, now - 1)
    assert applied_at(cluster, names[0], recovery, now).batch is not None
    for name in names:
        carry_out(cluster, name, recovery, made.tail)
    start(cluster, *names)  # no time has gone by on their clocks
    cluster.run(5)
    assert cluster.offer(cluster.leader(), [cluster.put(77)]) == [0]
    cluster.run(5)
    assert {cluster.nodes[name].replica.attestations.certified for name in names} == {
        max(cluster.heights().values())
    }
    assert min(cluster.heights()[name] for name in names) > recovery.body.height


def test_a_record_that_was_carried_out_says_so_under_any_clock() -> None:
    cluster, names = two_left()
    made = prepared_at(cluster, names, clock(cluster))
    recovery = signed(made.recovery, "abcd")
    carry_out(cluster, names[0], recovery, made.tail)
    assert applied_at(cluster, names[0], recovery, 0).batch is None


def test_nothing_is_prepared_on_a_clock_far_below_what_is_kept() -> None:
    """Its blocks are there, and the recovery must be later: so the clock is wrong, or they are."""
    cluster, names = two_left()
    one = survivor(cluster, names[0])
    kept = one.log().block(one.last).time
    with pytest.raises(Conflict, match="ahead of this machine's clock") as refused:
        prepared_at(cluster, names, kept - BOUND)
    assert (refused.value.code, "wait" in refused.value.remedy) == ("time-ahead", True)
    made = prepared_at(cluster, names, kept + 1 - BOUND).recovery
    assert made.body.time == kept + 1
    check_recovery_time(made.body.time, kept + 1 - BOUND)


def test_a_record_may_say_any_number() -> None:
    cluster, names = two_left()
    recovery = prepared_at(cluster, names, clock(cluster)).recovery
    endless = make_recovery(replace(recovery.body, time=2**60), recovery.proofs)
    with pytest.raises(Conflict, match=f"{2**60} ms"):
        check_recovery_time(endless.body.time, clock(cluster))
