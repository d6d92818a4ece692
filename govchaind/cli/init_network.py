"""`govchaind init network`: keys, certificates, genesis and node directories of a whole network.

    DIRECTORY/network.json          public: chain id and addresses, for clients
    DIRECTORY/genesis.bin           public: how the chain begins
    DIRECTORY/keys/INSTITUTION.key  private: key of the institution's governing office
    DIRECTORY/nodes/NODE/           private: one directory for each node

Everything private of all institutions lies in one folder here, which suits a trial on one
machine. For real use each operator runs `init node`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from govchaind.base.crypto import SEED_BYTES
from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import NODES_MAX, TITLE_CHARS_MAX, VALIDATORS_MAX
from govchaind.cli.node_files import Ports, make_node
from govchaind.cli.options import FOLDER, json_option
from govchaind.cli.output import note, print_json, say
from govchaind.client.keyfile import OfficeKeyFile, new_key
from govchaind.client.network import NETWORK_FILE, Network, NetworkNode, write_network
from govchaind.identity import GENESIS_FILE, write_private
from govchaind.ledger.genesis import Genesis, Institution, Office, OfficeKey, make_genesis
from govchaind.ledger.membership import Member, Role
from govchaind.ledger.transaction import is_name
from govchaind.ledger.versions import KNOWN_VERSION

GOVERNING_OFFICE = "governing"
API_OFFSET, METRICS_OFFSET, DELIVERY_OFFSET = 100, 200, 300
DEFAULT_INSTITUTIONS = (
    "civil-affairs:Ministry of Civil Affairs 民政部",
    "statistics:National Bureau of Statistics 国家统计局",
    "railways:China State Railway Group 国家铁路集团",
    "savings-bank:Postal Savings Bank 邮政储蓄银行",
)
DEFAULT_VOLUNTARY = ("savings-bank",)


@click.command(short_help="Make a whole network: keys, genesis, nodes.")
@click.option("--directory", type=FOLDER, required=True, help="Folder to make; must not exist.")
@click.option(
    "--validators",
    type=click.IntRange(1, VALIDATORS_MAX),
    default=3,
    show_default=True,
    help="Nodes with a vote.",
)
@click.option(
    "--observers",
    type=click.IntRange(0, NODES_MAX - VALIDATORS_MAX),
    default=1,
    show_default=True,
    help="Nodes without one.",
)
@click.option(
    "--institution",
    "institutions",
    multiple=True,
    metavar="NAME:TITLE",
    help="An institution; repeat it. Nodes go round them in turn.  [default: four examples]",
)
@click.option(
    "--voluntary",
    multiple=True,
    metavar="NAME",
    help="An institution that takes part by agreement, not by law; repeat it.",
)
@click.option("--name", default="trial", show_default=True, help="Name of the chain.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where all nodes listen.")
@click.option(
    "--base-port",
    type=click.IntRange(1024, 65_000),
    default=7400,
    show_default=True,
    help="First port; HTTP is 100 above, metrics 200, sealed files 300.",
)
@json_option
def network(
    *,
    directory: Path,
    validators: int,
    observers: int,
    institutions: tuple[str, ...],
    voluntary: tuple[str, ...],
    name: str,
    host: str,
    base_port: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a whole network on one machine: keys, certificates, genesis and node directories.

    \b
    Example:
      govchaind init network --directory my-network --validators 3 --observers 1
      govchaind init network --directory pilot \\
          --institution tax:"Tax Office" --institution bank:"City Bank" --voluntary bank
    """
    if directory.exists() and any(directory.iterdir()):
        raise InvalidSetting(
            f"{directory} is not empty",
            code="already-there",
            remedy="Choose another --directory; keys are never overwritten.",
        )
    count = validators + observers
    if count > API_OFFSET or base_port + DELIVERY_OFFSET + count > 65_535:
        raise InvalidSetting(
            f"{count} nodes from port {base_port} do not fit: HTTP is {API_OFFSET} above",
            remedy=f"Make at most {API_OFFSET} nodes here, from a lower --base-port.",
        )
    if not is_name(name):
        raise InvalidSetting(f"the chain's name {name!r} is not 1 to 32 of a-z, 0-9 and '-'")
    parties = parse_institutions(institutions or DEFAULT_INSTITUTIONS)
    willing = _willing(voluntary or (() if institutions else DEFAULT_VOLUNTARY), parties)
    keys = _make_keys(parties)
    nodes = [
        _node(
            directory,
            place=place,
            count=count_of,
            parties=parties,
            host=host,
            base_port=base_port,
            validators=validators,
        )
        for place, count_of in enumerate(_turns(count, len(parties)))
    ]
    genesis = make_genesis(
        name=name,
        version=KNOWN_VERSION,
        time=time.time_ns() // 1_000_000,
        institutions=[
            founded(key, title, voluntary=party in willing)
            for key, (party, title) in zip(keys, parties, strict=True)
        ],
        nodes=[member for member, _ in nodes],
    )
    _write_keys(directory / "keys", keys)
    _spread(directory, genesis, nodes)
    result = Network(name, genesis.chain_id, Path(GENESIS_FILE), tuple(n for _, n in nodes))
    write_network(directory / NETWORK_FILE, result)
    if as_json:
        print_json(_summary(directory, genesis, result, keys))
    else:
        _tell(directory, genesis, result, keys)


