"""The second phase: heal a core that holds every quorum, demand that it gets on, and compare all.

L-a: a probe that any node of the core takes is certified in time. L-c: all nodes of the core come
to one height. Then the disks are compared with each other, and with all that clients were told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from govchaind.base.errors import Busy, Gone, GovchaindError, PeerError
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import Hash, NodeId
from govchaind.client.client import Client
from govchaind.ledger.certificate import read_certificate
from govchaind.ledger.outcomes import Code
from govchaind.ledger.results import read_result
from govchaind.replica.events import Decided
from govchaind.replica.marker import first_height
from govchaind.replica.store import applied_height
from netsim.gear2.chain import put
from netsim.gear2.chronicle import chronicle, state_of
from netsim.gear2.customers import client_of
from netsim.gear2.machine import Machine
from netsim.gear2.proofs import Told
from netsim.gear2.standing import enough
from netsim.options import source
from netsim.properties.base import Violation

if TYPE_CHECKING:
    from netsim.gear2.world import World

LOOK_SECONDS = 0.25
PROBE = b"probe"
JOIN_SECONDS = 120.0  # whoever waits for a snapshot takes no blocks meanwhile, and may give it up


class Ending:
    """The liveness phase of one run."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = source(world.options.seed, "gear2/ending")
        self.core: list[Machine] = []
        options = world.options
        self._bound = 60.0 + 30 * options.election_max + 400 * options.delay_mean
        self._bound += 400 * options.write_mean
        if options.by_snapshot:
            self._bound += JOIN_SECONDS

    async def run(self) -> None:
        """Heal, demand, at times kill all at once and demand again; then compare."""
        self._heal()
        if not self.core:
            self._compare()
            return
        await self._demand(0)
        if self._random.random() < 0.3:
            self._world.marks.reach("all-restarted")
            for machine in self.core:
                machine.crash(self._random.random())
            await self._demand(1)
        self._compare()

    # --- healing ---------------------------------------------------------------------------------

    def _choose(self) -> list[Machine]:
        """Return a core that holds every quorum, often all; none if all do not."""
        world = self._world
        names = list(world.machines)
        if not self._enough(names):
            return []
        if self._random.random() < 0.5:
            return list(world.machines.values())
        core = list(names)
        self._random.shuffle(names)
        for name in names:
            smaller = [each for each in core if each != name]
            if self._random.random() < 0.7 and self._enough(smaller):
                core = smaller
        return [world.machines[name] for name in core]

    def _enough(self, names: list[NodeId]) -> bool:
        """Say whether these hold every quorum, of all that is or may come into force."""
        standing, ordered = self._world.standing, self._world.operators.ordered_voters()
        stores = {name: store for name, store in standing.stores().items() if name in names}
        return all(enough(voters, stores) for voters in (*standing.configurations(names), *ordered))

    def _heal(self) -> None:
        """End all faults for the core; cut all others off, for good."""
        world = self._world
        world.operators.calm = True
        self.core = self._choose()
        names = {machine.name for machine in self.core}
        world.trace.line(trio.current_time(), "-", f"* heal {' '.join(sorted(names))}")
        world.reach.calm()
        world.board.calm()
        for machine in world.machines.values():
            for disk in machine.disks:
                disk.write_begins = lambda: None
            machine.clock.set_ahead(self._random.uniform(-2, 2))
            if machine.name in names:
                machine.mend_disks()
                for disk in machine.disks:
                    disk.repair()
                machine.start_now()
                continue
            world.reach.gone.add(machine.name)
            for other in world.machines:
                world.board.path(machine.name, other).cut()
                world.board.path(other, machine.name).cut()
            if self._random.random() < 0.5:
                machine.crash(0.0, silently=True)
                machine.kept_down = True
        for path in world.board.paths():
            if path.source in names and path.target in names:
                path.mend_all()

    # --- demands ---------------------------------------------------------------------------------

    async def _demand(self, number: int) -> None:
        world = self._world
        height = await self._probe(number)
        with trio.move_on_after(self._bound):
            while not self._equal(height):  # noqa: ASYNC110  # a look from outside the nodes
                await trio.sleep(LOOK_SECONDS)
            return
        world.judge.fail("L-c", "-", f"not equal within {self._bound:.0f} s: {self._picture()}")

    async def _probe(self, number: int) -> int:
        """L-a: a write that the core takes is certified in time; return its height."""
        world = self._world
        names = [machine.name for machine in self.members()]
        self._random.shuffle(names)
        client = client_of(world, names, f"probe/{number}", self._bound)
        author = world.chain.authors[0]
        raw = world.sign(client, author, put(PROBE, number, None))
        try:
            return await self._prove(client, raw, names)
        except (PeerError, Busy) as error:
            world.judge.fail("L-a", "-", f"no answer within {self._bound:.0f} s: {error}")
        except GovchaindError as error:
            world.judge.fail("I-19", names[0], f"the probe is answered with {error.code}: {error}")
        return 0

    async def _prove(self, client: Client, raw: bytes, names: list[NodeId]) -> int:
        """Submit, and fetch all that proves it. Raises what the client raises."""
        world = self._world
        (fate,) = await client.submit([raw], wait="certified")
        if fate.status != "certified" or fate.height is None:
            text = f"{fate.status} after {self._bound:.0f} s: {self._picture()}"
            world.judge.fail("L-a", "-", text)
            return 0
        for name in names:
            try:
                await self._prove_by(name, raw, Told(fate.id, fate.code or 0, fate.height))
                break
            except Gone:  # who has joined by snapshot lacks what proves earlier changes
                if first_height(world.machines[name].disk.outside()) == 1:
                    raise
        world.trace.line(trio.current_time(), "-", f"* probe certified at {fate.height}")
        return fate.height

    async def _prove_by(self, name: NodeId, raw: bytes, told: Told) -> None:
        """Fetch all that proves a probe, of one node. Raises what the client raises."""
        world, height = self._world, told.height
        one = client_of(world, [name], f"proof/{height}", self._bound)
        await one.submit([raw], wait="certified")  # there, too, it is known then
        trust = await world.proofs.fetch(one, world.proofs.from_genesis, told)
        certificate = await one.get_bytes(f"/v1/blocks/{height}/certificate")
        world.proofs.certificate(certificate, trust, height, name)
        if trust.head_height < height:
            text = f"trust ends at {trust.head_height}, certified is {height}"
            world.judge.fail("L-a", name, text)

    def members(self) -> list[Machine]:
        """Return those of the core that are wanted as members or observers."""
        wanted = self._world.standing.wanted()
        return [machine for machine in self.core if machine.name in wanted]

    def _equal(self, height: int) -> bool:
        """Say whether orders are carried out, and all members of the core have applied and
        certified one height, `height` or later."""
        standing = self._world.standing
        if not self._world.operators.idle:
            return False
        found = set()
        for machine in self.members():
            disk = machine.disk
            if not machine.running or disk.applied < height:
                return False
            found.add((disk.applied, standing.certified(machine.name)))
        if len(found) != 1 or found != {(applied, applied) for applied, _ in found}:
            return False
        return self._as_ordered()

    def _as_ordered(self) -> bool:
        """Say whether what is wanted is in force, as far as the core can bring it there."""
        standing = self._world.standing
        wanted, force = standing.wanted(), standing.in_force()
        for machine in self.members():
            member = wanted[machine.name]
            if member.role == "observer":
                continue
            if standing.store(machine.name) != member.store:
                return False  # it is readmitted
            if member.role == "validator" and force.get(machine.name) != member:
                return False
        return all(
            name in wanted and wanted[name].role == "validator"
            for name, member in force.items()
            if member.role == "validator"
        )

    def _picture(self) -> str:
        parts = []
        for machine in self._world.machines.values():
            away = "" if machine in self.core else " (cut off)"
            disk = machine.disk
            parts.append(
                f"{machine.name}{away} {'up' if machine.running else 'down'} "
                f"log {disk.log_end} applied {disk.applied} term {max(disk.votes, default=0)} "
                f"certified {self._world.standing.certified(machine.name)}"
            )
        standing, order = self._world.standing, self._world.operators.current
        wanted = " ".join(f"{name}:{each.role}" for name, each in standing.wanted().items())
        force = " ".join(f"{name}:{each.role}" for name, each in standing.in_force().items())
        ordered = "" if order is None else f"; ordered {order.motion.name} {order.name}"
        return "; ".join(parts) + f"; wanted {wanted}; in force {force}{ordered}"

    # --- comparing -------------------------------------------------------------------------------

    def _compare(self) -> None:
        """I-16, I-22, I-18, I-20: disks among each other, and with what was told."""
        world = self._world
        readers: dict[NodeId, KeyValueReader] = {
            name: machine.disk.outside() for name, machine in world.machines.items()
        }
        heights: dict[NodeId, int] = {
            name: applied_height(reader)
            for name, reader in readers.items()
            if world.machines[name].disk.writes
        }
        best = max(heights, key=lambda name: heights[name])
        for name, height in heights.items():
            if name != best:
                self._agree(best, readers[best], name, readers[name], height)
                if height == heights[best] and state_of(readers[name]) != state_of(readers[best]):
                    text = f"the state at height {height} is not that of {best}"
                    world.judge.fail("I-16", name, text)
        if any(heights.get(name, 0) > 0 for name in world.chain.observers):
            world.marks.reach("observer-followed")
        told = chronicle(world)
        for watcher in world.watchers:
            watcher.compare(told, heights[best])
        _judge_history(world, told, readers, heights, best)

    def _agree(
        self, best: NodeId, one: KeyValueReader, name: NodeId, other: KeyValueReader, height: int
    ) -> None:
        for at in range(max(first_height(one), first_height(other)), height + 1):
            key = height_key(Table.RESULT, at)
            if one.get(key) != other.get(key):
                self._world.judge.fail("I-16", name, f"height {at} differs from that of {best}")
                return
            key = height_key(Table.CERTIFICATE, at)
            pair = [read_certificate(row) for row in (one.get(key), other.get(key)) if row]
            if len({certificate.statement for certificate in pair}) > 1:
                self._world.judge.fail("I-22", name, f"height {at} has two certificates")
                return


def _judge_history(
    world: World,
    told: KeyValueReader,
    readers: dict[NodeId, KeyValueReader],
    heights: dict[NodeId, int],
    best: NodeId,
) -> None:
    """What clients were told, against the chain up to where the highest node has it."""
    history, seen = world.history, set[Hash]()
    for height in range(1, heights[best] + 1):
        rows = read_result(told, height).outcomes
        for row in rows:
            if row[2] != Code.DUPLICATE and row[0] in seen:
                world.judge.fail("I-17", best, f"{row[0].hex()[:12]} acts again at height {height}")
            seen.add(row[0])
            if row[0] not in world.signed:
                text = f"{row[0].hex()[:12]} is at height {height}, and nobody has signed it"
                world.judge.fail("N-5", best, text)
        outcomes: list[tuple[Hash, int, int | None]] = [(row[0], row[2], row[3]) for row in rows]
        history.block(Decided(height, outcomes, None))
    stores = [(name, readers[name], heights[name]) for name in heights]
    try:
        history.check_acknowledged(heights[best], stores)
        for operation in history.operations:
            if operation.kind == "read" and operation.height:
                history.check_read(operation)
        history.check_search()
    except Violation as violation:
        world.judge.fail(violation.property_id, violation.node, violation.text)
