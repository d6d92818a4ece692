"""`govchaind receipt`: fetch a transaction's receipt into a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from govchaind.cli.options import FILE, Target, hex_bytes, target_options
from govchaind.cli.output import note


@click.command(short_help="Fetch the receipt of a transaction.")
@click.argument("transaction", metavar="ID")
@click.option(
    "-o", "--output", type=FILE, required=True, help="File to write; - for standard output."
)
@target_options
def receipt(transaction: str, output: Path, target: Target) -> None:
    """Fetch the receipt of the transaction ID, waiting until a quorum has certified it.

    The file proves, without any node, that the transaction was included and what came of it. Keep
    it; check it with `govchaind verify-receipt`.

    \b
    Example:
      govchaind receipt 9f2c… -o receipt.cbor --network my-network/network.json
    """
    import trio

    identifier = hex_bytes(transaction, "a transaction's id", 32)

    async def run() -> bytes:
        async with target.client() as client:
            return await client.receipt(identifier)

    data = trio.run(run)
    if str(output) == "-":
        sys.stdout.buffer.write(data)
        return
    output.write_bytes(data)
    note(f"Wrote {output} ({len(data)} bytes).")
    note(f"Check it: govchaind verify-receipt {output} --genesis {target.genesis}")