def parse_institutions(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return (name, title) of each "name:title". Raises InvalidSetting."""
    found: list[tuple[str, str]] = []
    for text in texts:
        name, _, title = text.partition(":")
        found.append((name.strip(), (title.strip() or name.strip())[:TITLE_CHARS_MAX]))
    names = [name for name, _ in found]
    for name in names:
        if names.count(name) > 1:
            raise InvalidSetting(f"the institution {name!r} is named twice")
    return found


def _turns(nodes: int, institutions: int) -> list[int]:
    """Return, for each node, the how-manieth of its institution it is."""
    return [place // institutions + 1 for place in range(nodes)]


def _node(
    directory: Path,
    *,
    place: int,
    count: int,
    parties: Sequence[tuple[str, str]],
    host: str,
    base_port: int,
    validators: int,
) -> tuple[Member, NetworkNode]:
    institution = parties[place % len(parties)][0]
    role: Role = "validator" if place < validators else "observer"
    name = f"{institution[:28]}-{count}"
    peer, api, metrics, delivery = (
        f"{host}:{base_port + offset + place}"
        for offset in (0, API_OFFSET, METRICS_OFFSET, DELIVERY_OFFSET)
    )
    member = make_node(
        directory / "nodes" / name,
        name=name,
        institution=institution,
        role=role,
        ports=Ports(peer, api, metrics, delivery),
        advertised=peer,
    )
    url, scrape = f"http://{api}", f"http://{metrics}/metrics"
    return member, NetworkNode(name, institution, role, url, scrape)


def _make_keys(parties: Sequence[tuple[str, str]]) -> list[OfficeKeyFile]:
    return [
        new_key(
            institution=name,
            office=GOVERNING_OFFICE,
            title=f"Head of {title}"[:TITLE_CHARS_MAX],
            seed=os.urandom(SEED_BYTES),
        )
        for name, title in parties
    ]


def _write_keys(folder: Path, keys: Sequence[OfficeKeyFile]) -> None:
    folder.mkdir(mode=0o700)
    for key in keys:
        write_private(folder / f"{key.institution}.key", key.text(private=True))


def _willing(named: Sequence[str], parties: Sequence[tuple[str, str]]) -> frozenset[str]:
    """Return the names of those that are voluntary. Raises InvalidSetting for one not there."""
    known = {name for name, _ in parties}
    for name in named:
        if name not in known:
            raise InvalidSetting(f"there is no institution {name[:40]!r} to be voluntary")
    return frozenset(named)


def founded(key: OfficeKeyFile, title: str, *, voluntary: bool = False) -> Institution:
    """Return an institution whose governing office has this one key."""
    office = Office(
        name=key.office,
        title="Governing office",
        threshold=1,
        keys=(OfficeKey(key.public, key.title),),
    )
    kind: Literal["duty-bound", "voluntary"] = "voluntary" if voluntary else "duty-bound"
    return Institution(key.institution, title, kind, (office,))


def _spread(directory: Path, genesis: Genesis, nodes: Sequence[tuple[Member, NetworkNode]]) -> None:
    (directory / GENESIS_FILE).write_bytes(genesis.bytes)
    for member, _ in nodes:
        (directory / "nodes" / member.name / GENESIS_FILE).write_bytes(genesis.bytes)


def _summary(
    directory: Path, genesis: Genesis, network: Network, keys: Sequence[OfficeKeyFile]
) -> dict[str, object]:
    return {
        "name": genesis.name,
        "chain_id": genesis.chain_id.hex(),
        "genesis": str(directory / GENESIS_FILE),
        "network": str(directory / NETWORK_FILE),
        "nodes": [
            {"name": node.name, "role": node.role, "api": node.api, "metrics": node.metrics,
             "directory": str(directory / "nodes" / node.name)}
            for node in network.nodes
        ],
        "keys": {key.institution: str(directory / "keys" / f"{key.institution}.key")
                 for key in keys},
    }  # fmt: skip


def _tell(
    directory: Path, genesis: Genesis, network: Network, keys: Sequence[OfficeKeyFile]
) -> None:
    width = max(len(node.name) for node in network.nodes)
    say(f"Made the chain {genesis.name!r} ({genesis.chain_id.hex()[:16]}…) in {directory}:")
    for node in network.nodes:
        click.echo(f"  {node.role:9}  {node.name:{width}}  {node.api}")
    say(f"  {len(keys)} key files of governing offices in {directory / 'keys'}")
    note("")
    note("Next, each in a terminal of its own:")
    for node in network.nodes:
        note(f"  govchaind run {directory / 'nodes' / node.name}")
    note(f"and then: govchaind status --network {directory / NETWORK_FILE}")
