"""`govchaind erase`: destroy what was received, then sign that it is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from govchaind.base.errors import Conflict, NotPermitted
from govchaind.cli.delivery_options import (
    DeliveryName,
    Desk,
    desk_options,
    proved_delivery,
    run_with_client,
)
from govchaind.cli.options import json_option
from govchaind.cli.output import note, print_json
from govchaind.cli.sending import failure
from govchaind.ledger.operations import deliveries as ledger
from govchaind.ledger.operations.costs import Kind

if TYPE_CHECKING:
    from govchaind.client.client import Client
    from govchaind.client.delivery_folder import DeliveryFolder
    from govchaind.client.keyfile import Author

Named = tuple[str, str, int]


@click.command(short_help="Destroy what was received, and sign that it is done.")
@click.argument("delivery", type=DeliveryName(), metavar="REQUESTER/REFERENCE/NUMBER")
@click.option("--never-had", is_flag=True, help="Sign that this office never had it.")
@desk_options
@json_option
def erase(*, delivery: Named, never_had: bool, desk: Desk, as_json: bool) -> None:
    """Answer an order to erase a delivery: destroy its key and files here, then sign.

    The content key is overwritten and removed, and so are the sealed file and the plain one that
    `receive` made, if it is still there. Other copies of the plain file are yours to destroy first:
    your signature speaks for them too. A sealed copy elsewhere can be opened as long as your
    office's delivery key exists, so publish a new one and destroy the old in time.

    \b
    Example:
      govchaind erase city-bank/loan-7/1 --key keys/branch.key
    """
    told = run_with_client(desk.target, lambda client: _erase(client, desk, delivery, never_had))
    if as_json:
        print_json(told)
        return
    click.echo(told["transaction"])
    for path in told["destroyed"]:
        note(f"destroyed {path}")
    note(f"Signed: {told['answer']}.")


async def _erase(client: Client, desk: Desk, delivery: Named, never_had: bool) -> dict[str, Any]:
    from govchaind.client.delivery_folder import DeliveryFolder

    author = desk.author()
    _check_order(await proved_delivery(client, desk, delivery), author)
    kept = DeliveryFolder(desk.folder, "in", delivery)
    gone: list[Path] = []
    if never_had:
        if "output" in kept.facts() or kept.content_key.exists():
            raise Conflict(
                f"{kept.path} says that it was received here",
                code="had-it",
                remedy="Leave --never-had: destroy it and sign that.",
            )
    else:
        gone = _destroy(kept)
    answer = "never-had" if never_had else "destroyed"
    raw = client.sign(author, [(int(Kind.CONFIRM_ERASURE), [*delivery, answer])])
    [fate] = await client.submit([raw])
    if not fate.applied:
        raise failure(fate)
    kept.note(erased=answer)
    return {
        "delivery": "/".join(map(str, delivery)),
        "answer": answer,
        "destroyed": [str(path) for path in gone],
        "transaction": fate.id.hex(),
    }


def _check_order(value: list[Any], author: Author) -> None:
    """Raise unless an order that is proved asks this office, and waits for its answer."""
    erasure = value[ledger.ERASURE]
    if erasure is None:
        raise Conflict(
            "nobody has ordered that this delivery be erased; nothing was destroyed",
            code="no-erasure-ordered",
            remedy="Wait for the sender's order.",
        )
    office = [author.institution, author.office]
    for holder, answer, _ in erasure[ledger.ERASE_HOLDERS]:
        if holder == office:
            if answer is None:
                return
            raise Conflict("this office has answered already", code="already-answered")
    raise NotPermitted("the order does not name this office", code="not-a-holder")


def _destroy(kept: DeliveryFolder) -> list[Path]:
    """Destroy the key first: without it the sealed file is noise, wherever it lies."""
    from govchaind.client.delivery_folder import destroy

    output = kept.facts().get("output")
    plain = [Path(output)] if isinstance(output, str) else []
    return [path for path in (kept.content_key, *plain, kept.sealed, kept.part) if destroy(path)]
