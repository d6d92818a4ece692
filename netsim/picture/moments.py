"""Which part of a run a sequence diagram shows, and what it leaves out.

A diagram is read from top to bottom, so it holds some hundred messages at most: those that led to
the failure, or to the end. What is left out is counted, and the diagram says so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from netsim.picture.record import Event, Message, Record

MESSAGES_MAX = 300
MESSAGES_SHOWN = 90  # where nobody has asked for a part of the run
CHATTER = ("greetings", "certificates", "transactions", "heartbeats")
TELLING = ("violation", "role", "fault", "life", "commit")


@dataclass(frozen=True, slots=True)
class Part:
    """What is shown: all of it lies between two times."""

    begin: float
    end: float
    messages: list[Message]
    events: list[Event]
    left_out: str  # a sentence, or nothing


def part(record: Record, begin: float | None, end: float | None) -> Part:
    """Choose what to show; by default what led to the failure."""
    failure = record.failure()
    last = record.end if end is None else end
    if failure is not None and end is None:
        last = failure.at
    asked = begin is not None or end is not None
    within = [each for each in record.messages if (begin or 0.0) <= each.at <= last]
    most = MESSAGES_MAX if asked else MESSAGES_SHOWN
    kept = within
    for group in CHATTER:
        if len(kept) > most:
            kept = [each for each in kept if each.group != group]
    cut_off = len(kept) > most
    kept = kept[-most:]
    first = kept[0].at if cut_off else begin or 0.0
    shown = {id(each) for each in kept}
    missing = Counter(each.group for each in within if each.at >= first and id(each) not in shown)
    words = [f"{count} of {group}" for group, count in sorted(missing.items())]
    earlier = sum(each.at < first for each in within)
    if earlier:
        words.append(f"{earlier} earlier ones")
    events = [each for each in record.events if each.kind in TELLING and first <= each.at <= last]
    sentence = f"Messages left out: {', '.join(words)}." if words else ""
    return Part(first, last, kept, events, sentence)
