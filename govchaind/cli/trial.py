"""`govchaind propose … --try`: what would have come out differently, told before anybody votes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from govchaind.api.motion_words import day_words, motion_words
from govchaind.api.outcome_words import outcome_words
from govchaind.api.sentence import Sentence, tell
from govchaind.api.sentences import headline
from govchaind.base.errors import GovchaindError, InvalidSetting, PeerError
from govchaind.base.types import Height
from govchaind.cli.language import language
from govchaind.cli.options import Sending, Stretch
from govchaind.cli.output import line, moment, note, print_json, progress, say
from govchaind.ledger.outcomes import Outcome
from govchaind.ledger.trial import MotionChange, MotionStand, OutcomeChange, Trial

if TYPE_CHECKING:
    from govchaind.ledger.block import Block
    from govchaind.ledger.genesis import Genesis

BLOCKS_AT_ONCE = 16  # asked of a node together
CHANGES_TOLD_MAX = 10_000  # more are counted, not told


class History:
    """Where blocks come from: genesis, the newest height, and blocks in order."""

    def __init__(
        self,
        genesis: Genesis,
        newest: Height,
        read: Callable[[Height], AsyncGenerator[Block, None]],
    ) -> None:
        self.genesis = genesis
        self.newest = newest
        self._read = read

    def blocks(self, last: Height) -> AsyncGenerator[Block, None]:
        """Return what yields the blocks from 1 to `last`."""
        return self._read(last)


def try_motion(sending: Sending, stretch: Stretch, motion: int, arguments: list[Any]) -> None:
    """Replay a stretch of history with a motion in force, and tell what is different.

    Raises:
        InvalidSetting: the stretch is not of this history. Refused: the motion would have been.
    """
    import trio

    changes, total, trial, (first, last) = trio.run(_replay, sending, stretch, motion, arguments)
    if sending.as_json:
        print_json(
            {
                "motion": {"kind": motion, "words": motion_words(motion, arguments).english},
                "from": first,
                "to": last,
                "transactions": trial.transactions,
                "outcomes_changed": total,
                "outcomes": [_outcome_json(change) for change in changes],
                "motions": [_motion_json(change) for change in trial.motion_changes],
            }
        )
        return
    for change in changes:
        click.echo(line(_outcome_sentence(change).said(language())))
    if total > len(changes):
        say(f"… and {total - len(changes)} more.")
    for motion_change in trial.motion_changes:
        click.echo(line(_motion_sentence(motion_change).said(language())))
    note(
        f"Blocks {first} to {last}, {trial.transactions} transactions: {total} would have come out "
        f"differently, and {len(trial.motion_changes)} motions. Nothing was signed or sent."
    )


class Ended:
    """What a trial came to, once its stores are gone."""

    def __init__(self, trial: Trial) -> None:
        self.transactions = trial.transactions
        self.motion_changes = trial.motions()


async def _replay(
    sending: Sending, stretch: Stretch, motion: int, arguments: list[Any]
) -> tuple[list[OutcomeChange], int, Ended, tuple[Height, Height]]:
    from govchaind.runtime.scratch import scratch_stores

    changes: list[OutcomeChange] = []
    total = 0
    async with _history(sending, stretch.data) as history:
        first, last = _bounds(stretch, history.newest)
        with scratch_stores(2) as stores, progress("replaying", last, "blocks") as ticks:
            real, tried = stores
            trial = Trial(history.genesis, motion, arguments, first, real=real, tried=tried)
            async with aclosing(history.blocks(last)) as blocks:
                async for block in blocks:
                    for change in trial.take(block):
                        total += 1
                        if len(changes) < CHANGES_TOLD_MAX:
                            changes.append(change)
                    for store in stores:
                        await store.flush()
                    ticks.advance(1)
            return changes, total, Ended(trial), (first, last)


def _bounds(stretch: Stretch, newest: Height) -> tuple[Height, Height]:
    last = newest if stretch.last is None else stretch.last
    first = 1 if stretch.first is None else stretch.first
    if not 1 <= first <= last <= newest:
        raise InvalidSetting(
            f"there is no stretch from {first} to {last}; the newest block is {newest}",
            code="bad-stretch",
            remedy="Give --from-height and --to-height blocks that are there, in this order.",
        )
    return first, last


@asynccontextmanager
async def _history(sending: Sending, data: Path | None) -> AsyncIterator[History]:
    """Open the history of a node's folder, or of the nodes that the options name."""
    if data is not None:
        from govchaind.api.reading import block_at
        from govchaind.node import load
        from govchaind.replica.store import applied_height
        from govchaind.runtime.lmdb_storage import LmdbStorage

        config, _, genesis = load(data)
        with (
            closing(LmdbStorage(config.store_directory)) as storage,
            storage.snapshot() as snapshot,
        ):

            async def stored(last: Height) -> AsyncGenerator[Block, None]:
                for height in range(1, last + 1):
                    yield block_at(snapshot, height)

            yield History(genesis, applied_height(snapshot), stored)
        return
    from govchaind.ledger.genesis import read_genesis

    async with sending.target.client() as client:
        genesis = read_genesis(await client.genesis())
        if sending.target.chain_id not in (None, genesis.chain_id):
            raise PeerError(
                "the node's genesis is of another chain than the network's file names",
                code="other-chain",
                remedy="Ask another node with --url.",
            )
        newest = int((await client.status()).get("height") or 0)
        yield History(genesis, newest, lambda last: _fetched(client, last))


