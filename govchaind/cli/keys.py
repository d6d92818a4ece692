"""`govchaind keys`: make and show the keys with which offices sign."""

from __future__ import annotations

import os
from pathlib import Path

import click

from govchaind.base.crypto import SEED_BYTES
from govchaind.base.errors import InvalidSetting
from govchaind.cli.options import FILE, json_option
from govchaind.cli.output import note, print_json
from govchaind.client.keyfile import new_key, read_key_file
from govchaind.identity import write_private


@click.group()
def keys() -> None:
    """Make and show the keys of offices.

    A key belongs to an office, not to a person: when its holder changes, the office rotates it. A
    .key file is private; a .card shows the public part and may be sent to anyone.

    \b
    Example:
      govchaind keys new --institution civil-affairs --office registry --title "Registrar"
    """


@keys.command(short_help="Make a new key and its card.")
@click.option("--institution", required=True, help="Name of the institution.")
@click.option("--office", required=True, help="Name of the office.")
@click.option("--title", required=True, help="Title of whoever holds the key.")
@click.option(
    "-o",
    "--output",
    type=FILE,
    metavar="FILE.key",
    help="File to write.  [default: INSTITUTION.OFFICE.key]",
)
def new(*, institution: str, office: str, title: str, output: Path | None) -> None:  # fmt: skip
    """Make a new key: FILE.key, which is private, and FILE.card beside it, which is not.

    \b
    Example:
      govchaind keys new --institution civil-affairs --office registry --title "Registrar" \\
          -o registrar.key
    """
    key = new_key(institution=institution, office=office, title=title, seed=os.urandom(SEED_BYTES))
    path = output or Path(f"{institution}.{office}.key")
    if path.suffix != ".key":
        raise InvalidSetting(f"{path}: a private key's file ends in .key")
    card = path.with_suffix(".card")
    write_private(path, key.text(private=True))
    card.write_text(key.text(private=False), encoding="utf-8")
    click.echo(key.public.hex())
    note(f"Wrote {path} (private: keep it, back it up, send it to nobody) and {card} (public).")


@keys.command(short_help="Show a key's office and public key.")
@click.argument("file", type=FILE)
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show whose key FILE is, and its public key; never the private one.

    \b
    Example:
      govchaind keys show my-network/keys/civil-affairs.key
    """
    key = read_key_file(file)
    if as_json:
        print_json({"institution": key.institution, "office": key.office, "title": key.title,
                    "public": key.public.hex(), "private": key.seed is not None})  # fmt: skip
        return
    click.echo(f"office   {key.institution}/{key.office}")
    click.echo(f"holder   {key.title}")
    click.echo(f"public   {key.public.hex()}")
    click.echo(f"private  {'in this file' if key.seed else 'not in this file'}")


@keys.command(short_help="Print a key's card, which is public.")
@click.argument("file", type=FILE)
@click.option("-o", "--output", type=FILE, help="File to write instead of printing.")
def card(file: Path, output: Path | None) -> None:
    """Print the card of a key: what others need to check its signatures.

    \b
    Example:
      govchaind keys card registrar.key -o registrar.card
    """
    text = read_key_file(file).text(private=False)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
