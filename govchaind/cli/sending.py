"""Signing one transaction, submitting it, and saying what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from govchaind.base.errors import (
    Busy,
    Conflict,
    GovchaindError,
    Invalid,
    NotFound,
    NotPermitted,
    PeerError,
    Refused,
)
from govchaind.cli.options import Sending, Target
from govchaind.cli.output import note, print_json
from govchaind.client.keyfile import author_of
from govchaind.client.submission import Fate, Wait
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.ledger.transaction import read_transaction

NOTHING: Mapping[str, str] = MappingProxyType({})
_CLASSES: dict[str, type[GovchaindError]] = {
    "invalid": Invalid,
    "not-permitted": NotPermitted,
    "not-found": NotFound,
    "conflict": Conflict,
    "busy": Busy,
}


def send(
    sending: Sending,
    operations: Sequence[tuple[int, list[Any]]],
    named: Mapping[str, str] = NOTHING,
) -> None:
    """Sign operations as one transaction; submit it, or write it to a file instead.

    Args:
        named: what a script needs besides; stands in the JSON beside what became of it.

    Raises:
        GovchaindError: what became of it, unless it took effect (or is pending, with wait none).
    """
    raw = sending.target.client().sign(author_of(sending.key_files), operations)
    output = sending.output
    if output is not None:
        output.write_bytes(raw)
        click.echo(read_transaction(raw).id.hex())
        note(f"Wrote the signed transaction to {output}; `govchaind submit raw` sends it.")
        return
    try:
        fates = send_raw(sending.target, [raw], sending.wait)
        report(fates, sending.wait, as_json=sending.as_json, named=named)
    except (PeerError, Busy) as error:
        # It may or may not have been taken: only the same bytes can be sent again safely.
        kept = Path(f"{read_transaction(raw).id.hex()[:16]}.tx")
        kept.write_bytes(raw)
        error.remedy = (
            f"It may still happen. Run `govchaind submit raw {kept}`; that never doubles."
        )
        raise


def send_raw(target: Target, raws: Sequence[bytes], wait: Wait) -> list[Fate]:
    """Submit signed transactions and wait."""
    import trio

    async def run() -> list[Fate]:
        async with target.client() as client:
            return await client.submit(raws, wait=wait)

    return trio.run(run)


def report(
    fates: Sequence[Fate], wait: Wait, *, as_json: bool, named: Mapping[str, str] = NOTHING
) -> None:
    """Print what became of transactions; raise for the first that did not take effect."""
    if as_json:
        print_json([{**asdict(fate), **named} for fate in fates])
    else:
        for fate in fates:
            if fate.applied:
                click.echo(fate.id.hex())
                note(f"{fate.status} at height {fate.height}, place {fate.position}")
            elif wait == "none" and fate.status == "pending":
                click.echo(fate.id.hex())
                note("pending; ask later with `govchaind receipt`, or submit the same bytes again")
    for fate in fates:
        if not fate.applied and not (wait == "none" and fate.status == "pending"):
            raise failure(fate)


def failure(fate: Fate) -> GovchaindError:
    """Return the error that a fate other than "applied" is to the person who asked."""
    named = f"transaction {fate.id.hex()[:16]}…"
    if fate.applied or fate.status in ("pending", "unknown"):
        return PeerError(
            f"{named} is {fate.status}: the time ran out before it came further",
            code="still-pending",
            remedy="Submit the same bytes again with a longer --timeout; it is never done twice.",
        )
    if fate.status == "expired":
        return Refused(
            f"{named} expired before it was included; it will never happen",
            code="expired",
            remedy="Build and sign it again.",
        )
    known = OUTCOMES.get(-1 if fate.code is None else fate.code)
    kind = _CLASSES.get(known.kind, Refused) if known else Refused
    where = f" (operation {fate.operation})" if fate.operation is not None else ""
    text = fate.text or (known.text if known else "It was refused.")
    remedy = fate.remedy or (known.remedy if known else "Ask the node's operator.")
    return kind(f"{named}{where}: {_lowered(text)}", code=fate.outcome or "refused", remedy=remedy)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
