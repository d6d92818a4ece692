"""A part of a run as a sequence diagram: nodes as columns, time downwards, SVG without a library.

Each sending, arrival and event has a row of its own, so distances say what came first and not how
long it took; the seconds stand at the left.
"""

from __future__ import annotations

import textwrap
from bisect import bisect_left
from html import escape

from netsim.picture.moments import Part, part
from netsim.picture.record import GROUPS, NOBODY, Band, Event, Message, Record

ROW, COLUMN, LEFT, HEAD = 17, 196, 92, 34
TITLE_EACH = 11  # pixels that a letter of the title takes at most, on average
LABEL_MAX = 27
LIFE = 8
STYLE = """
svg { --paper: #fbfbf9; --ink: #1d2329; --soft: #56616b; --line: #cfd5da; --bad: #a3261a;
  --badpaper: #fbecea; --leader: #2f7d55; --candidate: #c98a1b; --follower: #b4c0cb;
  --paused: #8b7fb8; --votes: #8a3ea8; --entries: #1f5c8b; --heartbeats: #66717b; --reads: #14807f;
  --certificates: #3d7a3a; --transactions: #a8640f; --greetings: #7a5c4b; --others: #56616b;
  background: var(--paper);
  font-family: system-ui, "Segoe UI", "Noto Sans", "PingFang SC", "Microsoft YaHei",
    "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif; font-size: 11.5px; }
@media (prefers-color-scheme: dark) { svg { --paper: #14181c; --ink: #e6eaed; --soft: #a2adb6;
  --line: #3b454e; --bad: #f5a094; --badpaper: #3d1c18; --leader: #4fae7c; --candidate: #e0a944;
  --follower: #53616e; --paused: #9d90d0; --votes: #cf8ee8; --entries: #78b4e8;
  --heartbeats: #9aa5ae; --reads: #5fc4c2; --certificates: #8fc98b;
  --transactions: #e2a75a; --greetings: #c9a893; --others: #a2adb6; } }
text { fill: var(--ink); }
.halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
.title { font-size: 17px; font-weight: 600; } .soft { fill: var(--soft); }
.node { font-size: 13px; font-weight: 600; text-anchor: middle; }
.box { fill: var(--paper); stroke: var(--line); } .life { stroke: var(--line); }
.time { fill: var(--soft); text-anchor: end; font-variant-numeric: tabular-nums; }
.time { font-size: 10.5px; }
.end { text-anchor: end; }
.leader { fill: var(--leader); } .candidate { fill: var(--candidate); }
.follower { fill: var(--follower); }
.paused { fill: var(--paused); } .cut { fill: var(--bad); }
.down { fill: var(--paper); stroke: var(--soft); stroke-dasharray: 2 3; }
path { fill: none; stroke-width: 1.4; } .dashed { stroke-dasharray: 6 4; }
.cross { stroke: var(--bad); stroke-width: 1.8; }
.event { font-weight: 600; } .fault, .fault text { fill: var(--bad); }
.dot { stroke: var(--paper); fill: var(--ink); }
.fault.dot, .fault .dot { fill: var(--bad); }
.violation { fill: var(--badpaper); stroke: var(--bad); }
.verdict { fill: var(--bad); font-weight: 600; }
""" + "".join(
    f".{group} {{ stroke: var(--{group}); }} text.{group}, marker .{group} "
    f"{{ stroke: none; fill: var(--{group}); }} text.halo.{group} {{ stroke: var(--paper); }}\n"
    for group in GROUPS
)


def diagram(record: Record, title: str, begin: float | None, end: float | None) -> str:
    """Return the diagram of what happened from `begin` to `end`, or of what led to the failure."""
    return _Diagram(record, part(record, begin, end), title).whole()


