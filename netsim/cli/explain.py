"""`netsim explain`: one property, for whoever sees it fail."""

from __future__ import annotations

import textwrap

import click

from govchaind.cli.output import print_json
from netsim.catalog import explained, known_ids


@click.command(
    epilog="""\b
Examples:
  netsim explain I-9         one property
  netsim explain L-f --json  for a script
"""
)
@click.argument("property_id", metavar="PROPERTY")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def explain(property_id: str, as_json: bool) -> None:
    """Explain a property: what, why, where, finds.

    What it says, why it must hold, where in the code it is looked at, and which planted bugs and
    bugs of other projects it finds.
    """
    known = {name.lower(): name for name in known_ids()}
    if property_id.lower() not in known:
        raise click.BadParameter(
            f"there is no property {property_id!r}; there are {' '.join(known_ids())}"
        )
    found = explained(known[property_id.lower()])
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['id']}: {found['text']}\n")
    click.echo(textwrap.fill(f"Why: {found['why']}", 100) + "\n")
    click.echo(f"Looked at in {', '.join(found['where'])}.\n")
    if found["in_gear2"] not in (None, found["text"]):
        click.echo(f"In whole nodes (gear 2): {found['in_gear2']}.\n")
    click.echo("Planted bugs that it finds:")
    for bug in found["finds"]:
        seen = f" — seen in {bug['seen']}" if bug["seen"] else ""
        click.echo(f"  {bug['name']} (seed {bug['seed']}): {bug['text']}{seen}")
        click.echo(f"      {bug['command']}")
    for bug in found["finds_in_gear2"]:
        click.echo(f"  {bug['name']} (gear 2, seed {bug['seed']}): {bug['text']}")
        click.echo(f"      {bug['command']}")
