"""`govchaind backup`: all certified blocks of a running node, in a folder or a stream."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from govchaind.base.crypto import HeldElsewhere
from govchaind.base.errors import InvalidSetting
from govchaind.cli.options import (
    FOLDER,
    hex_bytes,
    json_option,
    node_options,
    shown_token,
)
from govchaind.cli.output import moment, note, print_json, progress
from govchaind.cli.read_key import shown_reader
from govchaind.ledger.genesis import read_genesis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from govchaind.backup.folder import Folder, Sink
    from govchaind.backup.making import Made
    from govchaind.backup.part import Tip
    from govchaind.client.client import Client
    from govchaind.client.keyfile import Reader

STREAM = "-"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # listened on, not to be called


@click.command(short_help="Back up the ledger from a running node.")
@click.argument("target", metavar="FOLDER|-")
@click.option("--from", "directory", type=FOLDER, metavar="DIRECTORY",
              help="The directory of the running node.")  # fmt: skip
@node_options
@json_option
def backup(
    *,
    target: str,
    directory: Path | None,
    urls: tuple[str, ...],
    timeout_seconds: float,
    chain_id: str | None,
    as_json: bool,
) -> None:
    """Write all certified blocks of a running node into FOLDER, or to standard output.

    Run again with the same FOLDER, it adds what is new since. Links and certificates are verified
    on the way, and nothing is put out that no quorum has signed. The node goes on meanwhile. A
    command that was broken off goes on after the last whole part.

    Keys, settings and sealed files are not in it: see "Backup and restore" in docs/operate.md.

    \b
    Example:
      govchaind backup /backup/ledger --from my-network/nodes/civil-affairs-1
      govchaind backup - --node http://127.0.0.1:7500 | ssh elsewhere 'cat > ledger.backup'
    """
    import trio

    if (directory is None) == (not urls):
        raise click.UsageError("give either --from DIRECTORY or --node URL")
    reader = shown_reader()
    wanted = None if chain_id is None else hex_bytes(chain_id, "a chain id", 32)
    if directory is not None:
        own_id, urls, own = _of_directory(directory)
        reader = reader or own
        if wanted not in (None, own_id):
            raise _other_chain(own_id)
        wanted = own_id
    if target == STREAM and sys.stdout.isatty():
        raise click.UsageError("a backup is no text for a terminal: name a folder, or redirect it")
    with _target(target) as (sink, folder):
        made, reached = trio.run(_make, urls, reader, timeout_seconds, wanted, sink, folder)
    if as_json and target != STREAM:
        print_json({**asdict(made), "node_certified": reached})
        return
    _tell(target, made, reached)


@contextmanager
def _target(target: str) -> Iterator[tuple[Sink, Folder | None]]:
    from govchaind.backup.folder import Stream, opened

    if target == STREAM:
        yield Stream(sys.stdout.buffer), None
        return
    with opened(Path(target)) as folder:
        yield folder, folder


async def _make(
    urls: tuple[str, ...],
    reader: Reader | None,
    timeout_seconds: float,
    wanted: bytes | None,
    sink: Sink,
    folder: Folder | None,
) -> tuple[Made, int]:
    from govchaind.backup.links import Links
    from govchaind.backup.making import Maker
    from govchaind.client.client import connect

    newest = None if folder is None else folder.newest()
    async with connect(
        urls, token=shown_token(), reader=reader, deadline_seconds=timeout_seconds
    ) as client:
        genesis = read_genesis(await client.genesis())
        for known in (wanted, None if newest is None else newest[0].chain_id):
            if known not in (None, genesis.chain_id):
                raise _other_chain(genesis.chain_id)
        tip: Tip | None = None if newest is None else newest[1]
        links = Links(genesis, tip)
        maker = Maker(genesis, links, None if newest is None else newest[2], sink)
        until = await _certified(client)
        with progress("backing up", until, "blocks") as ticks:
            ticks.advance(links.tip.height)
            return await maker.run(client.blocks, until, ticks.advance), until


async def _certified(client: Client) -> int:
    certified = (await client.status()).get("certified")
    return certified if isinstance(certified, int) else 0


def _of_directory(directory: Path) -> tuple[bytes, tuple[str, ...], Reader | None]:
    """Return the chain of a node's directory, where that node answers, and its own key to read.

    A key that a signer holds reads nothing.
    """
    from govchaind.client.keyfile import Reader
    from govchaind.config import split_address
    from govchaind.node import load

    config, identity, genesis = load(directory)
    host, port = split_address(config.api.listen)
    host = _EVERYWHERE.get(host, host)
    signer, reader = identity.signer, None
    if not isinstance(signer, HeldElsewhere):
        reader = Reader(identity.institution, identity.name, signer)
    named = f"[{host}]" if ":" in host else host
    return genesis.chain_id, (f"http://{named}:{port}",), reader


def _other_chain(found: bytes) -> InvalidSetting:
    return InvalidSetting(
        f"the node is of chain {found.hex()}, not of the one that is named or backed up there",
        code="other-chain",
        remedy="Check the id and the node, or name another folder.",
    )


def _tell(target: str, made: Made, reached: int) -> None:
    say = note if target == STREAM else click.echo
    stands = f"height {made.last} of {moment(made.time_ms)}"
    if made.parts == 0:
        behind = "" if reached >= made.last else f"; the node itself has only {reached}"
        say(f"Nothing new: the backup reaches {stands}{behind}.")
        return
    count = "1 part" if made.parts == 1 else f"{made.parts} parts"
    say(
        f"Wrote {count}, {made.bytes:,} bytes: blocks {made.first} to {made.last}, every "
        f"certificate verified. The backup reaches {stands}."
    )
    if made.first == 1:
        note(f"Compare the chain id with one that you have from elsewhere: {made.chain_id}")
