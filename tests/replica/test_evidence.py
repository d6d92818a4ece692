"""What proves that a validator lied is kept over restarts, told once, and bounded."""

from __future__ import annotations

from govchaind.base.crypto import Domain
from govchaind.ledger.contradiction import Contradiction, of_two
from govchaind.ledger.statement import Statement
from govchaind.replica.evidence import KEPT_MAX, KEPT_PER_KEY_MAX, Evidence, kept_evidence
from govchaind.replica.messages import Attest
from tests.replica.cluster import Cluster, key, started


def signed(cluster: Cluster, height: int, seed: int, name: str = "b") -> tuple[bytes, bytes]:
    block, nothing = bytes((seed,)) * 32, bytes(32)
    said = Statement(cluster.genesis.chain_id, height, block, nothing, None, nothing).encode()
    return said, key(f"{name}-attest").sign(Domain.ATTESTATION, said)


def contradiction(cluster: Cluster, height: int, name: str = "b") -> Contradiction:
    return of_two(name, signed(cluster, height, 1, name), signed(cluster, height, 2, name))


def test_a_liar_among_the_validators_is_found_out_and_the_others_go_on() -> None:
    cluster = started("abcd")
    height = cluster.heights()["a"]
    lie = Attest(height, *signed(cluster, height, 7))
    cluster.messages.append(("b", "a", lie))
    cluster.offer(cluster.leader(), [cluster.put(1)])
    cluster.run(3)
    node = cluster.nodes["a"]
    [(public, found)] = kept_evidence(node.disk)
    assert (public, found.node, found.height) == (key("b-attest").public, "b", height)
    assert cluster.happened("a").count("evidence.double_signing") == 1
    assert cluster.certified()["a"] > height
    cluster.crash("a")
    cluster.messages.append(("b", "a", lie))
    cluster.run(1)
    assert cluster.happened("a").count("evidence.double_signing") == 1
    assert cluster.nodes["a"].replica._parts.evidence.has(public, height)


def test_it_is_bounded_for_each_key_and_in_all() -> None:
    cluster = started("abc")
    node = cluster.nodes["a"]
    evidence = node.replica._parts.evidence
    assert isinstance(evidence, Evidence)
    liar = key("b-attest").public
    taken = [evidence.keep(liar, contradiction(cluster, h)) for h in range(1, 12)]
    assert taken == [True] * KEPT_PER_KEY_MAX + [False] * (11 - KEPT_PER_KEY_MAX)
    assert not evidence.keep(liar, contradiction(cluster, 1))
    for number in range(KEPT_MAX):
        evidence.keep(number.to_bytes(32, "big"), contradiction(cluster, 1))
    cluster.run(1)
    assert len(list(kept_evidence(node.disk))) == KEPT_MAX
