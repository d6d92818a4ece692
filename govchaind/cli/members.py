"""`govchaind members`: the nodes that the ledger wants, and votes on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from govchaind.base.errors import InvalidSetting
from govchaind.cli.node_files import read_card
from govchaind.cli.options import (
    FILE,
    Sending,
    Target,
    bare_options,
    hex_bytes,
    json_option,
    key_option,
    round_option,
    target_options,
)
from govchaind.cli.output import cell, print_json, print_table, short, word
from govchaind.identity import STORE_ID_BYTES

SET_NODE, REMOVE_NODE, READMIT_NODE = 2, 3, 4  # ledger/operations/motions.py; compared by a test
CHANGE_NODE_KEYS = 71
VOTE, DECLARE_READY = 24, 28


@click.group(invoke_without_command=True)
@bare_options
def members(*, target: Target, as_json: bool) -> None:
    """Show the nodes on the ledger, or vote on them.

    Nodes are admitted, changed and removed by a majority of the institutions: each runs the same
    `members set`, `members remove` or `members readmit` with the key of its governing office, and
    the ballot that makes the majority enacts it.

    \b
    Example:
      govchaind members --network my-network/network.json
      govchaind members readmit north-1 --store 5f0c… --key keys/civil-affairs.key
    """
    show(target, as_json=as_json)


def show(target: Target, *, as_json: bool) -> None:
    """Print the nodes that the ledger wants, and how each stands."""
    import trio

    async def ask() -> dict[str, Any]:
        async with target.client() as client:
            return await client.members()

    found = trio.run(ask)
    if as_json:
        print_json(found)
        return
    rows = [
        [
            cell(member.get("name")),
            cell(member.get("institution")),
            word(member.get("role")),
            word(member.get("in_force")),
            word(member.get("link")),
            short(member.get("attestation_key")),
            short(member.get("store")),
            ", ".join(member.get("addresses") or []),
        ]
        for member in found.get("members", [])
    ]
    columns = ["node", "institution", "wanted as", "in force as", "link", "attestation key",
               "store", "addresses"]  # fmt: skip
    print_table("", columns, rows)


@members.command("set", short_help="Vote to admit a node, or to change one.")
@click.argument("card", type=FILE)
@click.option(
    "--role",
    type=click.Choice(["validator", "learner", "observer"]),
    help="With a vote or without.  [default: the card's]",
)
@round_option
@key_option
@target_options
@json_option
def set_node(
    *,
    target: Target,
    card: Path,
    role: str | None,
    round_number: int,
    key_files: tuple[Path, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Vote to admit the node of CARD, or to change it to what the card says.

    \b
    Example:
      govchaind members set north-2.card --key keys/civil-affairs.key
    """
    wanted = read_card(card)
    arguments = [
        wanted.name, wanted.institution, role or wanted.role, wanted.attestation_key,
        wanted.tls_key, wanted.store, list(wanted.addresses),
    ]  # fmt: skip
    _vote(target, SET_NODE, arguments, round_number, key_files, as_json=as_json)


@members.command("change-keys", short_help="Vote to give a node new keys.")
@click.argument("card", type=FILE)
@round_option
@key_option
@target_options
@json_option
def change_keys(
    *, target: Target, card: Path, round_number: int, key_files: tuple[Path, ...], as_json: bool
) -> None:
    """Vote to give a node the keys of CARD, which `govchaind keys next` wrote.

    The node keeps its store and its place. It must hold both pairs of keys when the vote is
    carried: make them, then start it again, first. It signs with the new key from the block behind
    the one that brings it into force.

    \b
    Example:
      govchaind members change-keys north/next/node.card --key keys/civil-affairs.key
    """
    wanted = read_card(card)
    arguments = [wanted.name, wanted.attestation_key, wanted.tls_key]
    _vote(target, CHANGE_NODE_KEYS, arguments, round_number, key_files, as_json=as_json)


