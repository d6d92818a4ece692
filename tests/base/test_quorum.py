"""The two quorums, and why they are what they are."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govchaind.base.quorum import (
    certificate_quorum,
    committed_index,
    liars_tolerated,
    majority,
)

# members, majority, liars tolerated, signatures of a certificate
TABLE = [
    (1, 1, 0, 1),
    (2, 2, 0, 2),
    (3, 2, 0, 2),
    (4, 3, 1, 3),
    (5, 3, 1, 4),
    (6, 4, 1, 4),
    (7, 4, 2, 5),
    (10, 6, 3, 7),
    (25, 13, 8, 17),
]


@pytest.mark.parametrize(("members", "most", "liars", "signatures"), TABLE)
def test_sizes(members: int, most: int, liars: int, signatures: int) -> None:
    assert majority(members) == most
    assert liars_tolerated(members) == liars
    assert certificate_quorum(members) == signatures


@pytest.mark.parametrize("members", range(1, 40))
def test_two_certificates_share_an_honest_signer_and_honest_members_suffice(members: int) -> None:
    liars, needed = liars_tolerated(members), certificate_quorum(members)
    assert 2 * needed - members > liars
    assert members - liars >= needed
    assert 3 * liars < members


@pytest.mark.parametrize("members", range(1, 8))
def test_any_two_majorities_meet(members: int) -> None:
    groups = [set(group) for group in combinations(range(members), majority(members))]
    assert all(one & two for one in groups for two in groups)


def test_nobody_decides_nothing() -> None:
    assert majority(0) == 1
    assert committed_index([]) == 0


@given(st.lists(st.integers(0, 50), min_size=1, max_size=9))
def test_committed_is_what_a_majority_has_and_no_more(matches: list[int]) -> None:
    index = committed_index(matches)
    needed = majority(len(matches))
    assert sum(1 for match in matches if match >= index) >= needed
    assert sum(1 for match in matches if match > index) < needed
