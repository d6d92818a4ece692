"""`govchaind deliver`: seal a file to the office that may have it, record that, bring it there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from govchaind.base.errors import InvalidSetting
from govchaind.cli.delivery_options import (
    Desk,
    GrantName,
    believed,
    desk_options,
    record,
    run_with_client,
)
from govchaind.cli.options import FILE, json_option
from govchaind.cli.output import note, print_json, progress

if TYPE_CHECKING:
    from govchaind.client.client import Client
    from govchaind.client.delivery_folder import DeliveryFolder
    from govchaind.client.outgoing import Wish


@click.command(short_help="Seal a file, record it, and bring it on its way.")
@click.argument("file", type=FILE)
@click.option(
    "--grant",
    type=GrantName(),
    required=True,
    metavar="REQUESTER/REFERENCE",
    help="The grant under which it is delivered.",
)
@click.option("--rows", type=click.IntRange(0), metavar="COUNT", help="How many rows FILE has.")
@click.option(
    "--corrects",
    type=click.IntRange(1),
    metavar="NUMBER",
    help="It stands in the place of this delivery.",
)
@click.option("--return-flow", "back", is_flag=True, help="It goes back to the provider.")
@click.option(
    "--to-file",
    type=FILE,
    metavar="PATH",
    help="Leave the sealed file at PATH, for any other channel, instead of bringing it to a node.",
)
@desk_options
@json_option
def deliver(
    *,
    file: Path,
    grant: tuple[str, str],
    rows: int | None,
    corrects: int | None,
    back: bool,
    to_file: Path | None,
    desk: Desk,
    as_json: bool,
) -> None:  # fmt: skip
    """Deliver FILE under a grant: only the office that the grant names can open it.

    The data never touch the ledger: it gets a salted commitment to FILE, its size and the hash of
    the sealed file. An interrupted run goes on when the same command is given again. What FILE is
    sealed to is proved against your trust file, or the network's genesis.

    \b
    Example:
      govchaind deliver households.csv --grant city-bank/loan-7 --rows 1200 \\
          --key keys/civil-affairs.key --network my-network/network.json
    """
    from govchaind.client.outgoing import Wish

    if corrects is not None and back:
        raise click.UsageError("a correction goes where the first one went; leave --return-flow")
    if to_file is not None and to_file.exists():
        raise InvalidSetting(
            f"{to_file} is already there",
            code="already-there",
            remedy="Name another place with --to-file; nothing is overwritten.",
        )
    wish = Wish(file, grant, rows, corrects, back)
    told = run_with_client(desk.target, lambda client: _deliver(client, desk, wish, to_file))
    if as_json:
        print_json(told)
        return
    click.echo(told["delivery"])
    note(f"Recorded {told['delivery']} for {told['receiver']}.")
    if to_file is not None:
        note(f"The sealed file is {to_file}; hand it over by any channel.")
    else:
        note(f"The sealed file is held at {told['node']}, or on its way to the post box.")


async def _deliver(client: Client, desk: Desk, wish: Wish, to_file: Path | None) -> dict[str, Any]:
    from govchaind.client.outgoing import Outgoing

    chain_id, author = desk.chain_id(), desk.author()
    trust = await believed(client, desk)
    outgoing = Outgoing(client, author, trust=trust, chain_id=chain_id, folder=desk.folder)
    folder = outgoing.unfinished(wish)
    if folder is None:
        with progress("sealing", wish.file.stat().st_size, "B") as ticks:
            folder = await outgoing.prepare(wish, ticks.advance)
    else:
        note("Going on with the delivery that was interrupted.")
    await record(client, folder)
    node = None
    if to_file is not None:
        beside = to_file.with_name(to_file.name + ".part")
        shutil.copyfile(folder.sealed, beside)
        beside.replace(to_file)
    else:
        node = await _bring(client, desk, folder)
    folder.forget_sealed()
    facts = folder.note(done=True)
    return {
        "delivery": "/".join(map(str, folder.delivery)),
        "receiver": facts["receiver"],
        "transaction": facts["transaction"],
        "commitment": facts["commitment"],
        "sealed": facts["sealed"],
        "size": facts["size"],
        "rows": facts["rows"],
        "node": node,
        "file": None if to_file is None else str(to_file),
    }


async def _bring(client: Client, desk: Desk, folder: DeliveryFolder) -> str:
    from govchaind.client.client import wall_milliseconds
    from govchaind.client.delivering import Carriage

    with progress("bringing", folder.sealed.stat().st_size, "B") as ticks:
        carriage = Carriage(
            client,
            desk.author().keys[0],
            chain_id=desk.chain_id(),
            delivery=folder.delivery,
            now=wall_milliseconds,
            patience_seconds=desk.target.timeout_seconds,
            advance=ticks.advance,
        )
        return await carriage.bring(folder.sealed)
