"""Links to every member: who dials whom, and one link per pair.

Rules kept here:
- Validators and learners link each with each; an observer dials the validators. Of two members
  the one with the smaller name dials at once and the other only after a while without a link, so
  that both dialling at once is rare. When it happens, both keep the one that the smaller dialled.
- A later link of the same peer replaces the earlier one: the peer would not have made it if it
  still had the other.
- Dialling backs off, with jitter, from a tenth of a second to some seconds; addresses in turn.
- `LinkUp` and `LinkDown` alternate for each peer. They overtake messages that wait: a message may
  still be taken after its link's end, as any message may be late.
- A refusal is logged when its reason changes, not at each try.
- A peer that comes back again and again while its link still stands is probably two processes with
  one identity: it is told so, both of it, by the refusal with which the older link ends.
- A peer is told only what its Hello says that it knows (`speech.py`).
- A change of the members ends the links of those that left, and nobody else's. Those of a node
  whose keys change in place stand until they end by themselves.
- While this node's own keys change it holds two pairs, and shows the one that the ledger names
  here; when it has had no link for a while, the other: peers may know more, or less.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import trio

from govchaind.base.errors import Invalid, PeerError
from govchaind.base.types import NodeId, PublicKey, Seconds
from govchaind.ledger.membership import Member
from govchaind.replica.events import LinkDown, LinkUp
from govchaind.runtime.codec import HELLO
from govchaind.runtime.environment import Network
from govchaind.runtime.gate import Gate
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.link import REPLACED, Frames, Link, Self, greet
from govchaind.runtime.outbox import Outbox
from govchaind.runtime.speech import FIRST_NUMBERS, known_numbers, number_of, version_in
from govchaind.runtime.telemetry import Telemetry

DIAL_SECONDS_MIN = 0.1
DIAL_SECONDS_MAX = 3.0
LARGER_NAME_WAITS_SECONDS = 1.0  # before it dials at all
BOTH_DIALLED_SECONDS = 2.0  # two links younger than this were dialled at once
DOUBT_SECONDS = 5.0  # without any link, until the other pair of own keys is shown
REPLACED_MAX = 2  # times in a row that a link may be replaced while it still stands
REPLACED_SECONDS = 30.0  # a link that stood so long was no rival's


@dataclass(slots=True)
class _Peer:
    """What the mesh knows of one member. `scope` ends its dialling."""

    member: Member
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    link: Link | None = None
    outbox: Outbox | None = None
    dialled_here: bool = False
    since: Seconds = 0.0
    heard: Seconds = 0.0  # when anything last came from it, or when it became a peer
    lost: trio.Event = field(default_factory=trio.Event)  # set when it has no link
    told: str = ""  # the last reason that was logged
    dropped: int = 0
    replaced: int = 0  # times in a row that a young link was replaced by another
    software: str = ""  # the version that it said
    knows: frozenset[int] = FIRST_NUMBERS  # of messages, as it said when its link came up


class Mesh:
    """One per node."""

    def __init__(
        self,
        *,
        own: Self,
        network: Network,
        inbox: Inbox,
        gate: Gate,
        telemetry: Telemetry,
        jitter: random.Random,
        members: Iterable[Member],
        further_addresses: Iterable[str] = (),
        following: Iterable[Self] = (),
    ) -> None:
        """`following`: this node under the keys that it is to have. `further_addresses` are tried
        for any member whose own do not answer."""
        self._own = own
        self._selves = (own, *following)
        self._network = network
        self._inbox = inbox
        self._gate = gate
        self._telemetry = telemetry
        self._random = jitter
        self._further = tuple(further_addresses)
        self._peers: dict[NodeId, _Peer] = {}
        self._members = tuple(members)
        self._nursery: trio.Nursery | None = None
        telemetry.metrics.peers.set(0)

    # --- what drive asks ------------------------------------------------------------------------

    def send(self, peer: NodeId, frame: bytes) -> None:
        """Put a frame into the peer's outbox if it has a link and knows such; never waits."""
        found = self._peers.get(peer)
        if found is None or found.outbox is None or number_of(frame) not in found.knows:
            return
        outbox = found.outbox
        outbox.push(frame)
        if outbox.dropped > found.dropped:
            metrics = self._telemetry.metrics
            metrics.dropped.labels(peer=peer).inc(outbox.dropped - found.dropped)
            found.dropped = outbox.dropped

    def end_link(self, peer: NodeId, reason: str) -> None:
        """End the link to a peer that misbehaved."""
        found = self._peers.get(peer)
        if found is not None and found.link is not None:
            found.link.end(Invalid(reason, code="misbehaved"))

    def set_further_addresses(self, addresses: Iterable[str]) -> None:
        """Change the further addresses; tried from the next round of each peer on."""
        self._further = tuple(addresses)

    def fall_silent(self) -> None:
        """End all links, for good: this node must not say anything more."""
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    def members_changed(self, members: tuple[Member, ...]) -> None:
        """Look again at who may link."""
        self._members = members
        if self._nursery is None:
            return  # `run` will look
        named = self._member(self._own.node)
        for own in self._selves:
            if named is not None and own.tls_key == named.tls_key:
                self._show_keys(own)
        wanted = {member.name: member for member in members if member.name != self._own.node}
        self._network.trust([member.tls_key for member in wanted.values()])
        for name in sorted(self._peers):
            peer = self._peers[name]
            now = wanted.get(name)
            if now is None or not now.same_memory(peer.member):
                peer.scope.cancel()
                if peer.link is not None:
                    peer.link.end(PeerError("the membership changed", code="no-longer-member"))
                self._forget_when_down(name)
            else:
                peer.member = now
        for name in sorted(wanted.keys() - self._peers.keys()):
            peer = self._peers[name] = _Peer(wanted[name], heard=trio.current_time())
            peer.lost.set()
            if self._dials(wanted[name]):
                self._nursery.start_soon(self._dial, peer)
        for peer in self._peers.values():
            self._show(peer)

    def _show(self, peer: _Peer) -> None:
        """Have the metrics say of this member whether it is linked and when it was last heard."""
        metrics, name = self._telemetry.metrics, peer.member.name
        own = self._member(self._own.node)
        if not self._dials(peer.member) and (own is None or own.role == "observer"):
            self._hide(name)  # neither dials the other: that there is no link is no fault
            return
        metrics.peer_up.labels(peer=name).set_function(lambda: float(peer.link is not None))
        waiting = metrics.peer_waiting.labels(peer=name)
        waiting.set_function(lambda: peer.outbox.waiting_bytes if peer.outbox is not None else 0)
        heard = metrics.peer_heard.labels(peer=name)
        heard.set_function(lambda: trio.current_time() - peer.heard)

    def linked(self, *, knowing: int = HELLO) -> list[NodeId]:
        """Return the peers whose links are up, and that know messages of a number."""
        up = [(name, peer) for name, peer in self._peers.items() if peer.link is not None]
        return sorted(name for name, peer in up if knowing in peer.knows)

    # --- running ---------------------------------------------------------------------------------

    async def run(
        self,
        listen: str,
        *,
        task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept and dial until cancelled; started() with the address listened on."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self.members_changed(self._members)
            if len(self._selves) > 1:
                nursery.start_soon(self._doubt_keys)
            address = await nursery.start(self._network.listen, listen, self._accepted)
            task_status.started(address)

    def _show_keys(self, own: Self) -> None:
        if own is not self._own:
            self._own = own
            self._network.present(own.tls_key)
            self._telemetry.event("link.own_key", tls_key=own.tls_key)

    async def _doubt_keys(self) -> None:
        """Show the other pair of keys when nobody links for a while."""
        while True:
            await trio.sleep(DOUBT_SECONDS)
            if self._peers and not self.linked():
                shown = self._selves.index(self._own)
                self._show_keys(self._selves[shown - 1])

    def _forget_when_down(self, name: NodeId) -> None:
        """Take a peer out; a link still ending gives its LinkDown by itself."""
        del self._peers[name]
        self._telemetry.metrics.peers.set(len(self.linked()))
        self._hide(name)

    def _hide(self, name: NodeId) -> None:
        metrics = self._telemetry.metrics
        for shown in (metrics.peer_up, metrics.peer_heard, metrics.peer_waiting):
            shown.remove(name)

    def _dials(self, member: Member) -> bool:
        own = self._member(self._own.node)
        if own is None or own.role == "observer":
            return member.role == "validator"
        return member.role != "observer"

    def _member(self, name: NodeId) -> Member | None:
        for member in self._members:
            if member.name == name:
                return member
        return None

    async def _dial(self, peer: _Peer) -> None:
        name = peer.member.name
        with peer.scope:
            if self._own.node > name and (own := self._member(self._own.node)) is not None:
                await trio.sleep(LARGER_NAME_WAITS_SECONDS if own.role != "observer" else 0)
            wait = DIAL_SECONDS_MIN
            while True:
                await peer.lost.wait()
                for address in (*peer.member.addresses, *self._further):
                    if peer.link is not None:
                        break
                    if await self._try(peer, address):
                        wait = DIAL_SECONDS_MIN
                        break
                await trio.sleep(wait * self._random.uniform(0.5, 1.0))
                wait = min(wait * 2, DIAL_SECONDS_MAX)

    async def _try(self, peer: _Peer, address: str) -> bool:
        """Dial once; carry the link to its end. Says whether there was one."""
        try:
            stream, key = await self._network.connect(address)
        except PeerError as error:
            self._refused(peer, error, "link.dial_failed")
            return False
        try:
            if key != peer.member.tls_key:
                return False  # a further address, and somebody else lives there
            return await self._greeted(stream, key, dialled_here=True)
        finally:
            await trio.aclose_forcefully(stream)

    async def _accepted(self, stream: trio.abc.Stream, key: PublicKey) -> None:
        await self._greeted(stream, key, dialled_here=False)

    async def _greeted(
        self, stream: trio.abc.Stream, key: PublicKey, *, dialled_here: bool
    ) -> bool:
        """Greet, then carry the link to its end; say whether it was up at all."""
        frames = Frames(stream)
        try:
            member, hello = await greet(stream, frames, self._own, key, self._member)
        except (PeerError, Invalid) as error:
            self._refused(self._holder(key), error, "link.refused")
            return False
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            return False  # gone before it said who it is
        peer = self._peers.get(member.name)
        if peer is None or not self._prefers(peer, dialled_here=dialled_here):
            return False
        peer.software, peer.knows = version_in(hello.software), known_numbers(hello.software)
        up = LinkUp(member.name, hello.store)
        await self._carry(peer, stream, frames, up, dialled_here)
        return True

    def _holder(self, key: PublicKey) -> _Peer | None:
        for peer in self._peers.values():
            if peer.member.tls_key == key:
                return peer
        return None

    def _prefers(self, peer: _Peer, *, dialled_here: bool) -> bool:
        """Say whether a new link is to take the place of the one there is, if there is one."""
        if peer.link is None or peer.dialled_here == dialled_here:
            return True
        if trio.current_time() - peer.since > BOTH_DIALLED_SECONDS:
            return True
        return dialled_here == (self._own.node < peer.member.name)

    async def _carry(
        self,
        peer: _Peer,
        stream: trio.abc.Stream,
        frames: Frames,
        up: LinkUp,
        dialled_here: bool,
    ) -> None:
        name = up.peer
        if peer.link is not None:
            self._replace(peer, peer.link)
        metrics = self._telemetry.metrics
        outbox = Outbox()
        count_received = metrics.received_bytes.labels(peer=name).inc

        def received(count: int) -> None:
            peer.heard = trio.current_time()
            count_received(count)

        peer.heard = trio.current_time()
        link = Link(
            stream=stream,
            frames=frames,
            peer=name,
            outbox=outbox,
            inbox=self._inbox,
            gate=self._gate,
            sent=metrics.sent_bytes.labels(peer=name).inc,
            received=received,
            refused=self._count_refused,
        )
        peer.link, peer.outbox, peer.dropped = link, outbox, 0
        peer.dialled_here, peer.since, peer.told = dialled_here, trio.current_time(), ""
        peer.lost = trio.Event()
        metrics.peers.set(len(self.linked()))
        self._inbox.put_own(up)
        self._telemetry.event(
            "link.up", peer=name, dialled=dialled_here, store=up.store, software=peer.software
        )
        error: PeerError | Invalid = PeerError("this node stops", code="link-closed")
        try:
            error = await link.run()
        finally:
            self._down(peer, link)
            event = "link.misbehaved" if isinstance(error, Invalid) else "link.down"
            self._telemetry.event(event, peer=name, code=error.code, reason=error.message)

    def _replace(self, peer: _Peer, older: Link) -> None:
        """End the link that a newer one replaces; tell of a peer that seems to run twice."""
        young = trio.current_time() - peer.since < REPLACED_SECONDS
        peer.replaced = peer.replaced + 1 if young else 0
        if peer.replaced == REPLACED_MAX + 1:
            reason = "its links replace each other: is the same node identity started twice?"
            self._telemetry.event("link.identity_twice", peer=peer.member.name, reason=reason)
        reason = "a newer link of the same node came; is its identity started twice?"
        older.end(PeerError(reason, code=REPLACED))
        self._down(peer, older)

    def _down(self, peer: _Peer, link: Link) -> None:
        """Note, once, that this link is no more."""
        if peer.link is link:
            peer.link, peer.outbox = None, None
            peer.lost.set()
            self._inbox.put_own(LinkDown(peer.member.name))
            self._telemetry.metrics.peers.set(len(self.linked()))

    def _count_refused(self, reason: str) -> None:
        self._telemetry.metrics.refused.labels(reason=reason).inc()

    def _refused(self, peer: _Peer | None, error: PeerError | Invalid, event: str) -> None:
        self._count_refused(error.code)
        if peer is not None:
            if peer.told == error.message:
                return
            peer.told = error.message
        name = None if peer is None else peer.member.name
        self._telemetry.event(
            event, peer=name, code=error.code, reason=error.message, remedy=error.remedy
        )


def refusal_reporter(telemetry: Telemetry) -> Callable[[str, PeerError], None]:
    """Return what TcpNetwork tells of connections that did not prove themselves.

    The first of each reason is logged, the others are counted: strangers may be many.
    """
    told: set[str] = set()

    def report(address: str, error: PeerError) -> None:
        telemetry.metrics.refused.labels(reason=error.code).inc()
        if error.code not in told:
            told.add(error.code)
            telemetry.event("link.refused", address=address, code=error.code, reason=error.message)

    return report
