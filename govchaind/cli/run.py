"""`govchaind run`: one node, in the foreground."""

from __future__ import annotations

from pathlib import Path

import click

from govchaind.cli.options import FOLDER


@click.command(short_help="Run a node until Ctrl-C or SIGTERM.")
@click.argument("directory", type=FOLDER)
def run(directory: Path) -> None:
    """Run the node of DIRECTORY until Ctrl-C or SIGTERM.

    DIRECTORY is made by `govchaind init`: settings, keys, certificate, genesis and store. The log
    goes to standard error. Stopping the node in any way, also by pulling the plug, is safe.

    \b
    Example:
      govchaind run my-network/nodes/civil-affairs-1
    """
    from govchaind.daemon import run as run_directory

    run_directory(directory)
