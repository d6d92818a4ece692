"""Carries sealed files: takes them from clients, brings them to the receiver's node, holds them.

    client ──HTTP──▶ any node ──own TLS connections──▶ the receiver's post box ──HTTP──▶ client

Rules it keeps:
- Nothing is stored that the ledger does not ask for: a file is taken for a recorded delivery, with
  the recorded SHA-256, until it is received or reported lost; from another node only where the
  receiver's office has named this node as its post box.
- Consensus never waits: connections, listener, threads and limits are its own, and all bytes
  together keep to `bytes_per_second_max`. What goes wrong here ends a carriage, never the node.
- Bounded: `carries_max` incoming, half of them from one node, and as many outgoing at once; a
  silent side is given up.
- Interrupted means continued: the side that receives says from where. A file that has been passed
  on whole is removed; until then it is tried again, with pauses that grow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import trio

from govchaind.base.errors import (
    Busy,
    Fatal,
    GovchaindError,
    Invalid,
    NotFound,
    NotPermitted,
    PeerError,
)
from govchaind.base.limits import CARRY_CHUNK_BYTES_MAX, CARRY_SECONDS_MAX
from govchaind.base.types import Hash, NodeId, PublicKey
from govchaind.ledger.membership import Member
from govchaind.runtime.carry_frames import VERSION, Frames, refusal, wanted_offset
from govchaind.runtime.environment import Network
from govchaind.runtime.spool import Parcel, Spool
from govchaind.runtime.telemetry import Telemetry

LOOK_SECONDS = 2.0  # between two looks at what is to be passed on, and at the members
SWEEP_SECONDS = 60.0
RETRY_SECONDS_MIN = 2.0
RETRY_SECONDS_MAX = 300.0
SEND_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the ledger says of one delivery that may be carried.

    Attributes:
        length_max: what its sealed file has at most.
        box: node and address at which the receiver's office wants it; None: wherever it is.
    """

    digest: Hash
    length_max: int
    box: tuple[NodeId, str] | None


Judge = Callable[[tuple[str, str, int]], Recorded | None]
"""Says what the ledger has of a delivery; None: there is none, or it is over."""


class Pace:
    """Lets so many bytes a second pass, in their order."""

    def __init__(self, bytes_per_second: float) -> None:
        self.rate = bytes_per_second
        self._free_at = 0.0

    async def take(self, count: int) -> None:
        """Wait until `count` bytes may pass."""
        now = trio.current_time()
        begin = max(now, self._free_at)
        self._free_at = begin + count / self.rate
        if begin > now:
            await trio.sleep(begin - now)


