"""`govchaind calendars`: the working days that the ledger counts by."""

from __future__ import annotations

import click

from govchaind.cli.language import said
from govchaind.cli.options import Target, bare_options, json_option, target_options
from govchaind.cli.output import cell, line, note, print_json, print_table
from govchaind.cli.pages import all_pages, asked


@click.group(invoke_without_command=True)
@bare_options
def calendars(*, target: Target, as_json: bool) -> None:
    """Show the calendars of working days on the ledger.

    They are adopted by vote, a year at a time: `govchaind propose calendar`.

    \b
    Example:
      govchaind calendars --network my-network/network.json
      govchaind calendars show china 2026
      govchaind calendars deadline china --from 2026-02-13 --days 10
    """
    found = all_pages(target, lambda client, after: client.calendars(after=after), "calendars")
    if as_json:
        print_json(found)
        return
    rows = [
        [
            cell(calendar.get("name")),
            cell(calendar.get("year")),
            cell(calendar.get("version")),
            cell(calendar.get("working_days")),
            cell(calendar.get("offset_minutes")),
        ]
        for calendar in found.get("calendars", [])
    ]
    print_table("", ["name", "year", "version", "working days", "minutes ahead of UTC"], rows)


@calendars.command(short_help="Show one year's holidays and worked days of rest.")
@click.argument("name")
@click.argument("year", type=int)
@click.option("--version", type=click.IntRange(1), help="An earlier version.  [default: newest]")
@target_options
@json_option
def show(*, target: Target, name: str, year: int, version: int | None, as_json: bool) -> None:
    """Show the YEAR of the calendar NAME as it differs from Monday to Friday.

    \b
    Example:
      govchaind calendars show china 2026 --network my-network/network.json
    """
    found = asked(target, lambda client: client.calendar(name, year, version=version))
    if as_json:
        print_json(found)
        return
    for day in found.get("holidays") or []:
        click.echo(f"{day}  not worked")
    for day in found.get("worked") or []:
        click.echo(f"{day}  worked")
    note(
        f"({name} {year}, version {found.get('version')} of {found.get('newest')}: "
        f"{found.get('working_days')} working days)"
    )


@calendars.command(short_help="Say by which day something is due.")
@click.argument("name")
@click.option(
    "--from",
    "start",
    required=True,
    metavar="DATE",
    help="The day on which the clock starts, which is day 0; of the calendar's zone unless it is a "
    "moment with an offset.",
)
@click.option("--days", type=click.IntRange(1), required=True, help="How many days.")
@click.option("--every-day", is_flag=True, help="Count every day and not working days only.")
@target_options
@json_option
def deadline(
    *, target: Target, name: str, start: str, days: int, every_day: bool, as_json: bool
) -> None:  # fmt: skip
    """Say which day is so many working days after DATE, by the calendar NAME.

    \b
    Example:
      govchaind calendars deadline china --from 2026-02-13 --days 10
      govchaind calendars deadline china --from 2026-02-13 --days 30 --every-day
    """
    working = not every_day
    found = asked(target, lambda client: client.deadline(name, start, days, working=working))
    if as_json:
        print_json(found)
        return
    click.echo(cell(found.get("last_day")))
    note(line(said(found.get("sentence"))))
    note(f"(to the end of that day, {found.get('deadline')})")
