"""`govchaind init genesis`: the beginning of a chain, of node cards and institution files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from govchaind.base.errors import GovchaindError, InvalidSetting
from govchaind.cli.node_files import read_card, read_toml
from govchaind.cli.options import FILE
from govchaind.cli.output import note
from govchaind.client.keyfile import read_key_file
from govchaind.ledger.genesis import Institution, Office, OfficeKey, make_genesis
from govchaind.ledger.versions import KNOWN_VERSION

INSTITUTION_FILE_BYTES_MAX = 64 * 1024


@click.command(short_help="Make a genesis from node cards and institutions.")
@click.option("--name", required=True, help="Name of the chain.")
@click.option(
    "--card", "cards", type=FILE, multiple=True, required=True, help="A node's card; repeat it."
)
@click.option(
    "--institution-file",
    "institutions",
    type=FILE,
    multiple=True,
    required=True,
    help="An institution's file (TOML); repeat it.",
)
@click.option(
    "-o", "--output", type=FILE, default="genesis.bin", show_default=True, help="File to write."
)
def genesis(
    name: str, cards: tuple[Path, ...], institutions: tuple[Path, ...], output: Path
) -> None:  # fmt: skip
    """Make the genesis of a chain from node cards and institution files.

    Every node must get the same file; its hash is the chain id, so compare that by telephone.

    \b
    An institution file names its offices; the first one governs the others:
      name = "civil-affairs"
      title = "Ministry of Civil Affairs"
      class = "duty-bound"                      # or "voluntary"
      [[offices]]
      name = "governing"
      title = "Governing office"
      threshold = 2                             # so many keys sign together
      cards = ["head.card", "deputy.card", "clerk.card"]   # of `govchaind keys new`

    \b
    Example:
      govchaind init genesis --name pilot --card north-1.card --card south-1.card \\
          --institution-file civil-affairs.toml --institution-file bank.toml
    """
    if output.exists():
        raise InvalidSetting(
            f"{output} is already there",
            code="already-there",
            remedy="Choose another --output; a genesis is never overwritten.",
        )
    try:
        made = make_genesis(
            name=name,
            version=KNOWN_VERSION,
            time=time.time_ns() // 1_000_000,
            institutions=[read_institution(path) for path in institutions],
            nodes=[read_card(path) for path in cards],
        )
    except InvalidSetting:
        raise
    except GovchaindError as error:
        raise InvalidSetting(f"no genesis can be made of these: {error.message}") from None
    output.write_bytes(made.bytes)
    click.echo(made.chain_id.hex())
    note(f"Wrote {output}: {len(made.institutions)} institutions, {len(made.nodes)} nodes.")
    note("Put this file into every node's directory as genesis.bin; compare the chain id above.")


def read_institution(path: Path) -> Institution:
    """Read an institution's file. Raises InvalidSetting."""
    table = read_toml(path, INSTITUTION_FILE_BYTES_MAX)
    try:
        offices = tuple(_office(path, item, table["name"]) for item in table.pop("offices"))
        found = Institution(table.pop("name"), table.pop("title"), table.pop("class"), offices)
    except KeyError as error:
        raise InvalidSetting(f"{path} lacks the entry {error.args[0]}") from None
    except (TypeError, AttributeError):
        raise InvalidSetting(f"{path}: offices is a list of tables [[offices]]") from None
    if table:
        raise InvalidSetting(f"{path}: unknown entry {sorted(table)[0]}")
    return found


def _office(path: Path, item: dict[str, Any], institution: str) -> Office:
    known = dict(item)
    keys = []
    name = known.pop("name")
    for card in known.pop("cards"):
        key = read_key_file(path.parent / card)
        if (key.institution, key.office) != (institution, name):
            raise InvalidSetting(
                f"{card} is a key of {key.institution}/{key.office}, not of {institution}/{name}"
            )
        keys.append(OfficeKey(key.public, key.title))
    office = Office(name, known.pop("title"), known.pop("threshold"), tuple(keys))
    if known:
        raise InvalidSetting(f"{path}: unknown entry {sorted(known)[0]} of office {name}")
    return office
