"""Making networks, nodes, genesis and keys: what is written, and what is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from govchaind.cli.main import INVALID, OK
from govchaind.cli.node_files import read_card
from govchaind.client.keyfile import read_key_file
from govchaind.client.network import read_network
from govchaind.config import load_config
from govchaind.identity import load_identity
from govchaind.ledger.genesis import read_genesis
from tests.cli.command import Command


def test_a_network_has_all_that_its_nodes_need(govchaind: Command, tmp_path: Path) -> None:
    ended = govchaind("init", "network", "--directory", "net", "--base-port", 7000)

    genesis = read_genesis((tmp_path / "net" / "genesis.bin").read_bytes())
    network = read_network(tmp_path / "net" / "network.json")
    assert ended.code == OK
    assert [len(genesis.institutions), len(genesis.nodes)] == [4, 4]
    assert [node.role for node in network.nodes] == [*["validator"] * 3, "observer"]
    assert network.chain_id == genesis.chain_id
    for node, member in zip(
        sorted(network.nodes, key=lambda node: node.name), genesis.nodes, strict=True
    ):
        directory = tmp_path / "net" / "nodes" / node.name
        identity, config = load_identity(directory), load_config(directory / "govchaind.toml")
        assert (identity.name, identity.institution) == (member.name, member.institution)
        assert identity.attestation_public == member.attestation_key
        assert (identity.tls_public, identity.first_store) == (member.tls_key, member.store)
        assert (config.peer.listen,) == member.addresses
        assert node.api == f"http://{config.api.listen}"
        assert identity.genesis_path.read_bytes() == genesis.bytes
    for institution in genesis.institutions:
        key = read_key_file(tmp_path / "net" / "keys" / f"{institution.name}.key")
        assert key.office == institution.offices[0].name
        assert key.public == institution.offices[0].keys[0].public


def test_an_institution_takes_part_by_agreement_where_it_is_said(
    govchaind: Command, tmp_path: Path
) -> None:
    def kinds(folder: str) -> dict[str, str]:
        genesis = read_genesis((tmp_path / folder / "genesis.bin").read_bytes())
        return {institution.name: institution.kind for institution in genesis.institutions}

    parties = ("--institution", "tax", "--institution", "bank")
    assert govchaind("init", "network", "--directory", "a").code == OK
    assert govchaind("init", "network", "--directory", "b", *parties).code == OK
    asked = govchaind("init", "network", "--directory", "c", *parties, "--voluntary", "bank")
    assert asked.code == OK
    unknown = govchaind("init", "network", "--directory", "d", *parties, "--voluntary", "rail")
    willing = [name for name, kind in kinds("a").items() if kind == "voluntary"]
    assert willing == ["savings-bank"]
    assert set(kinds("b").values()) == {"duty-bound"}
    assert kinds("c") == {"bank": "voluntary", "tax": "duty-bound"}
    assert (unknown.code, "no institution 'rail'" in unknown.errors) == (INVALID, True)


def test_every_private_file_is_its_owners_only(govchaind: Command, tmp_path: Path) -> None:
    govchaind("init", "network", "--directory", "net")

    private = [*tmp_path.rglob("*.key")]
    assert len(private) == 4 + 2 * 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_a_network_of_any_shape(govchaind: Command, tmp_path: Path) -> None:
    ended = govchaind(
        "init", "network", "--directory", "net", "--validators", 5, "--observers", 2,
        "--institution", "tax:Tax Office 税务局", "--institution", "bank", "--json",
    )  # fmt: skip

    genesis = read_genesis((tmp_path / "net" / "genesis.bin").read_bytes())
    assert [(i.name, i.title) for i in genesis.institutions] == [
        ("tax", "Tax Office 税务局"),
        ("bank", "bank"),
    ]
    assert len(genesis.membership().voters()) == 5
    assert ended.json["chain_id"] == genesis.chain_id.hex()
    assert [Path(node["directory"]).is_dir() for node in ended.json["nodes"]] == [True] * 7
    assert sorted(ended.json["keys"]) == ["bank", "tax"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--institution", "Tax Office"], "is not a name"),
        (["--institution", "a", "--institution", "a:b"], "named twice"),
        (["--host", "no host"], "HOST:PORT"),
        (["--name", "My Chain"], "chain's name"),
        (["--observers", "200"], "do not fit"),
    ],
)
def test_what_cannot_be_a_network_is_refused(
    arguments: list[str], expected: str, govchaind: Command
) -> None:
    ended = govchaind("init", "network", "--directory", "net", *arguments)

    assert ended.code == INVALID
    assert expected.lower() in ended.errors.lower()
    assert ended.errors.count("\n") == 1
    assert not Path("net").exists()


def test_nothing_is_ever_overwritten(govchaind: Command, tmp_path: Path) -> None:
    govchaind("init", "network", "--directory", "net")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    again = govchaind("init", "network", "--directory", "net")

    assert (again.code, "error[already-there]" in again.errors) == (INVALID, True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


INSTITUTION = """
name = "civil-affairs"
title = "Ministry"
class = "voluntary"
[[offices]]
name = "governing"
title = "Governing office"
threshold = 2
cards = ["civil-affairs.governing.card", "deputy.card"]
"""


def make_parts(govchaind: Command) -> None:
    """Make a node, its card, two keys and an institution's file."""
    node = ("init", "node", "--directory", "north", "--name", "north-1")
    assert not govchaind(
        *node, "--institution", "civil-affairs", "--address", "north.example:7400",
        "--listen", "0.0.0.0:7400",
    ).code  # fmt: skip
    office = ("--institution", "civil-affairs", "--office", "governing")
    assert not govchaind("keys", "new", *office, "--title", "Head").code
    assert not govchaind("keys", "new", *office, "--title", "Deputy", "-o", "deputy.key").code
    Path("civil-affairs.toml").write_text(INSTITUTION)


