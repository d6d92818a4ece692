"""What leaves a node, looked at byte for byte before it leaves: I-1, I-2, I-9, I-23, I-24, I-28.

Only what says something that must be durable is decoded; of all else the trace keeps its length and
a checksum, so that two runs of one seed are compared to the byte.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import trio

from govchaind.base.encoding import decode
from govchaind.base.types import NodeId, StoreId
from govchaind.runtime.codec import LENGTH_BYTES
from netsim.gear2.guards import Guards
from netsim.gear2.network import SimNetwork

if TYPE_CHECKING:
    from netsim.gear2.machine import Machine
    from netsim.gear2.world import World

REQUEST_VOTE, VOTE, APPEND, APPEND_REPLY, HEARTBEAT, ATTEST = 10, 11, 12, 13, 14, 33
_LEADS = (APPEND, HEARTBEAT)
_ONE_BYTE, _TWO, _FOUR, _EIGHT = 24, 25, 26, 27  # of CBOR: how long an integer's head is
_BYTES = {_ONE_BYTE: 1, _TWO: 2, _FOUR: 4, _EIGHT: 8}


def _integer(body: bytes, at: int) -> tuple[int, int]:
    """Return a CBOR integer and where what follows it begins."""
    head = body[at] & 0x1F
    count = _BYTES.get(head, 0)
    at += 1
    return (int.from_bytes(body[at : at + count], "big") if count else head), at + count


class Wiretap:
    """Everything that was ever said, as far as it must never be contradicted."""

    def __init__(self, world: World) -> None:
        self.messages = 0
        self.bytes = 0
        self._world = world
        self._leaders: dict[int, NodeId] = {}
        self._votes: dict[tuple[NodeId, StoreId | None, int], NodeId] = {}
        self._signed: dict[tuple[NodeId, int], bytes] = {}
        self._guards = Guards(world)

    def leaves(self, network: SimNetwork, peer: NodeId, data: bytes) -> None:
        """Look at whole frames that a node gives to a stream."""
        world, name = self._world, network.host
        now = trio.current_time()
        machine = world.machines.get(name)
        world.trace.line(now, name, f"> {peer} {len(data)} {zlib.crc32(data):08x}")
        if machine is None:
            return  # a rogue's, which may say what it likes
        if peer not in world.machines:
            peer = world.liar.name or peer  # a rogue comes as that member
        failed = machine.disk.failed_at
        if failed is not None and now > failed and network is machine.network:
            world.judge.fail("I-28", name, f"sends {now - failed:.3f} s after its write failed")
        self.bytes += len(data)
        at = 0
        while at + LENGTH_BYTES < len(data):
            length = int.from_bytes(data[at : at + LENGTH_BYTES], "big")
            at += LENGTH_BYTES
            self._frame(machine, peer, data, at, length)
            at += length

    def _frame(self, machine: Machine, peer: NodeId, data: bytes, at: int, length: int) -> None:
        self.messages += 1
        number, following = _integer(data, at + 1)
        if number in _LEADS:
            self._leading(machine.name, _integer(data, following)[0])
        elif number in (REQUEST_VOTE, VOTE, APPEND_REPLY, ATTEST):
            fields = decode(data[at : at + length], bytes_max=length)[1:]
            self._promise(machine, peer, number, fields)

    def _leading(self, name: NodeId, term: int) -> None:
        before = self._leaders.setdefault(term, name)
        if before != name:
            self._world.judge.fail("I-1", name, f"leads term {term}, in which {before} led")

    def _promise(self, machine: Machine, peer: NodeId, number: int, fields: list[Any]) -> None:
        if number == ATTEST:
            self._attests(machine, fields[0], fields[1])
        elif number == APPEND_REPLY:
            _, _, success, index, _, _ = fields
            if success and index > machine.disk.log_end:
                durable = machine.disk.log_end
                self._fail("I-9", machine, f"says that it has {index}; durable was {durable}")
        elif number == VOTE:
            term, granted, pre, _ = fields
            if granted and not pre:
                self._votes_for(machine, term, peer)
        else:
            term, _, _, pre, _ = fields
            if not pre:
                self._votes_for(machine, term, machine.name)

    def _votes_for(self, machine: Machine, term: int, candidate: NodeId) -> None:
        store = self._world.standing.store(machine.name)  # a vote counts under it alone
        self._guards.said(machine, store, term=term)
        before = self._votes.setdefault((machine.name, store, term), candidate)
        if before != candidate:
            self._fail("I-2", machine, f"votes for {candidate} in {term}, having voted {before}")
        if machine.disk.votes.get(term) != candidate:
            self._fail("I-9", machine, f"its vote for {candidate} in term {term} is not durable")

    def _attests(self, machine: Machine, height: int, statement: bytes) -> None:
        before = self._signed.setdefault((machine.name, height), statement)
        if before != statement:
            self._fail("I-23", machine, f"signs two different results of height {height}")
        self._guards.said(machine, self._world.standing.store(machine.name), height=height)
        if height > machine.disk.applied:
            applied = machine.disk.applied
            self._fail("I-24", machine, f"signs height {height}; applied durably is {applied}")

    def _fail(self, property_id: str, machine: Machine, text: str) -> None:
        self._world.judge.fail(property_id, machine.name, text)
