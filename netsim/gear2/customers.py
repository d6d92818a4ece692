"""Customers: the real `govchaind.client`, doing one thing after the other against nodes that fail.

Each writes, compares and sets, or reads linearizably; fetches receipts through the whole run; and
remembers all it was told. What it was not told may have happened or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from govchaind.base.errors import Busy, Gone, GovchaindError, NotFound, PeerError
from govchaind.client.client import Client
from govchaind.client.submission import Fate, Wait
from govchaind.ledger.outcomes import Code
from govchaind.ledger.transaction import read_transaction
from netsim.chain import REGISTER
from netsim.clock import EPOCH_MILLISECONDS
from netsim.gear2.chain import api_address, put
from netsim.gear2.proofs import Told
from netsim.gear2.transport import SimTransport
from netsim.history import History, Operation
from netsim.options import source
from netsim.properties.base import Violation

if TYPE_CHECKING:
    from netsim.gear2.world import World

LIFETIMES = (20.0, 60.0, 600.0)
UNPROVED = ("not-certified-yet", "not-found", "before-snapshot", "height-pruned")  # no receipt yet
AGAIN = 0.15  # of what a customer does: sending what it sent before


def client_of(world: World, nodes: list[str], purpose: str, patience: float) -> Client:
    """Return a client that asks these nodes."""
    return Client(
        [SimTransport(world.reach, name, api_address(name)) for name in nodes],
        chain_id=world.chain.genesis.chain_id,
        entropy=source(world.options.seed, f"gear2/salt/{purpose}").randbytes,
        wall_ms=lambda: EPOCH_MILLISECONDS + int(trio.current_time() * 1000),
        deadline_seconds=patience,
    )


class Customer:
    """One customer."""

    def __init__(self, number: int, world: World, history: History) -> None:
        options = world.options
        self._number = number
        self._world = world
        self._history = history
        self._pick = source(options.seed, f"gear2/customer/{number}")
        names = list(world.chain.announced)
        self._pick.shuffle(names)
        self._client = client_of(world, names, f"customer/{number}", options.patience)
        self._known: dict[bytes, int] = {}  # key → revision, as last seen
        self._trust = world.proofs.from_genesis
        self._sent: list[tuple[bytes, Operation]] = []

    async def run(self) -> None:
        """Think and act until cancelled."""
        options, pick = self._world.options, self._pick
        while True:
            await trio.sleep(pick.expovariate(1 / options.think_mean))
            if pick.random() < 0.3:
                self._client.nodes.pass_over()
            if self._sent and pick.random() < AGAIN:
                await self._send_again()
            elif pick.random() < options.reads:
                await self._read()
            else:
                await self._write()

    def _key(self) -> bytes:
        return b"k%d" % self._pick.randrange(self._world.options.keys)

    def _begin(self, kind: str, key: bytes, value: int, expected: int | None) -> Operation:
        history = self._history
        now = trio.current_time()
        return Operation(self._number, kind, key, value, expected, now, history.floor)

    # --- writing ---------------------------------------------------------------------------------

    async def _write(self) -> None:
        pick, options = self._pick, self._world.options
        author = pick.choice(self._world.chain.authors)
        raws: list[bytes] = []
        operations: list[Operation] = []
        for _ in range(pick.randint(1, options.batch_max)):
            key = self._key()
            expected = self._known.get(key, 0) if pick.random() < options.cas else None
            value = self._world.next_value()
            lifetime = pick.choice(LIFETIMES)
            what = put(key, value, expected)
            raw = self._world.sign(self._client, author, what, lifetime)
            operation = self._begin("put" if expected is None else "cas", key, value, expected)
            operation.id = read_transaction(raw).id
            self._history.begin(operation)
            raws.append(raw)
            operations.append(operation)
        self._sent += zip(raws, operations, strict=True)
        fates = await self._submit(raws, operations)
        fate = pick.choice(fates) if fates else None
        if fate is not None and fate.height is not None and pick.random() < options.receipts:
            await self._receipt(fate)

    async def _submit(self, raws: list[bytes], operations: list[Operation]) -> list[Fate]:
        """Send, and take what is told; nothing if nobody answers in time."""
        wait: Wait = "committed" if self._pick.random() < 0.5 else "certified"
        try:
            fates = await self._client.submit(raws, wait=wait)
        except (PeerError, Busy):
            self._world.marks.reach("outcome-unknown")
            return []
        except Gone:
            return []  # every node that was asked has joined by snapshot above it, or removed it
        except GovchaindError as error:
            self._nonsense("a submission", error)
            return []
        for operation, fate in zip(operations, fates, strict=True):
            self._told(operation, fate)
        return fates

    async def _send_again(self) -> None:
        """Send the same bytes once more: it must act once, and its fate is the first one's."""
        raw, operation = self._pick.choice(self._sent)
        await self._submit([raw], [operation])

    def _told(self, operation: Operation, fate: Fate) -> None:
        if fate.status not in ("committed", "certified") or fate.height is None:
            return
        code = -1 if fate.code is None else fate.code
        node = self._client.nodes.current.node
        self._world.standing.check_durable(fate.height, node)
        if fate.code is None and self._world.options.on("prune"):
            # the block is removed there: what is told is its place, and that is for good
            if operation.ended is not None and operation.height != fate.height:
                text = f"{fate.id.hex()[:12]} was told at {operation.height}, now at {fate.height}"
                self._world.judge.fail("I-17", node, text)
            return
        if operation.ended is not None:
            self._world.marks.reach("sent-again")
            if (operation.code, operation.height) != (code, fate.height):
                first = f"({operation.code}, {operation.height})"
                text = f"{fate.id.hex()[:12]} was told as {first}, now as ({code}, {fate.height})"
                self._world.judge.fail("I-17", node, text)
            return
        operation.code, operation.height, operation.node = code, fate.height, node
        self._history.acknowledged.append((fate.id, fate.height, code, node))
        if fate.status == "certified":
            self._history.certified.append((fate.height, node))
        if code == Code.REVISION_CONFLICT:
            self._known.pop(operation.key, None)
            self._world.marks.reach("cas-conflict")
        self._answered(operation)

    async def _receipt(self, fate: Fate) -> None:
        """Fetch a receipt of one node, and believe it from what was believed before."""
        world = self._world
        name = self._pick.choice(world.chain.announced)
        client = client_of(world, [name], f"receipt/{fate.id.hex()}", world.options.patience)
        told = Told(fate.id, -1 if fate.code is None else fate.code, fate.height or 0)
        try:
            self._trust = await world.proofs.fetch(client, self._trust, told)
        except (PeerError, Busy):
            return
        except GovchaindError as error:
            if error.code not in UNPROVED:
                world.judge.fail("I-21", name, f"no receipt: {error.code} {error}")
            return
        world.marks.reach("receipt-verified")
        if self._trust.changes:
            world.marks.reach("trust-over-a-change")

    # --- reading ---------------------------------------------------------------------------------

    async def _read(self) -> None:
        operation = self._begin("read", self._key(), 0, None)
        self._history.begin(operation)
        try:
            row: dict[str, Any] = await self._client.record(
                REGISTER, operation.key, linearizable=True
            )
        except NotFound:
            operation.ended = trio.current_time()  # revision 0; it names no height
            return
        except (PeerError, Busy):
            return
        except GovchaindError as error:
            self._nonsense("a read", error)
            return
        operation.node = self._client.nodes.current.node
        operation.height, operation.revision = row["height"], row["revision"]
        operation.value = row["value"]["number"]
        self._known[operation.key] = operation.revision
        self._world.marks.reach("read-answered")
        self._answered(operation)

    def _nonsense(self, what: str, error: GovchaindError) -> None:
        """A definite answer that no honest customer can have earned."""
        node = self._client.nodes.current.node
        self._world.judge.fail("I-19", node, f"{what} is answered with {error.code}: {error}")

    def _answered(self, operation: Operation) -> None:
        try:
            self._history.answered(operation, trio.current_time())
        except Violation as violation:
            self._world.judge.fail(violation.property_id, violation.node, violation.text)
