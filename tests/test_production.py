"""Production's side of the seams: traces are there if they are asked for, and end with the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from govchaind.base.errors import StorageFailed
from govchaind.node import load
from govchaind.production import production
from govchaind.runtime.telemetry import Telemetry
from govchaind.tracing.span import Span
from tests.process.network import Network
from tests.tracing.collected import collector

TRANSACTION = bytes(range(1, 33))
SPAN = Span("order", TRANSACTION, b"\x09" * 8, 1_000, 2_500, {})


@pytest.fixture(name="network")
def a_network(tmp_path: Path) -> Iterator[Network]:
    network = Network(tmp_path / "trial", validators=1)
    yield network
    network.close()


async def test_spans_that_wait_are_sent_when_it_ends(network: Network) -> None:
    [name] = network.names
    with collector() as (address, kept):
        network.set(name, trace__endpoint=address)
        config, identity, _ = load(network.folder(name))

        async def fail() -> None:
            async with production(config, identity, Telemetry(version="test")) as environment:
                assert environment.traces is not None
                environment.traces.exporter.offer(SPAN)
                assert kept.spans == []
                raise StorageFailed("as it may")

        with pytest.raises(StorageFailed):
            await fail()
        [span] = kept.spans
    assert span.trace == TRANSACTION[:16]
    assert span.resource["service.instance.id"] == name


async def test_unasked_there_are_no_traces(network: Network) -> None:
    config, identity, _ = load(network.folder(network.names[0]))
    async with production(config, identity, Telemetry(version="test")) as environment:
        assert environment.traces is None
