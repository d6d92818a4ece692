"""`govchaind delivery-keys`: the keys to which files for an office are sealed."""

from __future__ import annotations

import os
from pathlib import Path

import click

from govchaind.base.errors import InvalidSetting
from govchaind.cli.options import (
    FILE,
    Sending,
    Target,
    bare_options,
    sending_options,
)
from govchaind.cli.output import line, moment, note, print_json, print_table
from govchaind.cli.pages import all_pages
from govchaind.cli.sending import send
from govchaind.identity import write_private
from govchaind.ledger.operations.costs import Kind

OVERLAP_DAYS = 30
MILLISECONDS_A_DAY = 24 * 3600 * 1000


@click.group("delivery-keys", invoke_without_command=True)
@bare_options
def delivery_keys(*, target: Target, as_json: bool) -> None:
    """Show the delivery keys on the ledger, and to which nodes sealed files are brought.

    \b
    Example:
      govchaind delivery-keys --network my-network/network.json
    """
    found = all_pages(target, lambda client, after: client.delivery_keys(after=after), "keys")
    if as_json:
        print_json(found)
        return
    rows = []
    for key in found.get("keys", []):
        until = key.get("previous_until_ms")
        rows.append(
            [
                f"{line(key.get('institution'))}/{line(key.get('office'))}",
                line(key.get("key")),
                line(key.get("node")),
                line(key.get("address")),
                moment(until) if isinstance(until, int) else "–",
            ]
        )
    columns = ["office", "key", "post box", "address", "key before it until"]
    print_table("", columns, rows)


@delivery_keys.command(short_help="Make a new delivery key.")
@click.option("--institution", required=True, help="Name of the institution.")
@click.option("--office", required=True, help="Name of the office.")
@click.option(
    "-o",
    "--output",
    type=FILE,
    metavar="FILE",
    help="File to write.  [default: INSTITUTION.OFFICE.delivery-key]",
)
def new(*, institution: str, office: str, output: Path | None) -> None:  # fmt: skip
    """Make a new delivery key. Whoever has the file can open what is sealed to it.

    \b
    Example:
      govchaind delivery-keys new --institution city-bank --office branch -o branch.delivery-key
    """
    from govchaind.client.delivery_keyfile import new_delivery_key
    from govchaind.client.sealing import DELIVERY_KEY_BYTES

    made = new_delivery_key(institution, office, os.urandom(DELIVERY_KEY_BYTES))
    path = output or Path(f"{institution}.{office}.delivery-key")
    write_private(path, made.text())
    click.echo(made.key.public.hex())
    note(f"Wrote {path} (private: keep it and back it up). Publish it: "
         "`govchaind delivery-keys publish`.")  # fmt: skip


@delivery_keys.command(short_help="Publish a delivery key on the ledger.")
@click.argument("file", type=FILE)
@click.option(
    "--post-box",
    metavar="NODE=HOST:PORT",
    help="The node that takes sealed files for the office, and where.  [default: none; they wait "
    "at the node to which they were brought]",
)
@click.option(
    "--overlap-days",
    type=click.IntRange(0, 92),
    default=OVERLAP_DAYS,
    show_default=True,
    help="How long the key before it may still open files.",
)
@sending_options
def publish(
    *, file: Path, post_box: str | None, overlap_days: int, sending: Sending
) -> None:  # fmt: skip
    """Publish the public part of FILE as the office's delivery key, in place of the one before.

    \b
    Example:
      govchaind delivery-keys publish branch.delivery-key \\
          --post-box city-bank-1=bank.example:7700 --key keys/branch.key
    """
    from govchaind.client.client import wall_milliseconds
    from govchaind.client.delivery_keyfile import read_delivery_key
    from govchaind.client.keyfile import author_of

    key, author = read_delivery_key(file), author_of(sending.key_files)
    if (key.institution, key.office) != (author.institution, author.office):
        raise InvalidSetting(
            f"{file} is of {key.institution}/{key.office}, the signing key of "
            f"{author.institution}/{author.office}",
            code="wrong-key",
            remedy="Each office publishes its own delivery key.",
        )
    box: list[str] | None = None
    if post_box is not None:
        node, equals, address = post_box.partition("=")
        if not equals:
            raise click.UsageError("--post-box is NODE=HOST:PORT")
        box = [node, address]
    until = wall_milliseconds() + overlap_days * MILLISECONDS_A_DAY if overlap_days else 0
    arguments = [key.key.public, until, box]
    send(sending, [(int(Kind.PUBLISH_DELIVERY_KEY), arguments)])
