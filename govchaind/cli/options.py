"""Options that several commands share: which nodes to ask, with which key to sign, JSON or not."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from govchaind.api.tokens import TOKEN_LENGTH_MAX
from govchaind.base.errors import GovchaindError, InvalidSetting
from govchaind.cli.output import note
from govchaind.cli.read_key import also_reads, read_key_option, reader_in, shown_read_key
from govchaind.client.network import NETWORK_FILE, Network, read_network

if TYPE_CHECKING:
    from govchaind.client.client import Client
    from govchaind.client.submission import Wait

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

_TOKEN = "govchaind.token"


@dataclass(frozen=True, slots=True)
class Target:
    """Which nodes a command asks, and what it knows of their network."""

    urls: tuple[str, ...]
    network: Network | None
    timeout_seconds: float
    token: str | None = field(default=None, repr=False)
    read_key: Path | None = None  # of the office that reads

    @property
    def chain_id(self) -> bytes | None:
        """The chain's id, where a network file tells it."""
        return self.network.chain_id if self.network else None

    @property
    def genesis(self) -> str:
        """Where the genesis lies, for showing."""
        return str(self.network.genesis) if self.network else "GENESIS"

    def client(self) -> Client:
        """Return a client of these nodes."""
        from govchaind.client.client import connect
        from govchaind.client.tracing import traces_of

        return connect(
            self.urls,
            token=self.token,
            reader=reader_in(self.read_key),
            names={} if self.network is None else self.network.names(),
            chain_id=self.chain_id,
            deadline_seconds=self.timeout_seconds,
            traces=traces_of(os.environ, absent=_untraced),
        )


def _untraced(error: GovchaindError) -> None:
    note(f"No spans are sent: {error.message}.")
    note(error.remedy)


def _remember_token(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    del parameter
    if path is None:
        return
    try:
        with path.open(encoding="ascii") as file:
            text = file.read(TOKEN_LENGTH_MAX).strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text.isprintable() or not text or " " in text:
        raise InvalidSetting(
            f"{path} is no file with a token",
            code="bad-tokens",
            remedy="Put the token that `govchaind token new` printed into it, and nothing else.",
        )
    context.meta[_TOKEN] = text


def shown_token() -> str | None:
    """Return the token that the command's --token-file holds."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_TOKEN)


token_option = click.option(
    "--token-file",
    type=FILE,
    envvar="GOVCHAIND_TOKEN_FILE",
    show_envvar=True,
    metavar="FILE",
    expose_value=False,
    callback=_remember_token,
    help="File with the token that the nodes' operator gave you, where they want one.",
)


def node_options(command: F) -> F:
    """Add --node, --timeout, --token-file and --chain-id: whom to read a whole chain from."""
    for option in (
        click.option("--chain-id", metavar="HEX", help="Refuse any other chain than this one."),
        read_key_option,
        token_option,
        click.option(
            "--timeout", "timeout_seconds", type=click.FloatRange(0.1, 3600), default=30.0,
            show_default=True, metavar="SECONDS", help="How long to try, each time.",
        ),
        click.option(
            "--node", "urls", multiple=True, metavar="URL",
            help="A running node's HTTP address; repeat it for others to turn to.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def where_options(command: F) -> F:
    """Add --url, --network, --timeout, and --token-file and --read-key, which are read later."""
    for option in (
        read_key_option,
        token_option,
        click.option(
            "--timeout", "timeout_seconds", type=click.FloatRange(0.1, 3600), default=30.0,
            show_default=True, metavar="SECONDS", help="How long to try in all.",
        ),
        click.option(
            "--network", "network_file", type=FILE, envvar="GOVCHAIND_NETWORK", show_envvar=True,
            help=f"The network's file.  [default: ./{NETWORK_FILE} if it is there]",
        ),
        click.option(
            "--url", "urls", multiple=True, metavar="URL",
            help="A node's HTTP address; repeat it for others to turn to.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def target_options(command: F) -> F:
    """Add --url, --network and --timeout; the command gets `target`."""

    @where_options
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        urls: tuple[str, ...],
        network_file: Path | None,
        timeout_seconds: float,
        **settings: Any,
    ) -> Any:
        target = choose_target(urls, network_file, timeout_seconds)
        return command(*args, target=target, **settings)

    return wrapped  # type: ignore[return-value]  # options change the signature on purpose


def choose_target(
    urls: tuple[str, ...], network_file: Path | None, timeout_seconds: float
) -> Target:
    """Return the nodes that the options name, or those of ./network.json."""
    if network_file is None and Path(NETWORK_FILE).exists():
        network_file = Path(NETWORK_FILE)
    network = read_network(network_file) if network_file is not None else None
    if not urls:
        if network is None:
            raise InvalidSetting(
                "no node is named",
                code="no-node-named",
                remedy=f"Give --url http://host:port, or --network with a {NETWORK_FILE}.",
            )
        urls = tuple(network.urls())
    return Target(urls, network, timeout_seconds, shown_token(), shown_read_key())


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")

key_option = click.option(
    "--key", "key_files", type=FILE, multiple=True, required=True, metavar="FILE",
    callback=also_reads,
    help="Key file of the office that signs; repeat it where M of N must sign.",
)  # fmt: skip

_optional_key = click.option(
    "--key", "key_files", type=FILE, multiple=True, metavar="FILE", callback=also_reads,
    help="Key file of the office that signs; repeat it where M of N must sign.",
)  # fmt: skip

round_option = click.option(
    "--round", "round_number", type=click.IntRange(0), default=0, show_default=True,
    help="Raise it to move again what was enacted before; all institutions name the same.",
)  # fmt: skip

wait_option = click.option(
    "--wait", type=click.Choice(["none", "committed", "certified"]), default="committed",
    show_default=True, help="How far it must have come before the command ends.",
)  # fmt: skip
output_option = click.option(
    "-o", "--output", type=FILE, metavar="FILE",
    help="Write the signed transaction to a file instead of sending it.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which part of history a motion is tried on, and from where that is read."""

    first: int | None
    last: int | None
    data: Path | None  # a node's folder; None: the nodes of the target


@dataclass(frozen=True, slots=True)
class Sending:
    """With which keys a command signs, to which nodes it sends, and what it tells of that."""

    target: Target
    key_files: tuple[Path, ...]
    as_json: bool
    wait: Wait = "committed"
    output: Path | None = None
    stretch: Stretch | None = None  # nothing is sent: it is tried on this


def sending_options(command: F) -> F:
    """Add what every command needs that signs and sends; the command gets `sending`."""

    @key_option
    @wait_option
    @output_option
    @target_options
    @json_option
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        target: Target,
        key_files: tuple[Path, ...],
        as_json: bool,
        wait: Wait,
        output: Path | None,
        **settings: Any,
    ) -> Any:
        return command(*args, sending=Sending(target, key_files, as_json, wait, output), **settings)

    return wrapped  # type: ignore[return-value]  # options change the signature on purpose


