"""Steps from the membership in force to the one that is wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govchaind.base.encoding import decode, encode
from govchaind.base.errors import InvalidEncoding
from govchaind.ledger.membership import (
    Member,
    Membership,
    Role,
    membership_of,
    next_steps,
    read_membership,
)
from tests.ledger.chain import key, member

A, B, C, D = (member(f"node-{letter}", "bank") for letter in "abcd")


def learner(node: Member) -> Member:
    return replace(node, role="learner")


def observer(node: Member) -> Member:
    return replace(node, role="observer")


def in_force(*members: Member) -> Membership:
    return membership_of(members, 3)


def test_bytes_come_back() -> None:
    membership = in_force(A, B, learner(C))
    assert read_membership(membership.encode()) == membership
    assert [m.name for m in membership.voters()] == ["node-a", "node-b"]
    assert [m.name for m in membership.learners()] == ["node-c"]
    assert membership.member("node-b") == B
    assert membership.member("node-z") is None


@pytest.mark.parametrize(
    "members",
    [
        (),
        (B, A),
        (A, A),
        (learner(A),),
        (A, observer(B)),
        (A, replace(B, tls_key=A.tls_key)),
        (A, replace(B, attestation_key=A.tls_key)),
        (replace(A, tls_key=A.attestation_key),),
        tuple(member(f"node-{number:02}", "bank") for number in range(26)),
    ],
)
def test_a_membership_that_cannot_be_is_refused(members: tuple[Member, ...]) -> None:
    with pytest.raises(InvalidEncoding):
        Membership(members, 0)
    with pytest.raises(InvalidEncoding):
        read_membership(encode([1, [node.fields() for node in members], 0]))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, "A"),
        (2, "voter"),
        (3, bytes(31)),
        (3, "x" * 43 + "="),  # text that is 32 bytes of base64
        (5, bytes(15)),
        (6, ["nowhere"]),
        (6, ["a:0"]),
        (6, ["a:1"] * 5),
        (6, ["a:1\n"]),
        (7, -1),
        (7, True),
    ],
)
def test_a_member_of_another_shape_is_refused(place: int, value: object) -> None:
    fields = A.fields()
    fields[place] = value
    with pytest.raises(InvalidEncoding):
        read_membership(encode([1, [fields], 0]))
    shape = decode(in_force(A).encode(), bytes_max=4096)
    assert shape == [1, [A.fields()], 3]


def changes(current: Membership, *wanted: Member) -> list[tuple[Member, ...]]:
    return [step.members for step in next_steps(current, wanted, 9)]


def test_nothing_to_do() -> None:
    assert changes(in_force(A, B), A, B, observer(C)) == []


def test_a_new_validator_learns_first() -> None:
    assert changes(in_force(A, B), A, B, C) == [(A, B, learner(C))]
    assert changes(in_force(A, B, learner(C)), A, B, C) == [(A, B, C)]


def test_every_step_names_the_height_that_ordered_it() -> None:
    assert [step.ordered_at for step in next_steps(in_force(A, B), (A, B, C, D), 9)] == [9, 9]


def test_a_dead_store_goes_before_anything_is_added() -> None:
    again = replace(member("node-b", "bank", again=1), signs_above=8)
    assert changes(in_force(A, B, C), A, again, C, D)[0] == (A, C)
    assert changes(in_force(A, C), A, again, C)[0] == (A, learner(again), C)
    assert changes(in_force(A, learner(again), C), A, again, C) == [(A, again, C)]


def test_the_last_voter_stays_until_another_votes() -> None:
    assert changes(in_force(A), B) == [(A, learner(B))]
    assert changes(in_force(A, learner(B)), B) == [(A, B)]
    assert changes(in_force(A, B), B) == [(B,)]


def test_a_demoted_validator_learns_and_an_observer_leaves() -> None:
    assert changes(in_force(A, B, C), A, learner(B), observer(C)) == [
        (A, B),
        (A, learner(B), C),
    ]


def test_an_address_changes_in_place() -> None:
    moved = replace(B, addresses=("elsewhere:1",))
    assert changes(in_force(A, B), A, moved) == [(A, moved)]


def test_a_key_passes_on_only_after_its_holder_has_left() -> None:
    heir = replace(D, tls_key=B.tls_key)
    assert changes(in_force(A, B, C), A, C, heir) == [(A, C)]
    assert changes(in_force(A, C), A, C, heir) == [(A, C, learner(heir))]


def test_no_step_passes_the_bound_of_validators() -> None:
    full = [member(f"node-{number:02}", "bank") for number in range(25)]
    fresh = member("node-99", "bank")
    current = membership_of([*full, learner(fresh)], 0)
    for step in next_steps(current, [*full[1:], fresh], 9):
        assert len(step.voters()) <= 25


def with_role(node: Member, role: Role) -> Member:
    return replace(node, role=role)


ROLES: list[Role] = ["validator", "validator", "learner", "observer"]
NODES = [member(f"node-{letter}", "bank", again=again) for letter in "abcde" for again in (0, 1)]
SETS = st.lists(
    st.tuples(st.sampled_from(NODES), st.sampled_from(ROLES)),
    min_size=1,
    max_size=6,
    unique_by=lambda item: item[0].name,
).map(lambda items: [with_role(node, role) for node, role in items])


def voters(membership: Membership) -> set[tuple[str, bytes]]:
    return {(node.name, node.store) for node in membership.voters()}


@given(SETS, SETS, st.randoms(use_true_random=False))
def test_any_order_of_steps_ends_at_what_is_wanted(
    start: list[Member], wanted: list[Member], random: object
) -> None:
    """From any membership to any other: one voter a step, never none, never stuck."""
    if not any(node.role == "validator" for node in start):
        start = [replace(start[0], role="validator"), *start[1:]]
    if not any(node.role == "validator" for node in wanted):
        wanted = [replace(wanted[0], role="validator"), *wanted[1:]]
    current = membership_of(start, 0)
    for _ in range(40):
        steps = next_steps(current, wanted, 9)
        for step in steps:
            assert len(voters(current) ^ voters(step)) <= 1
            assert step.voters()
            assert step != current
        if not steps:
            break
        current = random.choice(steps)  # type: ignore[attr-defined]  # Hypothesis's own Random
    stuck_alone = len(current.voters()) == 1 and _replaces_itself(current, wanted)
    if not stuck_alone:
        assert current.members == membership_of(wanted, 9).members


def _replaces_itself(current: Membership, wanted: list[Member]) -> bool:
    """A lone voter whose own store is to be replaced has nobody to hand over to."""
    voter = current.voters()[0]
    goal = {node.name: node for node in wanted}.get(voter.name)
    others = [node for node in wanted if node.role == "validator" and node.name != voter.name]
    blocked = goal is not None and goal.role != "observer"
    return blocked and not others


def test_labels_make_different_keys() -> None:
    assert key("attest node-a").public != key("tls node-a").public
