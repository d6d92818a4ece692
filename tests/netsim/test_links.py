"""Links that are clogged, narrow, winding, half-open or read slowly; clocks that jump or stop."""

from __future__ import annotations

import pytest

from govchaind.raft.messages import Heartbeat
from netsim.clock import EPOCH_MILLISECONDS, Clock
from netsim.marks import MARKS
from netsim.options import draw
from netsim.pipes import FRAME_BYTES, Pipes, is_hopeless
from netsim.run import run
from netsim.scenario import play_scenario

BEAT = Heartbeat(1, 0, 1)
WAY = ("a", "b")


def test_a_clogged_pipe_gives_back_all_at_once_and_in_order() -> None:
    pipes = Pipes()
    pipes.clog([WAY], 5.0)
    arrivals = [1.0 + pipes.wait(1.0, WAY, BEAT, wait) for wait in (0.3, 0.1, 0.2)]
    assert arrivals == sorted(arrivals)
    assert 5.0 <= arrivals[0] < arrivals[1] < arrivals[2] < 5.001
    assert pipes.wait(6.0, WAY, BEAT, 0.1) == pytest.approx(0.1)
    assert pipes.wait(1.0, ("b", "a"), BEAT, 0.1) == pytest.approx(0.1)


def test_a_narrow_pipe_passes_so_many_bytes_a_second() -> None:
    pipes = Pipes()
    pipes.cap([WAY], FRAME_BYTES / 2)
    assert [pipes.wait(0.0, WAY, BEAT, 0.0) for _ in range(3)] == pytest.approx([2.0, 4.0, 6.0])
    pipes.cap([WAY], 0.0)
    assert not pipes.odd
    assert pipes.wait(0.0, WAY, BEAT, 0.5) == pytest.approx(0.5)


def test_a_slow_reader_takes_one_message_after_another_from_all() -> None:
    pipes = Pipes()
    pipes.read_slowly("b", 6.0)
    waits = [pipes.wait(0.0, (sender, "b"), BEAT, 0.0) for sender in "ac"]
    assert waits == pytest.approx([6.0, 12.0])
    assert list(map(is_hopeless, waits)) == [False, True]


def test_what_enters_a_winding_pipe_is_overtaken() -> None:
    pipes = Pipes()
    pipes.wind([WAY], until=1.0, late=3.0)
    assert [pipes.late(now, WAY) for now in (0.5, 1.0, 1.5)] == [3.0, 3.0, 0.0]


def test_clocks_jump_to_and_fro_and_stop() -> None:
    clock = Clock()
    clock.jump_every(2.0, 10.0)
    shown = [(clock.wall_ms(now) - EPOCH_MILLISECONDS) // 1000 for now in (1, 3, 5, 7)]
    assert shown == [1, 13, 5, 17]
    clock.stop(5.0)
    assert clock.wall_ms(9.0) == clock.wall_ms(5.0) == EPOCH_MILLISECONDS + 5_000
    clock.set_ahead(0.0)
    assert clock.wall_ms(9.0) == EPOCH_MILLISECONDS + 9_000


def test_the_verbs_of_links_and_clocks() -> None:
    """A leader whose messages are stuck is replaced; then all is well again."""
    played = play_scenario(
        """
network 3
lead n0
clog n0 others 8
half-open n1 n2
cap n1 n2 400
read-slowly n2 0.01
clock-jumps n1 20 5
clock-stops n2
within 8 not leader n0
heal
clock n0 n1 n2 0
within 30 leader
offer leader k1 1 as after
within 20 certified after
within 20 equal
""",
        "story.txt",
    )
    assert (played.unmet, played.violation) == (None, None)


@pytest.mark.timeout(120)
def test_ambushes_spring_and_floods_come() -> None:
    """With nothing else on, these alone must be borne; and a seed brings the same twice."""
    wanted = {"ambushed", "flooded-amid-faults", "link-half-open", "link-clogged", "all-paused"}
    assert wanted <= set(MARKS)
    reached: set[str] = set()
    for seed in range(4):
        options = draw(seed, only=("ambush", "flood", "half-open", "clog", "pause"))
        verdict = run(options)
        assert verdict.violation is None
        reached |= verdict.marks
    assert wanted <= reached
    assert verdict.digest == run(options).digest
