"""Nodes of gear 2 join by snapshot, and bugs that only this reach finds are found."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from netsim.gear2.options import falling_behind
from netsim.gear2.run import Verdict, draw, run

pytestmark = [pytest.mark.xdist_group("gear2"), pytest.mark.timeout(600)]


FALLEN, LIED_TO = ("joins", "crash"), ("joins", "malicious")
REMOVED = ("prune", "crash", "membership")


def joined(seed: int, nodes: int, only: tuple[str, ...], watched: str = "") -> Verdict:
    """Run a seed in which much is written, and somebody falls behind every other second."""
    options = falling_behind(draw(seed, nodes=nodes, seconds=15.0, only=only))
    return run(options, watched=frozenset({watched}) if watched else None)


@pytest.mark.parametrize(
    ("seed", "nodes", "only", "marks"),
    [
        (23, 3, FALLEN, {"snapshot-joined", "snapshot-resumed", "joiner-crashed"}),
        (7, 4, LIED_TO, {"snapshot-joined", "snapshot-served-wrongly"}),
        (0, 3, REMOVED, {"snapshot-joined", "blocks-removed"}),
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
