"""Servers that tests of bridges share: each is real, made in a folder, and ends with the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bridge.nats_server import NatsServer
from tests.bridge.postgres_server import PostgresServer


@pytest.fixture(scope="module", name="postgres")
def a_database_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="module", name="nats")
def a_stream_server() -> Iterator[NatsServer]:
    server = NatsServer()
    yield server
    server.close()
