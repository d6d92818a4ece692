"""A leader whose clock is in 2099: it steps down and says why, and the chain's time stays sane."""

from __future__ import annotations

import sys
import time

from tests.process.conftest import MakeNetwork

AHEAD_MILLISECONDS = 73 * 365 * 24 * 3600 * 1000  # from 2026 to 2099
FAST = {
    "raft__heartbeat_seconds": 0.3,
    "raft__election_timeout_seconds_min": 0.6,
    "raft__election_timeout_seconds_max": 0.7,
}


def test_a_leader_with_a_clock_in_2099_gives_way(make_network: MakeNetwork) -> None:
    network = make_network()
    wrong, *right = network.names
    network.set(wrong, **FAST)  # it will always be the first to ask for votes
    network.start_as(
        wrong,
        [
            *(sys.executable, "-m", "tests.process.altered_node", str(network.folder(wrong))),
            *("--clock-ahead", str(AHEAD_MILLISECONDS)),
        ],
    )
    network.start(*right)
    told = network.wait_event(wrong, "clock.wrong")
    assert told["level"] == "warning"
    refused = network.wait_event(right[0], "block.refused", leader=wrong, reason="clock-ahead")
    assert "ahead of this node's clock" in refused["detail"]
    network.wait_for(lambda: network.leader() in right, "nobody else leads")

    network.create_register(right[0])
    network.submit(wrong, network.put("through-the-wrong-clock"), network.put("another"))
    final = network.wait_level()
    assert abs(final["block_time_ms"] - time.time() * 1000) < 60_000
    for height in range(1, final["height"] + 1):
        assert abs(network.block(right[1], height).time - time.time() * 1000) < 120_000
    # The others are ready; it is not, and says that its own clock is what is wrong.
    network.wait_ready(*right)
    reasons = network.get(wrong, "/readyz").json()["reasons"]
    assert any(reason.startswith("clock wrong") for reason in reasons), reasons

    # With its clock set right, it takes part like the others and nothing was lost.
    network.kill(wrong)
    network.start(wrong)
    network.wait_ready(wrong)
    network.wait_level()
    assert network.record(wrong, "through-the-wrong-clock") == "value"
