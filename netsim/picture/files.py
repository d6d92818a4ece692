"""The files of one picture: a page with a timeline, a diagram and text; of gear 1 and gear 2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netsim.picture.record import Record
from netsim.picture.sequence import diagram
from netsim.picture.text import rows
from netsim.picture.timeline import page


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn: a record, its title, lines for its head, and what came of the run."""

    record: Record
    title: str
    facts: list[str]
    outcome: str


def drawn(picture: Picture, out: Path, begin: float | None, end: float | None) -> Iterator[Path]:
    """Write the files, and yield each; `begin` and `end` say what diagram and text show."""
    record, title = picture.record, picture.title
    text = rows(record, begin or 0.0, record.end if end is None else end)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in (
        ("timeline.html", page(record, title, _lasting(picture.facts), picture.outcome)),
        ("sequence.svg", diagram(record, title, begin, end)),
        ("events.txt", "\n".join(text) + "\n"),
    ):
        path = out / name
        path.write_text(content, encoding="utf-8")
        yield path


def outcome(violation: tuple[str, str, str, float] | None, simulated_seconds: float) -> str:
    """Return what came of a run, as a sentence."""
    if violation is None:
        return f"Every property holds, in {simulated_seconds:.1f} simulated seconds."
    property_id, node, text, at = violation
    return f"{property_id} does not hold at {node}, at {at:.6f} s: {text}"


def _lasting(lines: list[str]) -> list[str]:
    """Return the facts without what the machine's speed says: one seed gives one page."""
    kept = []
    for line in lines:
        if line.startswith("messages"):
            line = line.partition(" (")[0]
        elif line.startswith("simulated"):
            line = line.partition(" in ")[0]
        kept.append(line)
    return kept
