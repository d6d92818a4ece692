"""What words each verb takes, so that a wrong one is refused when a file is read.

A scenario tells a wrong word when it comes to its line; the acts of a world file are judged before
the first seed runs. Only what the run alone knows is left for later: who leads, and what a disk
holds by then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType

from netsim.stage import LEADER
from netsim.verbs import DISK_STATES, LIAR_VOTERS, ROLES, VERBS
from netsim.words import Word, exactly

OTHERS = "others"
_PLACED = re.compile(r"[nso]\d+")  # a node's own name, which no `call` has given

# One word stands for one word of the line; `nodes` for one or more; in brackets: it may be missing.
FORMS: Mapping[str, str] = MappingProxyType({
    "cut": "node nodes",
    "one-way": "node nodes",
    "partition": "sides",
    "star": "node",
    "chain": "nodes",
    "mend": "node nodes",
    "clog": "node nodes number",
    "half-open": "node node",
    "cap": "node node number",
    "read-slowly": "node number",
    "halves": "",
    "bridge": "node",
    "drop": "node nodes share",
    "duplicate": "node nodes share",
    "reorder": "node nodes share",
    "delay": "node nodes number",
    "hold": "node nodes",
    "release": "node nodes",
    "close": "node node",
    "heal": "",
    "deliver-nothing-from": "node",
    "deliver-nothing-to": "node",
    "crash": "node [silently]",
    "restart": "node",
    "upgrade": "node [positive]",
    "pause": "node",
    "resume": "node",
    "slow": "node number",
    "wipe": "node [with-guard]",
    "set-back": "node positive",
    "disk": "node disk [number]",
    "clock": "nodes signed",
    "clock-drifts": "node rate",
    "clock-jumps": "node signed number",
    "clock-stops": "node",
    "sleep": "number",
    "transfer": "node [node]",
    "add": "node [role]",
    "remove": "node",
    "offer": "node name whole [as] [new]",
    "read": "node name as new",
    "flood": "node [positive]",
    "attest-twice": "node",
    "call": "call node",
})  # fmt: skip


class Reading:
    """The lines of one file as they are read: which nodes and names there are by then."""

    def __init__(self, nodes: Iterable[str], *, any_name: bool = False) -> None:
        self._nodes = list(nodes)
        self._called: set[str] = set()
        self._asked: set[str] = set()
        self._any_name = any_name  # a case may have lost the line that gave a name
        self._seen: set[str] = set()  # nodes of the line
        self._kinds: Mapping[str, Callable[[Word], object]] = MappingProxyType(
            {
                "node": self._node,
                "node/others": self._node_or_others,
                "number": Word.number,
                "signed": lambda word: word.number(-1e12),
                "rate": lambda word: word.number(-1.0),
                "share": Word.share,
                "whole": Word.whole,
                "positive": lambda word: word.whole(1),
                "name": Word.name,
                "new": self._new,
                "call": lambda word: self._called.add(word.name()),
                "role": lambda word: word.one_of(ROLES, "role"),
                "disk": lambda word: word.one_of(DISK_STATES, "state of a disk"),
            }
        )

    def check(self, line: list[Word]) -> None:
        """Judge one line. Raises InvalidSetting with the place of the wrong word."""
        head, *rest = line
        verb = VERBS[head.one_of(VERBS, "verb")]
        exactly(head, rest, verb.least, verb.most, verb.usage)
        self._seen = set()
        form = FORMS[head.text]
        if form == "sides":
            self._sides(head, rest)
            return
        kinds = form.split()
        if "nodes" in kinds:
            at = kinds.index("nodes")
            kinds[at : at + 1] = ["node/others"] * (len(rest) - len(kinds) + 1)
        for kind, word in zip(kinds, rest, strict=False):
            self._word(kind.strip("[]"), word)
        if head.text == "offer" and len(rest) == 4:
            raise rest[3].wrong(f"a name is missing: {verb.usage}")
        if head.text == "disk" and len(rest) > 2:
            if rest[1].text not in ("slow", "rot"):
                raise rest[2].wrong(f"{rest[2].text!r} is too much: {verb.usage}")
            if rest[1].text == "rot":
                rest[2].whole(1)
        if head.text == "attest-twice" and f"n{LIAR_VOTERS - 1}" not in self._nodes:
            raise head.wrong(f"of fewer than {LIAR_VOTERS} validators none may lie")

    def _word(self, kind: str, word: Word) -> None:
        judge = self._kinds.get(kind)
        if judge is None:
            word.one_of((kind,), "word here")
        else:
            judge(word)

    def _node(self, word: Word) -> None:
        known = [*self._nodes, LEADER, *sorted(self._called)]
        text = word.text
        if text in self._seen:
            raise word.wrong(f"{text} stands there twice")
        self._seen.add(text)
        if text in known:
            return
        if not self._any_name or _PLACED.fullmatch(text):
            word.one_of(known if len(known) < 40 else [self._nodes[0], LEADER], "node")

    def _node_or_others(self, word: Word) -> None:
        if word.text != OTHERS:
            self._node(word)

    def _new(self, word: Word) -> None:
        name = word.name()
        if name in self._asked:
            raise word.wrong(f"{name} is taken")
        self._asked.add(name)

    def _sides(self, head: Word, rest: list[Word]) -> None:
        for word in rest:
            if word.text not in ("|", OTHERS):
                self._node(word)
        for again in [word for word in rest if word.text == OTHERS][1:]:
            raise again.wrong(f"{OTHERS} stands there twice")
        bars = [place for place, word in enumerate(rest) if word.text == "|"]
        ends = [-1, *bars, len(rest)]
        if not bars or any(b - a < 2 for a, b in pairwise(ends)):
            raise head.wrong("a partition has two sides or more, with | between")
