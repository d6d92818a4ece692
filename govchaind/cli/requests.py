"""`govchaind requests`: who asked whom for which data, and what is due by when."""

from __future__ import annotations

from typing import Any

import click

from govchaind.api.exchange_words import STATUSES as STATUS_WORDS
from govchaind.cli.catalogue import split_named
from govchaind.cli.options import Target, bare_options, json_option, target_options
from govchaind.cli.output import line, part, print_facts, print_json, print_table, word
from govchaind.cli.pages import all_pages, asked
from govchaind.cli.request_answers import extend, grant, refuse, revoke, rule
from govchaind.cli.request_making import appeal, ask, use, withdraw

STATUSES = click.Choice(
    ["open", "granted", "refused", "appealed", "upheld", "overturned", "withdrawn"]
)


@click.group(invoke_without_command=True)
@click.option("--requester", metavar="NAME", help="Only those that this institution made.")
@click.option("--provider", metavar="NAME", help="Only those made to this institution.")
@click.option("--status", type=STATUSES, help="Only those of this status.")
@click.option("--overdue", is_flag=True, help="Only those whose clock has run out unanswered.")
@bare_options
def requests(
    *,
    target: Target,
    requester: str | None,
    provider: str | None,
    status: str | None,
    overdue: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Show requests for data and their clocks; ask, answer, appeal.

    \b
    Example:
      govchaind requests --provider civil-affairs --overdue --network my-network/network.json
    """
    found = all_pages(
        target,
        lambda client, after: client.requests(
            requester=requester, provider=provider, status=status, overdue=overdue, after=after
        ),
        "requests",
    )
    if as_json:
        print_json(found)
        return
    rows = [
        [
            f"{line(one.get('requester'))}/{line(one.get('reference'))}",
            f"{line(one.get('provider'))}/{line(one.get('data_set'))}",
            word(one.get("status"), STATUS_WORDS),
            line(one.get("due")),
            word("overdue" if one.get("overdue") else ""),
        ]
        for one in found.get("requests", [])
    ]
    print_table("", ["request", "data set", "status", "due (UTC)", ""], rows)


@requests.command(short_help="Show one request and its grant.")
@click.argument("named", metavar="INSTITUTION/REFERENCE")
@target_options
@json_option
def show(*, target: Target, named: str, as_json: bool) -> None:
    """Show a request: how it stands, by which clock, and what was granted.

    \b
    Example:
      govchaind requests show bank/2026-17 --network my-network/network.json
    """
    institution, reference = split_named(named)
    found = asked(target, lambda client: client.request(institution, reference))
    if as_json:
        print_json(found)
        return
    words = found.get("words") or {}
    click.echo(line(words.get("english")))
    click.echo(line(words.get("chinese")))
    facts = [
        ("asked on", line(found.get("asked"))),
        ("due", line(found.get("due"))),
        ("calendar years", _years(found.get("by"))),
        ("mandate", line(found.get("mandate"))),
        ("details", line(found.get("details"))),
        ("ground", line(found.get("ground"))),
    ]
    grant_view = found.get("grant")
    if grant_view is not None:
        limit = grant_view.get("uses_max")
        conditions = ", ".join(map(line, grant_view.get("conditions") or []))
        uses, due = grant_view.get("uses"), grant_view.get("delivery_due")
        facts += [
            ("granted until", line(grant_view.get("until"))),
            ("conditions", conditions or word("none")),
            ("used", word(f"{uses} of any number") if limit is None else part(uses, limit)),
            ("to deliver until", line(due) if due else word("no clock")),
            ("calendar years", _years(grant_view.get("delivery_by"))),
            ("in force", word("yes" if grant_view.get("in_force") else "no")),
        ]
    print_facts(facts, 19)


def _years(uses: list[dict[str, Any]] | None) -> str:
    """Return by which years of the calendar, in which versions, a clock was counted."""
    said = ", ".join(line(f"{use.get('year')} v{use.get('version')}") for use in uses or [])
    return said or word("days of the calendar")


for command in (ask, grant, refuse, extend, appeal, rule, withdraw, use, revoke):
    requests.add_command(command)
