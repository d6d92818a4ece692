"""Pictures of a run: they show what happened, the same each time, and change no digest."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from netsim.__main__ import main
from netsim.mutants.plant import planted
from netsim.mutants.table import MUTANTS, found_at
from netsim.options import draw
from netsim.picture.moments import MESSAGES_MAX, MESSAGES_SHOWN, part
from netsim.picture.record import GROUPS, Record
from netsim.picture.sequence import diagram
from netsim.picture.spelling import spelled
from netsim.picture.text import rows
from netsim.run import run
from netsim.trace import _DESCRIBE

BUG = next(each for each in MUTANTS if each.name == "second-vote" and each.property_id == "I-1")
SVG = "{http://www.w3.org/2000/svg}"


def failing() -> Record:
    record, seed = Record(), found_at(BUG)
    assert seed is not None
    with planted(BUG):
        verdict = run(draw(seed), watched=frozenset((BUG.property_id,)), record=record)
    assert verdict.violation is not None
    return record


@pytest.fixture(scope="module")
def record() -> Record:
    return failing()


@pytest.mark.parametrize("seed", [0, 3])
def test_a_record_changes_no_digest_and_no_run(seed: int) -> None:
    options = draw(seed, minutes=1.0)
    plain, record = run(options), Record()
    drawn = run(options, record=record)
    assert (drawn.digest, drawn.messages) == (plain.digest, plain.messages)
    sent = [each for each in record.messages if each.fate != "unlinked"]
    assert len(sent) == plain.messages


def test_every_kind_of_message_has_a_group() -> None:
    grouped = [kind for kinds in GROUPS.values() for kind in kinds]
    assert sorted(grouped) == sorted(each.__name__ for each in _DESCRIBE)


def test_a_record_holds_fates_roles_cuts_and_the_failure(record: Record) -> None:
    failure = record.failure()
    assert failure is not None
    assert (failure.node, failure.text) == ("n1", "I-1 at n1: leads term 2, which n2 has led")
    assert {"sent", "cut", "unlinked"} <= {each.fate for each in record.messages}
    leaders = [(band.node, band.value) for band in record.bands if "leader" in band.value]
    assert leaders == [("n0", "leader t1"), ("n2", "leader t2"), ("n1", "leader t2")]
    led = next(band for band in record.bands if band.value == "leader t1")
    down = next(band for band in record.bands if (band.node, band.value) == ("n0", "down"))
    assert led.end == down.begin
    states = {(band.node, band.value) for band in record.bands if band.kind == "state"}
    assert states == {("n0", "down"), ("o0", "down")}
    cuts = {(band.node, band.value) for band in record.bands if band.kind == "cut"}
    assert cuts == {("n0", "unheard by o0"), ("o0", "deaf to n0")}
    for message in record.messages:
        assert all(at >= message.at for at, _ in message.arrivals)


def test_bands_of_one_kind_follow_each_other() -> None:
    record = Record()
    run(draw(4, minutes=2.0), record=record)
    ends: dict[tuple[str, str], float] = {}
    for band in record.bands:
        assert band.begin >= ends.get((band.node, band.kind), 0.0)
        ends[band.node, band.kind] = float("inf") if band.end is None else band.end


def test_the_text_has_a_column_for_each_node(record: Record) -> None:
    lines = list(rows(record, 3.66, 4.0))
    assert lines[0].split() == ["seconds", *record.nodes()]
    assert lines[-1] == "   3.676094  n1: !! I-1 at n1: leads term 2, which n2 has led"
    elected = next(line for line in lines if line.endswith("is leader in term 2"))
    assert elected.index("is leader") == lines[0].index("n2")
    assert all(line.startswith("   3.6") for line in lines[2:])


def test_a_diagram_shows_what_led_to_the_failure(record: Record) -> None:
    drawn = diagram(record, "Run <7>", None, None)
    root = ElementTree.fromstring(drawn)
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert texts[0] == "Run <7>"
    assert "I-1 at n1: leads term 2, which n2 has led" in texts
    assert "Vote t2 yes a19099" in texts
    assert "crash at a write before the …" in texts
    assert texts.count("n1") == 2
    shown = part(record, None, None)
    assert len(shown.messages) <= MESSAGES_SHOWN
    assert any(text.startswith("Messages left out: ") for text in texts)
    for begin, end in ((None, None), (0.0, None), (0.5, 3.0)):
        one = part(record, begin, end)
        within = [each for each in record.messages if (begin or 0) <= each.at <= one.end]
        counted = sum(map(int, re.findall(r"(\d+) (?:of|earlier)", one.left_out)))
        assert len(within) - len(one.messages) == counted
    arrows = [each for each in root.iter(f"{SVG}path") if "marker-end" in each.attrib]
    crosses = [each for each in root.iter(f"{SVG}path") if each.get("class") == "cross"]
    assert len(arrows) + len(crosses) >= len(shown.messages)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for element in root.iter(f"{SVG}text"):
        assert 0 <= float(element.attrib["x"]) <= width
        assert 0 <= float(element.attrib["y"]) <= height


def test_a_part_that_is_asked_for_is_shown(record: Record) -> None:
    shown = part(record, 2.5, 3.0)
    assert (shown.begin, shown.end) == (2.5, 3.0)
    within = [each for each in record.messages if 2.5 <= each.at <= 3.0]
    assert shown.messages == within
    assert shown.left_out == ""
    assert len(part(record, 0.0, 9.0).messages) <= MESSAGES_MAX


def test_messages_are_spelled_in_full() -> None:
    assert spelled({"a": b"\x01\xff", "b": (1, None, True), "c": {3, 1}}) == {
        "a": "01ff",
        "b": [1, None, True],
        "c": [1, 3],
    }
    assert spelled(bytes(40)) == "00" * 32 + "… (40 bytes)"
    assert spelled(list(range(50)))[-1] == "… 10 more"  # type: ignore[index]


def test_the_command_draws_a_planted_bug(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "drawn"
    assert main(["picture", "--bug", "second-vote", "--out", str(out)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [str(out / name) for name in ("timeline.html", "sequence.svg", "events.txt")]
    assert said[3] == "I-1 does not hold at n1, at 3.676094 s: leads term 2, which n2 has led"
    page = (out / "timeline.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!#|data:)', page) == []
    assert "@" not in re.sub(r"<script.*?</script>|<style>.*?</style>", "", page, flags=re.DOTALL)
    (told,) = re.findall(r'<script type="application/json" id="run">(.*?)</script>', page)
    facts = json.loads(told)
    assert facts["nodes"] == ["n0", "n1", "n2", "o0", "o1", "s0", "s1"]
    assert len(facts["messages"]) == len(failing().messages)


def test_one_seed_has_one_picture_in_any_process(tmp_path: Path) -> None:
    drawn = []
    for hash_seed in ("1", "2"):
        out = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-m", "netsim", "picture", "--seed", "5", "--minutes", "0.2",
             "--out", str(out)],
            cwd=Path(__file__).parents[2], env={"PYTHONHASHSEED": hash_seed}, check=True,
            capture_output=True,
        )  # fmt: skip
        drawn.append({path.name: path.read_bytes() for path in sorted(out.iterdir())})
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 3


@pytest.mark.parametrize(
    "arguments",
    [[], ["--bug", "none-such"], ["--seed", "x"], ["--seed", "1", "--from", "3", "--to", "2"]],
)
def test_wrong_arguments_exit_with_2(arguments: list[str], tmp_path: Path) -> None:
    assert main(["picture", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
