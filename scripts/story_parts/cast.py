"""Who plays: twelve institutions of one province, and where their nodes stand."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from govchaind.base.crypto import SEED_BYTES, SigningKey
from govchaind.cli.node_files import Ports, make_node
from govchaind.client.keyfile import Author, new_key
from govchaind.client.network import Network, NetworkNode, write_network
from govchaind.identity import GENESIS_FILE
from govchaind.ledger.genesis import (
    Genesis,
    Institution,
    InstitutionClass,
    Office,
    OfficeKey,
    make_genesis,
)
from govchaind.ledger.membership import Member, Role

OFFICE = "governing"
INSTITUTIONS: tuple[tuple[str, str, InstitutionClass], ...] = (
    ("big-data", "Provincial Big Data Bureau 省大数据局", "duty-bound"),
    ("civil-affairs", "Provincial Civil Affairs Department 省民政厅", "duty-bound"),
    ("tax", "Provincial Tax Service 省税务局", "duty-bound"),
    ("housing", "Provincial Housing Department 省住建厅", "duty-bound"),
    ("public-security", "Provincial Public Security Department 省公安厅", "duty-bound"),
    ("health", "Provincial Health Commission 省卫健委", "duty-bound"),
    ("human-resources", "Provincial Human Resources Department 省人社厅", "duty-bound"),
    ("statistics", "Provincial Statistics Bureau 省统计局", "duty-bound"),
    ("city-bank", "City Commercial Bank 城市商业银行", "voluntary"),
    ("insurer", "Provincial Insurance Company 省保险公司", "voluntary"),
    ("railways", "Regional Railway Operator 铁路局集团", "voluntary"),
    ("telecom", "Provincial Telecom 省电信公司", "voluntary"),
)
SUPERVISOR = ["big-data", OFFICE]
NODES: tuple[tuple[str, str, Role], ...] = (
    ("big-data-1", "big-data", "validator"),
    ("civil-affairs-1", "civil-affairs", "validator"),
    ("tax-1", "tax", "validator"),
    ("city-bank-1", "city-bank", "observer"),
)


@dataclass(frozen=True, slots=True)
class Cast:
    """The founded network: its files, and everybody's keys."""

    directory: Path
    genesis: Genesis
    network: Network
    authors: dict[str, Author]


def found(directory: Path, time: int, base_port: int) -> Cast:
    """Make keys, genesis and node directories; the chain begins at `time` (milliseconds)."""
    authors: dict[str, Author] = {}
    institutions = []
    for name, title, kind in INSTITUTIONS:
        key = new_key(
            institution=name, office=OFFICE, title=f"Head of {name}", seed=os.urandom(SEED_BYTES)
        )
        office = Office(OFFICE, "Governing office", 1, (OfficeKey(key.public, key.title),))
        institutions.append(Institution(name, title, kind, (office,)))
        authors[name] = Author(name, OFFICE, (key.signing_key(),))
    made = [_node(directory, place, base_port) for place in range(len(NODES))]
    members = [member for member, _ in made]
    genesis = make_genesis(name="province", time=time, institutions=institutions, nodes=members)
    (directory / GENESIS_FILE).write_bytes(genesis.bytes)
    for member in members:
        (directory / "nodes" / member.name / GENESIS_FILE).write_bytes(genesis.bytes)
    network = Network(
        "province", genesis.chain_id, Path(GENESIS_FILE), tuple(node for _, node in made)
    )
    write_network(directory / "network.json", network)
    return Cast(directory, genesis, network, authors)


def fresh_key() -> SigningKey:
    """Return a new key of somebody who takes over."""
    return SigningKey(os.urandom(SEED_BYTES))


def _node(directory: Path, place: int, base_port: int) -> tuple[Member, NetworkNode]:
    name, institution, role = NODES[place]
    peer, api, metrics, delivery = (
        f"127.0.0.1:{base_port + offset + place}" for offset in (0, 20, 40, 60)
    )
    member = make_node(
        directory / "nodes" / name,
        name=name,
        institution=institution,
        role=role,
        ports=Ports(peer, api, metrics, delivery),
        advertised=peer,
    )
    return member, NetworkNode(
        name, institution, role, f"http://{api}", f"http://{metrics}/metrics"
    )