async def _fetched(client: Any, last: Height) -> AsyncGenerator[Block, None]:
    """Yield blocks in order, some of them asked for at a time."""
    import trio

    from govchaind.ledger.block import read_block

    for start in range(1, last + 1, BLOCKS_AT_ONCE):
        found: dict[Height, bytes] = {}

        async def fetch(height: Height, into: dict[Height, bytes]) -> None:
            into[height] = await client.block(height)

        heights = range(start, min(start + BLOCKS_AT_ONCE, last + 1))
        try:
            async with trio.open_nursery() as nursery:
                for height in heights:
                    nursery.start_soon(fetch, height, found)
        except BaseExceptionGroup as group:
            known, _ = group.split(GovchaindError)
            if known is None:
                raise
            raise known.exceptions[0] from group
        for height in heights:
            yield read_block(found[height])


def _named(outcome: Outcome) -> str:
    return outcome.text.name


def _outcome_sentence(change: OutcomeChange) -> Sentence:
    """Say what a transaction came to, and what it would have."""
    return tell(
        "Block %(height)s, %(time)s: %(sentence)s It came out as %(was)s, and would have as "
        "%(would)s: %(text)s",
        height=str(change.height),
        time=moment(change.time),
        sentence=headline(change.transaction),
        was=change.was.text.name,
        would=change.would.text.name,
        text=outcome_words(change.would.text).text,
    )


def _motion_sentence(change: MotionChange) -> Sentence:
    return tell(
        "The motion to %(motion)s %(was)s; it would have been so: it %(would)s.",
        motion=motion_words(change.kind, change.arguments),
        was=_stand_words(change.was),
        would=_stand_words(change.would),
    )


def _stand_words(stand: MotionStand | None) -> Sentence:
    """Say what became of a motion."""
    if stand is None:
        return tell("has no vote")
    if stand.enacted is not None:
        return tell("took effect in block %(height)s", height=str(stand.enacted))
    if stand.carried is not None:
        return tell(
            "is carried with %(ballots)s votes since %(day)s and not in effect",
            ballots=stand.ballots,
            day=day_words(stand.carried),
        )
    return tell("is not carried, with %(ballots)s votes", ballots=stand.ballots)


def _outcome_json(change: OutcomeChange) -> dict[str, Any]:
    words = _outcome_sentence(change)
    return {
        "height": change.height,
        "time_ms": change.time,
        "transaction": change.transaction.id.hex(),
        "institution": change.transaction.institution,
        "office": change.transaction.office,
        "was": _named(change.was),
        "would": _named(change.would),
        "operation": change.would.operation,
        "english": words.english,
        "chinese": words.chinese,
    }


def _motion_json(change: MotionChange) -> dict[str, Any]:
    words = _motion_sentence(change)

    def stand(of: MotionStand | None) -> dict[str, Any] | None:
        if of is None:
            return None
        return {"ballots": of.ballots, "carried_at_ms": of.carried, "enacted_at": of.enacted}

    return {
        "digest": change.digest.hex(),
        "was": stand(change.was),
        "would": stand(change.would),
        "english": words.english,
        "chinese": words.chinese,
    }
