"""The simulated network: links, what they do to messages, and how they are cut.

A link between two nodes is up when both run, each accepts the other as a member (if the mesh is
strict) and packets pass both ways. While it is up each side may send; what is sent may be delayed,
lost, doubled, overtaken or held for long and delivered stale. A cut drops what is sent in its
direction from then on; the link itself breaks only when somebody notices: at once when a process
dies, after `LINK_IDLE_SECONDS_MAX` of silence, or never (then only Raft's own time-outs notice).

A message is delivered only to the life of the receiver for which it was sent, as bytes on a
connection would be; it may outlive its sender.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from govchaind.base.limits import LINK_IDLE_SECONDS_MAX, LINK_WRITE_SECONDS_MAX
from govchaind.base.types import NodeId, StoreId
from govchaind.raft.messages import RequestVote, Vote
from govchaind.replica.events import LinkDown, LinkUp, Received
from govchaind.replica.messages import PeerMessage
from netsim.heap import Heap
from netsim.mishaps import Mishaps
from netsim.options import Options, source
from netsim.picture.record import Message as Drawn
from netsim.pipes import Pipes, is_hopeless
from netsim.sites import Sites
from netsim.trace import Trace, described

REDIAL_SECONDS = 0.2
ELECTION_SHARE = 0.3  # elections have few messages: each of them goes astray more often


class Endpoint(Protocol):
    """What the network knows of a node."""

    name: NodeId
    life: int  # 0 while no process runs; never used twice
    protocol: int

    @property
    def store(self) -> StoreId: ...

    def arrive(self, event: Received | LinkUp | LinkDown) -> None: ...

    def accepts(self, peer: NodeId) -> bool: ...


class Network:
    """All links of one world."""

    def __init__(
        self,
        options: Options,
        heap: Heap,
        trace: Trace,
        nodes: Mapping[NodeId, Endpoint],
        sites: Sites,
    ) -> None:
        self._options = options
        self._site = dict(sites.of)
        latencies = dict(sites.latencies)
        self._latency = {pair: (each.least, each.mean) for pair, each in latencies.items()}
        self._heap = heap
        self._trace = trace
        self._nodes = nodes
        self._random = source(options.seed, "network")
        self._links: dict[tuple[NodeId, NodeId], tuple[int, int]] = {}  # pair → lives of both
        self._view: set[tuple[NodeId, NodeId]] = set()  # (a, b): a holds its link to b to be up
        self._redial: set[tuple[NodeId, NodeId]] = set()
        self.cuts: dict[tuple[NodeId, NodeId], int] = {}  # direction → how many faults cut it
        self.gone: set[NodeId] = set()  # cut off from everybody, for good
        self.noisy = True  # drop, double, hold …
        self.messages = 0
        self.apart: frozenset[NodeId] = frozenset()  # these link to all others, not to each other
        self.on_deliver: Callable[[NodeId, NodeId, PeerMessage], None] | None = None
        self.on_arrival: Callable[[NodeId, NodeId, PeerMessage], bool] | None = None
        self._fates = _fates(options)
        self.pipes = Pipes()
        self.mishaps = Mishaps(source(options.seed, "mishaps"))
        self._stuck: set[tuple[NodeId, NodeId]] = set()  # (a, b): a's send to b does not end

    # --- who is linked ---------------------------------------------------------------------------

    def passes(self, sender: NodeId, to: NodeId) -> bool:
        """Say whether packets pass in this direction."""
        return (
            not self.cuts.get((sender, to), 0) and sender not in self.gone and to not in self.gone
        )

    def cut(self, directions: list[tuple[NodeId, NodeId]]) -> None:
        """Let nothing pass in these directions, until `mend`."""
        for direction in directions:
            self.cuts[direction] = self.cuts.get(direction, 0) + 1
        if self._options.links_notice_cuts:
            for pair in sorted({_pair(*direction) for direction in directions}):
                if self._random.random() < 0.3:
                    self._heap.after(
                        0.01, self._notice, pair
                    )  # a reset came through, or a closed port
                else:
                    self._heap.after(LINK_IDLE_SECONDS_MAX, self._notice, pair)
        self._draw_cuts()

    def mend(self, directions: list[tuple[NodeId, NodeId]]) -> None:
        """End one cut of each of these directions."""
        for direction in directions:
            left = self.cuts.get(direction, 0) - 1
            if left > 0:
                self.cuts[direction] = left
            else:
                self.cuts.pop(direction, None)
        self.dial_all()

    def mend_all(self) -> None:
        self.cuts.clear()
        self.pipes.clear()
        self.mishaps.clear()
        self._stuck.clear()
        self.dial_all()

    def _draw_cuts(self) -> None:
        """Tell a picture where nothing passes now."""
        if self._trace.record is not None:
            names = list(self._nodes)
            pairs = [(a, b) for a in names for b in names if a != b and not self.passes(a, b)]
            self._trace.record.cuts(self._heap.now, names, pairs)

    def _notice(self, pair: tuple[NodeId, NodeId]) -> None:
        """An idle link is given up by both sides."""
        if not (self.passes(*pair) and self.passes(pair[1], pair[0])):
            self.break_link(*pair)

    def break_link(self, a: NodeId, b: NodeId) -> None:
        """End the link between two nodes; both are told if they still run."""
        pair = _pair(a, b)
        self._links.pop(pair, None)
        for one, other in (pair, (pair[1], pair[0])):
            if (one, other) in self._view:
                self._view.discard((one, other))
                node = self._nodes[one]
                if node.life:
                    self._trace.line(self._heap.now, one, f"link down {other}")
                    node.arrive(LinkDown(other))
        self._dial_later(pair)

    def half_open(self, deaf: NodeId, other: NodeId) -> None:
        """One end of a link is gone: `other` goes on sending to nobody until it notices."""
        pair = _pair(deaf, other)
        if pair not in self._links or (deaf, other) not in self._view:
            return
        self._links[pair] = (0, 0)  # neither life: whoever dials again replaces it
        self._view.discard((deaf, other))
        node = self._nodes[deaf]
        if node.life:
            self._trace.line(self._heap.now, deaf, f"link down {other}")
            node.arrive(LinkDown(other))

    def process_ended(self, name: NodeId, *, silently: bool) -> None:
        """A process is gone: peers see resets at once, or nothing until the link is idle."""
        for other in self._nodes:
            if other == name:
                continue
            self._view.discard((name, other))
            if (other, name) in self._view:
                quiet = silently or not self.passes(name, other)
                wait = LINK_IDLE_SECONDS_MAX if quiet else self._delay(name, other)
                pair = _pair(name, other)
                self._heap.after(wait, self._notice_end, pair, self._links.get(pair))

    def _notice_end(self, pair: tuple[NodeId, NodeId], lives: tuple[int, int] | None) -> None:
        if self._links.get(pair) == lives:
            self.break_link(*pair)

    def process_began(self, name: NodeId) -> None:
        for other in self._nodes:
            if other != name and not (name in self.apart and other in self.apart):
                self._dial_later(_pair(name, other))

    def members_changed(self, name: NodeId) -> None:
        """Look again whom this node accepts."""
        if self._options.mesh_is_strict:
            for other in self._nodes:
                linked = other != name and (name, other) in self._view
                if linked and not self._nodes[name].accepts(other):
                    self.break_link(name, other)
        self.dial_all()

    def dial_all(self) -> None:
        """Dial whatever is not linked, now that more may pass."""
        self._draw_cuts()
        names = sorted(self._nodes)
        joined = [name for name in names if name not in self.apart]
        for place, a in enumerate(names):
            later = joined if a in self.apart else names[place + 1 :]
            for b in later:
                if a < b:
                    self._dial_later((a, b))

    def _dial_later(self, pair: tuple[NodeId, NodeId]) -> None:
        if pair not in self._redial and not self._linked(pair):
            self._redial.add(pair)
            self._heap.after(REDIAL_SECONDS * self._random.random(), self._dial, pair)

    def _linked(self, pair: tuple[NodeId, NodeId]) -> bool:
        a, b = self._nodes[pair[0]], self._nodes[pair[1]]
        return self._links.get(pair) == (a.life, b.life)

    def _dial(self, pair: tuple[NodeId, NodeId]) -> None:
        self._redial.discard(pair)
        a, b = self._nodes[pair[0]], self._nodes[pair[1]]
        if not (a.life and b.life) or self._linked(pair):
            return
        if not (self.passes(*pair) and self.passes(pair[1], pair[0])):
            return  # mending dials again
        if a.protocol != b.protocol:
            return  # as in `runtime/link.py`; an upgrade starts the process again, which dials
        if self._options.mesh_is_strict and not (a.accepts(b.name) and b.accepts(a.name)):
            return  # a change of members dials again
        if pair in self._links:
            self.break_link(*pair)
            self._redial.discard(pair)
        self._links[pair] = (a.life, b.life)
        for one, other in ((a, b), (b, a)):
            self._view.add((one.name, other.name))
            self._trace.line(self._heap.now, one.name, f"link up {other.name}")
            one.arrive(LinkUp(other.name, other.store))

    # --- messages ------------------------------------------------------------------------------

    def send(self, sender: NodeId, to: NodeId, message: PeerMessage) -> None:
        """Take one message of a running node."""
        receiver = self._nodes.get(to)
        if receiver is None or (sender, to) not in self._view:
            self._told("!", "unlinked", sender, to, message)
            return
        self.messages += 1
        life = receiver.life
        if not self.passes(sender, to) or not life:
            self._told("x", "cut", sender, to, message)
            return
        wait = self._delay(sender, to)
        again: float | None = None
        fate = "sent"
        if self.noisy:
            draw = self._random.random()
            if isinstance(message, RequestVote | Vote):
                draw *= ELECTION_SHARE
            fates = self._fates
            if draw < fates[3]:
                if draw < fates[0]:
                    self._told("~", "lost", sender, to, message)
                    return
                if draw < fates[1]:
                    fate = "doubled"
                    again = wait + self._delay(sender, to) * (1 + 20 * self._random.random())
                elif draw < fates[2]:
                    fate = "overtaken"
                    wait += self._options.reorder_extra * self._random.random()
                else:
                    fate = "held"
                    wait += self._random.expovariate(1 / self._options.hold_mean)
        if self.mishaps.odd:
            odd, wait, second = self.mishaps.fate((sender, to), wait)
            if odd == "lost":
                self._told("~", odd, sender, to, message)
                return
            fate, again = (fate, again) if odd == "sent" else (odd, second)
        if self.pipes.odd and (late := self.pipes.late(self._heap.now, (sender, to))):
            wait, fate = wait + late, "held"
        elif self.pipes.odd:
            wait = self.pipes.wait(self._heap.now, (sender, to), message, wait)
            if is_hopeless(wait) and self._options.links_notice_cuts:
                self._told("~", "lost", sender, to, message)
                if (sender, to) not in self._stuck:
                    self._stuck.add((sender, to))
                    self._heap.after(LINK_WRITE_SECONDS_MAX, self._give_up, sender, to)
                return
        drawn = self._told(">", fate, sender, to, message)
        if self.mishaps.odd:
            arrive = partial(self._deliver, sender, to, life, message, drawn)
            if self.mishaps.keep((sender, to), partial(self._heap.after, wait, arrive)):
                return
        if again is not None:
            self._heap.after(again, self._deliver, sender, to, life, message, drawn)
        self._heap.after(wait, self._deliver, sender, to, life, message, drawn)

    def _give_up(self, sender: NodeId, to: NodeId) -> None:
        """A send has lasted too long: its link ends."""
        if (sender, to) in self._stuck:
            self._stuck.discard((sender, to))
            self.break_link(sender, to)

    def _told(
        self, sign: str, fate: str, sender: NodeId, to: NodeId, message: PeerMessage
    ) -> Drawn | None:
        """Note a message that leaves, and tell a picture."""
        now, trace, text = self._heap.now, self._trace, described(message)
        trace.line(now, sender, f"{sign}{to} {text}")
        if trace.record is None:
            return None
        return trace.record.sent(now, sender, to, message, text, fate)

    def _delay(self, sender: NodeId, to: NodeId) -> float:
        options = self._options
        least, mean = options.delay_min, options.delay_mean
        if self._site:
            pair = (self._site[sender], self._site[to])
            least, mean = self._latency.get(pair, (least, mean))
        return least + (mean - least) * -_LOG[int(self._random.random() * 256)]

    def _deliver(
        self, sender: NodeId, to: NodeId, life: int, message: PeerMessage, drawn: Drawn | None
    ) -> None:
        receiver = self._nodes[to]
        taken = receiver.life == life and to not in self.gone
        if drawn is not None:
            drawn.arrivals.append((self._heap.now, taken))
        if not taken:
            return
        if self.on_deliver is not None:
            self.on_deliver(sender, to, message)
        if self.on_arrival is None or self.on_arrival(sender, to, message):
            receiver.arrive(Received(sender, message))


def _pair(a: NodeId, b: NodeId) -> tuple[NodeId, NodeId]:
    return (a, b) if a < b else (b, a)


def _fates(options: Options) -> tuple[float, float, float, float]:
    """Return cumulated probabilities: lost, doubled, overtaken, held."""
    lost = options.loss if options.on("loss") else 0.0
    doubled = lost + (options.duplicate if options.on("duplicate") else 0.0)
    overtaken = doubled + (options.reorder if options.on("reorder") else 0.0)
    return lost, doubled, overtaken, overtaken + (options.hold if options.on("hold") else 0.0)


def _logarithms() -> tuple[float, ...]:
    """Return 256 exponential draws, sorted: delays from a table, the same in any process."""
    pick = random.Random("netsim/delays")
    return tuple(sorted(-pick.expovariate(1.0) for _ in range(256)))


_LOG = _logarithms()
