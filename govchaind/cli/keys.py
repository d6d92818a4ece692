"""`govchaind keys`: make and show the keys with which offices sign; change a node's."""

from __future__ import annotations

import os
from pathlib import Path

import click

from govchaind.base.crypto import SEED_BYTES
from govchaind.base.errors import InvalidSetting
from govchaind.cli.node_keys import make_next, settle
from govchaind.cli.options import FILE, json_option
from govchaind.cli.output import note, print_json
from govchaind.client.keyfile import new_key, read_key_file
from govchaind.client.locked_file import NONCE_BYTES, SALT_BYTES, is_locked
from govchaind.client.locked_file import lock as locked
from govchaind.client.passphrase import new_passphrase
from govchaind.client.private_file import FILE_BYTES_MAX, opened, read_raw
from govchaind.identity import write_private
from govchaind.runtime.system import replace_file


@click.group()
def keys() -> None:
    """Make and show the keys of offices.

    A key belongs to an office, not to a person: when its holder changes, the office rotates it. A
    .key file is private; a .card shows the public part and may be sent to anyone.
    `keys next` and `keys settle` are for the two keys of a node.

    \b
    Example:
      govchaind keys new --institution civil-affairs --office registry --title "Registrar"
    """


keys.add_command(make_next)
keys.add_command(settle)


@keys.command(short_help="Make a new key and its card.")
@click.option("--institution", required=True, help="Name of the institution.")
@click.option("--office", required=True, help="Name of the office.")
@click.option("--title", required=True, help="Title of whoever holds the key.")
@click.option(
    "-o",
    "--output",
    type=FILE,
    metavar="FILE.key",
    help="File to write.  [default: INSTITUTION.OFFICE.key]",
)
def new(*, institution: str, office: str, title: str, output: Path | None) -> None:  # fmt: skip
    """Make a new key: FILE.key, which is private, and FILE.card beside it, which is not.

    \b
    Example:
      govchaind keys new --institution civil-affairs --office registry --title "Registrar" \\
          -o registrar.key
    """
    key = new_key(institution=institution, office=office, title=title, seed=os.urandom(SEED_BYTES))
    path = output or Path(f"{institution}.{office}.key")
    if path.suffix != ".key":
        raise InvalidSetting(f"{path}: a private key's file ends in .key")
    card = path.with_suffix(".card")
    write_private(path, key.text(private=True))
    card.write_text(key.text(private=False), encoding="utf-8")
    click.echo(key.public.hex())
    note(f"Wrote {path} (private: keep it, back it up, send it to nobody) and {card} (public).")


@keys.command(short_help="Show a key's office and public key.")
@click.argument("file", type=FILE)
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show whose key FILE is, and its public key; never the private one.

    \b
    Example:
      govchaind keys show my-network/keys/civil-affairs.key
    """
    key = read_key_file(file)
    if as_json:
        print_json({"institution": key.institution, "office": key.office, "title": key.title,
                    "public": key.public.hex(), "private": key.seed is not None})  # fmt: skip
        return
    click.echo(f"office   {key.institution}/{key.office}")
    click.echo(f"holder   {key.title}")
    click.echo(f"public   {key.public.hex()}")
    click.echo(f"private  {'in this file' if key.seed else 'not in this file'}")


@keys.command(short_help="Print a key's card, which is public.")
@click.argument("file", type=FILE)
@click.option("-o", "--output", type=FILE, help="File to write instead of printing.")
def card(file: Path, output: Path | None) -> None:
    """Print the card of a key: what others need to check its signatures.

    \b
    Example:
      govchaind keys card registrar.key -o registrar.card
    """
    text = read_key_file(file).text(private=False)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@keys.command(short_help="Put private key files under a passphrase.")
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
def lock(files: tuple[Path, ...]) -> None:
    """Put private key files under a passphrase: a stolen disk or backup gives no key away.

    Any private key: an office's, a delivery key, a node's attestation.key and tls.key. Each FILE is
    replaced whole. Whoever uses it is asked for the passphrase, on the terminal or by
    GOVCHAIND_PASSPHRASE_FD or systemd's credential govchaind-passphrase. Nobody can open a file
    whose passphrase is lost.

    \b
    Examples:
      govchaind keys lock registrar.key
      govchaind keys lock node/attestation.key node/tls.key
    """
    texts = [(path, _private_text(path)) for path in files]
    for path, text in texts:
        if is_locked(text):
            raise InvalidSetting(
                f"{path} is locked already",
                code="already-locked",
                remedy="Unlock it first to give it another passphrase: `govchaind keys unlock`.",
            )
    secret = new_passphrase()
    for path, text in texts:
        salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
        _replace(path, locked(text, secret, salt=salt, nonce=nonce))
        note(f"Locked {path}.")


@keys.command(short_help="Take private key files from under their passphrase.")
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
def unlock(files: tuple[Path, ...]) -> None:
    """Take private key files from under their passphrase.

    \b
    Example:
      govchaind keys unlock registrar.key
    """
    for path, text in [(path, opened(_private_text(path), path)) for path in files]:
        _replace(path, text)
        note(f"Unlocked {path}: whoever reads this file has the key.")


def _private_text(path: Path) -> str:
    """Return a private key file's text as it lies there. Raises InvalidSetting."""
    remedy = "Name a private key's file."
    data, mode = read_raw(path, "key file", remedy)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise InvalidSetting(
            f"cannot read the key file {path}: it is not text", code="no-key-file", remedy=remedy
        ) from None
    if mode & 0o077 or len(data) > FILE_BYTES_MAX or path.suffix != ".key":
        raise InvalidSetting(
            f"{path} is not a private key's file: it ends in .key, has at most {FILE_BYTES_MAX} "
            "bytes, and nobody but its owner may read it",
            code="bad-key",
            remedy="Name a private key's file, of mode 0600.",
        )
    return text


def _replace(path: Path, text: str) -> None:
    """Replace a file whole and durably. Raises InvalidSetting."""
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise InvalidSetting(
            f"{path} cannot be replaced: {error.strerror}; it is as it was",
            code="not-written",
            remedy="Make room, or let this user write there, and run it again.",
        ) from None
