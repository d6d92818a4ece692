"""`govchaind token`: tokens for clients, where a node's operator wants to know who asks."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from govchaind.api.tokens import (
    NAME,
    SCOPES,
    TOKEN_BYTES,
    USUAL_SCOPES,
    Token,
    digest_of,
    read_tokens,
    token_text,
)
from govchaind.base.errors import InvalidSetting
from govchaind.cli.options import FILE, FOLDER, json_option
from govchaind.cli.output import note, print_json
from govchaind.config import CONFIG_FILE, load_config


@click.group()
def token() -> None:
    """Make tokens for clients of a node that wants them.

    A token says who may knock at the HTTP door; who may do what on the ledger is for signatures to
    say. The node keeps only the token's hash, and reads its file when it starts or is reloaded
    (SIGHUP).

    \b
    Example:
      govchaind token new portal --directory my-network/nodes/civil-affairs-1
    """


@token.command(short_help="Make a token, show it once, add its hash to the node's file.")
@click.argument("name")
@click.option(
    "--directory", type=FOLDER, default=Path(), show_default="here",
    help="The node's directory; its api.token_file says which file.",
)  # fmt: skip
@click.option("--file", "path", type=FILE, metavar="FILE", help="Which file, instead.")
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, default=USUAL_SCOPES,
    show_default=True, help="What it is for; repeat it for several.",
)  # fmt: skip
@json_option
def new(
    *, name: str, directory: Path, path: Path | None, scopes: tuple[str, ...], as_json: bool
) -> None:
    """Make a token for the client NAME. It is printed once and kept nowhere.

    \b
    Example:
      govchaind token new portal --scope read --file /etc/govchaind/tokens > portal.token
    """
    if re.fullmatch(NAME, name) is None:
        raise InvalidSetting(f"a client's name is 1 to 32 of a-z, 0-9 and '-', not {name!r}")
    path = path or _configured(directory)
    before = read_tokens(path) if path.exists() else ()
    if any(known.name == name for known in before):
        raise InvalidSetting(
            f"{path} has a token of {name} already",
            code="already-there",
            remedy="Choose another name, or remove that line first: it ends the old token.",
        )
    text = token_text(os.urandom(TOKEN_BYTES))
    _append(path, Token(name, frozenset(scopes), digest_of(text)).line())
    if as_json:
        print_json({"name": name, "token": text, "scopes": sorted(scopes), "file": str(path)})
    else:
        click.echo(text)
    note(f"Its hash is in {path}. Reload the node (SIGHUP), and give the token to {name} alone.")


def _configured(directory: Path) -> Path:
    configured = load_config(directory / CONFIG_FILE).api.token_file
    if configured is None:
        raise InvalidSetting(
            f"{directory / CONFIG_FILE} names no api.token_file",
            remedy='Set token_file = "tokens" in its section [api], or give --file.',
        )
    return Path(configured)


def _append(path: Path, line: str) -> None:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "r+b") as file:
            data = file.read()
            whole = b"" if not data or data.endswith(b"\n") else b"\n"
            file.write(whole + line.encode())
    except OSError as error:
        raise InvalidSetting(f"cannot write {path}: {error.strerror}") from None
