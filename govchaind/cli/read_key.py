"""With which office's key a command reads, where nodes show things to those whom they concern.

That is the key of --read-key, or of the environment; else the one that the command signs with. The
file is read when a node is to be asked, so a command says first what else is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from govchaind.client.keyfile import Reader

_READER = "govchaind.reader"


def _remember_reader(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    del parameter
    if path is not None:
        context.meta[_READER] = path


def also_reads(
    context: click.Context, parameter: click.Parameter, paths: tuple[Path, ...]
) -> tuple[Path, ...]:
    """The office that signs reads with the same key, unless another is named for that."""
    del parameter
    if paths:
        context.meta.setdefault(_READER, paths[0])
    return paths


def shown_read_key() -> Path | None:
    """Return the key file of the office that reads: --read-key, or the key that signs."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_READER)


def reader_in(path: Path | None) -> Reader | None:
    """Return the office that reads with a key file, if there is one. Raises InvalidSetting."""
    from govchaind.client.keyfile import reader_of

    return None if path is None else reader_of(path)


def shown_reader() -> Reader | None:
    """Return the office that reads, as the command's options name it."""
    return reader_in(shown_read_key())


read_key_option = click.option(
    "--read-key",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="GOVCHAIND_READ_KEY",
    show_envvar=True,
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_remember_reader,
    help="Key file of the office that reads, where nodes show things to those whom they concern.",
)
