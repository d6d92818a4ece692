"""`govchaind signer`: hold a validator's attestation key apart from its node."""

from __future__ import annotations

from pathlib import Path

import click

from govchaind.base.errors import InvalidSetting
from govchaind.cli.options import FILE


@click.command(short_help="Hold a validator's attestation key, and sign for its node.")
@click.argument("keyfile", type=FILE)
@click.option(
    "--guard",
    type=FILE,
    required=True,
    help="File in which it remembers what the key has signed; never copy it back.",
)
@click.option(
    "--socket",
    type=FILE,
    help="Unix socket to answer on (mode 0600).  [default: the one that systemd hands over]",
)
@click.option(
    "--user",
    metavar="NAME",
    help="The one user that may ask.  [default: the user that runs this]",
)
@click.option(
    "--begin-above",
    type=click.IntRange(min=0, max=(1 << 63) - 1),
    metavar="HEIGHT",
    help="Make the guard, of a key that has signed nothing above HEIGHT; for the first time only.",
)
def signer(
    *, keyfile: Path, guard: Path, socket: Path | None, user: str | None, begin_above: int | None
) -> None:
    """Hold the attestation key in KEYFILE and sign with it, until Ctrl-C or SIGTERM.

    The node whose setting attestation.signer names the socket has its results signed here and does
    not hold the key. Of one height this process signs one thing, whatever a node says: the guard
    is on disk before a signature leaves. The log goes to standard error; being killed is safe. A
    locked KEYFILE is opened by the passphrase (see `govchaind keys lock`).

    \b
    Examples:
      govchaind signer attestation.key --guard guard --socket signer.sock --begin-above 0
      govchaind signer attestation.key --guard guard --socket signer.sock
    """
    from govchaind.identity import read_seed
    from govchaind.signer.process import run

    if not keyfile.exists():
        raise InvalidSetting(
            f"{keyfile} is missing",
            code="no-key-file",
            remedy="Name the file of the key that this signer holds: a validator's "
            "attestation.key.",
        )
    run(read_seed(keyfile), socket=socket, guard=guard, user=user, begin_above=begin_above)