def proposing_options(command: F) -> F:
    """Add what `sending_options` has, and what tries a motion instead of voting for it."""

    @_optional_key
    @wait_option
    @output_option
    @_try_options
    @where_options
    @json_option
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        urls: tuple[str, ...],
        network_file: Path | None,
        timeout_seconds: float,
        key_files: tuple[Path, ...],
        as_json: bool,
        wait: Wait,
        output: Path | None,
        tries: bool,
        first: int | None,
        last: int | None,
        data: Path | None,
        **settings: Any,
    ) -> Any:
        if not tries:
            if (first, last, data) != (None, None, None):
                raise click.UsageError("--from-height, --to-height and --data go with --try")
            if not key_files:
                raise click.UsageError("Missing option '--key'.")
        offline = tries and data is not None and not urls and network_file is None
        target = (
            Target((), None, timeout_seconds)
            if offline
            else choose_target(urls, network_file, timeout_seconds)
        )
        stretch = Stretch(first, last, data) if tries else None
        sending = Sending(target, key_files, as_json, wait, output, stretch)
        return command(*args, sending=sending, **settings)

    return wrapped  # type: ignore[return-value]  # options change the signature on purpose


def _try_options(command: F) -> F:
    for option in (
        click.option(
            "--data", type=FOLDER,
            help="With --try: read blocks from this folder of a node that does not run.",
        ),
        click.option("--to-height", "last", type=click.IntRange(1), metavar="HEIGHT",
                     help="With --try: the last block.  [default: the newest]"),
        click.option("--from-height", "first", type=click.IntRange(1), metavar="HEIGHT",
                     help="With --try: the first block judged by it.  [default: 1]"),
        click.option("--try", "tries", is_flag=True,
                     help="Sign nothing: replay history as if it had been in force, and show what "
                     "would have come out differently."),
    ):  # fmt: skip
        command = option(command)
    return command


def bare_options(command: F) -> F:
    """For a group that shows something when it is called alone: only then is it called."""

    @where_options
    @json_option
    @functools.wraps(command)
    def wrapped(
        *,
        urls: tuple[str, ...],
        network_file: Path | None,
        timeout_seconds: float,
        as_json: bool,
        **settings: Any,
    ) -> None:
        subcommand = click.get_current_context().invoked_subcommand
        if subcommand is None:
            target = choose_target(urls, network_file, timeout_seconds)
            command(target=target, as_json=as_json, **settings)
        elif urls:
            raise click.UsageError(f"give --url after `{subcommand}`, not before it")

    return wrapped  # type: ignore[return-value]  # options change the signature on purpose


def key_bytes(text: str, is_hex: bool) -> bytes:
    """Return a record's key as it was given: text, or hex."""
    if not is_hex:
        return text.encode()
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise click.UsageError(f"with --hex the key is hex digits, not {text!r}") from None


def hex_bytes(text: str, what: str, length: int) -> bytes:
    """Return `text` as bytes. Raises InvalidSetting unless it is `length` bytes in hex."""
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != length:
        raise InvalidSetting(
            f"{what} is {2 * length} hex digits, not {text[:80]!r}",
            code="bad-hex",
            remedy="Copy it whole, as it was printed.",
        )
    return value
