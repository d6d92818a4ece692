"""`govchaind accounts`: what institutions gave, took, refused and kept in time in a month."""

from __future__ import annotations

import re

import click

from govchaind.cli.options import Target, json_option, target_options
from govchaind.cli.output import line, print_json, print_table
from govchaind.cli.pages import all_pages

SHOWN = ("asked", "granted", "refused", "in_time", "late", "appealed", "overturned", "used")


@click.command()
@click.argument("month", metavar="YYYY-MM")
@click.option("--institution", metavar="NAME", help="Only rows in which it gave or took.")
@target_options
@json_option
def accounts(*, month: str, institution: str | None, target: Target, as_json: bool) -> None:
    """Show what was asked, given and answered in time in a month.

    Nobody files these: the ledger counts what is done, and each row can be proved.

    \b
    Example:
      govchaind accounts 2026-09 --institution civil-affairs --network my-network/network.json
    """
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month):
        raise click.UsageError(f"a month is written as 2026-09, not {month!r}")
    found = all_pages(
        target,
        lambda client, after: client.accounts(month, institution=institution, after=after),
        "accounts",
    )
    if as_json:
        print_json(found)
        return
    rows = [
        [
            f"{line(row.get('provider'))}/{line(row.get('data_set'))}",
            line(row.get("requester")),
            *(line(row.get(name)) for name in SHOWN),
        ]
        for row in found.get("accounts", [])
    ]
    columns = ["data set", "requester", "asked", "granted", "refused", "in time", "late",
               "appealed", "overturned", "used"]  # fmt: skip
    print_table("", columns, rows)
