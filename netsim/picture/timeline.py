"""A run as one page with a timeline: all in one file, which asks nobody for anything.

The page's parts lie beside this file; here they are put together with the run's facts as JSON. The
longer texts (messages in full) are told once each and named by number.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from netsim.picture.record import EVENTS, FATES, GROUPS, NOBODY, Record
from netsim.picture.spelling import spelled

_HERE = Path(__file__).parent
DIGITS = 6  # microseconds


def page(record: Record, title: str, facts: list[str], verdict: str) -> str:
    """Return the page. `facts` are lines for its head; `verdict` is what came of the run."""
    told = json.dumps(_facts(record), ensure_ascii=False, separators=(",", ":"))
    parts = {
        "title": html.escape(title),
        "facts": html.escape("\n".join(facts)),
        "verdict": html.escape(verdict),
        "outcome": "bad" if record.failure() else "good",
        "style": _part("timeline.css"),
        "script": "".join(_part(name) for name in ("chart.js", "timeline.js")),
        "run": told.replace("</", "<\\/").replace("<!--", "<\\u0021--"),
    }
    return re.sub(r"@(\w+)@", lambda found: parts[found[1]], _part("timeline.html"))


def _part(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _facts(record: Record) -> dict[str, Any]:
    nodes = record.nodes()
    place = {node: at for at, node in enumerate(nodes)} | {NOBODY: -1}
    contents: dict[str, int] = {}
    messages = []
    for each in record.messages:
        content = json.dumps(spelled(each.content), ensure_ascii=False)
        messages.append(
            [
                round(each.at, DIGITS),
                place[each.sender],
                place.get(each.to, -1),
                each.group,
                each.text,
                each.fate,
                [[round(at, DIGITS), int(taken)] for at, taken in each.arrivals],
                contents.setdefault(content, len(contents)),
            ]
        )
    return {
        "nodes": nodes,
        "end": round(record.end, DIGITS),
        "groups": {name: list(kinds) for name, kinds in GROUPS.items()},
        "eventKinds": EVENTS,
        "fates": FATES,
        "messages": messages,
        "contents": [json.loads(content) for content in contents],
        "events": [
            [round(each.at, DIGITS), place.get(each.node, -1), each.kind, each.text]
            for each in record.events
        ],
        "bands": [
            [
                place[each.node],
                each.kind,
                each.value,
                round(each.begin, DIGITS),
                round(record.end if each.end is None else each.end, DIGITS),
            ]
            for each in record.bands
        ],
        "progress": [
            [round(each.at, DIGITS), place[each.node], each.commit, each.certified]
            for each in record.progress
        ],
    }
