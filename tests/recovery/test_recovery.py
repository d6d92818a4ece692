"""The survivors of a lost quorum go on with all that any of them held, and nobody else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govchaind.base.errors import ChainRecovered, Conflict, InvalidProof
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.ledger.beginning import put_beginning
from govchaind.ledger.recovery import RecoveryBody, make_recovery
from govchaind.ledger.results import find_transaction, read_result
from govchaind.ledger.statement import read_statement
from govchaind.recovery.tail import read_tail
from govchaind.replica.attestation import certificate_at
from govchaind.replica.inspection import check_chain
from govchaind.replica.messages import Attest
from tests.recovery.disaster import (
    carry_out,
    lose,
    prepared,
    recovered,
    refusal,
    signed,
    start,
    survivor,
    uncertified,
)
from tests.replica.cluster import Cluster


def leader_and_rest(cluster: Cluster) -> tuple[str, list[str]]:
    leader = cluster.leader()
    return leader, [name for name in "abcde" if name != leader]


def attestations(cluster: Cluster) -> dict[tuple[str, int], set[bytes]]:
    """Return what each node has signed of each height, over all its lives."""
    found: dict[tuple[str, int], set[bytes]] = {}
    for name, message in cluster.said:
        if isinstance(message, Attest):
            found.setdefault((name, message.height), set()).add(message.statement)
    return found


def test_survivors_go_on_with_all_that_was_committed_and_certify_it() -> None:
    cluster = uncertified()
    leader, others = leader_and_rest(cluster)
    one, two = others[:2]
    lose(cluster, leader, *others[2:])
    heights = cluster.heights()
    hashes = {h: read_result(cluster.nodes[one].disk, h).block_hash for h in range(1, heights[one])}
    recovery = recovered(cluster, one, two)
    assert recovery.body.certified < recovery.body.kept
    cluster.run(5)
    transaction = cluster.put(77)
    assert cluster.offer(cluster.leader(), [transaction]) == [0]
    cluster.run(5)
    for name in (one, two):
        node = cluster.nodes[name]
        assert node.replica.ledger.height > recovery.body.height
        assert node.replica.attestations.certified == node.replica.ledger.height
        for number in (*range(10), 77):
            assert find_transaction(node.disk, cluster.put(number).id) is not None, number
        assert {h: read_result(node.disk, h).block_hash for h in hashes} == hashes
        assert [*check_chain(node.disk, cluster.genesis, 1)][-1] == node.replica.raft.last_index
        first = certificate_at(node.disk, recovery.body.certified + 1)
        assert first is not None
        assert first.recovery == recovery.encode()
        assert {signer for signer, _ in first.signatures} == {one, two}
    assert max(len(each) for each in attestations(cluster).values()) == 1


def test_an_observer_follows_over_the_recovery() -> None:
    cluster = uncertified()
    leader, others = leader_and_rest(cluster)
    one, two = others[:2]
    lose(cluster, leader, *others[2:])
    recovery = recovered(cluster, one, two)
    cluster.crash("o")
    cluster.run(10)
    observer = cluster.nodes["o"]
    assert observer.replica.ledger.height == cluster.nodes[one].replica.ledger.height
    assert observer.replica.memberships.recovered_at == recovery.body.height
    assert observer.replica.role() == "observer"
    assert [*check_chain(observer.disk, cluster.genesis, 1)]


def test_the_longest_log_is_kept_and_given_to_whoever_lacks_its_end() -> None:
    cluster = uncertified()
    leader, others = leader_and_rest(cluster)
    behind, ahead = others[:2]
    cluster.drop(behind)
    cluster.offer(cluster.leader(), [cluster.put(50)])
    cluster.run(0.3)
    lose(cluster, leader, *others[2:])
    made = prepared(cluster, behind, ahead)
    assert made.kept_from == ahead
    assert made.recovery.body.kept == survivor(cluster, ahead).last
    tail = read_tail(made.tail.encode())
    assert tail.first == survivor(cluster, behind).last + 1
    record = signed(made.recovery, "abc")
    with pytest.raises(Conflict) as missing:
        carry_out(cluster, behind, signed(made.recovery, "abcd"), None)
    assert missing.value.code == "blocks-missing"
    assert refusal(cluster, behind, record, tail) == "recovery-quorum"
    applied = carry_out(cluster, behind, signed(record, "d"), tail)
    assert (applied.dropped, applied.taken) == (0, len(tail.blocks))
    assert carry_out(cluster, ahead, signed(record, "d"), None).taken == 0
    cluster.cut.clear()
    start(cluster, behind, ahead)
    cluster.run(5)
    for name in (behind, ahead):
        assert find_transaction(cluster.nodes[name].disk, cluster.put(50).id) is not None


def test_what_was_never_committed_and_is_not_kept_goes() -> None:
    """A leader that is cut off writes blocks to itself; the others go on in a later term."""
    cluster = uncertified()
    leader, others = leader_and_rest(cluster)
    cluster.drop(leader)
    cluster.step(leader)
    cluster.offer(leader, [cluster.put(60)])
    cluster.settle()
    cluster.run(8)
    cluster.offer(cluster.leader(), [cluster.put(61)])
    cluster.run(1)
    kept = next(name for name in others if name != cluster.leader())
    lose(cluster, *(name for name in others if name != kept))
    assert survivor(cluster, leader).last > survivor(cluster, leader).applied
    made = prepared(cluster, leader, kept)
    assert made.kept_from == kept
    record = signed(made.recovery, "abcd")
    applied = carry_out(cluster, leader, record, made.tail)
    assert applied.dropped > 0
    assert carry_out(cluster, kept, record, None).dropped == 0
    cluster.cut.clear()
    start(cluster, leader, kept)
    cluster.run(5)
    for name in (leader, kept):
        disk = cluster.nodes[name].disk
        assert find_transaction(disk, cluster.put(60).id) is None
        assert find_transaction(disk, cluster.put(61).id) is not None
    assert max(len(each) for each in attestations(cluster).values()) == 1


def test_one_survivor_is_enough_and_it_takes_office_keys() -> None:
    cluster = uncertified()
    leader, others = leader_and_rest(cluster)
    lose(cluster, leader, *others[1:])
    made = prepared(cluster, others[0])
    for few in ("", "abc"):
        code = refusal(cluster, others[0], signed(made.recovery, few), None)
        assert code == "recovery-quorum"
    again = signed(made.recovery, "abcdeo")
    assert carry_out(cluster, others[0], again, None).institutions == tuple(
        f"dept-{name}" for name in "abcdeo"
    )
    assert carry_out(cluster, others[0], again, None).batch is None
    start(cluster, others[0])
    cluster.run(5)
    assert cluster.nodes[others[0]].replica.attestations.certified > made.recovery.body.height


def test_what_institutions_have_put_into_the_log_waits_for_no_majority() -> None:
    """So nobody who comes back from before can truncate it."""
    cluster = uncertified()
    leader, others = leader_and_rest(cluster)
    one, two = others[:2]
    lose(cluster, leader, *others[2:])
    made = prepared(cluster, one, two)
    record = signed(made.recovery, "abcd")
    carry_out(cluster, one, record, made.tail)
    cluster.drop(two)
    start(cluster, one)
    cluster.run(5)
    node = cluster.nodes[one].replica
    assert (node.ledger.height, node.raft.commit) == (record.body.height, record.body.height)
    assert node.attestations.certified == record.body.certified
    assert node.role() != "leader"


def test_a_record_that_was_changed_is_refused() -> None:
    cluster = uncertified()
    leader, others = leader_and_rest(cluster)
    lose(cluster, leader, *others[1:])
    one = others[0]
    record = signed(prepared(cluster, one).recovery, "abcd")
    body = record.body

    def forged(other: RecoveryBody) -> str:
        changed = replace(make_recovery(other, record.proofs), signatures=record.signatures)
        return refusal(cluster, one, changed, None)

    assert forged(replace(body, time=body.time + 1)) == "recovery-signature"
    assert forged(replace(body, lost=body.kept + 5)) == "recovery-signature"
    assert forged(replace(body, certified=body.certified - 1)) == "invalid-proof"
    assert forged(replace(body, chain_id=bytes(32))) == "other-chain"
    lower = replace(
        body,
        kept=body.kept - 1,
        kept_hash=survivor(cluster, one).hash_at(body.kept - 1, cluster.genesis),
    )
    again = signed(make_recovery(lower, record.proofs), "abcd")
    with pytest.raises(ChainRecovered):
        carry_out(cluster, one, again, None)


def test_a_majority_has_nothing_to_recover() -> None:
    cluster = uncertified()
    lose(cluster, "d", "e")
    with pytest.raises(Conflict) as refused:
        prepared(cluster, "a", "b", "c")
    assert refused.value.code == "quorum-not-lost"


def test_an_observer_alone_cannot_go_on() -> None:
    cluster = uncertified()
    lose(cluster, *"abcde")
    with pytest.raises(Conflict) as refused:
        prepared(cluster, "o")
    assert refused.value.code == "no-validator-left"


def test_a_height_that_was_seen_certified_is_lost_only_on_request_and_said() -> None:
    cluster = uncertified()
    lose(cluster, "a", "b", "c")
    last = max(survivor(cluster, name).last for name in "de")
    with pytest.raises(Conflict) as refused:
        prepared(cluster, "d", "e", seen=last + 3)
    assert refused.value.code == "certified-height-lost"
    assert prepared(cluster, "d", "e", seen=last).recovery.body.lost is None
    said = prepared(cluster, "d", "e", seen=last + 3, accept_loss=True)
    assert said.recovery.body.lost == last + 3


def test_a_store_that_was_set_back_or_is_empty_is_no_survivor() -> None:
    cluster = uncertified()
    lose(cluster, "a", "b", "c")
    node = cluster.nodes["d"]
    guard = node.guard
    assert guard is not None
    node.guard = replace(guard, signed_height=guard.signed_height + 5)
    with pytest.raises(Conflict) as refused:
        prepared(cluster, "d")
    assert refused.value.code == "set-back"
    node.disk = MemoryReader()
    with pytest.raises(Conflict) as empty:
        prepared(cluster, "d")
    assert empty.value.code == "no-store"


def test_stores_that_contradict_each_other_recover_nothing() -> None:
    cluster = uncertified()
    lose(cluster, "a", "b", "c")
    disk = cluster.nodes["d"].disk
    applied = survivor(cluster, "d").applied
    batch = WriteBatch()
    for height in range(applied, survivor(cluster, "d").last + 1):
        batch.delete(height_key(Table.LOG, height))
    disk.apply(batch)
    cut = survivor(cluster, "d")
    with pytest.raises(Conflict) as refused:
        prepared(cluster, "d")
    assert (refused.value.code, cut.last) == ("contradiction", applied - 1)


def test_a_survivor_that_lacks_what_the_kept_store_has_removed_is_left_out() -> None:
    cluster = uncertified()
    leader, others = leader_and_rest(cluster)
    behind, ahead = others[:2]
    cluster.drop(behind)
    for number in range(50, 54):
        cluster.offer(leader, [cluster.put(number)])
        cluster.run(0.5)
    lose(cluster, leader, *others[2:])
    batch = WriteBatch()
    first = survivor(cluster, behind).applied + 2
    put_beginning(batch, first)
    cluster.nodes[ahead].disk.apply(batch)
    with pytest.raises(Conflict) as refused:
        prepared(cluster, behind, ahead)
    assert refused.value.code == "too-far-behind"
    with pytest.raises(Conflict) as unproved:
        prepared(cluster, ahead)  # the newest certified checkpoint is not there either
    assert unproved.value.code == "nothing-proved"


def test_records_for_other_stores_terms_and_a_second_record_are_refused() -> None:
    cluster = uncertified()
    lose(cluster, "a", "b", "c")
    made = prepared(cluster, "d", "e")
    record = signed(made.recovery, "abcd")

    def conflict(name: str, other: RecoveryBody | None = None) -> str:
        given = record if other is None else signed(make_recovery(other, record.proofs), "abcd")
        with pytest.raises(Conflict) as refused:
            carry_out(cluster, name, given, made.tail)
        return refused.value.code

    alone = replace(
        record.body,
        membership=replace(record.body.membership, members=record.body.membership.members[:1]),
        left_out=("a", "b", "c", "e"),
    )
    assert conflict("e", alone) == "left-out"
    moved = replace(record.body.membership.members[0], store=bytes(16))
    other = replace(record.body.membership, members=(moved, record.body.membership.members[1]))
    assert conflict("d", replace(record.body, membership=other)) == "other-store"
    assert conflict("d", replace(record.body, term=survivor(cluster, "d").term)) == "term-ahead"
    carry_out(cluster, "d", record, made.tail)
    assert conflict("d", replace(record.body, time=record.body.time + 1)) == "other-recovery"


def test_a_survivor_that_was_left_out_follows_and_has_no_vote() -> None:
    cluster = uncertified()
    leader, others = leader_and_rest(cluster)
    one, left_out = others[:2]
    lose(cluster, leader, *others[2:])
    recovery = recovered(cluster, one, departments="abcd")
    cluster.crash(left_out)
    cluster.run(20)
    late, going = cluster.nodes[left_out].replica, cluster.nodes[one].replica
    assert late.memberships.recovered_at == recovery.body.height
    assert (late.role(), late.ledger.height) == ("observer", going.ledger.height)
    assert late.ledger.last_hash == going.ledger.last_hash
    assert max(len(each) for each in attestations(cluster).values()) == 1


def test_a_survivor_with_more_than_was_kept_stops_and_says_so() -> None:
    cluster = uncertified()
    leader, others = leader_and_rest(cluster)
    one, more = others[:2]
    cluster.drop(one)
    cluster.offer(leader, [cluster.put(80)])
    cluster.run(1)
    lose(cluster, leader, *others[2:])
    assert survivor(cluster, more).applied > survivor(cluster, one).last
    recovery = recovered(cluster, one)
    cluster.cut.clear()
    cluster.crash(more)
    with pytest.raises(ChainRecovered) as stopped:
        cluster.run(10)
    assert f"recovered at height {recovery.body.height}" in stopped.value.message
    assert find_transaction(cluster.nodes[more].disk, cluster.put(80).id) is not None


def test_a_peer_that_makes_a_recovery_up_is_cut_off() -> None:
    cluster = uncertified()
    leader, others = leader_and_rest(cluster)
    lose(cluster, leader, *others[2:])
    one, two = others[:2]
    made = prepared(cluster, one, two)
    few = signed(made.recovery, "abc")
    start(cluster, one, two)
    replica = cluster.nodes[one].replica
    certificate = certificate_at(cluster.nodes[one].disk, few.body.certified)
    assert certificate is not None
    with pytest.raises(InvalidProof, match="4 are needed"):
        replica._parts.recovering.heard(few.encode(), cluster.nodes[one].disk)
    assert replica.memberships.recovered_at == 0
    assert read_statement(certificate.statement).height == few.body.certified
