"""Pictures of gear 2: drawn from the bytes of the streams, and the run stays the same run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from govchaind.raft.messages import Heartbeat, Vote
from govchaind.runtime.codec import Ping, frame_of
from netsim.__main__ import main
from netsim.gear2.drawing import Unreadable, Way, messages
from netsim.gear2.options import draw
from netsim.gear2.run import run
from netsim.picture.record import Record

BEAT = Heartbeat(3, 7, 1)
VOTE = Vote(3, True, pre=False, store=bytes(16))
STORMY = 7  # a seed with crashes, a partition, power cuts, changes of members


@pytest.fixture(scope="module")
def drawn() -> Record:
    record = Record()
    options = draw(STORMY, seconds=12.0)
    plain, told = run(options), run(options, record=record)
    assert (plain.digest, plain.steps) == (told.digest, told.steps)
    machines = {band.node for band in record.bands}
    assert len([each for each in record.messages if each.sender in machines]) == told.messages
    assert record.end == pytest.approx(told.simulated_seconds, abs=0.5)
    return record


def test_a_record_has_the_messages_with_their_fates(drawn: Record) -> None:
    assert {each.fate for each in drawn.messages} >= {"sent", "held", "lost"}
    for message in drawn.messages:
        assert all(at >= message.at and taken for at, taken in message.arrivals)
        if message.fate in ("lost", "cut"):
            assert message.arrivals == []
    arrived = [each for each in drawn.messages if each.fate == "sent" and each.arrivals]
    assert len(arrived) > 0.8 * len(drawn.messages)
    assert {"votes", "entries", "heartbeats", "certificates", "transactions", "greetings"} <= {
        each.group for each in drawn.messages
    }


def test_a_record_has_roles_lives_cuts_and_progress(drawn: Record) -> None:
    bands = {(band.node, band.value) for band in drawn.bands}
    assert ("n0", "leader t1") in bands
    assert ("n1", "leader t2") in bands
    assert {band.kind for band in drawn.bands} == {"role", "state", "cut"}
    assert all(band.end is None or band.end > band.begin for band in drawn.bands)
    downs = [band for band in drawn.bands if band.value == "down" and band.end is not None]
    starts = {(event.at, event.node) for event in drawn.events if event.kind == "life"}
    assert {(band.end, band.node) for band in downs} <= starts
    heights = [step.commit for step in drawn.progress if step.node == "n0"]
    assert heights == sorted(heights)
    assert heights[-1] > 5
    assert max(step.certified for step in drawn.progress) > 5
    kinds = {event.kind for event in drawn.events}
    assert {"role", "fault", "life", "link", "notice"} <= kinds


def test_a_message_arrives_when_its_last_byte_is_taken() -> None:
    record = Record()
    way, data = Way(record, "n0", "n1"), frame_of(BEAT) + frame_of(VOTE)
    way.leaves(1.0, data, open_=True, vanishes=False)
    way.leaves(1.1, frame_of(Ping()), open_=False, vanishes=False)
    first = len(frame_of(BEAT))
    way.taken(1.2, first - 1)
    assert [each.arrivals for each in record.messages] == [[], [], []]
    way.taken(1.3, 1)
    way.taken(1.4, len(data) - first)
    way.taken(2.5, len(frame_of(Ping())))
    assert [(each.text, each.fate, each.arrivals) for each in record.messages] == [
        ("Heartbeat t3 c7 r1", "sent", [(1.3, True)]),
        ("Vote t3 yes 000000", "sent", [(1.4, True)]),
        ("Ping", "held", [(2.5, True)]),
    ]


def test_what_a_connection_has_not_handed_over_is_lost() -> None:
    record = Record()
    way, beat = Way(record, "n0", "n1"), frame_of(BEAT)
    way.leaves(1.0, beat + beat, open_=True, vanishes=False)
    way.leaves(1.1, beat, open_=True, vanishes=True)
    way.taken(1.2, len(beat))
    way.ends()
    way.leaves(1.3, beat, open_=True, vanishes=False)
    assert [each.fate for each in record.messages] == ["sent", "lost", "cut", "lost"]


def test_what_is_under_way_when_a_run_ends_is_not_lost() -> None:
    record = Record()
    way = Way(record, "n0", "n1")
    way.leaves(1.0, frame_of(BEAT), open_=True, vanishes=False)
    record.line(1.1, "n1", "VIOLATION I-1 at n1: leads")
    way.ends()
    way.leaves(1.2, frame_of(BEAT), open_=True, vanishes=False)
    record.line(1.3, "n1", "* ended: Cancelled")
    assert [(each.fate, each.arrivals) for each in record.messages] == [("sent", [])]
    assert [each.text for each in record.events] == ["I-1 at n1: leads"]
    assert record.end == 1.1


@pytest.mark.parametrize(
    "raw", [b"\x00", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff\x81\x00", b"\x00\x00\x00\x02\x81\x18"]
)
def test_bytes_that_no_message_is_are_shown_as_such(raw: bytes) -> None:
    (beat, bad) = messages(frame_of(BEAT) + raw)
    assert beat == (len(frame_of(BEAT)), BEAT, "Heartbeat t3 c7 r1")
    assert isinstance(bad[1], Unreadable)
    assert bad[0] == len(frame_of(BEAT)) + len(raw)


def test_the_command_draws_a_run_that_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["gear2", "--seed", "0", "--plant", "vote-before-write"]
    assert main([*asked, "--picture", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    names = ("timeline.html", "sequence.svg", "events.txt")
    assert said.endswith("".join(f"{tmp_path / name}\n" for name in names))
    text = (tmp_path / "timeline.html").read_text(encoding="utf-8")
    (told,) = re.findall(r'<script type="application/json" id="run">(.*?)</script>', text)
    facts = json.loads(told)
    assert facts["events"][-1][2] == "violation"
    assert facts["events"][-1][3].startswith("I-9 at ")
    assert "again              netsim gear2 --seed 0 --plant vote-before-write" in text
    assert "simulated" in text
    assert " s in " not in text


def test_a_part_without_a_picture_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gear2", "--seed", "1", "--from", "3"]) == 2
    assert "--picture" in capsys.readouterr().err


@pytest.mark.parametrize(
    "asked",
    [["--seeds", "2"], ["--seed", "1", "--shrink"], ["--seed", "1", "--from", "3", "--to", "2"]],
)
def test_wrong_arguments_exit_with_2(asked: list[str], tmp_path: Path) -> None:
    assert main(["gear2", *asked, "--picture", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
