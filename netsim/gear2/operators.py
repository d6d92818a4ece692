"""Those who run the network of gear 2: they change members by votes, and readmit strange stores.

An operator votes with every institution's key, through the real client, and sends the same ballots
again until their fate is final. One motion is under way at a time. What is wanted, and what is in
force, is read from the disks (`standing.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from govchaind.base.errors import Busy, GovchaindError, PeerError
from govchaind.base.types import Height, NodeId
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from netsim.gear2.customers import client_of
from netsim.operators import Order
from netsim.options import source

if TYPE_CHECKING:
    from netsim.gear2.standing import Voters
    from netsim.gear2.world import World

TICK_SECONDS = 1.0
PATIENCE_SECONDS = 8.0
LIFETIME_SECONDS = 60.0
GIVEN_UP_SECONDS = 2 * LIFETIME_SECONDS  # by any clock that is drawn the ballots are void then


class Operators:
    """The motions of one world, one after another."""

    def __init__(self, world: World) -> None:
        options = world.options
        self.current: Order | None = None
        self.calm = False  # nothing new is wanted; stores that are strange are still readmitted
        self._world = world
        self._pick = source(options.seed, "gear2/operators")
        self._round = 0
        self._acts = any(options.on(kind) for kind in ("membership", "wipe", "restore", "joins"))

    @property
    def idle(self) -> bool:
        """Whether nothing is ordered that may still come."""
        return self.current is None

    async def run(self) -> None:
        """Act until cancelled."""
        if not self._acts:
            await trio.sleep_forever()
        options, pick = self._world.options, self._pick
        share = min(1.0, TICK_SECONDS / options.fault_every) if options.on("membership") else 0.0
        while True:
            await trio.sleep(TICK_SECONDS * (0.5 + pick.random()))
            self._look()
            order = self._readmission()
            if order is None and not self.calm and pick.random() < share:
                order = self._change()
            if order is not None:
                self.current = order
                await self._carry_out(order)
                self.current = None

    def ordered_voters(self) -> list[Voters]:
        """Return the voters wanted now, and those once the present order is carried out."""
        wanted = self._world.standing.wanted().values()
        now = {member.name: member.store for member in wanted if member.role == "validator"}
        order = self.current
        if order is None:
            return [now]
        then = {name: store for name, store in now.items() if name != order.name}
        steps = [now, then] if then else [now]
        if order.role == "validator":
            steps.append({**then, order.name: order.store})
        return steps

    # --- what is wanted --------------------------------------------------------------------------

    def _readmission(self) -> Order | None:
        """Return the order that readmits a store which is not the one that is wanted."""
        standing = self._world.standing
        for name, member in sorted(standing.wanted().items()):
            store = standing.store(name)
            lives = self._world.machines[name].running
            if member.role != "observer" and lives and store is not None and store != member.store:
                arguments = [name, store]
                return Order(MotionKind.READMIT_NODE, name, member.role, store, arguments)
        return None

    def _change(self) -> Order | None:
        """Draw a change of the members, as in gear 1."""
        world, pick = self._world, self._pick
        wanted = world.standing.wanted()
        voters = sorted(name for name, member in wanted.items() if member.role == "validator")
        others = sorted(
            name
            for name in (*world.chain.voters, *world.chain.spares)
            if name not in voters and world.standing.store(name) is not None
        )
        choice = pick.random()
        if others and choice < 0.5:
            role = "validator" if pick.random() < 0.85 else "learner"
            return self._in_role(pick.choice(others), role)
        if len(voters) < 2:
            return None
        leading = [name for name in voters if world.machines[name].leads]
        name = pick.choice(leading if leading and pick.random() < 0.4 else voters)
        if choice < 0.85:
            return Order(MotionKind.REMOVE_NODE, name, None, b"", [name])
        return self._in_role(name, "learner")

    def _in_role(self, name: NodeId, role: str) -> Order | None:
        """Want this node, under its present store, in a role."""
        identity = self._world.chain.identity(name)
        store = self._world.standing.store(name)
        if store is None:
            return None
        arguments = [
            name, identity.institution, role, identity.attestation_public, identity.tls_public,
            store, list(self._world.chain.addresses(name)),
        ]  # fmt: skip
        return Order(MotionKind.SET_NODE, name, role, store, arguments)

    # --- carrying it out -------------------------------------------------------------------------

    async def _carry_out(self, order: Order) -> None:
        """Vote, and vote again with the same bytes, until it is decided and durable somewhere."""
        world = self._world
        self._round += 1
        world.trace.line(
            trio.current_time(), order.name, f"* ordered {order.motion.name} {order.role}"
        )
        led = world.machines[order.name].leads is not None
        height = await self._vote(order)
        if height is None:
            return
        while world.standing.furthest.disk.applied < height:  # noqa: ASYNC110  # a look from outside
            await trio.sleep(0.1)
        if order.motion is MotionKind.REMOVE_NODE and led:
            world.marks.reach("leader-removed")

    async def _vote(self, order: Order) -> Height | None:
        """Return the height at which the last ballot was decided; None if none was."""
        world = self._world
        until = trio.current_time() + GIVEN_UP_SECONDS
        vote: list[Any] = [self._round, int(order.motion), order.arguments]
        signing = client_of(world, world.members_known(), f"vote/{self._round}", PATIENCE_SECONDS)
        ballots = [
            world.sign(signing, author, (int(Kind.VOTE), vote), LIFETIME_SECONDS)
            for author in world.chain.authors
        ]
        tries = 0
        while trio.current_time() < until:
            tries += 1
            purpose = f"vote/{self._round}/{tries}"
            client = client_of(world, world.members_known(), purpose, PATIENCE_SECONDS)
            try:
                fates = await client.submit(ballots, wait="committed")
            except (PeerError, Busy):
                await trio.sleep(TICK_SECONDS)
                continue
            except GovchaindError as error:
                node = client.nodes.current.node
                world.judge.fail("I-19", node, f"ballots are answered with {error.code}: {error}")
                return None
            if all(fate.final for fate in fates):
                heights = [fate.height for fate in fates if fate.height is not None]
                return max(heights, default=None)
        return None

    # --- what came of it -------------------------------------------------------------------------

    def _look(self) -> None:
        """Reach the marks that changes of the membership lead to."""
        world, force = self._world, self._world.standing.in_force()
        voters = {name for name, member in force.items() if member.role == "validator"}
        genesis = {member.name: member for member in world.chain.genesis.nodes}
        if voters - set(world.chain.voters):
            world.marks.reach("voter-added")
        if set(world.chain.voters) - voters:
            world.marks.reach("voter-removed")
        for name in voters & genesis.keys():
            if force[name].store != genesis[name].store:
                world.marks.reach("store-readmitted")