def make_genesis(govchaind: Command) -> tuple[str, ...]:
    return (
        "init", "genesis", "--name", "pilot", "--card", "north/north-1.card",
        "--institution-file", "civil-affairs.toml",
    )  # fmt: skip


def test_a_genesis_of_parts_made_by_different_people(govchaind: Command, tmp_path: Path) -> None:
    make_parts(govchaind)

    ended = govchaind(*make_genesis(govchaind))

    genesis = read_genesis((tmp_path / "genesis.bin").read_bytes())
    office = genesis.institutions[0].offices[0]
    card = read_card(tmp_path / "north" / "north-1.card")
    assert (ended.code, ended.output.strip()) == (OK, genesis.chain_id.hex())
    assert (office.threshold, [key.title for key in office.keys]) == (2, ["Head", "Deputy"])
    assert genesis.nodes == (card,)
    assert card.addresses == ("north.example:7400",)
    assert load_config(tmp_path / "north" / "govchaind.toml").peer.listen == "0.0.0.0:7400"


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("civil-affairs.toml", "threshold = 2", "threshold = 3", "3 of 2 keys can never sign"),
        ("civil-affairs.toml", "title =", "titel =", "lacks the entry title"),
        ("civil-affairs.toml", 'class = "voluntary"', 'class = "free"', "no genesis can be made"),
        ("civil-affairs.toml", '"deputy.card"', '"none.card"', "none.card"),
        ("civil-affairs.toml", "name = ", "name : ", "not valid TOML"),
        ("civil-affairs.toml", 'class = "v', 'colour = 1\nclass = "v', "unknown entry colour"),
        ("deputy.card", '"governing"', '"clerk"', "key of civil-affairs/clerk"),
        ("north/north-1.card", 'role = "validator"', 'role = "king"', "is not a node's card"),
        ("north/north-1.card", "store = ", "shop = ", "lacks store"),
        ("north/north-1.card", 'store = "', 'store = "zz', "keys and store are hex"),
        ("north/north-1.card", 'role = "validator"', 'role = "observer"', "0 validators"),
        ("north/north-1.card", '"civil-affairs"', '"bank"', "institution that is not there"),
    ],
)
def test_a_wrong_part_is_named(
    file: str, old: str, new: str, expected: str, govchaind: Command
) -> None:
    make_parts(govchaind)
    path = Path(file)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))

    ended = govchaind(*make_genesis(govchaind))

    assert ended.code == INVALID
    assert expected in ended.errors
    assert not Path("genesis.bin").exists()


def test_a_wrong_node_leaves_nothing_behind(govchaind: Command, tmp_path: Path) -> None:
    node = ("init", "node", "--directory", "x", "--institution", "a")
    for name, address in (("North", "h:1"), ("north", "h1"), ("north", "h:99999")):
        ended = govchaind(*node, "--name", name, "--address", address)
        assert (name, address, ended.code) == (name, address, INVALID)

    assert not (tmp_path / "x").exists()


def test_a_key_shows_its_office_and_never_its_secret(govchaind: Command, tmp_path: Path) -> None:
    make_parts(govchaind)
    seed = next(
        line for line in (tmp_path / "deputy.key").read_text().splitlines() if "seed" in line
    ).split('"')[1]

    shown = govchaind("keys", "show", "deputy.key")
    as_json = govchaind("keys", "show", "deputy.card", "--json")
    card = govchaind("keys", "card", "deputy.key")

    assert "civil-affairs/governing" in shown.output
    assert as_json.json["private"] is False
    assert card.output == (tmp_path / "deputy.card").read_text()
    assert all(seed not in ended.output + ended.errors for ended in (shown, as_json, card))


def test_a_keys_file_must_be_named_so_that_it_is_known_as_private(govchaind: Command) -> None:
    office = ("--institution", "a", "--office", "b", "--title", "T")

    assert govchaind("keys", "new", *office, "-o", "head.txt").code == INVALID
    assert govchaind("keys", "new", *office, "-o", "head.key").code == OK
    assert "already-there" in govchaind("keys", "new", *office, "-o", "head.key").errors