class Carrier:
    """One node's deliveries."""

    def __init__(
        self,
        *,
        name: NodeId,
        chain_id: Hash,
        spool: Spool,
        network: Network,
        judge: Judge,
        members: Callable[[], Sequence[Member]],
        telemetry: Telemetry,
        carries_max: int,
        bytes_per_second_max: float,
        chunk_seconds_max: float = CARRY_SECONDS_MAX,
    ) -> None:
        self._chunk_seconds_max = chunk_seconds_max
        self._name = name
        self._chain_id = chain_id
        self._spool = spool
        self._network = network
        self._judge = judge
        self._members = members
        self._telemetry = telemetry
        self._carries_max = carries_max
        self._of_one_peer_max = max(1, carries_max // 2)  # whoever is slow leaves room for others
        self._incoming: Counter[NodeId | None] = Counter()
        self._outgoing: set[Parcel] = set()
        self._pauses: dict[Parcel, tuple[float, float]] = {}  # not before, and the last pause
        self._pace = Pace(bytes_per_second_max)
        metrics = telemetry.metrics
        metrics.delivery_files.set_function(lambda: float(spool.count))
        metrics.delivery_reserved.set_function(lambda: float(spool.reserved_bytes))

    def set_bounds(
        self,
        *,
        bytes_per_second_max: float,
        quota_bytes: int,
        reserve_bytes: int,
        hold_seconds: float,
    ) -> None:
        """Change what deliveries may take; what is here and passes a new bound stays its time."""
        self._pace.rate = bytes_per_second_max
        self._spool.set_bounds(quota_bytes, reserve_bytes, hold_seconds)

    async def run(
        self,
        listen: str | None,
        *,
        task_status: trio.TaskStatus[str | None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Carry until cancelled; started() with the address that is listened on, if one is."""
        address: str | None = None
        self._trust()
        async with trio.open_nursery() as nursery:
            if listen is not None:
                address = await nursery.start(self._network.listen, listen, self._serve)
            nursery.start_soon(self._pass_on_all)
            nursery.start_soon(self._sweep)
            task_status.started(address)

    # --- clients ----------------------------------------------------------------------------------

    def parcel(self, delivery: tuple[str, str, int]) -> tuple[Parcel, Recorded]:
        """Return the sealed file of a recorded delivery. Raises NotFound."""
        found = self._judge(delivery)
        if found is None:
            raise NotFound(
                "no delivery of this name may be carried: none is recorded here, or it is over",
                code="not-recorded",
                remedy="Record it with `deliver` first, and wait until this node has that block.",
            )
        return Parcel(*delivery, found.digest), found

    async def bring(
        self, delivery: tuple[str, str, int], length: int, offset: int, data: bytes
    ) -> tuple[int, bool]:
        """Take a chunk from a client; return how many bytes are here, and whether that is all.

        Raises NotFound, Busy, Conflict, InvalidProof: see `Spool`. Invalid: too long.
        """
        parcel, found = self.parcel(delivery)
        try:
            have = self._begin(parcel, found, length)
            if data or have == length:
                await self._pace.take(len(data))
                at = offset if have < length else have
                have = await self._spool.append(parcel, at, data if have < length else b"")
        except GovchaindError as error:
            self._refused(error.code)
            raise
        self._count("brought", len(data))
        held = self._spool.find(parcel)
        return have, held is not None and held.whole

    async def fetch(
        self, delivery: tuple[str, str, int], offset: int, length: int
    ) -> tuple[bytes, int]:
        """Return bytes of a file that is held whole, and its length. Raises NotFound."""
        parcel, _ = self.parcel(delivery)
        length = min(length, CARRY_CHUNK_BYTES_MAX)
        data = await self._spool.read(parcel, offset, length)
        await self._pace.take(len(data))
        self._count("fetched", len(data))
        held = self._spool.find(parcel)
        return data, offset + len(data) if held is None else held.length

    def state(self, delivery: tuple[str, str, int]) -> tuple[int, int, bool]:
        """Return how many bytes of how many are here, and whether the file is whole."""
        parcel, _ = self.parcel(delivery)
        held = self._spool.find(parcel)
        return (0, 0, False) if held is None else (held.have, held.length, held.whole)

    def _begin(self, parcel: Parcel, found: Recorded, length: int) -> int:
        if not 1 <= length <= found.length_max:
            raise Invalid(
                f"the sealed file of this delivery has at most {found.length_max} bytes",
                code="too-large",
                remedy="Bring the file that was sealed for this delivery.",
            )
        return self._spool.begin(parcel, length)

    # --- from other nodes -------------------------------------------------------------------------

    async def _serve(self, stream: trio.abc.Stream, key: PublicKey) -> None:
        """Take one sealed file from another node; ends that connection only."""
        peer = next((member.name for member in self._members() if member.tls_key == key), None)
        frames = Frames(stream, seconds_max=self._chunk_seconds_max)
        self._incoming[peer] += 1
        try:
            whole = self._incoming.total() > self._carries_max
            if peer is None or whole or self._incoming[peer] > self._of_one_peer_max:
                raise Busy("this node takes no further file now", code="carries-max")
            await self._take(frames, peer)
        except Fatal:
            raise
        except GovchaindError as error:
            self._refused(error.code)
            self._telemetry.event(
                "delivery.refused", peer=peer, code=error.code, reason=error.message
            )
            await _say_no(frames, error)
        finally:
            self._incoming[peer] -= 1

    async def _take(self, frames: Frames, peer: NodeId) -> None:
        offer = await frames.hear_offer()
        if offer.chain_id != self._chain_id:
            raise NotPermitted("the offer is of another chain", code="other-chain")
        delivery = (offer.requester, offer.reference, offer.number)
        parcel, found = self.parcel(delivery)
        if offer.digest != found.digest:
            raise NotPermitted("the ledger records another file", code="not-the-recorded-file")
        if found.box is None or found.box[0] != self._name:
            raise NotPermitted("this node is not the receiver's post box", code="not-the-box")
        have = self._begin(parcel, found, offer.length)
        if have == offer.length:
            have = await self._spool.append(parcel, have, b"")
        await frames.say("want", have)
        while have < offer.length:
            chunk = await frames.receive()
            await self._pace.take(len(chunk))
            have = await self._spool.append(parcel, have, chunk)
            self._count("received", len(chunk))
        held = self._spool.find(parcel)
        if held is None or not held.whole:
            raise Busy("the sealed file is not whole here", code="not-held")
        await frames.say("held")
        self._told("delivery.held", parcel, peer=peer)

    # --- to other nodes ---------------------------------------------------------------------------

    async def _pass_on_all(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                self._trust()
                now = trio.current_time()
                for parcel in self._spool.whole():
                    if len(self._outgoing) >= self._carries_max:
                        break
                    if parcel in self._outgoing or self._pauses.get(parcel, (0.0, 0.0))[0] > now:
                        continue
                    found = self._judge(parcel.delivery)
                    if found is None or found.box is None or found.box[0] == self._name:
                        continue
                    self._outgoing.add(parcel)
                    nursery.start_soon(self._pass_on, parcel, found.box)
                await trio.sleep(LOOK_SECONDS)

    async def _pass_on(self, parcel: Parcel, box: tuple[NodeId, str]) -> None:
        """Bring one file to the receiver's post box; try again later if it fails."""
        try:
            await self._bring_to(parcel, *box)
            await self._spool.remove(parcel)
        except Fatal:
            raise
        except GovchaindError as error:
            _, pause = self._pauses.get(parcel, (0.0, RETRY_SECONDS_MIN / 2))
            pause = min(2 * pause, RETRY_SECONDS_MAX)
            self._pauses[parcel] = (trio.current_time() + pause, pause)
            self._told(
                "delivery.pass_on_failed", parcel, peer=box[0], code=error.code,
                reason=error.message, again_seconds=pause,
            )  # fmt: skip
        else:
            self._pauses.pop(parcel, None)
            self._told("delivery.passed_on", parcel, peer=box[0])
        finally:
            self._outgoing.discard(parcel)

    async def _bring_to(self, parcel: Parcel, node: NodeId, address: str) -> None:
        key = next((member.tls_key for member in self._members() if member.name == node), None)
        held = self._spool.find(parcel)
        if key is None or held is None:
            raise PeerError(f"{node} is no node of this network", code="peer-unknown")
        stream, shown = await self._network.connect(address)
        try:
            if shown != key:
                raise PeerError(f"{address} is not {node}", code="peer-unknown")
            frames = Frames(stream, seconds_max=self._chunk_seconds_max)
            await frames.say(VERSION, self._chain_id, *parcel.delivery, parcel.digest, held.length)
            offset = wanted_offset(await frames.hear(), held.length)
            while offset < held.length:
                chunk = await self._spool.read(parcel, offset, SEND_CHUNK_BYTES)
                await self._pace.take(len(chunk))
                await frames.send(chunk)
                offset += len(chunk)
                self._count("sent", len(chunk))
            words = await frames.hear()
            if words[0] != "held":
                raise refusal(words)
        finally:
            await trio.aclose_forcefully(stream)

    # --- the rest ---------------------------------------------------------------------------------

    def _trust(self) -> None:
        self._network.trust([member.tls_key for member in self._members()])

    async def _sweep(self) -> None:
        while True:
            try:
                await self._spool.sweep(self._wanted)
            except (Busy, NotFound) as error:  # the disk fails; the next sweep tries again
                self._refused(error.code)
            self._pauses = {p: v for p, v in self._pauses.items() if self._spool.find(p)}
            await trio.sleep(SWEEP_SECONDS)

    def _wanted(self, parcel: Parcel) -> bool:
        found = self._judge(parcel.delivery)
        return found is not None and found.digest == parcel.digest

    def _count(self, way: str, count: int) -> None:
        self._telemetry.metrics.delivery_bytes.labels(way=way).inc(count)

    def _refused(self, code: str) -> None:
        self._telemetry.metrics.delivery_refused.labels(reason=code).inc()

    def _told(self, event: str, parcel: Parcel, **values: Any) -> None:
        named = f"{parcel.requester}/{parcel.reference}/{parcel.number}"
        self._telemetry.event(event, delivery=named, **values)


async def _say_no(frames: Frames, error: GovchaindError) -> None:
    """Tell the other node why, if it still listens."""
    try:
        await frames.say("no", error.code[:64], error.message[:500])
    except PeerError:
        return
