"""Replicas whose node's keys change while the network works: who signs with what, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from govchaind.base.crypto import HeldElsewhere, Signer, verify
from govchaind.ledger.certificate import check_certificate
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.versions import KNOWN_VERSION
from govchaind.replica.events import SignatureWanted
from govchaind.replica.stored_certificates import certificate_at
from tests.replica.cluster import Cluster, follower_of, key, started

Name: TypeAlias = Callable[[Cluster], str]


def agreed(cluster: Cluster) -> int:
    [height] = set(cluster.heights().values())
    assert set(cluster.certified().values()) == {height}
    return height


def hold_both(cluster: Cluster, name: str) -> None:
    """Start a node again, with its next key beside the present one."""
    cluster.nodes[name].further = (key(f"{name}-next"),)
    cluster.crash(name)
    cluster.run(5)


def change(cluster: Cluster, name: str) -> int:
    """Vote for a node's next keys; return the height of the block that brings them."""
    keys = [key(f"{name}-next").public, key(f"{name}-next-tls").public]
    cluster.vote(MotionKind.CHANGE_NODE_KEYS, [name, *keys])
    cluster.run(1)
    found = cluster.nodes[name].replica.memberships
    own = found.latest().member(name)
    assert own is not None
    assert own.attestation_key == keys[0]
    return found.latest_index


def check_all(cluster: Cluster, name: str) -> dict[int, set[str]]:
    """Verify every certificate that a node has; return who has signed each height."""
    node = cluster.nodes[name]
    memberships, signed = node.replica.memberships, {}
    for height in range(1, node.replica.attestations.certified + 1):
        certificate = certificate_at(node.disk, height)
        assert certificate is not None
        before, after = memberships.before(height), memberships.after(height)
        check_certificate(certificate, before, after, verify)
        signed[height] = {signer for signer, _ in certificate.signatures}
    return signed


def changed_under_load(pick: Name) -> None:
    cluster = started(version=KNOWN_VERSION)
    name = pick(cluster)
    hold_both(cluster, name)
    third = next(other for other in cluster.nodes if other not in (name, cluster.leader()))
    for number in range(3):
        cluster.offer(cluster.leader(), [cluster.put(number)])
    term = cluster.nodes[name].replica.raft.term
    height = change(cluster, name)
    assert cluster.nodes[name].replica.raft.term == term  # nobody had to be elected anew
    cluster.drop(third)  # from now on the node's own signature is needed
    cluster.offer(cluster.leader(), [cluster.put(9)])
    cluster.run(8)
    signed = check_all(cluster, name)
    assert max(signed) > height
    assert name in signed[max(signed)]
    cluster.heal(third)
    cluster.run(5)
    agreed(cluster)


def test_a_followers_keys_change_without_a_pause() -> None:
    changed_under_load(follower_of)


def test_the_leaders_keys_change_while_it_leads() -> None:
    changed_under_load(lambda cluster: cluster.leader())


def test_the_only_validators_keys_change() -> None:
    cluster = started("a", version=KNOWN_VERSION)
    hold_both(cluster, "a")
    height = change(cluster, "a")
    cluster.offer("a", [cluster.put(9)])
    cluster.run(1)
    signed = check_all(cluster, "a")
    assert agreed(cluster) > height
    assert signed[height] == signed[height + 1] == {"a"}


def test_a_node_without_its_next_key_goes_on_and_signs_nothing_until_it_has_it() -> None:
    cluster = started(version=KNOWN_VERSION)
    name = follower_of(cluster)
    height = change(cluster, name)
    cluster.offer(cluster.leader(), [cluster.put(9)])
    cluster.run(3)
    own = cluster.nodes[name].replica.attestations
    assert agreed(cluster) > own.signed
    assert own.signed <= height
    hold_both(cluster, name)
    cluster.offer(cluster.leader(), [cluster.put(10)])
    cluster.run(3)
    replica = cluster.nodes[name].replica
    assert replica.attestations.signed == agreed(cluster)


def test_what_nobody_else_can_certify_is_signed_when_the_next_key_is_there() -> None:
    cluster = started("a", version=KNOWN_VERSION)
    height = change(cluster, "a")
    cluster.offer("a", [cluster.put(9)])
    cluster.run(3)
    assert cluster.certified()["a"] == height < cluster.heights()["a"]
    hold_both(cluster, "a")
    cluster.run(5)
    assert cluster.certified()["a"] == cluster.heights()["a"]
    assert set(map(frozenset, check_all(cluster, "a").values())) == {frozenset("a")}


def test_a_restart_before_the_change_is_certified_signs_each_height_with_its_own_key() -> None:
    cluster = started(version=KNOWN_VERSION)
    name = follower_of(cluster)
    hold_both(cluster, name)
    others = [other for other in cluster.nodes if other not in (name, cluster.leader())]
    height = change(cluster, name)
    cluster.drop(others[0])
    cluster.crash(name)
    cluster.run(8)
    cluster.offer(cluster.leader(), [cluster.put(9)])
    cluster.run(8)
    signed = check_all(cluster, name)
    assert max(signed) > height


def test_keys_held_elsewhere_are_asked_for_each_of_its_own_heights() -> None:
    cluster = started("a", version=KNOWN_VERSION)
    node = cluster.nodes["a"]
    held: tuple[Signer, ...] = (HeldElsewhere(key("a-next").public),)
    node.further = held
    cluster.crash("a")
    cluster.run(5)
    height = change(cluster, "a")
    cluster.offer("a", [cluster.put(9)])
    cluster.run(2)
    asked = [notice for notice in node.notices if isinstance(notice, SignatureWanted)]
    assert asked
    assert {notice.key for notice in asked} == {key("a-next").public}
    assert min(notice.height for notice in asked) == height + 1
    assert cluster.certified()["a"] == height
