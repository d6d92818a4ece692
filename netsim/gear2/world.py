"""One simulated network of whole nodes: machines, wires, customers, faults, and who judges them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from govchaind.base.errors import GovchaindError
from govchaind.base.types import Hash, NodeId, PublicKey
from govchaind.client.client import Client
from govchaind.client.keyfile import Author
from govchaind.ledger.transaction import read_transaction
from netsim.gear2.chain import Chain, Operation
from netsim.gear2.customers import Customer, client_of
from netsim.gear2.door import Doors
from netsim.gear2.drawing import Drawing
from netsim.gear2.ending import Ending
from netsim.gear2.faults import Faults
from netsim.gear2.joins import Joins
from netsim.gear2.judge import Judge
from netsim.gear2.liar import Liar
from netsim.gear2.machine import Machine
from netsim.gear2.marks import MARKS
from netsim.gear2.network import Conditions, SimNetwork, Switchboard
from netsim.gear2.operators import Operators
from netsim.gear2.options import Options
from netsim.gear2.proofs import Proofs
from netsim.gear2.rogue import Rogue
from netsim.gear2.standing import Standing
from netsim.gear2.transport import Reach
from netsim.gear2.vandal import Vandal
from netsim.gear2.watcher import Watcher
from netsim.gear2.wiretap import Wiretap
from netsim.history import History
from netsim.marks import Marks
from netsim.options import source
from netsim.picture.record import Record
from netsim.trace import Trace

FIRST_SECONDS_MAX = 120.0  # until the register is there, before anything goes wrong


class World:
    """Everything of one run; made and used inside its Trio run."""

    def __init__(
        self,
        options: Options,
        write: Callable[[str], None] | None = None,
        watched: frozenset[str] | None = None,
        record: Record | None = None,
    ) -> None:
        seed = options.seed
        self.options = options
        self.trace = Trace(write, record)
        self.drawing = None if record is None else Drawing(record)
        self.judge = Judge(self.trace, watched)
        self.marks = Marks(MARKS)
        self.chain = Chain(options)
        self.history = History(watched=watched is None or "I-20" in watched)
        self.proofs = Proofs(self.judge, self.chain.genesis, source(seed, "gear2/proofs"))
        self.wiretap = Wiretap(self)
        conditions = Conditions(
            seed,
            delay_min=options.delay_min,
            delay_mean=options.delay_mean,
            lost=options.lost,
            unanswered=options.unanswered,
            window_bytes=options.window_bytes,
        )
        self.board = Switchboard(conditions, self._leaves, self.drawing)
        self.doors = Doors()
        self.reach = Reach(
            self.doors,
            source(seed, "gear2/reach"),
            delay_mean=options.customer_delay,
            lost=options.customer_loss,
            nonsense=lambda name, text: self.judge.fail("I-19", name, text),
        )
        # A real folder for what is laid out for others; its name reaches no trace.
        folder = tempfile.TemporaryDirectory(prefix="netsim-") if options.by_snapshot else None
        self._folder = folder
        self.scratch = None if folder is None else Path(folder.name)
        self.joins = Joins(self)
        self.machines: dict[NodeId, Machine] = {
            name: Machine(name, self) for name in self.chain.names
        }
        self.standing = Standing(self)
        self.operators = Operators(self)
        self.liar = Liar(self)
        self.watchers = [Watcher(number, self) for number in range(options.watchers)]
        self.signed: set[Hash] = set()  # ids of all that offices have signed
        self._value = 0
        self._random = source(seed, "gear2/world")

    def _leaves(self, network: SimNetwork, peer: NodeId, data: bytes) -> bytes:
        """Look at what an honest node would send; return what leaves."""
        self.wiretap.leaves(network, peer, data)
        return self.liar.told(network.host, peer, data)

    def tls_keys(self) -> list[PublicKey]:
        """Return the keys of all nodes' links."""
        return [machine.identity.tls_public for machine in self.machines.values()]

    def sign(
        self, client: Client, author: Author, operation: Operation, lifetime_seconds: float = 600.0
    ) -> bytes:
        """Return what an office signs; nothing else may ever be on the chain (N-5)."""
        lifetime = int(lifetime_seconds * 1000)
        raw = client.sign(author, [operation], lifetime_milliseconds=lifetime)
        self.signed.add(read_transaction(raw).id)
        return raw

    def members_known(self) -> list[NodeId]:
        """Return the nodes that an operator asks: those wanted, but for who is gone for good."""
        wanted = self.standing.wanted()
        return [name for name in wanted if name not in self.reach.gone]

    def next_value(self) -> int:
        self._value += 1
        return self._value

    async def run(self) -> None:
        """Begin, have things go wrong, heal, demand, compare; ends early when a property fails."""
        with self._served(), self.judge.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._free_disks_at_the_end)
                for machine in self.machines.values():
                    nursery.start_soon(machine.run, self._random.random())
                await self._begin()
                nursery.start_soon(self.operators.run)
                with trio.move_on_after(self.options.seconds):
                    async with trio.open_nursery() as unrest:
                        unrest.start_soon(Faults(self).run)
                        unrest.start_soon(Rogue(self).run)
                        if self.options.on("joins"):
                            unrest.start_soon(self.joins.run)
                        if self.options.on("vandal"):
                            unrest.start_soon(Vandal(self).run)
                        for number in range(self.options.customers):
                            unrest.start_soon(Customer(number, self, self.history).run)
                        for watcher in self.watchers:
                            unrest.start_soon(watcher.run)
                self.liar.over = True
                await Ending(self).run()
                if self.trace.record is not None:
                    self.trace.record.over = True
                nursery.cancel_scope.cancel()

    @contextmanager
    def _served(self) -> Iterator[None]:
        """Remove what was laid out for others, when all is over."""
        try:
            yield
        finally:
            if self._folder is not None:
                self._folder.cleanup()

    async def _free_disks_at_the_end(self) -> None:
        """A write that hangs heeds no cancellation; nobody would wait for it in a run that ends."""
        try:
            await trio.sleep_forever()
        finally:
            for machine in self.machines.values():
                for disk in machine.disks:
                    disk.mend()
                    disk.die()

    async def _begin(self) -> None:
        """Make the register; nothing goes wrong yet."""
        client = client_of(self, self.chain.announced, "begin", FIRST_SECONDS_MAX)
        author, operation = self.chain.create_register()
        raw = self.sign(client, author, operation)
        try:
            (fate,) = await client.submit([raw], wait="certified")
        except GovchaindError as error:
            self.judge.fail("L-a", "-", f"the first write: {error}")
            return
        if not fate.applied:
            self.judge.fail("L-a", "-", f"the first write: {fate.status} {fate.text}")
