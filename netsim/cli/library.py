"""`netsim library`: what comes with netsim."""

from __future__ import annotations

import click

from govchaind.cli.output import print_json, print_table
from netsim.library import scenarios, worlds
from netsim.scenario import read_text
from netsim.world_file import read_world


@click.command(
    epilog="""\b
Examples:
  netsim library                     what there is
  netsim library --show flood        one of them, to copy and change
"""
)
@click.option("--show", metavar="NAME", help="Print this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def library(show: str | None, as_json: bool) -> None:
    """List worlds and scenarios that come with it.

    Their names are taken wherever a file is: `netsim run NAME`, `netsim scenario NAME`.
    """
    files = {path.stem: path for path in (*worlds(), *scenarios())}
    if show is not None:
        if show not in files:
            raise click.BadParameter(f"there is no {show!r}; see `netsim library`")
        click.echo(read_text(files[show]), nl=False)
        return
    rows = [["world", path.stem, read_world(read_text(path), path.name).title] for path in worlds()]
    for path in scenarios():
        first = read_text(path).split("\n", maxsplit=1)[0].lstrip("# ")
        rows.append(["scenario", path.stem, first])
    if as_json:
        print_json([{"kind": kind, "name": name, "text": text} for kind, name, text in rows])
        return
    print_table("", ("kind", "name", "what"), rows)
