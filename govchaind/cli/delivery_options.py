"""Options that commands on deliveries share: which delivery, what is trusted, where things lie."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from govchaind.api.sentence import tell
from govchaind.base.errors import GovchaindError, InvalidSetting
from govchaind.cli.language import language
from govchaind.cli.options import FILE, FOLDER, Target, key_option, target_options
from govchaind.cli.sending import failure
from govchaind.ledger.transaction import is_name

if TYPE_CHECKING:
    from govchaind.client.client import Client
    from govchaind.client.delivery_folder import DeliveryFolder
    from govchaind.client.keyfile import Author
    from govchaind.ledger.trust import TrustRoot

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
DELIVERIES_FOLDER = "deliveries"


class GrantName(click.ParamType[Any]):
    """REQUESTER/REFERENCE."""

    name = "grant"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value[0], value[1]
        parts = value.split("/")
        if len(parts) != 2 or not all(map(is_name, parts)):
            self.fail(f"a grant is REQUESTER/REFERENCE, not {value[:80]!r}", param, ctx)
        return parts[0], parts[1]


class DeliveryName(click.ParamType[Any]):
    """REQUESTER/REFERENCE/NUMBER."""

    name = "delivery"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str, int]:
        if isinstance(value, tuple):
            return value[0], value[1], value[2]
        parts = value.split("/")
        good = len(parts) == 3 and all(map(is_name, parts[:2])) and parts[2].isascii()
        if not good or not parts[2].isdigit() or not 1 <= int(parts[2]) <= 0xFFFFFFFF:
            self.fail(f"a delivery is REQUESTER/REFERENCE/NUMBER, not {value[:80]!r}", param, ctx)
        return parts[0], parts[1], int(parts[2])


@dataclass(frozen=True, slots=True)
class Desk:
    """One's own side of deliveries: nodes, keys, trust, and a folder."""

    target: Target
    key_files: tuple[Path, ...]
    trust_file: Path | None
    folder: Path

    def author(self) -> Author:
        """Return who signs."""
        from govchaind.client.keyfile import author_of

        return author_of(self.key_files)

    def chain_id(self) -> bytes:
        """Return the chain's id. Raises InvalidSetting."""
        found = self.target.chain_id
        if found is None:
            raise InvalidSetting(
                "the chain is not known",
                code="no-chain",
                remedy="Name the network's file with --network.",
            )
        return found

    def trust(self) -> TrustRoot:
        """Return what is believed: a trust file, or nothing but the genesis."""
        from govchaind.client.trust import load_trust, trust_from_genesis

        if self.trust_file is not None:
            return load_trust(self.trust_file)
        network = self.target.network
        if network is None:
            self.chain_id()
        return trust_from_genesis(Path(self.target.genesis))


def desk_options(command: F) -> F:
    """Add --key, --trust, --folder and where the nodes are; the command gets `desk`."""

    @key_option
    @click.option(
        "--trust",
        "trust_file",
        type=FILE,
        help="Your trust file.  [default: the network's genesis]",
    )
    @click.option(
        "--folder",
        type=FOLDER,
        default=DELIVERIES_FOLDER,
        show_default=True,
        help="Where sealed files and notes of deliveries are kept.",
    )
    @target_options
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        target: Target,
        key_files: tuple[Path, ...],
        trust_file: Path | None,
        folder: Path,
        **settings: Any,
    ) -> Any:
        return command(*args, desk=Desk(target, key_files, trust_file, folder), **settings)

    return wrapped  # type: ignore[return-value]  # options change the signature on purpose


def run_with_client(target: Target, work: Callable[[Client], Awaitable[T]]) -> T:
    """Run `work` with a client of the nodes."""
    import trio

    async def run() -> T:
        async with target.client() as client:
            return await work(client)

    return trio.run(run)


async def believed(client: Client, desk: Desk) -> TrustRoot:
    """Return what is trusted, moved to the newest head that is proved; a trust file keeps it.

    So a node that shows an old state, with a key that was replaced since, is found out.
    """
    from govchaind.client.trust import advance, save_trust

    trust = await advance(client, desk.trust())
    if desk.trust_file is not None:
        save_trust(desk.trust_file, trust)
    return trust


async def proved_delivery(client: Client, desk: Desk, delivery: tuple[str, str, int]) -> list[Any]:
    """Return a delivery's value as it is proved. Raises NotFound."""
    from govchaind.client.delivering import recorded_value
    from govchaind.ledger.state_keys import delivery_key

    trust = await believed(client, desk)
    named = f"delivery {'/'.join(map(str, delivery))}"
    return await recorded_value(client, trust, delivery_key(*delivery), named)


async def record(client: Client, folder: DeliveryFolder) -> None:
    """Submit the folder's signed transaction, unless it is known to have taken effect.

    Raises GovchaindError: what became of it otherwise. What can never happen is given up.
    """
    if folder.facts().get("recorded"):
        return
    [fate] = await client.submit([folder.transaction.read_bytes()])
    if not fate.applied:
        error: GovchaindError = failure(fate)
        if fate.code is not None or fate.status == "expired":  # it is decided for good
            folder.give_up()
            remedy = tell(
                "%(remedy)s Nothing was recorded; the command can be given again.",
                remedy=error.remedy,
            )
            error.remedy = remedy.said(language())
        raise error
    folder.note(recorded=True, transaction=fate.id.hex())
