"""The numbers of a bridge, as Prometheus reads them."""

from __future__ import annotations

import urllib.request

import pytest

from govchaind.base.errors import InvalidSetting
from govchaind.bridge.following import Reached
from govchaind.bridge.gauges import Gauges


def test_numbers_are_served() -> None:
    gauges = Gauges()
    gauges.wrote(Reached(height=3, time_ms=1500, heights=1, changes=2))
    gauges.wrote(Reached(height=4, time_ms=2500, heights=2, changes=7))
    gauges.failed()
    port = gauges.listen("127.0.0.1:0")

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        lines = reply.read().decode().splitlines()

    told = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert {name: told[f"govchaind_bridge_{name}"] for name in (
        "height", "block_time_seconds", "changes_total", "failures_total",
    )} == {
        "height": "4.0", "block_time_seconds": "2.5", "changes_total": "7.0",
        "failures_total": "1.0",
    }  # fmt: skip


@pytest.mark.parametrize("address", ["", "x", "127.0.0.1:99999", "192.0.2.1:80"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Gauges().listen(address)
    assert caught.value.code == "bad-listen-address"
