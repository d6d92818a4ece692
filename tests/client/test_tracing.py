"""A client's spans: where they go, which there are, and that nothing fails for want of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import trio

from govchaind.base.errors import GovchaindError, PeerError
from govchaind.client.tracing import END_SECONDS, ClientTraces, traces_of
from govchaind.ledger.transaction import read_transaction
from govchaind.tracing.collector import traces_address
from govchaind.tracing.ids import EVERY
from govchaind.tracing.span import CODE, HEIGHT, OPERATIONS, OUTCOME, SIZE, STATUS
from tests.client.scripted_node import Answer, Asked, closed_port, scripted
from tests.client.test_submission import AUTHOR, PUT, client_of, committed, deciding
from tests.tracing.collected import Seen, collector

TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
ALL = "OTEL_EXPORTER_OTLP_ENDPOINT"
SAMPLER, RATIO = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
HERE = {TRACES: "http://a:1/x"}
CLIENT, ERROR, UNSET = 3, 2, 0


def refuse(error: GovchaindError) -> None:
    raise AssertionError(error.message)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({TRACES: " "}, None),
        ({TRACES: "http://a:1/x", ALL: "http://b:1"}, "http://a:1/x"),
        ({ALL: "http://b:1"}, "http://b:1/v1/traces"),
        ({ALL: "http://b:1/otlp/"}, "http://b:1/otlp/v1/traces"),
        ({**HERE, "OTEL_SDK_DISABLED": "true"}, None),
        ({**HERE, "OTEL_TRACES_EXPORTER": "none"}, None),
        ({**HERE, "OTEL_TRACES_EXPORTER": "console,otlp"}, "http://a:1/x"),
        ({**HERE, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None),
        ({**HERE, SAMPLER: "always_off"}, None),
    ],
)
def test_the_environment_says_where_spans_go(environ: dict[str, str], expected: str | None) -> None:
    traces = traces_of(environ, absent=refuse)
    assert (traces and traces.address) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, EVERY),
        ({SAMPLER: "traceidratio", RATIO: "0.25"}, EVERY // 4),
        ({SAMPLER: "parentbased_traceidratio", RATIO: "0.25"}, EVERY // 4),
        ({SAMPLER: "always_on", RATIO: "0.25"}, EVERY),
        ({SAMPLER: "traceidratio"}, EVERY),
        ({SAMPLER: "traceidratio", RATIO: "many"}, EVERY),
        ({SAMPLER: "traceidratio", RATIO: "nan"}, EVERY),
        ({SAMPLER: "traceidratio", RATIO: "2"}, EVERY),
    ],
)
def test_the_environment_says_how_many(environ: dict[str, str], expected: int) -> None:
    traces = traces_of({**HERE, **environ}, absent=refuse)
    assert traces is not None
    assert traces.threshold == expected


def test_an_address_with_a_password_is_told_of_without_it() -> None:
    told: list[GovchaindError] = []
    assert traces_of({TRACES: "http://me:secret@a:1"}, absent=told.append) is None
    assert traces_of({TRACES: "me:secret@a:1"}, absent=told.append) is None
    assert [error.message.startswith("the address of traces must be") for error in told] == [
        True,
        True,
    ]
    assert "secret" not in "".join(error.message + error.remedy for error in told)


async def spans_of(
    respond: Callable[[Asked], Answer],
    *operations: tuple[int, list[Any]],
    wait: str = "committed",
) -> tuple[list[Seen], bytes]:
    """Submit one transaction to a node that answers so; return what a collector then has."""
    with collector() as (address, kept):
        traces = ClientTraces(traces_address(address), absent=refuse)
        async with scripted(respond) as nodes, client_of(nodes, traces=traces) as client:
            raw = client.sign(AUTHOR, operations)
            await client.submit([raw, raw], wait=wait)  # type: ignore[arg-type]  # a test's word
        return kept.spans, raw


async def test_a_submission_is_the_root_of_its_trace() -> None:
    [span], raw = await spans_of(committed, PUT, PUT)
    item = read_transaction(raw)
    assert (span.name, span.trace, span.id) == ("submit", item.id[:16], item.id[16:24])
    assert (span.parent, span.kind, span.status) == (b"", CLIENT, UNSET)
    assert span.begin_ns < span.end_ns
    assert span.attributes == {
        OPERATIONS: 2,
        SIZE: len(raw),
        STATUS: "committed",
        CODE: 0,
        OUTCOME: "applied",
        HEIGHT: 7,
    }
    assert span.resource == {"service.name": "govchaind-client"}


async def test_words_of_a_node_are_in_no_span() -> None:
    answer = deciding("refused", code=99_999, outcome="the key 110101", text="of Dongcheng")
    [span], raw = await spans_of(answer, PUT)
    assert span.status == ERROR
    assert span.attributes == {OPERATIONS: 1, SIZE: len(raw), STATUS: "refused"}


async def test_what_is_pending_and_not_waited_for_is_no_failure() -> None:
    [span], _ = await spans_of(deciding("pending"), PUT, wait="none")
    assert (span.status, span.attributes[STATUS]) == (UNSET, "pending")


async def test_a_submission_that_no_node_answers_is_told_of_too() -> None:
    with collector() as (address, kept):
        traces = ClientTraces(traces_address(address), absent=refuse)
        async with client_of([], await closed_port(), seconds=0.2, traces=traces) as client:
            raw = client.sign(AUTHOR, [PUT])
            with pytest.raises(PeerError):
                await client.submit([raw])
        [span] = kept.spans
    assert (span.name, span.status) == ("submit", ERROR)
    assert span.attributes == {OPERATIONS: 1, SIZE: len(raw)}


async def test_fetching_a_receipt_is_a_child_of_the_root() -> None:
    transaction = bytes(range(32))
    with collector() as (address, kept):
        traces = ClientTraces(traces_address(address), absent=refuse)
        answer = Answer(200, b"abc", {"content-type": "application/cbor"})
        async with scripted(lambda _: answer) as nodes, client_of(nodes, traces=traces) as client:
            assert await client.receipt(transaction) == b"abc"
        [span] = kept.spans
    assert (span.name, span.trace) == ("fetch receipt", transaction[:16])
    assert (span.parent, span.attributes) == (transaction[16:24], {SIZE: 3})


async def test_without_the_extra_it_is_told_once_and_all_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "govchaind.tracing.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    told: list[GovchaindError] = []
    traces = ClientTraces("http://127.0.0.1:9/v1/traces", absent=told.append)
    async with scripted(committed) as nodes, client_of(nodes, traces=traces) as client:
        for _ in range(2):
            [fate] = await client.submit([client.sign(AUTHOR, [PUT])])
            assert fate.applied
    assert [error.code for error in told] == ["no-opentelemetry"]


async def test_the_end_waits_for_no_collector_for_long() -> None:
    with collector() as (address, kept):
        kept.held.clear()
        traces = ClientTraces(traces_address(address), absent=refuse)
        began = trio.current_time()
        async with scripted(committed) as nodes, client_of(nodes, traces=traces) as client:
            await client.submit([client.sign(AUTHOR, [PUT])])
        assert END_SECONDS <= trio.current_time() - began < END_SECONDS + 5
