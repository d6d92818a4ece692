"""A run as text: one line per event, one column per node."""

from __future__ import annotations

from collections.abc import Iterator

from netsim.picture.record import NOBODY, Message, Record

COLUMN = 30
_SIGNS = {"lost": "✕", "cut": "✕", "unlinked": "✕"}


def rows(record: Record, begin: float, end: float) -> Iterator[str]:
    """Yield the picture of what happened from `begin` to `end`, seconds."""
    nodes = record.nodes()
    yield f"{'seconds':>11}  " + "".join(f"{node:<{COLUMN}}" for node in nodes).rstrip()
    yield f"{'-' * 11}  " + "".join(f"{'-' * (COLUMN - 2)}  " for _ in nodes).rstrip()
    happened: list[tuple[float, int, str, str]] = []
    for event in record.events:
        mark = "!! " if event.kind == "violation" else "* " if event.kind == "fault" else ""
        happened.append((event.at, 1, event.node, mark + event.text))
    for message in record.messages:
        happened.append((message.at, 2, message.sender, _left(message)))
        for at, taken in message.arrivals:
            gone = "" if taken else " (to a life that has ended)"
            happened.append((at, 0, message.to, f"←{message.sender} {message.text}{gone}"))
    happened.sort(key=lambda each: each[:2])  # stable: the order in which it was told
    for at, _, node, text in happened:
        if not begin <= at <= end:
            continue
        if node == NOBODY or text.startswith("!!"):
            yield f"{at:11.6f}  {text}" if node == NOBODY else f"{at:11.6f}  {node}: {text}"
            continue
        last = node == nodes[-1]
        shown = text if last or len(text) < COLUMN else text[: COLUMN - 2] + "…"
        yield f"{at:11.6f}  {' ' * (COLUMN * nodes.index(node))}{shown}"


def _left(message: Message) -> str:
    sign = _SIGNS.get(message.fate, "→")
    fate = "" if message.fate in ("sent", "cut", "lost", "unlinked") else f" ({message.fate})"
    return f"{sign}{message.to} {message.text}{fate}"
