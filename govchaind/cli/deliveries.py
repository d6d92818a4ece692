"""`govchaind deliveries`: what was delivered and how far it came; disputes, erasure, loss."""

from __future__ import annotations

from typing import Any

import click

from govchaind.api.delivery_words import ANSWERS, GROUNDS
from govchaind.api.delivery_words import STATUSES as STATUS_WORDS
from govchaind.cli.delivery_acts import dispute, lost, order_erasure
from govchaind.cli.delivery_options import DeliveryName
from govchaind.cli.language import said
from govchaind.cli.options import Target, bare_options, json_option, target_options
from govchaind.cli.output import line, print_facts, print_json, print_table, told, word
from govchaind.cli.pages import all_pages, asked

STATUSES = click.Choice(
    ["sent", "received", "disputed", "corrected", "lost", "erasing", "erasure-overdue", "erased",
     "never-delivered"]
)  # fmt: skip


@click.group(invoke_without_command=True)
@click.option("--requester", metavar="NAME", help="Only those under grants of this institution.")
@click.option("--status", type=STATUSES, help="Only those of this status.")
@bare_options
def deliveries(
    *, target: Target, requester: str | None, status: str | None, as_json: bool
) -> None:  # fmt: skip
    """Show deliveries; dispute one, order erasure, report a loss.

    \b
    Example:
      govchaind deliveries --status sent --network my-network/network.json
    """
    found = all_pages(
        target,
        lambda client, after: client.deliveries(requester=requester, status=status, after=after),
        "deliveries",
    )
    if as_json:
        print_json(found)
        return
    rows = [
        [
            named(one),
            word(one.get("status"), STATUS_WORDS),
            office(one.get("sender")),
            office(one.get("receiver")),
            line(one.get("size")),
            line(one.get("rows")),
            line(one.get("sent")),
        ]
        for one in found.get("deliveries", [])
    ]
    print_table("", ["delivery", "status", "from", "to", "bytes", "rows", "sent"], rows)


@deliveries.command(short_help="Show one delivery.")
@click.argument("delivery", type=DeliveryName(), metavar="REQUESTER/REFERENCE/NUMBER")
@target_options
@json_option
def show(*, target: Target, delivery: tuple[str, str, int], as_json: bool) -> None:
    """Show one delivery: hashes, receipt, dispute, correction, erasure and who has not answered.

    \b
    Example:
      govchaind deliveries show city-bank/loan-7/1 --network my-network/network.json
    """
    found = asked(target, lambda client: client.delivery(*delivery))
    if as_json:
        print_json(found)
        return
    click.echo(line(f"{named(found)}: {said(found.get('words'))}"))
    disputed, loss = found.get("dispute") or {}, found.get("loss") or {}
    facts = [
        ("from", office(found.get("sender"))),
        ("to", office(found.get("receiver"))),
        ("bytes", line(found.get("size"))),
        ("rows", line(found.get("rows"))),
        ("commitment", line(found.get("commitment"))),
        ("sealed file", line(found.get("sealed"))),
        ("request", line(found.get("request"))),
        ("sent", line(found.get("sent"))),
        ("received", line(found.get("received"))),
        ("corrects", line(found.get("corrects"))),
        ("corrected by", line(found.get("corrected_by"))),
        ("disputed", word(disputed.get("ground"), GROUNDS)),
        ("lost", word(loss.get("ground"), GROUNDS)),
    ]
    erasure = found.get("erasure")
    if erasure is not None:
        facts.append(("erase by", line(erasure.get("deadline"))))
    print_facts(facts, 14)
    for holder in (erasure or {}).get("holders") or []:
        answer = holder.get("answer")
        answered = word(answer, ANSWERS) if answer else word("has not answered")
        click.echo(f"  {office(holder.get('office'))}: {told(answered)}")


@deliveries.command(short_help="List holders that have not answered an order to erase.")
@click.option("--overdue", is_flag=True, help="Only where the deadline is past.")
@target_options
@json_option
def missing(*, target: Target, overdue: bool, as_json: bool) -> None:
    """List who has not confirmed an erasure, the earliest deadline first. Nobody files this.

    \b
    Example:
      govchaind deliveries missing --overdue --network my-network/network.json
    """
    found = all_pages(
        target, lambda client, after: client.erasures(overdue=overdue, after=after), "erasures"
    )
    if as_json:
        print_json(found)
        return
    rows = []
    for one in found.get("erasures", []):
        erasure = one.get("erasure") or {}
        late = word("overdue" if erasure.get("overdue") else "open")
        rows += [
            [line(erasure.get("deadline")), late, office(holder), named(one)]
            for holder in erasure.get("missing") or []
        ]
    print_table("", ["deadline", "state", "office", "delivery"], rows)


def named(one: dict[str, Any]) -> str:
    """Return a delivery's name as commands take it."""
    return line(f"{one.get('requester')}/{one.get('reference')}/{one.get('number')}")


def office(value: Any) -> str:
    """Return an office as people write it."""
    if not isinstance(value, dict):
        return "–"
    return line(f"{value.get('institution')}/{value.get('office')}")


for act in (dispute, order_erasure, lost):
    deliveries.add_command(act)
