"""Bugs planted between the state machine, the disk and the links."""

from __future__ import annotations

from typing import Any

import trio

from govchaind import node
from govchaind.base.errors import PeerError, StorageFailed, StorageFull
from govchaind.base.keyvalue import WriteBatch
from govchaind.raft import replication
from govchaind.replica.events import Written
from govchaind.runtime import link, stored_value
from govchaind.runtime.drive import Drive
from govchaind.runtime.link import Link
from govchaind.runtime.mesh import Mesh
from netsim.gear2 import disk
from netsim.mutants.plant import Plant
from netsim.mutants.whole.bug import bug

_node: Any = node
_link: Any = link


@bug("I-9", only=("crash",))
def told_before_written(plant: Plant) -> None:
    """A write counts as done when it begins."""

    async def write(self: Any, batch: WriteBatch, ticket: int) -> None:
        self._writing = False
        self._wrote = True
        self._inbox.put_own(Written(ticket))
        await self._storage.write(batch)

    plant(Drive, "_write", write)


@bug("L-e", only=("crash",), seed=4)
def told_before_written_unseen(plant: Plant) -> None:
    """The same, where nobody looks at what is said of the disk: nodes go round in circles."""
    told_before_written(plant)


@bug("I-28", only=("disk-error",), seed=1)
def written_again_after_a_failure(plant: Plant) -> None:
    """A write that failed is tried again, as if the disk had kept what it had."""

    async def write(self: Any, batch: WriteBatch, ticket: int) -> None:
        while True:
            try:
                await self._storage.write(batch)
                break
            except StorageFailed:
                await trio.sleep(0.5)
        self._writing = False
        self._wrote = True
        self._inbox.put_own(Written(ticket))

    plant(Drive, "_write", write)


@bug("L-a", only=("disk-full",), seed=44)
def room_is_never_told_again(plant: Plant) -> None:
    """Once the disk was full no transaction is taken any more, though there is room."""

    def tell_room(self: Any) -> None:
        if self._full or self._low:
            original(self)

    original: Any = Drive._tell_room
    plant(Drive, "_tell_room", tell_room)


@bug("N-1", only=("disk-full",), seed=5)
def a_full_disk_ends_the_node(plant: Plant) -> None:
    """No room is taken for a failed write."""

    async def write(self: Any, batch: WriteBatch, ticket: int) -> None:
        try:
            await self._storage.write(batch)
        except StorageFull as error:
            raise StorageFailed(error.message) from error
        self._writing = False
        self._wrote = True
        self._inbox.put_own(Written(ticket))

    plant(Drive, "_write", write)


@bug("I-10", only=("cut", "partition"))
def commits_by_itself(plant: Plant) -> None:
    """A leader counts what it has itself as committed."""
    plant(replication, "committed_index", max)


@bug("I-27", only=("rot",), seconds=40.0, seed=7)
def a_flipped_bit_is_served(plant: Plant) -> None:
    """Rows are read without a look at their checksums."""
    plant(disk, "sound", lambda key, row: row[: -stored_value.CHECKSUM_BYTES])


@bug("L-c", only=("restore", "crash"), seconds=40.0, seed=2)
def an_older_store_is_taken_for_the_newest(plant: Plant) -> None:
    """A store that was set back to an older copy is not compared with the guard file."""
    plant(_node, "behind_guard", lambda reader, guard: None)


@bug("I-23", only=("wipe", "crash"), seconds=40.0, seed=4)
def speaks_before_its_guard(plant: Plant) -> None:
    """A store's first words leave before the guard file names the store."""

    async def first(self: Any) -> None:
        self._guard_written = self._replica.guard()

    plant(Drive, "_guard_first", first)


@bug("I-23", only=("crash",), seconds=40.0)
def its_guard_is_written_once(plant: Plant) -> None:
    """The guard file is written at the start of a life, and not again."""

    async def nothing(self: Any, guard: Any) -> None:
        self._guard_written = guard

    plant(Drive, "_write_guard", nothing)


@bug("L-a", only=("disk-full",), seed=24)
def room_for_the_guard_is_not_told(plant: Plant) -> None:
    """Once there was no room for the guard file nobody looks for it again."""

    async def write(self: Any, guard: Any) -> None:
        if not self._guard_full:
            await original(self, guard)

    original: Any = Drive._write_guard
    plant(Drive, "_write_guard", write)


@bug("I-27", only=("rot",), seconds=60.0, seed=1)
def only_the_first_rows_are_read_again(plant: Plant) -> None:
    """Reading on through the store, which finds rot in time, never goes beyond its beginning."""

    def scrub(self: Any) -> None:
        self._scrubbed = b""
        original(self)

    original: Any = Drive._scrub
    plant(Drive, "_scrub", scrub)


@bug("N-4")
def a_snapshot_stays_open(plant: Plant) -> None:
    """Reading on through the store leaves its snapshot open."""

    def scrub(self: Any) -> None:
        next(iter(self._storage.snapshot().scan(self._scrubbed, b"\xff")), None)

    plant(Drive, "_scrub", scrub)


@bug("L-e")
def does_not_heed_that_it_shall_stop(plant: Plant) -> None:
    """Upkeep is shielded from being cancelled: the process never ends."""

    async def upkeep(self: Any) -> None:
        with trio.CancelScope(shield=True):
            await original(self)

    original: Any = Drive._upkeep
    plant(Drive, "_upkeep", upkeep)


# --- links ----------------------------------------------------------------------------------------


@bug("N-1", also=("malicious",), nodes=4)
def a_misshapen_frame_ends_the_node(plant: Plant) -> None:
    """What a peer sent that cannot be read goes up through the link."""

    async def contain(self: Any, part: Any) -> None:
        try:
            await part()
        except (PeerError, trio.BrokenResourceError, trio.ClosedResourceError, OSError) as error:
            self.end(error if isinstance(error, PeerError) else PeerError(str(error)))

    plant(Link, "_contain", contain)


@bug("I-30", also=("malicious",), nodes=4, seed=3)
def whoever_says_nothing_stays(plant: Plant) -> None:
    """A link may be idle, and a greeting late, for as long as it likes."""
    plant(_link, "LINK_IDLE_SECONDS_MAX", 1e6)
    plant(_link, "HANDSHAKE_SECONDS_MAX", 1e6)


@bug("N-4", also=("membership", "malicious"), nodes=4)
def a_refused_connection_stays_open(plant: Plant) -> None:
    """Who dials and is refused, or dials the wrong one, does not close the connection."""

    async def attempt(self: Any, peer: Any, address: str) -> bool:
        try:
            stream, key = await self._network.connect(address)
        except PeerError as error:
            self._refused(peer, error, "link.dial_failed")
            return False
        return bool(await self._greeted(stream, key, dialled_here=True))

    plant(Mesh, "_try", attempt)


@bug("L-a", seed=5)
def dials_once(plant: Plant) -> None:
    """A link that has ended is not dialled again."""

    async def dial(self: Any, peer: Any) -> None:
        with peer.scope:
            for address in peer.member.addresses:
                if peer.link is None:
                    await self._try(peer, address)

    plant(Mesh, "_dial", dial)


@bug("L-c", also=("membership",), seed=3)
def new_members_are_not_dialled(plant: Plant) -> None:
    """Whoever became a member after the start is no peer before the next one."""

    def changed(self: Any, members: Any) -> None:
        if not self._peers:
            original(self, members)

    original: Any = Mesh.members_changed
    plant(Mesh, "members_changed", changed)
