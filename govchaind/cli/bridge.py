"""`govchaind bridge`: what is certified, into other systems as it happens."""

from __future__ import annotations

import os
from pathlib import Path

import click

from govchaind.cli.bridge_running import Manner, Source, bridge_options, run_bridge
from govchaind.cli.options import FILE


@click.group(short_help="Write what is certified into PostgreSQL or NATS, as it happens.")
def bridge() -> None:
    """Write what is certified into another system, as it happens, each height exactly once.

    A bridge believes no node: it checks every block, certificate and outcome against the chain
    that you trust. It goes on where it stood, whatever was killed meanwhile.

    \b
    Example:
      govchaind bridge postgres --node http://127.0.0.1:7500 --trust trust.file \\
        --dsn postgresql://bridge@localhost/facts --password-file password
    """


@bridge.command(short_help="Write registers into tables of a PostgreSQL database.")
@click.option("--dsn", required=True, metavar="URL",
              help="The database: postgresql://USER@HOST:PORT/DATABASE, no password.")  # fmt: skip
@click.option("--password-file", type=FILE, metavar="FILE",
              help="File with its password.  [default: PGPASSWORD, PGPASSFILE]")  # fmt: skip
@click.option("--schema", default="govchain", show_default=True, metavar="NAME",
              help="The schema that the bridge makes and alone writes to.")  # fmt: skip
@bridge_options
def postgres(
    *, dsn: str, password_file: Path | None, schema: str, source: Source, manner: Manner
) -> None:
    """Keep a table for each register in a PostgreSQL database, with history and progress.

    Each height is one transaction of the database, and the progress moves with it: nothing is
    missing or twice, also after SIGKILL of either side. Runs until SIGTERM, or with --once until
    it has caught up. Of a register of commitments, only the commitments are there to be written.

    \b
    Example:
      govchaind bridge postgres --node http://127.0.0.1:7500 --genesis genesis.bin \\
        --dsn postgresql://bridge@localhost/facts --password-file password
      govchaind bridge postgres --node http://127.0.0.1:7500 --trust trust.file \\
        --dsn 'postgresql:///facts?host=/run/postgresql' --once --json
    """
    from govchaind.bridge.postgres import PostgresSink
    from govchaind.bridge.postgres_address import read_address

    address = read_address(dsn, os.environ, password_file=password_file)
    run_bridge(source, manner, "postgres", PostgresSink(address, schema))


@bridge.command(short_help="Publish changes of registers to NATS JetStream.")
@click.option("--server", required=True, metavar="URL",
              help="The server: nats://USER@HOST:PORT, or tls://…, no password.")  # fmt: skip
@click.option("--password-file", type=FILE, metavar="FILE",
              help="File with the user's password, or a token where none is named.")  # fmt: skip
@click.option("--ca-file", type=FILE, metavar="FILE",
              help="Whose certificates tls:// believes.  [default: the system's]")  # fmt: skip
@click.option("--stream", default="govchain", show_default=True, metavar="NAME",
              help="The stream; it is made where it is not there.")  # fmt: skip
@click.option("--prefix", default="govchain", show_default=True, metavar="SUBJECT",
              help="What all subjects begin with.")  # fmt: skip
@bridge_options
def nats(
    *,
    server: str,
    password_file: Path | None,
    ca_file: Path | None,
    stream: str,
    prefix: str,
    source: Source,
    manner: Manner,
) -> None:
    """Publish each change to a stream of NATS JetStream, on a subject for each register.

    Subjects are PREFIX.registers.NAME, PREFIX.schemas.NAME, PREFIX.membership, and PREFIX.heights,
    whose message ends each height. The stream itself is the progress: nothing is missing or twice,
    also after SIGKILL of either side, however long ago. One bridge alone writes to it.

    \b
    Example:
      govchaind bridge nats --node http://127.0.0.1:7500 --genesis genesis.bin \\
        --server nats://bridge@localhost:4222 --password-file password
    """
    from govchaind.bridge.jetstream import JetStreamSink
    from govchaind.bridge.nats_wire import read_server

    where = read_server(server, secret_file=password_file, authority=ca_file)
    run_bridge(source, manner, "nats", JetStreamSink(where, stream, prefix))
