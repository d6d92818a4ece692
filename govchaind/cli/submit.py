"""`govchaind submit`: sign operations on registers and submit them, or submit signed bytes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import click

from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import SALT_BYTES, TRANSACTION_BYTES_MAX
from govchaind.cli.options import (
    FILE,
    Sending,
    Target,
    json_option,
    key_option,
    sending_options,
    target_options,
    wait_option,
)
from govchaind.cli.output import note
from govchaind.cli.sending import report, send, send_raw
from govchaind.cli.submit_file import submit_file
from govchaind.cli.values import read_value
from govchaind.client.keyfile import author_of
from govchaind.client.submission import Wait
from govchaind.identity import write_private
from govchaind.ledger.commitment import make_commitment
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import assemble, read_transaction, sign_body


@click.group()
def submit() -> None:
    """Sign and submit transactions.

    Submitting is safe to repeat: the same signed bytes are never done twice. What is printed on
    standard output is the transaction's id.

    \b
    Example:
      govchaind submit create-register counties --title "Counties" --field name:text --key k.key
      govchaind submit put counties 110101 "Dongcheng District" --key k.key
      govchaind submit file counties.csv --register counties --key k.key
    """


@submit.command("create-register", short_help="Create a register.")
@click.argument("name")
@click.option("--title", required=True, help="What it is, for people.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME:TYPE",
    help="A field of its records: text, integer, boolean or bytes; repeat it. None: any values.",
)
@click.option("--commitment", is_flag=True, help="Records are salted hashes, values stay at home.")
@click.option(
    "--writer",
    "writers",
    multiple=True,
    metavar="INSTITUTION/OFFICE",
    help="An office that may write besides the owner; repeat it.",
)
@sending_options
def create_register(
    *,
    name: str,
    title: str,
    fields: tuple[str, ...],
    commitment: bool,
    writers: tuple[str, ...],
    sending: Sending,
) -> None:  # fmt: skip
    """Create the register NAME, owned by the office that signs.

    \b
    Example:
      govchaind submit create-register counties --title "Counties 县" \\
          --field name:text --field city:text --key my-network/keys/civil-affairs.key
    """
    schema = [_pair(field, ":", "a field is NAME:TYPE") for field in fields]
    listed = [_pair(writer, "/", "a writer is INSTITUTION/OFFICE") for writer in writers]
    mode = "commitment" if commitment else "clear"
    operation = (int(Kind.CREATE_REGISTER), [name, title, schema, mode, listed])
    send(sending, [operation])


@submit.command(short_help="Put a record, new or changed.")
@click.argument("register")
@click.argument("key")
@click.argument("values", nargs=-1, required=True)
@click.option(
    "--expect",
    type=click.IntRange(0),
    metavar="REVISION",
    help="Only if the record has this revision; 0: only if there is none yet.",
)
@click.option(
    "--opening", type=FILE, help="For a commitment register: file to keep salt and value."
)
@sending_options
def put(
    *,
    register: str,
    key: str,
    values: tuple[str, ...],
    expect: int | None,
    opening: Path | None,
    sending: Sending,
) -> None:  # fmt: skip
    """Put VALUES, one for each field, under KEY of REGISTER.

    Where the register holds commitments only the salted hash of VALUES is sent; --opening names
    the private file that keeps what is needed to show them later.

    \b
    Example:
      govchaind submit put counties 110101 "Dongcheng District" 1101 --key civil-affairs.key
      govchaind submit put counties 110101 "Dongcheng" 1101 --expect 1 --key civil-affairs.key
    """
    value, mode = read_value(sending.target, register, values)
    if mode == "commitment":
        if opening is None:
            raise InvalidSetting(
                f"register {register} holds commitments",
                code="opening-needed",
                remedy="Give --opening FILE; without salt and value nobody can show them later.",
            )
        salt = os.urandom(SALT_BYTES)
        shown = {"register": register, "key": key, "salt": salt.hex(), "value": value}
        write_private(opening, json.dumps(shown, ensure_ascii=False, default=bytes.hex) + "\n")
        sent: Any = make_commitment(salt, value)
    else:
        sent = value
    operation = (int(Kind.PUT), [register, key.encode(), sent, expect])
    send(sending, [operation])


@submit.command(short_help="Retire a record.")
@click.argument("register")
@click.argument("key")
@sending_options
def retire(
    *,
    register: str,
    key: str,
    sending: Sending,
) -> None:
    """Retire the record KEY of REGISTER; that is final, and its last value stays readable.

    \b
    Example:
      govchaind submit retire counties 110103 --key civil-affairs.key
    """
    operation = (int(Kind.RETIRE), [register, key.encode()])
    send(sending, [operation])


@submit.command(short_help="Add signatures to a transaction's file.")
@click.argument("file", type=FILE)
@key_option
def cosign(*, file: Path, key_files: tuple[Path, ...]) -> None:
    """Add signatures to FILE, where M of N keys of the office must sign.

    \b
    Example:
      govchaind submit put counties 110101 "Dongcheng" -o put.tx --key head.key
      govchaind submit cosign put.tx --key deputy.key
      govchaind submit raw put.tx
    """
    transaction = read_transaction(_read(file))
    author = author_of(key_files)
    named = (transaction.institution, transaction.office)
    if (author.institution, author.office) != named:
        raise InvalidSetting(
            f"the transaction is of {'/'.join(named)}, the key of "
            f"{author.institution}/{author.office}",
            code="wrong-key",
            remedy="Sign with a key of the office that the transaction names.",
        )
    added = read_transaction(sign_body(transaction.body, author.keys)).signatures
    pairs = sorted({*transaction.signatures, *added})
    file.write_bytes(assemble(transaction.body, pairs))
    click.echo(transaction.id.hex())
    note(f"{file} now has {len(pairs)} signatures")


@submit.command(short_help="Submit transactions that are signed already.")
@click.argument("files", type=FILE, nargs=-1, required=True)
@wait_option
@target_options
@json_option
def raw(*, files: tuple[Path, ...], wait: str, target: Target, as_json: bool) -> None:
    """Submit FILES, each one signed transaction, exactly as they are.

    \b
    Example:
      govchaind submit raw put.tx --wait certified
    """
    chosen = cast(Wait, wait)
    report(send_raw(target, [_read(file) for file in files], chosen), chosen, as_json=as_json)


submit.add_command(submit_file)


def _pair(text: str, sign: str, wanted: str) -> list[str]:
    left, found, right = text.partition(sign)
    if not (left and found and right):
        raise click.UsageError(f"{wanted}, not {text!r}")
    return [left, right]


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(TRANSACTION_BYTES_MAX + 1)
