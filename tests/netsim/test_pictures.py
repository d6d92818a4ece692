"""Pictures of a run: they show what happened, the same each time, and change no digest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from govchaind.runtime.codec import Hello, Ping, Refusal
from netsim.__main__ import main
from netsim.mutants.plant import planted
from netsim.mutants.table import MUTANTS, found_at
from netsim.options import draw
from netsim.picture.moments import MESSAGES_MAX, MESSAGES_SHOWN, part
from netsim.picture.record import FATES, GROUPS, Record
from netsim.picture.sequence import diagram
from netsim.picture.spelling import spelled
from netsim.picture.text import rows
from netsim.picture.timeline import page
from netsim.run import run
from netsim.trace import _DESCRIBE
from tests.netsim.pages import told_by
from tests.netsim.scripted import FAILS_AT, FAILURE, NODES, scripted

BUG = next(each for each in MUTANTS if each.name == "second-vote" and each.property_id == "I-1")
SVG = "{http://www.w3.org/2000/svg}"
AFTER_THE_HEALING = (3.3, "n0", "* heal n0 n1 n2 o0")
TOLD = [
    (3.0, "n0", "→n1 Append t1 after 6@1 7-14…"),
    (3.002, "n1", "←n0 Append t1 after 6@1 7-14…"),
    (3.01, "n0", "→n2 Append t1 after 6@1 7-14…"),
    (3.013, "n2", "←n0 Append t1 after 6@1 7-14…"),
    (3.03, "n2", "←n0 Append t1 after 6@1 7-14…"),
    (3.05, "n0", "→n1 Heartbeat t1 c5 r2 (over…"),
    (3.06, "n0", "✕n2 Heartbeat t1 c5 r2"),
    (3.07, "n1", "→o0 Head 4 (held)"),
    (3.08, "n1", "←n0 Heartbeat t1 c5 r2"),
    (3.11, "n0", "✕o0 Head 5"),
    (3.12, "n1", "→n0 AskPreVote t2 last 6@1 (…"),
    (3.2, "n0", "* crash at a write before th…"),
    AFTER_THE_HEALING,
    (3.37, "o0", "←n1 Head 4"),
    (3.4, "n0", "←n1 AskPreVote t2 last 6@1 (…"),
    (3.46, "n1", "link down n0"),
    (3.6, "n1", "is candidate in term 2"),
    (3.602, "n1", "→n2 AskVote t2 last 6@1"),
    (3.61, "n2", "is candidate in term 2"),
    (3.612, "n2", "→n1 AskVote t2 last 6@1"),
    (3.622, "n2", "←n1 AskVote t2 last 6@1"),
    (3.632, "n1", "←n2 AskVote t2 last 6@1"),
    (3.64, "n1", "→n2 Vote t2 yes ee05f3"),
    (3.65, "n2", "→n1 Vote t2 yes a19099"),
    (3.664594, "n2", "←n1 Vote t2 yes ee05f3"),
    (3.664594, "n2", "is leader in term 2"),
    (3.664594, "n2", "raft.role_changed role=leade…"),
    (3.664594, "n2", "✕n0 Append t2 after 6@1 c5"),
    (3.664594, "n2", "→n1 Append t2 after 6@1 c5"),
    (3.665, "n2", "✕o0 Head 5"),
    (3.666643, "n2", "durable 18 1"),
    (3.676094, "n1", "←n2 Vote t2 yes a19099"),
    (3.676094, "n1", "is leader in term 2"),
]
DRAWN_FATES = [  # fate, way, arrivals, crosses, whether each line is dashed
    ("sent", "n0→n1", 1, 0, [False]),
    ("doubled", "n0→n2", 2, 0, [True, True]),
    ("overtaken", "n0→n1", 1, 0, [True]),
    ("lost", "n0→n2", 0, 1, [False]),
    ("held", "n1→o0", 1, 0, [True]),
    ("cut", "n0→o0", 0, 1, [False]),
    ("held", "n1→n0", 1, 1, [True]),
    ("sent", "n1→n2", 1, 0, [False]),
    ("sent", "n2→n1", 1, 0, [False]),
    ("sent", "n1→n2", 1, 0, [False]),
    ("sent", "n2→n1", 1, 0, [False]),
    ("cut", "n2→n0", 0, 1, [False]),
    ("sent", "n2→n1", 0, 0, [True]),  # under way when the run ends
    ("unlinked", "n2→o0", 0, 1, [False]),
]
LEFT_OUT = [
    (None, None,
     "Messages left out: 3 of certificates, 2 of heartbeats, 234 earlier ones."),
    (0.0, None, "Messages left out: 63 of certificates."),
    (0.5, 3.0, "Messages left out: 60 of certificates."),
    (2.5, 3.0, ""),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failed:
    """A run that a planted bug makes fail: its seed, its trace, what was recorded, what failed."""

    seed: int
    lines: list[str]
    record: Record
    violation: tuple[str, str, str, float]


@pytest.fixture(scope="module")
def failed() -> Failed:
    record, seed, lines = Record(), found_at(BUG), list[str]()
    assert seed is not None
    with planted(BUG):
        verdict = run(draw(seed), lines.append, frozenset((BUG.property_id,)), record=record)
    assert verdict.violation is not None
    assert verdict.violation[0] == BUG.property_id
    return Failed(seed, lines, record, verdict.violation)


@pytest.fixture(scope="module")
def record() -> Record:
    return scripted()


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
    told = [*_DESCRIBE, Hello, Refusal, Ping]
    assert sorted(grouped) == sorted(each.__name__ for each in told)


def test_a_record_holds_what_the_trace_of_the_run_tells(failed: Failed) -> None:
    """Each line of a message is one, with its fate; each life has a role; the failure is last."""
    record = failed.record
    signs = {">": {"sent", "doubled", "overtaken", "held"}, "~": {"lost"}, "x": {"cut"}}
    lines = [line.split(" ", 2) for line in failed.lines]
    sent = [each for each in lines if each[2][0] in ">~x!"]
    assert len(sent) == len(record.messages) > 0
    for (at, node, text), message in zip(sent, record.messages, strict=True):
        assert (f"{message.at:.6f}", message.sender) == (at, node)
        assert text[1:] == f"{message.to} {message.text}"
        assert message.fate in signs.get(text[0], {"unlinked"})
        assert all(when >= message.at for when, _ in message.arrivals)
        assert message.arrivals == [] or text[0] == ">"
    told = [each for each in lines if each not in sent]
    events = [each for each in record.events if each.kind != "role"]
    assert [(f"{each.at:.6f}", each.node) for each in events] == [(at, who) for at, who, _ in told]
    assert [each.kind for each in events if each.kind == "violation"] == ["violation"]
    property_id, node, what, fails_at = failed.violation
    assert record.failure() == events[-1]
    assert (events[-1].at, events[-1].node) == (fails_at, node)
    assert events[-1].text == f"{property_id} at {node}: {what}"
    leads = {
        (who, f"leader t{found[1]}")
        for _, who, text in lines
        if (found := re.match(r"= raft.role_changed role=leader term=(\d+)", text))
    }
    led = {(band.node, band.value) for band in record.bands if band.value[:6] == "leader"}
    assert leads <= led  # the failure may come before its node tells its log
    assert {who for who, _ in led - leads} <= {node}
    for band in record.bands:
        assert band.kind in ("role", "state", "cut")
        if band.value == "down":  # who is down has no role
            roles = [each for each in record.bands if (each.node, each.kind) == (band.node, "role")]
            before = [each for each in roles if each.begin < band.begin]
            assert all(each.end is not None and each.end <= band.begin for each in before)


def test_a_record_holds_fates_roles_cuts_and_the_failure(record: Record) -> None:
    failure = record.failure()
    assert failure is not None
    assert (failure.at, failure.node, failure.text) == (FAILS_AT, "n1", FAILURE)
    assert {each.fate for each in record.messages} == set(FATES)
    assert record.nodes() == NODES
    bands = [(band.node, band.value, band.begin, band.end) for band in record.bands]
    assert [each for each in bands if each[1][:6] == "leader"] == [
        ("n0", "leader t1", 0.7, 3.2),
        ("n2", "leader t2", 3.664594, None),
        ("n1", "leader t2", FAILS_AT, None),
    ]
    assert [
        each for band, each in zip(record.bands, bands, strict=True) if band.kind != "role"
    ] == [
        ("n0", "unheard by o0", 3.1, None),
        ("n1", "cut from n2", 3.1, 3.15),
        ("n2", "cut from n1", 3.1, 3.15),
        ("o0", "deaf to n0", 3.1, None),
        ("n0", "down", 3.2, None),
        ("o0", "paused", 3.35, 3.45),
    ]


def test_bands_of_one_kind_follow_each_other() -> None:
    record = Record()
    run(draw(4, minutes=2.0), record=record)
    ends: dict[tuple[str, str], float] = {}
    for band in record.bands:
        assert band.begin >= ends.get((band.node, band.kind), 0.0)
        ends[band.node, band.kind] = float("inf") if band.end is None else band.end


def test_the_text_has_a_row_for_each_event_in_the_column_of_its_node(record: Record) -> None:
    head, rule, *lines = rows(record, 3.0, FAILS_AT)
    assert head.split() == ["seconds", *NODES]
    assert [found.start() for found in re.finditer("[no][0-9]", head)] == [13, 43, 73, 103]
    assert rule == "-----------  " + "  ".join(["-" * 28] * 4)
    told = [
        *(f"{at:11.6f}  {' ' * 30 * NODES.index(node)}{text}" for at, node, text in TOLD),
        f"   3.676094  n1: !! {FAILURE}",
    ]
    told[TOLD.index(AFTER_THE_HEALING)] = "   3.300000  * heal n0 n1 n2 o0"
    assert lines == told
    assert all(FAILURE not in line for line in rows(record, 0.0, FAILS_AT - 0.001))


def test_a_diagram_shows_what_led_to_the_failure(record: Record) -> None:
    root = ElementTree.fromstring(diagram(record, "Run <7>", None, None))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert texts[0] == "Run <7>"
    assert FAILURE in texts
    assert {"Vote t2 yes a19099", "crash at a write before the …"} <= set(texts)
    assert [texts.count(node) for node in NODES] == [2] * len(NODES)
    assert texts.count("Append t2 after 6@1 c5") == 2
    assert LEFT_OUT[0][2] in texts
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for element in root.iter(f"{SVG}text"):
        assert 0 <= float(element.attrib["x"]) <= width
        assert 0 <= float(element.attrib["y"]) <= height


def test_a_diagram_draws_each_fate_its_way(record: Record) -> None:
    root = ElementTree.fromstring(diagram(record, "Fates", 3.0, None))
    columns = {
        each.text: float(each.attrib["x"])
        for each in root.iter(f"{SVG}text")
        if each.get("class") == "node"
    }
    assert list(columns) == NODES
    seen = []
    for group in root.iter(f"{SVG}g"):
        title = group.findtext(f"{SVG}title") or ""
        ways = [each for each in group.iter(f"{SVG}path") if each.get("class") != "cross"]
        if " → " not in title:
            continue
        sender, to, fate = re.match(r"(\w+) → (\w+), sent .* s, (\w+)", title).groups()  # type: ignore[union-attr]
        crosses = sum(each.get("class") == "cross" for each in group.iter(f"{SVG}path"))
        dashed = [" dashed" in each.attrib["class"] for each in ways]
        arrived = 0
        for way in ways:
            x0, y0, x1, y1 = map(float, way.attrib["d"][1:].split())
            assert abs(x0 - columns[sender]) <= 4
            assert (x1 > x0) == (columns[to] > columns[sender])
            assert y1 > y0
            arrived += abs(x1 - columns[to]) <= 4
            assert ("marker-end" in way.attrib) or crosses
        seen.append((fate, f"{sender}→{to}", arrived, crosses, dashed))
    assert seen == DRAWN_FATES
    times = [
        float(each.text or "") for each in root.iter(f"{SVG}text") if each.get("class") == "time"
    ]
    assert times == sorted(set(times))
    assert (times[0], times[-1]) == (3.0, 3.6761)


def test_a_diagram_shows_what_lasts(record: Record) -> None:
    root = ElementTree.fromstring(diagram(record, "Bands", 3.0, None))
    looks = {
        (each.findtext(f"{SVG}title"), each.get("class"))
        for each in root.iter(f"{SVG}rect")
        if each.find(f"{SVG}title") is not None
    }
    assert looks == {
        ("n0: leader t1", "leader"), ("n0: down", "down"), ("n0: unheard by o0", "cut"),
        ("n1: follower t0", "follower"), ("n1: candidate t2", "candidate"),
        ("n1: leader t2", "leader"), ("n1: cut from n2", "cut"),
        ("n2: follower t0", "follower"), ("n2: candidate t2", "candidate"),
        ("n2: leader t2", "leader"), ("n2: cut from n1", "cut"),
        ("o0: observer t0", "follower"), ("o0: paused", "paused"), ("o0: deaf to n0", "cut"),
    }  # fmt: skip
    assert sum(each.get("class") == "violation" for each in root.iter(f"{SVG}rect")) == 1


@pytest.mark.parametrize(("begin", "end", "sentence"), LEFT_OUT)
def test_what_is_left_out_is_counted(
    record: Record, begin: float | None, end: float | None, sentence: str
) -> None:
    shown = part(record, begin, end)
    asked = begin is not None or end is not None
    assert 0 < len(shown.messages) <= (MESSAGES_MAX if asked else MESSAGES_SHOWN)
    assert shown.left_out == sentence
    counted = sum(map(int, re.findall(r"(\d+) (?:of|earlier)", sentence)))
    within = [each for each in record.messages if (begin or 0) <= each.at <= shown.end]
    assert len(within) - len(shown.messages) == counted


def test_a_part_that_is_asked_for_is_shown(record: Record) -> None:
    shown = part(record, 2.5, 3.0)
    assert (shown.begin, shown.end) == (2.5, 3.0)
    within = [each for each in record.messages if 2.5 <= each.at <= 3.0]
    assert shown.messages == within
    assert [each.text for each in shown.events] == ["committed 5"]


def test_the_page_tells_all_of_the_record(record: Record) -> None:
    facts = told_by(page(record, "Run <7>", ["seed 7"], "I-1 does not hold"))
    assert facts["nodes"] == NODES
    assert facts["end"] == FAILS_AT
    assert [each[4] for each in facts["messages"]] == [each.text for each in record.messages]
    (vote,) = [each for each in facts["messages"] if each[4] == "Vote t2 yes a19099"]
    assert vote[:7] == [3.65, 2, 1, "votes", "Vote t2 yes a19099", "sent", [[FAILS_AT, 1]]]
    assert facts["contents"][vote[7]] == {
        "": "Vote", "term": 2, "granted": True, "pre": False, "store": "a19099",
    }  # fmt: skip
    (late,) = [each for each in facts["messages"] if each[4].startswith("AskPreVote")]
    assert late[5:7] == ["held", [[3.4, 0]]]
    assert facts["events"][-1] == [FAILS_AT, 1, "violation", FAILURE]
    assert [3.3, -1, "fault", "heal n0 n1 n2 o0"] in facts["events"]
    assert [0, "state", "down", 3.2, FAILS_AT] in facts["bands"]
    assert len(facts["bands"]) == len(record.bands)
    assert [2.9, 0, 5, 4] in facts["progress"]


def test_messages_are_spelled_in_full() -> None:
    assert spelled({"a": b"\x01\xff", "b": (1, None, True), "c": {3, 1}}) == {
        "a": "01ff",
        "b": [1, None, True],
        "c": [1, 3],
    }
    assert spelled(bytes(40)) == "00" * 32 + "… (40 bytes)"
    assert spelled(list(range(50)))[-1] == "… 10 more"  # type: ignore[index]


def test_the_command_draws_a_planted_bug(
    failed: Failed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "drawn"
    assert main(["picture", "--plant", "second-vote", "--out", str(out)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [str(out / name) for name in ("timeline.html", "sequence.svg", "events.txt")]
    property_id, node, what, at = failed.violation
    assert said[3:] == [f"{property_id} does not hold at {node}, at {at:.6f} s: {what}"]
    text = (out / "timeline.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!#|data:)', text) == []
    assert "@" not in re.sub(r"<script.*?</script>|<style>.*?</style>", "", text, flags=re.DOTALL)
    facts = told_by(text)
    assert facts["nodes"] == failed.record.nodes()
    assert len(facts["messages"]) == len(failed.record.messages)
    assert facts["events"][-1][2:] == ["violation", f"{property_id} at {node}: {what}"]
    lines = (out / "events.txt").read_text(encoding="utf-8").splitlines()
    assert f"{at:11.6f}  {node}: !! {property_id} at {node}: {what}" in lines
    assert lines == list(rows(failed.record, 0.0, failed.record.end))
    drawn = (out / "sequence.svg").read_text(encoding="utf-8")
    assert drawn == diagram(
        failed.record, f"Run of seed {failed.seed}, with second-vote planted", None, None
    )
    texts = [each.text for each in ElementTree.fromstring(drawn).iter(f"{SVG}text")]
    assert f"{property_id} at {node}: {what}" in " ".join(each or "" for each in texts)
