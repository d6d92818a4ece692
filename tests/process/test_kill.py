"""SIGKILL at random moments, a hundred times: nothing that was acknowledged is lost or doubled.

Whole processes die, one, two or all three at once, while clients write without pause: in the
middle of writes, of elections, of catching up and of starting. At the end every id that any client
was told is committed must be in every node's store exactly once, all stores must hold one chain,
and `govchaind verify` must find nothing wrong with any of them.
"""

from __future__ import annotations

import gc
import os
import random
import sys
import time
from contextlib import ExitStack
from functools import partial

import pytest

from tests.process.conftest import MakeNetwork
from tests.process.fork_server import ForkServer
from tests.process.network import Network, govchaind
from tests.process.stored_ledger import lost_or_doubled, read_ledger
from tests.process.writer import Writer

KILLS = 100
WRITERS = 2
ROUND_SECONDS_MAX = 1.2  # between a round's start and its kill
IN_START_SHARE = 0.15  # of kills that come while the node is still starting


def more_than(writers: list[Writer], count: int) -> bool:
    return sum(writer.count for writer in writers) > count


def kill_at_random(network: Network, choice: random.Random, writers: list[Writer]) -> None:
    killed = 0
    while killed < KILLS:
        count = choice.choices((1, 2, 3), (0.6, 0.25, 0.15))[0]
        victims = choice.sample(network.validators, min(count, KILLS - killed))
        network.kill(*victims)
        killed += len(victims)
        network.start(*victims)
        if choice.random() < IN_START_SHARE:
            time.sleep(choice.uniform(0, 0.3))
            continue
        network.wait_ready(*network.validators)
        before = sum(writer.count for writer in writers)
        network.wait_for(
            partial(more_than, writers, before),
            f"no more is committed after {killed} kills",
        )
        time.sleep(choice.uniform(0, ROUND_SECONDS_MAX))


@pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")  # of cut requests
@pytest.mark.timeout(420)
def test_a_hundred_kills_lose_nothing_that_was_acknowledged(make_network: MakeNetwork) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    sys.stdout.write(f"seed {seed}\n")
    network = make_network()
    with ForkServer(network):
        network.start_all()
        network.create_register(network.leader())
        with ExitStack() as stack:
            writers = [
                stack.enter_context(Writer(network, f"writer{i}", first_node=i))
                for i in range(WRITERS)
            ]
            kill_at_random(network, random.Random(seed), writers)
        gc.collect()  # what cut requests left behind, while its warnings are expected
        network.wait_ready(*network.validators)
        final = network.wait_level()
        network.stop(*network.names)

    acknowledged = {item for writer in writers for item in writer.acknowledged}
    assert [line for writer in writers for line in writer.unexpected] == []
    assert len(acknowledged) > KILLS
    ledgers = [read_ledger(network.folder(name)) for name in network.validators]
    for name, ledger in zip(network.validators, ledgers, strict=True):
        assert lost_or_doubled(ledger, acknowledged) == {}, name
    shortest = min(len(ledger.hashes) for ledger in ledgers)
    assert shortest >= final["height"]
    assert len({ledger.hashes[:shortest] for ledger in ledgers}) == 1
    for name in network.validators:
        assert "The store holds" in govchaind("verify", str(network.folder(name)))
