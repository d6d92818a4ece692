"""The verbs of scenarios that make things go wrong: each one has the effect that it names."""

from __future__ import annotations

import re

import pytest

from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import prefix_end
from govchaind.replica.store import block_of
from netsim.scenario import Played, play_scenario


def play(text: str) -> tuple[Played, list[str]]:
    """Play a scenario; return what came of it and every line of its trace."""
    lines: list[str] = []
    played = play_scenario(text, "my.txt", lines.append)
    assert (played.unmet, played.violation) == (None, None)
    return played, lines


def begun(lines: list[str]) -> int:
    """Return at which place of the trace the last verb was done."""
    return max(place for place, line in enumerate(lines) if " * " in line)


def messages(lines: list[str], sign: str, kind: str = "") -> int:
    """Return how many messages from n0 to n1 left with this sign after the last verb."""
    began = begun(lines)
    wanted = re.compile(rf"\S+ n0 {re.escape(sign)}n1 {kind}")
    return sum(1 for line in lines[began:] if wanted.match(line))


def test_a_share_of_messages_is_dropped_in_one_direction() -> None:
    _, lines = play("network 3\nlead n0\ndrop n0 n1 0.5\nrun 60\n")
    lost, sent = messages(lines, "~"), messages(lines, ">")
    assert 0.3 < lost / (lost + sent) < 0.7
    assert not any(re.match(r"\S+ (n1 ~|n0 ~n2)", line) for line in lines)
    _, lines = play("network 3\nlead n0\ndrop n0 others 1\nwithin 60 not role n0 leader\n")
    assert messages(lines, ">") == 0
    _, lines = play("network 3\nlead n0\ndrop n0 n1 1\ndrop n0 n1 0\nrun 9\n")
    assert messages(lines, "~") == 0


def test_a_message_that_is_doubled_is_answered_twice() -> None:
    answers = {}
    for share in (0, 1):
        _, lines = play(f"network 2\nlead n0\nduplicate n0 n1 {share}\nrun 30\n")
        asked = messages(lines, ">", "Heartbeat ")
        replies = sum(1 for line in lines if re.match(r"\S+ n1 >n0 HeartbeatReply", line))
        answers[share] = replies / asked
    assert answers[1] > 1.7 * answers[0]


def late(line: str) -> float:
    """Return after how long each heartbeat of n0 is answered by n1, at the most."""
    _, lines = play(f"latency 1 1.1\nnetwork 2\nlead n0\nrun 1\n{line}\nrun 3\n")
    began = begun(lines)
    asked: dict[str, float] = {}
    found = []
    for each in lines[began:]:
        at, node, what, *rest = each.split(" ")
        if (node, what, rest[:1]) == ("n0", ">n1", ["Heartbeat"]):
            asked[rest[-1]] = float(at)
        elif (node, what, rest[:1]) == ("n1", ">n0", ["HeartbeatReply"]) and rest[2] in asked:
            found.append(float(at) - asked[rest[2]])
    return max(found)


def test_what_is_reordered_or_delayed_comes_late() -> None:
    assert late("delay n0 n1 0") < 0.002
    assert 0.2 < late("delay n0 n1 0.2") < 0.21
    assert 0.005 < late("reorder n0 n1 1") < 0.03


@pytest.mark.parametrize("end", ["release n0 n1", "heal"])
def test_what_is_held_arrives_stale_when_it_is_released(end: str) -> None:
    play(
        "network 3\nlead n0\nhold n0 n1\noffer n0 k 1 as w\nrun 1\ncommitted w\n"
        f"not equal n0 n1\nrun 0.2\n{end}\nwithin 0.5 equal n0 n1\n"
    )
    play("network 2\nlead n0\nhold n0 n1\nwithin 60 role n1 pre-candidate\n")


def test_a_connection_that_is_closed_is_dialled_again() -> None:
    _, lines = play("network 3\nlead n0\nclose n0 n1\nrun 1\nequal\n")
    began = begun(lines)
    told = [line.split(" ", 1)[1] for line in lines[began:]]
    assert told.index("n0 link down n1") < told.index("n0 link up n1")
    assert "n1 link down n0" in told


def test_halves_and_a_bridge_leave_no_majority_or_one_node_that_sees_all() -> None:
    play("network 4\nlead n0\nhalves\nwithin 30 no-leader\nheal\nwithin 30 leader\n")
    played, _ = play("network 5\nlead n0\nbridge n2\n")
    assert played.world is not None
    cuts = set(played.world.network.cuts)
    assert len(cuts) == 8
    assert all("n2" not in pair for pair in cuts)


def test_a_node_stops_when_it_reads_what_has_rotted() -> None:
    play("network 3\nlead n0\ndisk n1 rot 200\nrestart n1\nwithin 60 mark rot-found\n")
    play(
        "network 3\nlead n0\ndisk n1 rot 200\ndisk n1 mend\nrestart n1\nrun 60\nnot mark rot-found"
    )


def test_a_clock_drifts_from_where_it_was() -> None:
    played, _ = play("network 1\nclock n0 5\nclock-drifts n0 -0.01\nrun 100\n")
    assert played.world is not None
    ahead = played.world.nodes["n0"].clock.wall_ms(played.world.heap.now) - played.world.wall_ms()
    assert abs(ahead - 4000) <= 2


def test_a_flood_fills_blocks_and_ends() -> None:
    before, _ = play("network 3\nlead n0\nrun 30\n")
    flooded, _ = play("network 3\nlead n0\nflood n1 30\nrun 30\nequal\nmark flooded-amid-faults\n")
    sizes = []
    for played in (before, flooded):
        assert played.world is not None
        committed = played.world.ghost.committed
        sizes.append(sum(len(block_of(known.entry).transactions) for known in committed))
    assert sizes[1] == sizes[0] + 30


def test_a_node_that_attests_two_things_is_proved_to_and_harms_nobody_else() -> None:
    text = "network 4\nlead n0\nattest-twice n1\n"
    text += "".join(f"offer n0 k {number} as w{number}\nrun 1\n" for number in range(30))
    played, _ = play(f"{text}mark lied\nwithin 60 certified w29\n")
    assert played.world is not None
    rows, start = played.world.nodes["n2"].disk.image, Table.EVIDENCE.value
    proofs = [key for key, _ in rows.scan(start, prefix_end(start))]
    lying = played.world.signatures.key("node/n1").public
    assert proofs
    assert all(key[1:33] == lying for key in proofs)
    play("network 4\nlead n0\nrun 30\nnot mark lied\n")
