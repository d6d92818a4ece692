"""A real node does what its own /openapi.json says, whatever is sent to it.

schemathesis draws the requests, right and wrong ones, from a fixed seed and in bounded time. It is
a process of its own: it knows no more of the node than any client.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from govchaind.api.access import Access, Reads
from tests.api.node import running

ROOT = Path(__file__).parent.parent.parent
SECONDS_MAX = 60
EXAMPLES = 8  # of each operation, beside those that its description calls for
# A name's exact form is told in words, so a text that fits the schema may be refused; which
# answers of 500 and above are faults is said in the hooks.
NOT_CHECKED = "positive_data_acceptance,not_a_server_error"
ENDLESS = "/v1/events"  # a stream has no end to wait for; test_events.py reads it


@pytest.mark.parametrize("reads", ["open", "offices"])
async def test_schemathesis_finds_nothing(tmp_path: Path, reads: Reads) -> None:
    async with running(tmp_path, access=Access(reads=reads)) as node:
        await node.create_register()
        await node.submit(node.put("110000"), node.put("120000"))
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{node.url}/openapi.json"),
            *("--phases", "coverage,fuzzing", "--mode", "all", "--seed", "1"),
            "--generation-deterministic",
            *("--max-examples", str(EXAMPLES), "--max-time", str(SECONDS_MAX)),
            *("--exclude-path", ENDLESS, "--exclude-checks", NOT_CHECKED),
            *("--request-timeout", "20", "--warnings", "off", "--no-color"),
        ]
        told = await trio.run_process(
            command,
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "SCHEMATHESIS_HOOKS": "tests.api.openapi_hooks",
            },
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
        )
        text = told.stdout.decode(errors="replace")

        assert told.returncode == 0, text[-6000:]
        document = (await node.client.get("/openapi.json")).json()
        operations = sum(len(path) for name, path in document["paths"].items() if name != ENDLESS)
        assert f"Tested: {operations}" in text, text[-2000:]
        assert node.reports == []
        assert node.failures == []


async def test_a_method_that_is_not_for_a_path_is_told_which_are(tmp_path: Path) -> None:
    async with running(tmp_path, lead=False) as node:
        reply = await node.client.request("DELETE", "/v1/status")
        two = await node.client.request("DELETE", "/v1/deliveries/bank/loan-7/1/sealed")

    assert reply.status_code == 405
    assert reply.headers["allow"] == "GET"
    assert two.headers["allow"] == "GET, POST"
    assert reply.json()["error"]["code"] == "method-not-allowed"
