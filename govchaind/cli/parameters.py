"""`govchaind parameters`: what institutions may change by a vote, and which version is in force."""

from __future__ import annotations

import click

from govchaind.cli.language import said
from govchaind.cli.options import Target, json_option, target_options
from govchaind.cli.output import Word, cell, line, print_json, print_table, say, word
from govchaind.cli.pages import asked


@click.command()
@target_options
@json_option
def parameters(*, target: Target, as_json: bool) -> None:
    """Show the parameters, the version of the ledger, and who is ready for the next.

    Parameters are changed by vote: `govchaind propose parameter`. So is the version: `govchaind
    propose upgrade`.

    \b
    Example:
      govchaind parameters --network my-network/network.json
    """
    found = asked(target, lambda client: client.parameters())
    if as_json:
        print_json(found)
        return
    rows = [
        [
            line(parameter.get("name")),
            cell(parameter.get("value")),
            _between(parameter.get("least"), parameter.get("most")),
            word("by default" if parameter.get("set_at") is None else "set"),
            line(said(parameter.get("words"))),
        ]
        for parameter in found.get("parameters", [])
    ]
    print_table("", ["parameter", "value", "may be", "", "what it is"], rows)
    version = found.get("ledger_version")
    click.echo("")
    say(
        f"version {version} of the ledger; ready for the next: {found.get('ready')} validators of "
        f"{found.get('ready_needed')} needed"
    )
    nodes = [
        [line(node.get("name")), word(node.get("role")), cell(node.get("version"))]
        for node in found.get("nodes", [])
    ]
    print_table("", ["node", "wanted as", "ready for version"], nodes)


def _between(least: object, most: object) -> Word:
    return Word(line(f"{least} to {most}"), line(f"{least} – {most}"))
