"""`govchaind receive`: fetch a sealed file or take one, check it, open it, sign the receipt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from govchaind.base.errors import NotPermitted
from govchaind.cli.delivery_options import (
    DeliveryName,
    Desk,
    desk_options,
    proved_delivery,
    record,
    run_with_client,
)
from govchaind.cli.options import FILE, json_option
from govchaind.cli.output import line, note, print_json, progress

if TYPE_CHECKING:
    from govchaind.client.client import Client
    from govchaind.client.delivery_folder import DeliveryFolder
    from govchaind.client.incoming import Expected
    from govchaind.client.keyfile import Author

Named = tuple[str, str, int]


@click.command(short_help="Fetch a delivery, check it, open it, sign for it.")
@click.argument("delivery", type=DeliveryName(), metavar="REQUESTER/REFERENCE/NUMBER")
@click.option("--delivery-key", type=FILE, metavar="FILE", help="The office's delivery key.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PATH",
    help="The plain file to make, or a folder to put it into.",
)
@click.option(
    "--from-file",
    type=FILE,
    metavar="PATH",
    help="Take the sealed file from PATH instead of fetching it from a node.",
)
@desk_options
@json_option
def receive(
    *,
    delivery: Named,
    delivery_key: Path | None,
    output: Path,
    from_file: Path | None,
    desk: Desk,
    as_json: bool,
) -> None:  # fmt: skip
    """Receive a delivery: nothing is signed before all of it is here, opened and checked.

    An interrupted run goes on when the same command is given again. A file that was received can be
    opened again, from the sealed copy in --folder, until it is erased.

    \b
    Example:
      govchaind receive city-bank/loan-7/1 --delivery-key branch.delivery-key -o households.csv \\
          --key keys/branch.key --network my-network/network.json
    """
    told = run_with_client(
        desk.target,
        lambda client: _receive(client, desk, delivery, delivery_key, output, from_file),
    )
    if as_json:
        print_json(told)
        return
    click.echo(told["file"])
    note(line(f"From {told['sender']}, {told['size']:,} bytes; it is what was committed to."))
    note("The receipt was signed before." if told["again"] else "The receipt is on the ledger.")


async def _receive(
    client: Client,
    desk: Desk,
    delivery: Named,
    key_file: Path | None,
    output: Path,
    from_file: Path | None,
) -> dict[str, Any]:
    from govchaind.client.delivery_folder import DeliveryFolder
    from govchaind.client.delivery_keyfile import read_delivery_key
    from govchaind.client.incoming import open_into, refuse_present, take

    author = desk.author()
    key = None if key_file is None else read_delivery_key(key_file).key
    refuse_present(output)
    wanted = await _expected(client, desk, delivery)
    if author.institution != wanted.place.receiver[0]:
        raise NotPermitted(f"this delivery is for {'/'.join(wanted.place.receiver)}")
    folder = DeliveryFolder(desk.folder, "in", delivery)
    folder.make()
    if not folder.sealed.exists():
        if from_file is not None:
            take(folder, from_file, wanted.sealed)
        else:
            await _fetch(client, desk, folder, author, wanted)
    with progress("opening", wanted.size, "B") as ticks:
        path, _ = open_into(folder, output, wanted, key, ticks.advance)
    folder.note(output=str(path.resolve()), sender="/".join(wanted.place.sender))
    if not wanted.received:
        await _sign(client, author, folder, wanted)
    return {
        "delivery": "/".join(map(str, delivery)),
        "sender": "/".join(wanted.place.sender),
        "file": str(path),
        "size": wanted.size,
        "rows": wanted.rows,
        "commitment": wanted.commitment.hex(),
        "transaction": folder.facts().get("transaction"),
        "again": wanted.received,
    }


async def _expected(client: Client, desk: Desk, delivery: Named) -> Expected:
    """Return what the ledger proves of a delivery."""
    from govchaind.client.incoming import expected

    return expected(desk.chain_id(), delivery, await proved_delivery(client, desk, delivery))


async def _fetch(
    client: Client, desk: Desk, folder: DeliveryFolder, author: Author, wanted: Expected
) -> None:
    from govchaind.client.client import wall_milliseconds
    from govchaind.client.delivering import Carriage
    from govchaind.ledger.sealed_file import length_max

    with progress("fetching", length_max(wanted.size), "B") as ticks:
        carriage = Carriage(
            client,
            author.keys[0],
            chain_id=desk.chain_id(),
            delivery=folder.delivery,
            now=wall_milliseconds,
            patience_seconds=desk.target.timeout_seconds,
            advance=ticks.advance,
        )
        await carriage.fetch(folder.part, wanted.sealed)
    folder.part.replace(folder.sealed)


async def _sign(client: Client, author: Author, folder: DeliveryFolder, wanted: Expected) -> None:
    from govchaind.ledger.operations.costs import Kind

    if not folder.transaction.exists():
        arguments = [*folder.delivery, wanted.commitment]
        folder.keep_transaction(client.sign(author, [(int(Kind.RECEIVE), arguments)]))
    await record(client, folder)
