"""What a picture is drawn from: every message with its fate, every event, and what lasted how long.

A run fills a record only if it is given one. It is told what happens and is never asked anything,
so a run with one and a run without have one digest. Kinds and groups are what pictures colour and
filter by.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from govchaind.base.types import NodeId

NOBODY = "-"  # the world, not a node

GROUPS: dict[str, tuple[str, ...]] = {
    "votes": ("RequestVote", "Vote", "TimeoutNow"),
    "entries": ("AppendEntries", "AppendReply", "Objection"),
    "heartbeats": ("Heartbeat", "HeartbeatReply"),
    "reads": ("ReadIndex", "ReadIndexReply"),
    "certificates": (
        "Attest", "Awaited", "WantCertificates", "Certificates", "Head", "Subscribe",
        "CertifiedBlocks",
    ),
    "transactions": ("Gossip", "Announce", "Want"),
    "greetings": ("Hello", "Refusal", "Ping"),
    "others": (),
}  # fmt: skip
GROUP_OF = {kind: group for group, kinds in GROUPS.items() for kind in kinds}

EVENTS: dict[str, str] = {
    "violation": "a property that does not hold",
    "role": "a node changes its role or term",
    "fault": "something breaks, or is mended",
    "life": "a process starts",
    "commit": "a node tells of a committed height",
    "certified": "a node tells of a certified height",
    "disk": "a write becomes durable, or cannot",
    "client": "a client asks or offers",
    "link": "a link comes up or goes down",
    "notice": "what else a node tells its log",
}
_BY_TEXT: tuple[tuple[str, str], ...] = (
    ("VIOLATION", "violation"),
    ("* life", "life"),
    ("* ", "fault"),
    ("start life", "life"),
    ("store behind", "fault"),
    ("= committed", "commit"),
    ("= certified", "certified"),
    ("= read", "client"),
    ("read asked", "client"),
    ("offered", "client"),
    ("durable", "disk"),
    ("disk", "disk"),
    ("link", "link"),
    # what whole nodes tell their log
    ("= debug link", "link"),
    ("= info link", "link"),
    ("= warning link", "link"),
    ("= refused", "link"),
    ("= info storage", "disk"),
    ("= warning storage", "disk"),
)
_PREFIXES = ("= ", "* ", "VIOLATION ", "debug ", "info ")
FATES: dict[str, str] = {
    "sent": "on its way, or it has arrived",
    "doubled": "delivered twice",
    "overtaken": "delayed, so that later ones overtake it",
    "held": "held for long, and delivered stale",
    "lost": "lost on the way",
    "cut": "nothing passes in this direction, or nobody runs there",
    "unlinked": "the sender has no link to there",
}


@dataclass(slots=True)
class Message:
    """One message. `arrivals` holds when it came, and whether anybody took it."""

    at: float
    sender: NodeId
    to: NodeId
    kind: str
    text: str
    fate: str
    content: Any
    arrivals: list[tuple[float, bool]] = field(default_factory=list)

    @property
    def group(self) -> str:
        return GROUP_OF.get(self.kind, "others")


@dataclass(frozen=True, slots=True)
class Event:
    """One event at one node, or at nobody."""

    at: float
    node: NodeId
    kind: str
    text: str


@dataclass(slots=True)
class Band:
    """What lasts: `kind` is role, state or cut."""

    node: NodeId
    kind: str
    value: str
    begin: float
    end: float | None = None  # None: until the run ends


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a node had come."""

    at: float
    node: NodeId
    commit: int
    certified: int


class Record:
    """Everything that a picture may show of one run."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.events: list[Event] = []
        self.bands: list[Band] = []
        self.progress: list[Progress] = []
        self.end = 0.0
        self.over = False  # what is told from now on is the taking down of the run
        self._open: dict[tuple[NodeId, str], Band] = {}
        self._reached: dict[NodeId, tuple[int, int]] = {}

    # --- what a run tells ------------------------------------------------------------------------

    def line(self, now: float, node: NodeId, text: str) -> None:
        """Take an event; messages are told by `sent`."""
        if self.over and not text.startswith("VIOLATION"):
            return
        self.end = now
        if text[0] in ">~x!" and " " in text:
            return
        kind = next((kind for start, kind in _BY_TEXT if text.startswith(start)), "notice")
        for prefix in _PREFIXES:
            text = text.removeprefix(prefix)
        self.events.append(Event(now, node, kind, text))
        self.over = self.over or kind == "violation"

    def sent(
        self, now: float, sender: NodeId, to: NodeId, content: Any, text: str, fate: str
    ) -> Message:
        """Take a message; the network tells its arrival to what is returned."""
        found = Message(now, sender, to, type(content).__name__, text, fate, content)
        if not self.over:
            self.end = now
            self.messages.append(found)
        return found

    def state(self, now: float, node: NodeId, value: str) -> None:
        """Take whether a node is down, paused, or (empty) running."""
        self._band(now, node, "state", value)
        if value == "down":
            self._band(now, node, "role", "")

    def stepped(
        self, now: float, node: NodeId, role: str, term: int, commit: int, certified: int
    ) -> None:
        """Take what a node is after a step."""
        self.role(now, node, role, term)
        self.reached(now, node, commit, certified)

    def role(self, now: float, node: NodeId, role: str, term: int) -> None:
        """Take what a node is."""
        if self.over:
            return
        self.end = now
        if self._band(now, node, "role", f"{role} t{term}"):
            self.events.append(Event(now, node, "role", f"is {role} in term {term}"))

    def reached(self, now: float, node: NodeId, commit: int, certified: int) -> None:
        """Take how far a node has come."""
        if self.over:
            return
        self.end = now
        if self._reached.get(node) != (commit, certified):
            self._reached[node] = (commit, certified)
            self.progress.append(Progress(now, node, commit, certified))

    def cuts(
        self, now: float, nodes: Iterable[NodeId], directions: Iterable[tuple[NodeId, NodeId]]
    ) -> None:
        """Take all directions in which nothing passes."""
        deaf: dict[NodeId, set[NodeId]] = {}
        mute: dict[NodeId, set[NodeId]] = {}
        for sender, to in directions:
            mute.setdefault(sender, set()).add(to)
            deaf.setdefault(to, set()).add(sender)
        for node in nodes:
            silent, unheard = mute.get(node, set()), deaf.get(node, set())
            parts = (
                ("cut from", silent & unheard),
                ("unheard by", silent - unheard),
                ("deaf to", unheard - silent),
            )
            text = "; ".join(f"{words} {' '.join(sorted(who))}" for words, who in parts if who)
            self._band(now, node, "cut", text)

    def _band(self, now: float, node: NodeId, kind: str, value: str) -> bool:
        """End the band that lasts, if this is another; say whether it is."""
        before = self._open.get((node, kind))
        if self.over or (before is not None and before.value == value):
            return False
        if before is not None:
            before.end = now
            del self._open[node, kind]
            if before.begin == now and kind == "cut":  # several directions are cut one by one
                self.bands.remove(before)
        if value:
            self._open[node, kind] = band = Band(node, kind, value, now)
            self.bands.append(band)
        return True

    # --- what a picture asks ---------------------------------------------------------------------

    def nodes(self) -> list[NodeId]:
        """Return all nodes, voters and spares before observers, as a run names them."""
        found = {band.node for band in self.bands} | {event.node for event in self.events}
        found |= {message.sender for message in self.messages}
        return sorted(found - {NOBODY})

    def failure(self) -> Event | None:
        """Return the property that does not hold."""
        return next((event for event in self.events if event.kind == "violation"), None)
