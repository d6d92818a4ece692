"""A flood: more transactions of one author, at one node and at once, than several blocks hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import Transaction
from netsim.chain import REGISTER

if TYPE_CHECKING:
    from netsim.world import World


def flood(world: World, author: str, transactions: int, operations: int) -> list[Transaction]:
    """Return so many transactions of one institution, each of so many puts."""
    lifetime = 600_000 + world.options.lifetime_extra
    until = world.wall_ms() + lifetime
    puts = [
        (int(Kind.PUT), [REGISTER, b"flood%d" % place, [place], None])
        for place in range(operations)
    ]
    return [world.chain.transaction(author, puts, until) for _ in range(transactions)]