@members.command("remove", short_help="Vote to remove a node.")
@click.argument("name")
@round_option
@key_option
@target_options
@json_option
def remove_node(
    *, target: Target, name: str, round_number: int, key_files: tuple[Path, ...], as_json: bool
) -> None:
    """Vote to remove the node NAME.

    \b
    Example:
      govchaind members remove north-2 --key keys/civil-affairs.key
    """
    _vote(target, REMOVE_NODE, [name], round_number, key_files, as_json=as_json)


@members.command("readmit", short_help="Vote to take a node back with its new store.")
@click.argument("name")
@click.option(
    "--store",
    required=True,
    metavar="HEX",
    help="Id of the new store, as the node itself says it: `govchaind status --json`, `store`.",
)
@round_option
@key_option
@target_options
@json_option
def readmit(
    *,
    target: Target,
    name: str,
    store: str,
    round_number: int,
    key_files: tuple[Path, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Vote to take the node NAME back after its disk was lost or set back.

    A node that starts with an empty store is another memory under an old key: until a majority of
    the institutions has taken it back it neither votes nor signs. Ask that very node for the id of
    its new store: `govchaind status --json` and GET /v1/status have it as `store`.

    \b
    Example:
      govchaind members readmit north-1 \\
          --store 5f0c3a2b9d8e47f6a1b2c3d4e5f60718 --key keys/civil-affairs.key
    """
    arguments = [name, hex_bytes(store, "a store's id", STORE_ID_BYTES)]
    _vote(target, READMIT_NODE, arguments, round_number, key_files, as_json=as_json)


@members.command(short_help="Say that a node knows a version of the ledger.")
@click.argument("name")
@click.option(
    "--ledger-version",
    type=click.IntRange(1, 65535),
    required=True,
    metavar="N",
    help="The newest that its software knows: `ledger_version_known` of /v1/parameters there.",
)
@click.option(
    "--unchecked", is_flag=True, help="Do not ask the node first whether its software knows it."
)
@key_option
@target_options
@json_option
def ready(
    *,
    target: Target,
    name: str,
    ledger_version: int,
    unchecked: bool,
    key_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Declare that the software of the node NAME knows a version of the ledger.

    The node itself is asked first, at its address in the network's file: a node that is declared
    ready and is not stops when the version is activated.

    The governing office of the node's own institution signs. Once a certificate quorum of
    validators is ready, institutions can vote to activate it: `govchaind propose upgrade`. To take
    it back, declare the version in force.

    \b
    Example:
      govchaind members ready north-1 --ledger-version 2 --key keys/civil-affairs.key
    """
    from govchaind.cli.sending import send

    if not unchecked:
        _check_known(target, name, ledger_version)
    send(Sending(target, key_files, as_json), [(DECLARE_READY, [name, ledger_version])])


def _check_known(target: Target, name: str, version: int) -> None:
    """Ask a node which version its software knows. Raises InvalidSetting."""
    from dataclasses import replace

    from govchaind.cli.pages import asked

    nodes = () if target.network is None else target.network.nodes
    urls = tuple(node.api for node in nodes if node.name == name)
    if not urls:
        raise InvalidSetting(
            f"the network's file has no address of the node {name}",
            code="no-node-named",
            remedy="Give --network with a file that has it, or --unchecked if you know it is so.",
        )
    found = asked(replace(target, urls=urls), lambda client: client.parameters())
    known = found.get("ledger_version_known")
    if not isinstance(known, int) or known < version:
        raise InvalidSetting(
            f"the software of {name} knows versions of the ledger up to {known}, not {version}",
            code="version-unknown",
            remedy="Install a release there that knows it, then declare it ready.",
        )


def _vote(
    target: Target,
    motion: int,
    arguments: list[Any],
    round_number: int,
    key_files: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    from govchaind.cli.sending import send

    sending = Sending(target, key_files, as_json)
    send(sending, [(VOTE, [round_number, motion, arguments])])
