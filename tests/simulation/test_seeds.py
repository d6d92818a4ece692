"""A few hundred fixed seeds in CI: every property holds, every mark is reached, digests repeat."""

from __future__ import annotations

import os

import pytest

from netsim.run import Verdict
from netsim.sweep import Job, Sweep, sweep

pytestmark = pytest.mark.xdist_group("simulation")  # one sweep for all of them
SEEDS = 200
TWICE_EVERY = 10  # each tenth seed runs twice and must give one digest (I-33)

# Seeds that once showed a bug, named after it in changelog and commit; they stay.
REMEMBERED = (17, 18, 35, 62, 69, 175, 218, 291, 297, 311, 340, 350, 633, 835)


@pytest.fixture(scope="module")
def swept() -> Sweep[Verdict]:
    seeds = sorted({*range(SEEDS), *REMEMBERED})
    jobs = [Job(seed, None, 10.0, 5000, (), seed % TWICE_EVERY == 0) for seed in seeds]
    return sweep(jobs, processes=os.cpu_count() or 1, say=lambda _: None)


@pytest.mark.timeout(900)
def test_every_property_holds(swept: Sweep[Verdict]) -> None:
    found = [
        f"seed {verdict.options.seed}: {verdict.violation}"
        for failed in swept.failures.values()
        for verdict in failed
    ]
    assert found == []


@pytest.mark.timeout(900)
def test_every_mark_is_reached(swept: Sweep[Verdict]) -> None:
    assert swept.missed == []


@pytest.mark.timeout(900)
def test_clients_are_answered(swept: Sweep[Verdict]) -> None:
    assert swept.heights > 10 * swept.seeds
