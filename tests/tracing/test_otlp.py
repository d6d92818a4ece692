"""Spans reach a collector as OTLP; one that is away or slow costs spans, and no time."""

from __future__ import annotations

import os
import time

import pytest

from govchaind.base.limits import SPANS_WAITING_MAX
from govchaind.tracing.collector import open_exporter, traces_address
from govchaind.tracing.span import HEIGHT, NODE, Span, resource_of
from tests.tracing.collected import collector

TRANSACTION = bytes(range(1, 33))


def span(name: str, own: bytes | None, *, failed: bool = False) -> Span:
    return Span(name, TRANSACTION, own, 1_000, 2_500, {NODE: "ada", HEIGHT: 7}, failed)


def test_a_root_and_its_child_arrive_with_the_ids_of_the_transaction() -> None:
    with collector() as (address, kept):
        exporter = open_exporter(traces_address(address), resource_of("s", "1", "ada"), client=True)
        exporter.offer(span("submit", None, failed=True))
        exporter.offer(span("order", b"\x09" * 8))
        exporter.close(10)
        root, child = kept.spans
    assert (root.name, root.trace, root.id) == ("submit", TRANSACTION[:16], TRANSACTION[16:24])
    assert (root.parent, root.status, root.kind) == (b"", 2, 3)
    assert (child.name, child.trace, child.id) == ("order", TRANSACTION[:16], b"\x09" * 8)
    assert (child.parent, child.status) == (root.id, 0)
    assert (child.begin_ns, child.end_ns) == (1_000, 2_500)
    assert child.attributes == {NODE: "ada", HEIGHT: 7}
    assert child.resource == {
        "service.name": "s",
        "service.version": "1",
        "service.instance.id": "ada",
    }
    assert kept.paths == ["/v1/traces"]
    assert (exporter.sent, exporter.lost, exporter.dropped) == (2, 0, 0)


def test_a_collector_that_does_not_answer_costs_spans_and_no_time() -> None:
    with collector() as (address, kept):
        kept.held.clear()
        exporter = open_exporter(traces_address(address), {})
        began = time.monotonic()
        for _ in range(SPANS_WAITING_MAX + 10):
            exporter.offer(span("order", os.urandom(8)))
        assert exporter.dropped == 10
        exporter.close(0.2)
        assert time.monotonic() - began < 3


def test_a_collector_that_is_away_is_counted_and_says_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    exporter = open_exporter("http://127.0.0.1:9/v1/traces", {})
    exporter.offer(span("order", b"\x09" * 8))
    exporter.close(10)
    assert (exporter.sent, exporter.lost) == (0, 1)
    assert capfd.readouterr() == ("", "")


def test_a_collector_that_refuses_is_counted(capfd: pytest.CaptureFixture[str]) -> None:
    with collector() as (address, kept):
        kept.answer = 403
        exporter = open_exporter(traces_address(address), {})
        exporter.offer(span("order", b"\x09" * 8))
        exporter.close(10)
    assert (exporter.sent, exporter.lost, kept.spans) == (0, 1, [])
    assert capfd.readouterr() == ("", "")
