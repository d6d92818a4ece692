"""`govchaind init node`: one node's directory, and the card that others put in a genesis."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from govchaind.cli.node_files import Ports, card_text, make_node
from govchaind.cli.options import FOLDER
from govchaind.cli.output import note
from govchaind.ledger.membership import Role


@click.command(short_help="Make one node's keys and its card.")
@click.option("--directory", type=FOLDER, required=True, help="Folder to make for the node.")
@click.option("--name", required=True, help="Name of the node, unique on its chain.")
@click.option("--institution", required=True, help="Name of the institution that runs it.")
@click.option(
    "--role",
    type=click.Choice(["validator", "observer"]),
    default="validator",
    show_default=True,
    help="With a vote, or without.",
)
@click.option(
    "--address",
    required=True,
    metavar="HOST:PORT",
    help="Where other nodes reach this one.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Where it listens for them.  [default: --address]",
)
@click.option("--api", default="127.0.0.1:7500", show_default=True, help="HTTP address.")
@click.option("--metrics", default="127.0.0.1:7600", show_default=True, help="Metrics address.")
@click.option(
    "--delivery",
    metavar="HOST:PORT",
    help="Where it listens for sealed files of other nodes.  [default: not at all]",
)
def node(
    *,
    directory: Path,
    name: str,
    institution: str,
    role: str,
    address: str,
    listen: str | None,
    api: str,
    metrics: str,
    delivery: str | None,
) -> None:  # fmt: skip
    """Make one node's keys, certificate and settings, and its card NAME.card.

    The card holds nothing secret. Send it to whoever makes the genesis, or to the institutions
    that vote on admitting the node.

    \b
    Example:
      govchaind init node --directory north --name north-1 --institution civil-affairs \\
          --address north.example:7400 --listen 0.0.0.0:7400
    """
    member = make_node(
        directory,
        name=name,
        institution=institution,
        role=cast(Role, role),
        ports=Ports(listen or address, api, metrics, delivery),
        advertised=address,
    )
    card = directory / f"{name}.card"
    card.write_text(card_text(member), encoding="utf-8")
    click.echo(str(card))
    note(f"Made node {name} in {directory}. Its card, for others: {card}")
    note(f"Put the chain's genesis.bin into {directory}, then: govchaind run {directory}")
