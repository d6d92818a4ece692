"""Real daemons for each test, none of which outlives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process.network import Network

MakeNetwork = Callable[..., Network]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test here, and keep them on one worker: they share two cores and the clock."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.process)
            item.add_marker(pytest.mark.xdist_group("process"))


@pytest.fixture
def make_network(tmp_path: Path) -> Iterator[MakeNetwork]:
    """Return what makes networks; they end with the test."""
    made: list[Network] = []

    def make(name: str = "trial", **settings: Any) -> Network:
        network = Network(tmp_path / name, name=name, **settings)
        made.append(network)
        return network

    yield make
    for network in made:
        network.close()