class _Diagram:
    """Where everything lies."""

    def __init__(self, record: Record, shown: Part, title: str) -> None:
        self.record = record
        self.shown = shown
        self.title = title
        self.nodes = record.nodes()
        self.width = max(LEFT + COLUMN * len(self.nodes) + 100, 40 + TITLE_EACH * len(title))
        self.x = {node: LEFT + COLUMN * (at + 0.5) for at, node in enumerate(self.nodes)}
        self.notes = [
            f"From {shown.begin:.3f} to {shown.end:.3f} s. Each sending, arrival and event has a "
            "row of its own. Dashed: held, overtaken, doubled or still under way. Crossed: lost, "
            "cut off, or to a life that has ended. Green leads, amber campaigns, dotted is "
            "down; a red line: cut off in some direction.",
            *([shown.left_out] if shown.left_out else []),
        ]
        lines = [line for note in self.notes for line in textwrap.wrap(note, self.width // 7)]
        self.notes = lines
        self.top = 48 + 17 * len(lines) + HEAD + 16
        self.times: list[float] = []  # of each row
        self.rows: dict[tuple[str, int, int], int] = {}  # (what, which, which arrival) → row
        self._lay()

    def _lay(self) -> None:
        """Give each sending, arrival and event its row."""
        moments: list[tuple[float, int, tuple[str, int, int], int]] = []
        for at, message in enumerate(self.shown.messages):
            moments.append((message.at, 2, ("sent", at, 0), 1))
            for number, (when, _) in enumerate(message.arrivals):
                if when <= self.shown.end:
                    moments.append((when, 0, ("arrived", at, number), 1))
        for at, event in enumerate(self.shown.events):
            tall = 1 if event.kind != "violation" else 2 + len(self._verdict(event))
            moments.append((event.at, 3 if tall > 1 else 1, ("event", at, 0), tall))
        moments.sort(key=lambda each: each[:3])
        for when, _, key, tall in moments:
            self.rows[key] = len(self.times)
            self.times += [when] * tall
        self.bottom = self.top + ROW * (len(self.times) + 1)

    def _verdict(self, event: Event) -> list[str]:
        return textwrap.wrap(event.text, max(40, int(self.width // 6.4) - 10))

    def y(self, row: int) -> float:
        return self.top + ROW * (row + 0.5)

    def y_at(self, time: float) -> float:
        """Return where a time lies: at the first row that is not earlier."""
        if time <= self.shown.begin:
            return self.top - 6
        if time > self.shown.end:
            return self.bottom
        return self.y(bisect_left(self.times, time))

    def whole(self) -> str:
        height = self.bottom + HEAD + 20
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{height}" '
            f'viewBox="0 0 {self.width} {height}" role="img" aria-labelledby="title notes">',
            f"<style>{STYLE}</style>",
            "<defs>",
            *(
                f'<marker id="{group}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" '
                f'markerHeight="7" orient="auto"><path class="{group}" d="M0 0.5 8 4 0 7.5z"/>'
                "</marker>"
                for group in GROUPS
            ),
            "</defs>",
            f'<rect width="{self.width}" height="{height}" fill="var(--paper)"/>',
            f'<text id="title" class="title" x="20" y="32">{escape(self.title)}</text>',
            '<g id="notes">',
            *(
                f'<text class="soft" x="20" y="{52 + 17 * at}">{escape(note)}</text>'
                for at, note in enumerate(self.notes)
            ),
            "</g>",
            *self._columns(),
            *self._times(),
        ]
        for at, message in enumerate(self.shown.messages):
            parts += self._message(at, message)
        for at, event in enumerate(self.shown.events):
            parts += self._event(self.rows["event", at, 0], event)
        return "\n".join([*parts, "</svg>\n"])

    def _columns(self) -> list[str]:
        parts = []
        for node, x in self.x.items():
            parts.append(
                f'<line class="life" x1="{x}" x2="{x}" y1="{self.top - 8}" y2="{self.bottom}"/>'
            )
            parts += [
                f'<rect class="box" x="{x - 50}" y="{y}" width="100" height="26" rx="6"/>'
                f'<text class="node" x="{x}" y="{y + 18}">{escape(node)}</text>'
                for y in (self.top - HEAD - 8, self.bottom)
            ]
        for band in self.record.bands:
            parts += self._band(band)
        return parts

    def _band(self, band: Band) -> list[str]:
        end = self.record.end + 1 if band.end is None else band.end
        if end < self.shown.begin or band.begin > self.shown.end:
            return []
        top, low = self.y_at(band.begin), self.y_at(end)
        role = band.value.split(" ")[0]
        look = "candidate" if "candidate" in role else role
        if band.kind == "role" and look not in ("leader", "candidate"):
            look = "follower"
        left, wide = self.x[band.node] - LIFE / 2, LIFE
        if band.kind == "cut":
            look, left, wide = "cut", left - 5, 3
        return [
            f'<rect class="{look}" x="{left}" y="{top}" width="{wide}" '
            f'height="{max(low - top, 1)}"><title>{escape(f"{band.node}: {band.value}")}</title>'
            "</rect>"
        ]

    def _times(self) -> list[str]:
        parts, told = [], -1.0
        for row, time in enumerate(self.times):
            if time - told >= 0.0005:
                told = time
                y = self.y(row) + 4
                parts.append(f'<text class="time" x="{LEFT - 14}" y="{y}">{time:.4f}</text>')
        return parts

    def _message(self, at: int, message: Message) -> list[str]:
        if message.to not in self.x:
            return []
        right = self.x[message.to] > self.x[message.sender]
        side = 1 if right else -1
        x0, x1 = self.x[message.sender] + side * LIFE / 2, self.x[message.to] - side * LIFE / 2
        y0 = self.y(self.rows["sent", at, 0])
        ways: list[tuple[float, float, str, bool]] = []  # to x, y; look; crossed
        if message.fate in ("lost", "cut", "unlinked"):
            share = 0.5 if message.fate == "lost" else 0.16
            ways.append((x0 + (x1 - x0) * share, y0 + 7, "", True))
        for number, (when, taken) in enumerate(message.arrivals):
            row = self.rows.get(("arrived", at, number))
            dashed = "" if message.fate == "sent" else " dashed"
            if row is not None:
                ways.append((x1, self.y(row), dashed, not taken))
            elif when > self.shown.end:
                ways.append((x0 + (x1 - x0) * 0.8, self.bottom, " dashed", False))
        if not ways:
            ways.append((x0 + (x1 - x0) * 0.8, self.bottom, " dashed", False))
        parts = [f"<g><title>{escape(self._in_full(message))}</title>"]
        for x, y, look, crossed in ways:
            tip = "" if crossed else f' marker-end="url(#{message.group})"'
            parts.append(f'<path class="{message.group}{look}" d="M{x0} {y0} {x:.1f} {y}"{tip}/>')
            if crossed:
                parts.append(f'<path class="cross" d="M{x - 4:.1f} {y - 4} l8 8 m0 -8 l-8 8"/>')
        text = message.text
        text = text if len(text) <= LABEL_MAX else text[: LABEL_MAX - 1] + "…"
        anchor, x = ("", x0 + 8) if right else (" end", x0 - 8)
        parts.append(
            f'<text class="halo {message.group}{anchor}" x="{x}" y="{y0 - 2}">{escape(text)}</text>'
        )
        return [*parts, "</g>"]

    def _in_full(self, message: Message) -> str:
        came = ", ".join(
            f"arrives {at:.6f}{'' if taken else ' at a life that has ended'}"
            for at, taken in message.arrivals
        )
        ways = f"{message.sender} → {message.to}, sent {message.at:.6f} s, {message.fate}"
        return f"{ways}{', ' if came else ''}{came}\n{message.text}"

    def _event(self, row: int, event: Event) -> list[str]:
        y = self.y(row)
        if event.kind == "violation":
            lines, mark = self._verdict(event), self.x.get(event.node)
            box = f'x="14" y="{y}" width="{self.width - 28}" height="{ROW * (1 + len(lines))}"'
            parts = [f'<rect class="violation" {box} rx="5"/>']
            if mark is not None:
                parts.append(f'<circle class="fault dot" cx="{mark}" cy="{y}" r="7"/>')
            for number, line in enumerate(lines, start=1):
                below = f'x="26" y="{y + ROW * number}"'
                parts.append(f'<text class="verdict" {below}>{escape(line)}</text>')
            return parts
        if event.node == NOBODY or event.node not in self.x:
            text = textwrap.shorten(event.text, self.width // 7, placeholder=" …")
            return [f'<text class="halo event fault" x="{LEFT}" y="{y + 4}">{escape(text)}</text>']
        x = self.x[event.node]
        text = textwrap.shorten(event.text, LABEL_MAX + 3, placeholder=" …")
        look = "fault" if event.kind == "fault" else "leader" if "is leader" in event.text else ""
        return [
            f'<g class="{look}"><title>{escape(event.text)}</title>'
            f'<circle class="dot" cx="{x}" cy="{y}" r="4.5"/>'
            f'<text class="halo event" x="{x + 10}" y="{y + 4}">{escape(text)}</text></g>'
        ]
