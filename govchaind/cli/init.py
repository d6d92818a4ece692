"""`govchaind init`: a whole network on one machine, or one node at a time for many machines."""

from __future__ import annotations

from collections.abc import Mapping

import click

from govchaind.cli.commands import Entry, LazyGroup

COMMANDS: Mapping[str, Entry] = {
    "network": Entry("init_network", "network", "Make a whole network: keys, genesis, nodes."),
    "node": Entry("init_node", "node", "Make one node's keys and its card."),
    "genesis": Entry("init_genesis", "genesis", "Make a genesis from node cards and institutions."),
}


@click.group(cls=LazyGroup, entries=COMMANDS)
def init() -> None:
    """Make a network, a node, or a genesis.

    On one machine, `init network` makes everything. On several, every operator makes a node with
    `init node` and sends its card; one person makes the genesis of all cards with `init genesis`,
    and everyone puts that same file into the node's folder.

    \b
    Example:
      govchaind init network --directory my-network
    """
