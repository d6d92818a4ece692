"""Every example of docs/moving-data.md, run beside a real node and in real databases."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.bridge import nats_server, postgres_server
from tests.bridge.nats_server import NatsServer
from tests.bridge.postgres_server import PostgresServer
from tests.process.conftest import MakeNetwork
from tests.process.network import ROOT

PAGE = (ROOT / "docs" / "moving-data.md").read_text()
DATABASE = "facts"


def blocks(language: str) -> list[str]:
    """Return the lines of the page's blocks in one language."""
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [line for block in found for line in block.splitlines()]


@pytest.fixture(name="postgres")
def a_database_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(name="nats")
def a_stream_server() -> Iterator[NatsServer]:
    server = NatsServer()
    yield server
    server.close()


def test_every_example_of_the_page_does_what_it_says(
    make_network: MakeNetwork, postgres: PostgresServer, nats: NatsServer, tmp_path: Path
) -> None:
    network = make_network("my-network", validators=1)
    network.start_all()
    [node] = network.names
    network.create_register(node)
    network.submit(node, *[network.put(f"{number}", f"value {number}") for number in range(5)])
    network.submit(node, network.put("0", "value of today"))
    network.wait_level(node)
    postgres.database(DATABASE)
    word = tmp_path / "password"
    in_place = {
        "http://127.0.0.1:7500": network.nodes[node].api,
        "postgresql://bridge@localhost/facts": postgres.dsn(DATABASE),
        "nats://bridge@localhost:4222": f"nats://{nats_server.USER}@127.0.0.1:{nats.port}",
    }
    commands = [shlex.split(line) for line in blocks("sh") if line.startswith("govchaind ")]
    assert len(commands) == 5
    told = []
    for words in commands:
        other = "nats" in words
        word.write_text(nats_server.PASSWORD if other else postgres_server.PASSWORD)
        word.chmod(0o600)
        typed = [sys.executable, "-m", *(in_place.get(one, one) for one in words)]
        ended = subprocess.run(typed, cwd=tmp_path, text=True, capture_output=True, check=False)
        assert ended.returncode == 0, (words, ended.stderr)
        told.append(ended.stdout)
    height = network.status(node)["height"]
    assert all(f"height {height}" in one or f"to {height}," in one for one in told), told

    questions = blocks("sql")
    assert len(questions) == 7
    for question in questions:
        if "read_parquet" in question:
            answer = duckdb.sql(question.replace("'facts/", f"'{tmp_path}/facts/"))
            assert answer is not None
            assert answer.fetchall(), question
        else:
            assert postgres.run(question, database=DATABASE), question
    [[value, revision, _]] = postgres.run(questions[0], database=DATABASE)
    assert (value, revision) == ("value of today", 2)
