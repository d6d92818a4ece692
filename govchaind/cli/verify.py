"""`govchaind verify`: the whole store of a node, block by block, without a network."""

from __future__ import annotations

from pathlib import Path

import click

from govchaind.cli.options import FOLDER, json_option
from govchaind.cli.output import print_json, progress


@click.command(short_help="Check a node's whole store, offline.")
@click.argument("directory", type=FOLDER)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    help="How many processes check side by side.  [default: one for each core]",
)
@json_option
def verify(directory: Path, jobs: int | None, as_json: bool) -> None:
    """Check every block, signature, result and certificate in the store of DIRECTORY.

    The node must not be running. At its start a node checks only its newest blocks; this checks
    all of them, and the state up to the root that validators signed, on all cores. The exit
    code is 70 when the store is damaged.

    \b
    Example:
      govchaind verify my-network/nodes/civil-affairs-1
    """
    from dataclasses import asdict

    from govchaind.node import load
    from govchaind.replica.store import last_index
    from govchaind.runtime.stopped_store import StoppedStore
    from govchaind.runtime.verify_store import verify_store

    config, _, genesis = load(directory)
    storage = StoppedStore(config.store_directory)
    try:
        with storage.snapshot() as snapshot:
            last = last_index(snapshot)
        with progress("checking", last, "blocks") as ticks:
            found = verify_store(storage, genesis, ticks.advance, jobs=jobs)
    finally:
        storage.close()
    if as_json:
        print_json(asdict(found))
    else:
        click.echo(str(found))
