"""`govchaind export`: what is certified as files of Parquet, and whether such files hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from govchaind.cli.bridge_running import (
    Manner,
    Source,
    choose_trust,
    connect_to,
    run_bridge,
    source_options,
    trust_options,
)
from govchaind.cli.options import FOLDER, json_option, node_options
from govchaind.cli.output import print_json

if TYPE_CHECKING:
    from govchaind.bridge.feed import Verified
    from govchaind.export.checking import Checked
    from govchaind.export.manifest import Manifest

PATIENCE_SECONDS = 60.0


@click.group(short_help="Write what is certified as Parquet files, or verify such files.")
def export() -> None:
    """Write what is certified as Parquet files, by register and range of heights, or verify them.

    \b
    Example:
      govchaind export parquet facts --node http://127.0.0.1:7500 --genesis genesis.bin
      govchaind export verify facts --genesis genesis.bin
    """


@export.command(short_help="Write Parquet files, or add what is new to them.")
@click.argument("folder", type=FOLDER)
@click.option("--since", type=click.IntRange(1), metavar="HEIGHT",
              help="Begin a new folder at this height.  [default: 1]")  # fmt: skip
@click.option("--part-heights", type=click.IntRange(1), default=10_000, show_default=True,
              metavar="COUNT", help="How many heights one part has at most.")  # fmt: skip
@source_options
@json_option
def parquet(
    *, folder: Path, since: int | None, part_heights: int, source: Source, as_json: bool
) -> None:
    """Write all that is certified now into FOLDER, as Parquet files that DuckDB and others read.

    Run again with the same FOLDER, it adds a part with what is new since, and changes none. Blocks,
    certificates and outcomes are verified on the way, and are in it to the byte, so that it can
    be verified later without any node.

    \b
    Example:
      govchaind export parquet facts --node http://127.0.0.1:7500 --trust trust.file
    """
    from govchaind.export.exporting import ExportSink

    sink = ExportSink(folder, since=since, part_heights=part_heights)
    manner = Manner(once=True, patience_seconds=PATIENCE_SECONDS, metrics=None, as_json=as_json)
    run_bridge(source, manner, "export", sink)


@export.command(short_help="Check files, and every row against verified blocks.")
@click.argument("folder", type=FOLDER)
@node_options
@trust_options
@json_option
def verify(
    *,
    folder: Path,
    urls: tuple[str, ...],
    timeout_seconds: float,
    chain_id: str | None,
    trust_file: Path | None,
    genesis: Path | None,
    as_json: bool,
) -> None:
    """Make every row of FOLDER again out of verified blocks, and compare.

    Without --node the blocks are those in FOLDER itself, judged from genesis by what validators
    have signed: offline. With --node they are a node's. A trust file speaks for the height it saw.

    \b
    Example:
      govchaind export verify facts --trust trust.file
      govchaind export verify facts --node http://127.0.0.1:7500 --chain-id 5f0c…
    """
    import trio

    from govchaind.base.errors import NotFound
    from govchaind.export.manifest import read_manifest

    believed, trust = choose_trust(chain_id, trust_file, genesis)
    manifest = read_manifest(folder)
    if manifest is None:
        raise NotFound(
            f"there is no export in {folder}",
            code="no-export",
            remedy="Name the folder that `govchaind export parquet` wrote.",
        )
    source = Source(urls, timeout_seconds, believed, trust)
    found = trio.run(_checked, folder, manifest, source)
    if as_json:
        print_json(asdict(found))
        return
    click.echo(
        f"{folder} holds: heights {found.since} to {found.height}, {found.rows:,} rows in "
        f"{found.files} files of {found.parts} parts; the newest block is {found.block_hash}."
    )


async def _checked(folder: Path, manifest: Manifest, source: Source) -> Checked:
    from govchaind.export.checking import check

    opened = _of_nodes if source.urls else _of_itself
    async with opened(folder, manifest, source) as heights:
        return await check(folder, manifest, heights)


@asynccontextmanager
async def _of_nodes(
    folder: Path, manifest: Manifest, source: Source
) -> AsyncIterator[AsyncIterator[Verified]]:
    from contextlib import aclosing

    from govchaind.bridge.feed import Judge, genesis_of, verified

    del folder
    async with connect_to(source) as client:
        judge = Judge(await genesis_of(client, source.chain_id), None, source.trust)
        until = manifest.tip.height
        stream = verified(client, judge, until=until, patience_seconds=PATIENCE_SECONDS)
        async with aclosing(stream) as heights:
            yield heights


def _of_itself(
    folder: Path, manifest: Manifest, source: Source
) -> AbstractAsyncContextManager[AsyncIterator[Verified]]:
    from contextlib import aclosing

    from govchaind.export.checking import own_genesis, own_heights

    async def heights() -> AsyncIterator[Verified]:
        genesis = own_genesis(folder, source.chain_id)
        for one in own_heights(folder, manifest, genesis, source.trust):
            yield one

    return aclosing(heights())  # type: ignore[type-var]  # it is a generator
