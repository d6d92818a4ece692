"""Trust files: they advance over changes of membership, forward only, and say what they know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govchaind.base.errors import InvalidProof
from govchaind.base.merkle import AppendTree
from govchaind.ledger.membership import membership_of
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.receipt import build_receipt, verify_receipt
from govchaind.ledger.results import stored_subtree
from govchaind.ledger.transaction import read_transaction
from govchaind.ledger.trust import (
    ConfigurationBlock,
    TrustRoot,
    TrustStep,
    build_steps,
    encode_advance,
    read_advance,
    read_trust,
)
from tests.ledger.chain import Chain, filled, member, signed

PUT = int(Kind.PUT)


def reconfigured() -> tuple[Chain, list[bytes]]:
    """Return a chain on which node-d has become a validator at height 9 and node-a left at 11."""
    chain, raws = filled()
    members = {node.name: node for node in chain.membership.members}
    members["node-d"] = member("node-d", "registry")
    chain.apply(membership=membership_of(list(members.values()), 8))
    chain.apply()
    del members["node-a"]
    chain.apply(membership=membership_of(list(members.values()), 10))
    chain.apply()
    return chain, raws


def steps_from(chain: Chain, trust: TrustRoot) -> list[TrustStep]:
    configurations = []
    for step in chain.steps:
        membership, height = step.block.membership, step.block.height
        if membership is not None and height > trust.era:
            certificate = chain.certificate(height)
            configurations.append(
                ConfigurationBlock(step.block.header, membership.encode(), certificate)
            )
    return build_steps(
        chain.store,
        from_height=trust.head_height,
        configurations=configurations,
        newest=chain.certificate(chain.ledger.height),
    )


def test_trust_advances_over_changes_of_membership() -> None:
    chain, raws = reconfigured()
    trust = chain.trust()
    steps = read_advance(encode_advance(steps_from(chain, trust)))
    later = trust.advance(steps)
    assert (later.head_height, later.era, later.changes) == (12, 11, 2)
    assert later.log_root == chain.ledger.log_root
    assert later.membership == chain.membership
    assert read_trust(later.encode()) == later
    name = read_transaction(raws[0]).id
    receipt = build_receipt(chain.store, name, chain.step(5).block.raw, chain.certificate(12))
    assert verify_receipt(receipt, later).height == 5
    with pytest.raises(InvalidProof):
        verify_receipt(receipt, trust)


def test_trust_says_honestly_what_it_knows() -> None:
    chain, _ = reconfigured()
    trust = chain.trust()
    short = chain.genesis.chain_id.hex()[:16]
    assert trust.describe() == (
        f"Chain trial ({short}): genesis, 0 changes of membership, newest head seen: genesis; "
        "nothing after genesis is known."
    )
    assert trust.advance(steps_from(chain, trust)[:1]).describe() == (
        f"Chain trial ({short}): genesis, 1 change of membership, newest head seen: height 9; "
        "nothing after height 9 is known."
    )


def test_what_retired_keys_certified_holds_only_under_the_pinned_head() -> None:
    chain, raws = reconfigured()
    later = chain.trust().advance(steps_from(chain, chain.trust()))
    name = read_transaction(raws[0]).id
    old = build_receipt(chain.store, name, chain.step(5).block.raw, chain.certificate(7))
    with pytest.raises(InvalidProof) as refused:
        verify_receipt(old, later)
    assert refused.value.code == "earlier-membership"
    to_head = AppendTree(12, stored_subtree(chain.store)).consistency_proof(7)
    assert verify_receipt(old, later, to_head).height == 5
    forked, _ = filled()
    forked.apply(forked.raw((PUT, ["divisions", b"9", ["9", 9], None])))
    forged = forked.certificate(9)
    with pytest.raises(InvalidProof):
        later.check(forged, AppendTree(12, stored_subtree(chain.store)).consistency_proof(9))


def test_a_certificate_of_the_change_itself_holds_by_the_new_set() -> None:
    """Also when nothing has followed the change yet, receipts can be handed out and believed."""
    chain, raws = reconfigured()
    later = chain.trust().advance(steps_from(chain, chain.trust()))
    name, block = read_transaction(raws[0]).id, chain.step(5).block.raw
    receipt = build_receipt(chain.store, name, block, chain.certificate(11))
    assert verify_receipt(receipt, later).certified_height == 11
    for names in (("node-a", "node-b"), ("node-a", "node-d")):
        few = build_receipt(chain.store, name, block, signed(chain, 11, *names))
        with pytest.raises(InvalidProof):
            verify_receipt(few, later)


def test_a_certificate_of_a_change_that_took_a_vote_and_left_the_member_holds() -> None:
    """Who has become a learner is known still, and has signed for the old set only (seed 291)."""
    chain, raws = filled()
    members = {node.name: node for node in chain.membership.members}
    gone = sorted(name for name, node in members.items() if node.role == "validator")[0]
    members[gone] = replace(members[gone], role="learner")
    chain.apply(membership=membership_of(list(members.values()), 8))
    height = chain.ledger.height
    certificate = chain.certificate(height)
    assert gone in dict(certificate.signatures)
    later = chain.trust().advance(steps_from(chain, chain.trust()))
    name, block = read_transaction(raws[0]).id, chain.step(5).block.raw
    receipt = build_receipt(chain.store, name, block, certificate)
    assert verify_receipt(receipt, later).certified_height == height


def test_trust_goes_forward_only() -> None:
    chain, _ = reconfigured()
    trust = chain.trust()
    steps = steps_from(chain, trust)
    later = trust.advance(steps)
    for step in steps[:2]:
        with pytest.raises(InvalidProof):
            later.advance([step])
    middle = trust.advance(steps[:1])
    early = TrustStep(chain.certificate(4), ())
    with pytest.raises(InvalidProof):
        middle.advance([early])


def test_a_step_skipped_or_not_consistent_is_refused() -> None:
    chain, _ = reconfigured()
    trust = chain.trust()
    first, second, last = steps_from(chain, trust)
    for steps in ([second], [first, last], [first, replace(second, consistency=())]):
        with pytest.raises(InvalidProof):
            trust.advance(steps)
    with pytest.raises(InvalidProof):
        trust.advance([replace(first, membership=chain.genesis.membership().encode())])
    with pytest.raises(InvalidProof):
        trust.advance([replace(first, header=chain.step(8).block.header)])


def test_a_change_needs_a_quorum_of_the_old_and_of_the_new() -> None:
    chain, _ = reconfigured()
    trust = chain.trust()
    first, _, _ = steps_from(chain, trust)
    for names in (("node-a", "node-b"), ("node-b", "node-d"), ("node-a", "node-d")):
        with pytest.raises(InvalidProof):
            trust.advance([replace(first, certificate=signed(chain, 9, *names))])
    enough = signed(chain, 9, "node-a", "node-b", "node-d")
    assert trust.advance([replace(first, certificate=enough)]).era == 9


def test_a_head_that_ran_past_a_change_still_takes_the_change() -> None:
    """Old members who stay in the new set can certify a head that hides the change from us."""
    chain, _ = reconfigured()
    trust = chain.trust()
    past = signed(chain, 10, "node-a", "node-b", "node-c")
    ahead = trust.advance([TrustStep(past, ())])
    assert (ahead.head_height, ahead.era) == (10, 0)
    steps = steps_from(chain, ahead)
    assert ahead.advance(steps) == trust.advance(steps_from(chain, trust))


def test_two_heads_at_one_height_are_a_fork() -> None:
    chain, _ = filled()
    other, _ = filled()
    other.apply(after=50)
    chain.apply(after=60)
    trust = chain.trust().advance([TrustStep(chain.certificate(9), ())])
    with pytest.raises(InvalidProof) as refused:
        trust.check(other.certificate(9))
    assert refused.value.code == "fork"
