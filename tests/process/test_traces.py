"""Real nodes and a real client send spans to a collector, into one trace; or it is away."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from govchaind.config import CONFIG_FILE
from govchaind.tracing.span import CERTIFIED, CODE, HEIGHT, NODE, OPERATIONS, OUTCOME, SIZE
from tests.process.conftest import MakeNetwork
from tests.process.network import REGISTER, ROOT, Network, run_command, set_settings
from tests.tracing.collected import Collected, Seen, collector

AWAY = "http://127.0.0.1:9"  # the port of "discard", where nobody listens
SPANS = re.compile(r'^govchaind_trace_spans_total\{fate="lost"\} (\d+)', re.MULTILINE)
SECRETS = ("the-key-of-it", "the value of it", REGISTER, "127.0.0.1", "registry")


def run(network: Network, *arguments: str, **environ: str) -> str:
    """Run the command line as a process of its own; return its standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "govchaind", *arguments],
        env={**os.environ, **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "span" not in done.stderr
    return done.stdout.strip()


def of(spans: list[Seen], transaction: bytes) -> dict[tuple[str, str], Seen]:
    """Return a transaction's spans by name and node ("": the client's)."""
    mine = [span for span in spans if span.trace == transaction[:16]]
    found = {(span.name, str(span.attributes.get(NODE, ""))): span for span in mine}
    assert len(found) == len(mine)
    return found


def whole(network: Network) -> set[tuple[str, str]]:
    """Return which spans there are of what was brought to the first node, and shown there."""
    first = network.names[0]
    each = {(name, node) for name in ("store", "certify") for node in network.names}
    return each | {("submit", ""), ("fetch receipt", ""), ("order", first), ("receipt", first)}


def test_a_transaction_is_one_trace_of_client_and_nodes(make_network: MakeNetwork) -> None:
    network = make_network()
    first = network.names[0]
    with collector() as (address, kept):
        for name in network.names:
            network.set(name, trace__endpoint=address)
        network.start_all()
        network.create_register(first)
        transaction, receipt = submit_and_fetch(network, address)
        spans = kept.wait(lambda seen: of(seen, transaction).keys() >= whole(network))
        for name in network.names:
            assert network.stop(name) == 0
    found = of(spans, transaction)
    assert set(found) == whole(network)
    check_parents(found, transaction)
    check_times(found, first)
    check_attributes(found, first, receipt)
    check_resources(found, network)
    check_secrets(kept)


def submit_and_fetch(network: Network, address: str) -> tuple[bytes, Path]:
    shared = ("--network", str(network.directory / "network.json"))
    key = str(network.directory / "keys" / "civil-affairs.key")
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": address}
    put = ("submit", "put", REGISTER, *SECRETS[:2], "--key", key, "--wait", "certified")
    transaction = run(network, *put, *shared, **endpoint)
    receipt = network.directory / "receipt"
    run(network, "receipt", transaction, "-o", str(receipt), *shared, **endpoint)
    return bytes.fromhex(transaction), receipt


def check_parents(found: Mapping[tuple[str, str], Seen], transaction: bytes) -> None:
    root = found["submit", ""]
    assert (root.id, root.parent) == (transaction[16:24], b"")
    children = [span for span in found.values() if span is not root]
    assert {span.parent for span in children} == {root.id}
    assert len({span.id for span in found.values()}) == len(found)


def check_times(found: Mapping[tuple[str, str], Seen], first: str) -> None:
    root, order, receipt = found["submit", ""], found["order", first], found["receipt", first]
    fetch = found["fetch receipt", ""]
    for (name, node), span in found.items():
        assert span.begin_ns <= span.end_ns
        if name == "store":
            assert span.end_ns == found["certify", node].begin_ns
            assert span.begin_ns >= order.begin_ns
    assert root.begin_ns < order.begin_ns < order.end_ns == found["store", first].begin_ns
    assert found["certify", first].end_ns <= root.end_ns < fetch.begin_ns
    assert fetch.begin_ns < receipt.begin_ns < receipt.end_ns < fetch.end_ns
    assert abs(time.time_ns() - root.end_ns) < 300 * 10**9


def check_attributes(found: Mapping[tuple[str, str], Seen], first: str, receipt: Path) -> None:
    root, order = found["submit", ""].attributes, found["order", first].attributes
    assert (root[OPERATIONS], root[SIZE]) == (order[OPERATIONS], order[SIZE]) == (1, root[SIZE])
    assert {span.attributes[HEIGHT] for span in found.values() if HEIGHT in span.attributes} == {
        root[HEIGHT]
    }
    for (name, _), span in found.items():
        if name in ("submit", "order", "store", "certify"):
            assert (span.attributes[CODE], span.attributes[OUTCOME]) == (0, "applied")
    shown = found["receipt", first].attributes
    assert shown[SIZE] == receipt.stat().st_size == found["fetch receipt", ""].attributes[SIZE]
    assert int(shown[CERTIFIED]) >= int(shown[HEIGHT])


def check_resources(found: Mapping[tuple[str, str], Seen], network: Network) -> None:
    for (_, node), span in found.items():
        if node:
            assert span.resource["service.name"] == "govchaind"
            assert span.resource["service.instance.id"] == node
        else:
            assert span.resource == {"service.name": "govchaind-client"}
    assert {node for _, node in found} == {"", *network.names}


def check_secrets(kept: Collected) -> None:
    everything = b"".join(kept.bodies)
    assert [text for text in SECRETS if text.encode() in everything] == []


def test_a_collector_that_is_away_costs_one_warning(make_network: MakeNetwork) -> None:
    network = make_network(validators=1)
    [name] = network.names
    network.set(name, trace__endpoint=AWAY)
    network.start_all()
    network.create_register(name)

    def lost() -> int:
        url = network.nodes[name].metrics
        assert url is not None
        found = SPANS.search(httpx.get(url, trust_env=False).text)
        return int(found.group(1)) if found else 0

    def lost_more() -> bool:
        return lost() >= before + 100

    for turn in range(2):
        before = lost()
        began = time.monotonic()
        network.submit(name, *[network.put(f"k{turn}-{each}") for each in range(50)])
        assert time.monotonic() - began < 5
        network.wait_for(lost_more, "spans are not counted")
    began = time.monotonic()
    assert network.stop(name) == 0
    assert time.monotonic() - began < 10
    [warning] = network.events(name, "trace.collector_away")
    assert warning["level"] == "warning"
    text = network.log_path(name).read_text()
    assert all(line.startswith("{") for line in text.splitlines()), text


def test_without_the_extra_a_node_says_what_to_install(
    make_network: MakeNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make_network(validators=1)
    folder = network.folder(network.names[0])
    hidden = 'import sys\nsys.modules["opentelemetry.sdk"] = None\n'  # as if it were not there
    (tmp_path / "sitecustomize.py").write_text(hidden)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    set_settings(folder, trace__endpoint=AWAY)
    done = subprocess.run(
        run_command(folder), capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )
    assert done.returncode == 2
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("error[no-opentelemetry]: ")
    assert "pip install 'govchaind[otel]'" in said
    assert not (folder / "store").exists()
    assert "trace" in (folder / CONFIG_FILE).read_text()


def test_the_ratio_changes_with_a_reload_and_a_stop_sends_what_waits(
    make_network: MakeNetwork,
) -> None:
    network = make_network(validators=1)
    [name] = network.names
    with collector() as (address, kept):
        network.set(name, trace__endpoint=address, trace__ratio=0.0)
        network.start_all()
        network.create_register(name)
        network.submit(name, network.put("k1"))
        network.set(name, trace__endpoint=address, trace__ratio=1.0)
        network.daemons[name].send(signal.SIGHUP)
        assert network.wait_event(name, "settings.reloaded")["changed"] == ["trace.ratio"]
        [transaction] = network.submit(name, network.put("k2"), wait="certified")
        assert network.stop(name) == 0
        spans = kept.spans  # without waiting
    assert set(of(spans, transaction)) == {(each, name) for each in ("order", "store", "certify")}
    assert {span.trace for span in spans} == {transaction[:16]}
