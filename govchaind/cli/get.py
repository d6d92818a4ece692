"""`govchaind get`: a record as a node has it, its history, or its proof as a file."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any

import click

from govchaind.cli.options import FILE, Target, json_option, key_bytes, target_options
from govchaind.cli.output import cell, note, print_json, print_table

HISTORY_ITEMS_MAX = 1000


@click.command(short_help="Read a record, its history or its proof.")
@click.argument("register")
@click.argument("key")
@click.option("--hex", "key_is_hex", is_flag=True, help="KEY is given in hex.")
@click.option("--at", "height", type=click.IntRange(1), metavar="HEIGHT", help="As of this height.")
@click.option(
    "--proof", type=FILE, help="Write a proof of the value, or of its absence, to a file."
)
@click.option("--history", is_flag=True, help="Show all changes, the newest first.")
@click.option("--newest", is_flag=True, help="Ask the leader, so that nothing newer can exist.")
@target_options
@json_option
def get(
    *,
    register: str,
    key: str,
    key_is_hex: bool,
    height: int | None,
    proof: Path | None,
    history: bool,
    newest: bool,
    target: Target,
    as_json: bool,
) -> None:
    """Read the record KEY of REGISTER.

    What is printed is one node's word, as of the height that it names. With --proof the answer
    becomes a file that verifies without any node (`govchaind verify-receipt`), also when there is
    no such record.

    \b
    Example:
      govchaind get counties 110101 --network my-network/network.json
      govchaind get counties 110101 --proof dongcheng.proof
      govchaind get counties 110101 --history --json
    """
    import trio

    if history and (proof or newest or height):
        raise click.UsageError("--history goes with none of --proof, --newest and --at")
    wanted = key_bytes(key, key_is_hex)

    async def run() -> Any:
        async with target.client() as client:
            if history:
                return await client.history(register, wanted, limit=HISTORY_ITEMS_MAX)
            if proof is not None:
                return await client.state_proof(register, wanted, height=height)
            return await client.record(register, wanted, height=height, linearizable=newest)

    found = trio.run(run)
    if proof is not None:
        proof.write_bytes(found)
        note(f"Wrote {proof} ({len(found)} bytes).")
        note(
            f"Check it: govchaind verify-receipt {quote(str(proof))} --genesis {target.genesis} "
            f"--register {register} --key {quote(key)}{' --hex' if key_is_hex else ''}"
        )
    elif as_json:
        print_json(found)
    elif history:
        rows = [
            [cell(c.get("changed_at")), cell(c.get("revision")), cell(c.get("retired")), _value(c)]
            for c in found.get("changes", [])
        ]
        print_table("", ["height", "revision", "retired", "value"], rows)
    else:
        _show(register, key, found)


def _show(register: str, key: str, found: dict[str, Any]) -> None:
    value = found.get("value")
    if isinstance(value, dict):
        width = max((len(str(name)) for name in value), default=0)
        for name, item in value.items():
            click.echo(f"{name:{width}}  {cell(item)}")
    else:
        click.echo(_value(found))
    state = "retired, " if found.get("retired") else ""
    note(
        f"({register}/{key}: {state}revision {found.get('revision')}, changed at height "
        f"{found.get('changed_at')}; read at height {found.get('height')})"
    )


def _value(found: dict[str, Any]) -> str:
    value = found.get("value")
    if isinstance(value, dict):
        return ", ".join(f"{name}={cell(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(cell(item) for item in value)
    return cell(value)
