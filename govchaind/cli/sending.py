"""Signing one transaction, submitting it, and saying what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from govchaind.api.outcome_words import outcome_words
from govchaind.api.sentence import Language, Sentence, tell
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
from govchaind.cli.language import language
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
        remedy = tell(
            "It may still happen. Run `govchaind submit raw %(file)s`; that never doubles.",
            file=str(kept),
        )
        error.remedy = remedy.said("en" if sending.as_json else language())
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
            raise failure(fate, as_json=as_json)


def failure(fate: Fate, *, as_json: bool = False) -> GovchaindError:
    """Return the error that a fate other than "applied" is, in the language of the command."""
    spoken = "en" if as_json else language()
    named = tell("transaction %(id)s…", id=fate.id.hex()[:16])
    if fate.operation is not None:
        named = tell(
            "%(transaction)s (operation %(number)s)",
            transaction=named,
            number=str(fate.operation),
        )
    if fate.status in ("pending", "unknown"):
        what = tell(
            "%(transaction)s is %(status)s: the time ran out before it came further",
            transaction=named,
            status=tell("pending") if fate.status == "pending" else tell("unknown"),
        )
        remedy = tell(
            "Submit the same bytes again with a longer `--timeout`; it is never done twice."
        )
        return PeerError(what.said(spoken), code="still-pending", remedy=remedy.said(spoken))
    if fate.status == "expired":
        what = tell(
            "%(transaction)s expired before it was included; it will never happen",
            transaction=named,
        )
        remedy = tell("Build and sign it again.")
        return Refused(what.said(spoken), code="expired", remedy=remedy.said(spoken))
    return _refusal(fate, named, spoken)


def _refusal(fate: Fate, named: Sentence, spoken: Language) -> GovchaindError:
    """Return what a node says of a refusal; in Chinese what this software knows of its outcome."""
    known = OUTCOMES.get(-1 if fate.code is None else fate.code)
    kind = _CLASSES.get(known.kind, Refused) if known else Refused
    text = fate.text or (known.text if known else "It was refused.")
    remedy = fate.remedy or (known.remedy if known else "Ask the node's operator.")
    if known is not None and spoken == "zh":
        words = outcome_words(known)
        text, remedy = words.text.chinese, words.remedy.chinese
    what = tell("%(transaction)s: %(refusal)s", transaction=named, refusal=_lowered(text))
    return kind(what.said(spoken), code=fate.outcome or "refused", remedy=remedy)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
