"""`govchaind catalogue`: which data institutions hold, and on what conditions they share them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from govchaind.api.exchange_words import CLASSES as SHARING_WORDS
from govchaind.cli.catalogue_file import read_data_set
from govchaind.cli.options import (
    FILE,
    Sending,
    Target,
    bare_options,
    json_option,
    sending_options,
    target_options,
)
from govchaind.cli.output import line, note, print_facts, print_json, print_table, told, word
from govchaind.cli.pages import all_pages, asked
from govchaind.cli.sending import send
from govchaind.ledger.operations.costs import Kind

CLASSES = click.Choice(["unconditional", "conditional", "not-shared"])


@click.group(invoke_without_command=True)
@click.option("--institution", metavar="NAME", help="Only those of this institution.")
@click.option("--text", metavar="WORDS", help="Only those with these words in a name or title.")
@click.option("--sharing", type=CLASSES, help="Only those of this class.")
@click.option("--retired", is_flag=True, help="Also those that are retired.")
@bare_options
def catalogue(
    *,
    target: Target,
    institution: str | None,
    text: str | None,
    sharing: str | None,
    retired: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Show or search the catalogue of data sets; export it, or change your own entries.

    \b
    Example:
      govchaind catalogue --text marriage --network my-network/network.json
      govchaind catalogue export --format dcat -o catalogue.jsonld
    """
    found = whole_catalogue(
        target, institution=institution, text=text, sharing=sharing, retired=retired
    )
    if as_json:
        print_json(found)
        return
    rows = [
        [
            f"{line(entry.get('institution'))}/{line(entry.get('name'))}",
            line(entry.get("title")),
            word(entry.get("sharing"), SHARING_WORDS),
            word(entry.get("cycle")),
            str(len(entry.get("fields") or [])),
            line(entry.get("mandate")),
            word("retired" if entry.get("retired") else ""),
        ]
        for entry in found.get("data_sets", [])
    ]
    print_table("", ["data set", "title", "sharing", "cycle", "fields", "mandate", ""], rows)


def whole_catalogue(target: Target, **filters: Any) -> dict[str, Any]:
    """Return all data sets that fit, from all pages."""
    return all_pages(
        target, lambda client, after: client.catalogue(after=after, **filters), "data_sets"
    )


@catalogue.command(short_help="Show one data set.")
@click.argument("named", metavar="INSTITUTION/NAME")
@target_options
@json_option
def show(*, target: Target, named: str, as_json: bool) -> None:
    """Show a data set: its fields, and the only conditions that a grant may name.

    \b
    Example:
      govchaind catalogue show civil-affairs/marriages --network my-network/network.json
    """
    institution, name = split_named(named)
    found = asked(target, lambda client: client.data_set(institution, name))
    if as_json:
        print_json(found)
        return
    facts = [
        ("title", line(found.get("title"))),
        ("revision", line(found.get("revision"))),
        ("sharing", word(found.get("sharing"), SHARING_WORDS)),
        ("brought up to date", word(found.get("cycle"))),
        ("duty", line(found.get("duty"))),
        ("mandate", line(found.get("mandate"))),
        ("service", line(found.get("service"))),
        ("changed at height", line(found.get("changed_at"))),
    ]
    for field in found.get("fields", []):
        name, title = line(field.get("name")), line(field.get("title"))
        facts.append(("field", f"{name} ({title}): {told(word(field.get('type')))}"))
    for condition in found.get("conditions", []):
        name, text = line(condition.get("name")), line(condition.get("text"))
        facts.append(("condition", f"{name}: {text}"))
    print_facts(facts, 19)


@catalogue.command(short_help="Put a data set into the catalogue.")
@click.argument("file", type=FILE, metavar="FILE.toml")
@sending_options
def publish(*, file: Path, sending: Sending) -> None:
    """Put the data set that FILE describes into the catalogue; signed by the duty's office.

    \b
    A data set's file:
      name = "marriages"
      title = "Marriages 婚姻登记信息"
      duty = "marriages"
      mandate = "data-sharing"
      cycle = "daily"                # how often it is brought up to date
      sharing = "conditional"        # or unconditional, not-shared
      [[fields]]
      name = "status"
      title = "Marriage status"
      type = "text"                  # or number, date, boolean, image, file
      [[conditions]]                 # exactly where sharing is conditional
      name = "no-copies"
      text = "The answer is not kept"

    \b
    Example:
      govchaind catalogue publish marriages.toml --key keys/civil-affairs.key
    """
    send(sending, [(int(Kind.PUBLISH_DATA_SET), read_data_set(file))])


@catalogue.command(short_help="Revise a data set in the catalogue.")
@click.argument("file", type=FILE, metavar="FILE.toml")
@click.option(
    "--revision", type=click.IntRange(1), required=True, help="The one that this replaces."
)  # fmt: skip
@sending_options
def revise(*, file: Path, revision: int, sending: Sending) -> None:
    """Replace what the catalogue says of the data set that FILE describes.

    \b
    Example:
      govchaind catalogue revise marriages.toml --revision 1 --key keys/civil-affairs.key
    """
    send(sending, [(int(Kind.REVISE_DATA_SET), [*read_data_set(file), revision])])


@catalogue.command(short_help="Take a data set out of the catalogue.")
@click.argument("name")
@sending_options
def retire(*, name: str, sending: Sending) -> None:
    """Retire the data set NAME of your institution: it takes no more requests, for good.

    \b
    Example:
      govchaind catalogue retire marriages --key keys/civil-affairs.key
    """
    send(sending, [(int(Kind.RETIRE_DATA_SET), [name])])


@catalogue.command(short_help="Export the catalogue, as DCAT or CSV.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["dcat", "csv"]),
    default="dcat",
    show_default=True,
    help="dcat: DCAT 3 as JSON-LD, with ODRL policies.",
)
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="Where to write it.")
@target_options
def export(*, form: str, output: Path, target: Target) -> None:
    """Write the whole catalogue, in a form that catalogues of other systems read.

    \b
    Example:
      govchaind catalogue export --format dcat -o catalogue.jsonld
      govchaind catalogue export --format csv -o catalogue.csv
    """
    from govchaind.cli.catalogue_export import as_csv, as_dcat

    found = whole_catalogue(target)["data_sets"]
    chain = (target.chain_id or b"").hex() or None
    text = as_dcat(found, chain) if form == "dcat" else as_csv(found)
    output.write_text(text, encoding="utf-8")
    note(f"{len(found)} data sets in {output}")


def split_named(named: str) -> tuple[str, str]:
    """Return the two parts of INSTITUTION/NAME. Raises UsageError."""
    institution, found, name = named.partition("/")
    if not (institution and found and name):
        raise click.UsageError(f"name it as INSTITUTION/NAME, not {named!r}")
    return institution, name
