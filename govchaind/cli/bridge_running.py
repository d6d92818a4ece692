"""How a bridge is run from the command line: its trust, its signals, and what it tells."""

from __future__ import annotations

import functools
import json
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from govchaind.cli.options import FILE, hex_bytes, json_option, node_options, shown_token
from govchaind.cli.output import moment, note
from govchaind.cli.read_key import shown_reader
from govchaind.ledger.trust import TrustRoot

if TYPE_CHECKING:
    from govchaind.bridge.following import Reached
    from govchaind.bridge.sink import Sink
    from govchaind.client.client import Client

F = TypeVar("F", bound=Callable[..., Any])

REPORT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Source:
    """Which nodes a whole chain is read from, and by what it is believed."""

    urls: tuple[str, ...]
    timeout_seconds: float
    chain_id: bytes
    trust: TrustRoot | None  # None: the chain id alone


@dataclass(frozen=True, slots=True)
class Manner:
    """How long a bridge runs, and how it tells of it."""

    once: bool
    patience_seconds: float
    metrics: str | None
    as_json: bool


def trust_options(command: F) -> F:
    """Add --trust and --genesis: by what a chain is believed, besides --chain-id."""
    for option in (
        click.option("--genesis", type=FILE, metavar="FILE",
                     help="The chain's genesis.bin: believe this chain."),
        click.option("--trust", "trust_file", type=FILE, metavar="FILE",
                     help="A trust file: believe this chain, as far as it has seen it."),
    ):  # fmt: skip
        command = option(command)
    return command


def choose_trust(
    chain_id: str | None, trust_file: Path | None, genesis: Path | None
) -> tuple[bytes, TrustRoot | None]:
    """Return which chain is believed, and what has been seen of it."""
    from govchaind.base.errors import InvalidSetting
    from govchaind.client.trust import load_trust, trust_from_genesis

    named = None if chain_id is None else hex_bytes(chain_id, "a chain id", 32)
    root = None
    if trust_file is not None:
        root = load_trust(trust_file)
    if genesis is not None:
        begun = trust_from_genesis(genesis)
        if root is not None and root.chain_id != begun.chain_id:
            raise InvalidSetting("the trust file is of another chain than the genesis")
        root = root or begun
    if root is None and named is None:
        raise click.UsageError(
            "say which chain to believe: --trust FILE, --genesis FILE or --chain-id HEX"
        )
    if root is not None and named not in (None, root.chain_id):
        raise InvalidSetting(
            f"what is trusted is of chain {root.chain_id.hex()}, not of the one named",
            code="other-chain",
            remedy="Check the id, and which file you name.",
        )
    return (root.chain_id if root is not None else named or b""), root


def source_options(command: F) -> F:
    """Add --node, --trust and their like; the command gets `source`."""

    @node_options
    @trust_options
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        urls: tuple[str, ...],
        timeout_seconds: float,
        chain_id: str | None,
        trust_file: Path | None,
        genesis: Path | None,
        **settings: Any,
    ) -> Any:
        if not urls:
            raise click.UsageError("Missing option '--node'.")
        believed, trust = choose_trust(chain_id, trust_file, genesis)
        source = Source(urls, timeout_seconds, believed, trust)
        return command(*args, source=source, **settings)

    return wrapped  # type: ignore[return-value]  # options change the signature on purpose


def bridge_options(command: F) -> F:
    """Add what every bridge has; the command gets `source` and `manner`."""

    @source_options
    @click.option("--once", is_flag=True, help="End when all that is certified now is written.")
    @click.option("--patience", "patience_seconds", type=click.FloatRange(0.1), default=300.0,
                  show_default=True, metavar="SECONDS",
                  help="How long either side may fail before the bridge ends.")  # fmt: skip
    @click.option("--metrics", metavar="HOST:PORT", help="Serve numbers for Prometheus there.")
    @json_option
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        once: bool,
        patience_seconds: float,
        metrics: str | None,
        as_json: bool,
        **settings: Any,
    ) -> Any:
        manner = Manner(once, patience_seconds, metrics, as_json)
        return command(*args, manner=manner, **settings)

    return wrapped  # type: ignore[return-value]  # options change the signature on purpose


def connect_to(source: Source) -> Client:
    """Return a client of the source's nodes, with the command's token and key to read."""
    from govchaind.client.client import connect

    return connect(
        source.urls,
        token=shown_token(),
        reader=shown_reader(),
        chain_id=source.chain_id,
        deadline_seconds=source.timeout_seconds,
    )


class _Teller:
    """Tells how far a bridge has come: every few seconds, and at the end."""

    def __init__(self, manner: Manner, kind: str) -> None:
        from govchaind.bridge.gauges import Gauges

        self._as_json = manner.as_json
        self._kind = kind
        self._due = time.monotonic() + REPORT_SECONDS
        self._gauges = None if manner.metrics is None else Gauges()
        if self._gauges is not None and manner.metrics is not None:
            self._gauges.listen(manner.metrics)

    def failed(self, text: str) -> None:
        note(text)
        if self._gauges is not None:
            self._gauges.failed()

    def wrote(self, reached: Reached) -> None:
        if self._gauges is not None:
            self._gauges.wrote(reached)
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + REPORT_SECONDS
            self._tell(reached, note)

    def end(self, reached: Reached) -> None:
        self._tell(reached, click.echo)

    def _tell(self, reached: Reached, say: Callable[[str], None]) -> None:
        if self._as_json:
            click.echo(json.dumps({"bridge": self._kind, **asdict(reached)}))
            return
        if not reached.time_ms:  # it was never told where it stands, or nothing is there yet
            say(f"{self._kind}: nothing was written since the start.")
            return
        stands = f"height {reached.height} of {moment(reached.time_ms)}"
        heights = "1 height" if reached.heights == 1 else f"{reached.heights} heights"
        changes = "1 change" if reached.changes == 1 else f"{reached.changes} changes"
        say(f"{self._kind} stands at {stands}; {heights} with {changes} written since the start.")


def run_bridge(source: Source, manner: Manner, kind: str, sink: Sink) -> None:
    """Run a bridge until it is done, or SIGTERM ends it; a height under way is ended first."""
    import trio

    trio.run(_run, source, manner, _Teller(manner, kind), sink)


async def _run(source: Source, manner: Manner, teller: _Teller, sink: Sink) -> None:
    import trio

    from govchaind.bridge.feed import genesis_of
    from govchaind.bridge.following import Following

    async with (
        connect_to(source) as client,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(_end_on_signal, nursery.cancel_scope)
        genesis = await genesis_of(client, source.chain_id)
        following = Following(
            client,
            genesis,
            sink,
            trust=source.trust,
            patience_seconds=manner.patience_seconds,
            tell=teller.failed,
            wrote=teller.wrote,
        )
        try:
            await following.run(once=manner.once)
        finally:
            with suppress(BrokenPipeError):
                teller.end(following.reached)
        nursery.cancel_scope.cancel()


async def _end_on_signal(scope: Any, task_status: Any) -> None:
    import trio

    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
            return
