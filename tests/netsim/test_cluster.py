"""A sweep on a real Dask cluster of two worker processes is the sweep of this machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import pytest

from govchaind.base.errors import InvalidSetting, PeerError
from netsim import dask_cluster
from netsim.dask_cluster import Cluster
from netsim.job import play_chunk
from netsim.sweep import Job, sweep

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def of_this_process() -> str:
    """Stand for code that is another one in each process."""
    return str(os.getpid())


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    local: Any = import_module("distributed").LocalCluster
    with local(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", host="127.0.0.1"
    ) as cluster:
        yield str(cluster.scheduler_address)


def test_a_cluster_gives_what_this_machine_gives(address: str) -> None:
    jobs = [Job(seed, minutes=1.0) for seed in range(6)]
    jobs += [Job(0, plant="answer-before-write")]
    cluster = Cluster(address)
    assert cluster.threads == 2
    there = sweep(
        jobs,
        processes=1,
        say=lambda _: None,
        source=partial(cluster.verdicts, play_chunk=play_chunk),
    )
    cluster.close()
    here = sweep(jobs, processes=1, say=lambda _: None)
    assert (there.seeds, there.messages, there.marks) == (here.seeds, here.messages, here.marks)
    assert [verdict.digest for verdict in there.failures["I-9"]] == [
        verdict.digest for verdict in here.failures["I-9"]
    ]


def test_the_command_sweeps_on_a_cluster(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    from netsim.__main__ import main

    few = ["sweep", "--seeds", "4", "--minutes", "0.2", "--no-marks", "--dask", address]
    assert main(few) == 0
    said = capsys.readouterr()
    assert f"a cluster of 2 threads at {address}\n" in said.err
    assert said.out.startswith("4/4 seeds, ")


def test_whole_nodes_are_swept_on_a_cluster(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from netsim.__main__ import main

    few = ["gear2", "--seeds", "3", "--seconds", "3", "--no-marks", "--json"]
    assert main([*few, "--jobs", "1"]) == 0
    here = json.loads(capsys.readouterr().out)
    assert main([*few, "--dask", address]) == 0
    there = json.loads(capsys.readouterr().out)
    assert (there["seeds"], there["messages"]) == (3, here["messages"])


def test_workers_with_other_code_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "code_digest", of_this_process)
    with pytest.raises(PeerError, match="2 of 2 workers run other code") as refused:
        Cluster(address)
    assert refused.value.code == "other-code"


def test_without_dask_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidSetting, match=r"dask\.distributed is not installed") as missing:
        Cluster("tcp://127.0.0.1:1")
    assert "pip install 'govchaind[dask]'" in missing.value.remedy


def test_no_scheduler_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 1)
    with pytest.raises(PeerError, match="no Dask scheduler answers at tcp://127"):
        Cluster("tcp://127.0.0.1:1")
