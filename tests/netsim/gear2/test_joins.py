"""Nodes of gear 2 join by snapshot, and bugs that only this reach finds are found."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from govchaind.base.encoding import encode
from govchaind.base.keyvalue import WriteBatch
from govchaind.replica import store
from govchaind.replica.store import HARD_STATE
from govchaind.runtime import store_succession
from netsim.gear2.run import Verdict, draw, run

pytestmark = [pytest.mark.xdist_group("gear2"), pytest.mark.timeout(600)]


FALLEN, LIED_TO = ("joins", "crash"), ("joins", "malicious")


def joined(seed: int, nodes: int, only: tuple[str, ...], watched: str = "") -> Verdict:
    """Run a seed in which much is written, and somebody falls behind every other second."""
    options = replace(
        draw(seed, nodes=nodes, seconds=15.0, only=only),
        think_mean=0.3,
        customers=2,
        batch_max=1,
        receipts=0.2,
        delay_min=0.0005,
        delay_mean=0.001,
        write_mean=0.002,
        fault_every=2.0,
        fault_lasts=1.0,
        behind_blocks=2,
        new_blocks=2,
        chunk_bytes=500,
        fresh_heights=4,
    )
    return run(options, watched=frozenset({watched}) if watched else None)


@pytest.mark.parametrize(
    ("seed", "nodes", "only", "marks"),
    [
        (7, 3, FALLEN, {"snapshot-joined", "snapshot-resumed", "joiner-crashed"}),
        (22, 4, LIED_TO, {"snapshot-joined", "snapshot-served-wrongly"}),
    ],
)
def test_nodes_join_by_snapshot_whatever_happens(
    seed: int, nodes: int, only: tuple[str, ...], marks: set[str]
) -> None:
    verdict = joined(seed, nodes, only)
    assert (verdict.violation, verdict.tail) == (None, [])
    assert marks - verdict.marks == set()


def test_two_runs_of_a_seed_are_the_same_and_leave_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Though what is served lies in a real folder, each time another one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    digests = {joined(7, 3, FALLEN).digest for _ in range(2)}
    assert len(digests) == 1
    assert list(tmp_path.iterdir()) == []


# --- planted bugs ------------------------------------------------------------------------------


def term_and_vote_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exchange carries a hard state in which nobody has voted."""
    carried = store_succession._carried

    def forgetful(own: Any) -> WriteBatch:
        batch = carried(own)
        batch.put(HARD_STATE, encode([0, None]))
        return batch

    monkeypatch.setattr(store_succession, "_carried", forgetful)


def test_a_node_that_forgets_its_vote_as_it_exchanges_stores_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its guard file, which remembers it: it takes its own store for an older one."""
    assert joined(0, 3, FALLEN).violation is None
    term_and_vote_forgotten(monkeypatch)
    violation = joined(0, 3, FALLEN, "N-1").violation
    assert violation is not None
    assert violation[0] == "N-1"
    assert "another vote" in violation[2]


def test_a_node_that_knows_the_term_of_its_snapshot_too_late_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Found here: its guard file says the term before its store does, and it starts again."""
    assert joined(5, 3, FALLEN).violation is None
    monkeypatch.setattr(store, "last_term", lambda _: 0)
    violation = joined(5, 3, FALLEN, "N-1").violation
    assert violation is not None
    assert violation[0] == "N-1"
    assert "term 0 where the guard file remembers" in violation[2]
