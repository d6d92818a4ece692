"""What a bridge follows: certified heights with their outcomes, each judged before it is given on.

Rules it keeps:
- A node is not believed. Blocks are chained by their hashes from genesis, or from where the bridge
  stands; a quorum has signed each; and the outcomes, which a node only tells, are compared with the
  root that the quorum has signed. Whoever gives something else is named, and another node is asked.
- Every height comes once, in order, whichever nodes come and go; nothing is read ahead but one
  page of blocks, so a slow taker holds up the nodes' stream and nothing else.
- A trust file that is given speaks for the height that it has seen.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from copy import copy
from dataclasses import dataclass
from typing import Any

from govchaind.backup.links import Links
from govchaind.backup.part import Tip
from govchaind.base.encoding import read
from govchaind.base.errors import InvalidProof, InvalidSetting, PeerError
from govchaind.base.merkle import SUITE_1, root
from govchaind.base.types import Hash, Height
from govchaind.client.client import Client
from govchaind.ledger.block import Block, read_block
from govchaind.ledger.certificate import read_certificate
from govchaind.ledger.genesis import Genesis, read_genesis
from govchaind.ledger.outcomes import Outcome
from govchaind.ledger.results import outcome_leaf
from govchaind.ledger.statement import Statement
from govchaind.ledger.trust import TrustRoot
from govchaind.runtime.replay import PAGE_BLOCKS, PAGE_BYTES_MAX

_NUMBER_MAX = (1 << 63) - 1
Pair = tuple[bytes, bytes | None]  # block, certificate
Told = tuple[int, int | None]  # outcome code, operation that was refused


@dataclass(frozen=True, slots=True)
class Verified:
    """One height, of which a quorum has signed every part."""

    block: Block
    raw: bytes
    certificate: bytes
    statement: Statement
    outcomes: tuple[Told, ...]  # one for each transaction, in order
    tip: Tip  # where the chain stands after it

    @property
    def height(self) -> Height:
        return self.block.height


class Judge:
    """Judges heights in order.

    Args:
        tip: where the chain was left; None: at genesis.
        trust: what has been seen of this chain elsewhere.
    """

    def __init__(self, genesis: Genesis, tip: Tip | None, trust: TrustRoot | None = None) -> None:
        self._links = Links(genesis, tip)
        self._trust = trust

    @property
    def tip(self) -> Tip:
        return self._links.tip

    def take(self, raw: bytes, certificate: bytes | None, told: tuple[Told, ...]) -> Verified:
        """Judge the next height.

        Raises:
            PeerError: the certificate is missing. InvalidProof: something does not hold.
        """
        links = copy(self._links)
        held = links.take(raw, certificate)
        found = self._verified(raw, held, told, links.tip)
        self._links = links  # only now: what does not hold leaves no trace
        return found

    def _verified(self, raw: bytes, held: bytes, told: tuple[Told, ...], tip: Tip) -> Verified:
        block, statement = read_block(raw), read_certificate(held).read
        if outcomes_root(block, told) != statement.outcomes_root:
            raise _does_not_hold(block.height, "its outcomes are not those that a quorum signed")
        trust = self._trust
        if (
            trust is not None
            and trust.head_height == block.height
            and trust.log_root != statement.log_root
        ):
            raise _does_not_hold(block.height, "the trust file has seen another history")
        return Verified(block, raw, held, statement, told, tip)


def outcomes_root(block: Block, told: tuple[Told, ...]) -> Hash | None:
    """Return the root over a block's outcomes as they are told; None: not one a transaction."""
    if len(told) != len(block.transactions):
        return None
    leaves = [
        SUITE_1.leaf(outcome_leaf(one.id, one.identity, Outcome(code, operation)))
        for one, (code, operation) in zip(block.transactions, told, strict=True)
    ]
    return root(leaves)


async def verified(
    client: Client, judge: Judge, *, until: Height | None, patience_seconds: float
) -> AsyncGenerator[Verified, None]:
    """Yield each certified height after the judge's tip; endless, or up to `until`.

    Raises:
        InvalidProof: what the present node gives does not hold; the tip stays.
        PeerError, Busy: for `patience_seconds` no node had anything to say.
    """
    if until is not None and judge.tip.height >= until:
        return
    page: dict[Height, Pair] = {}
    following = client.events(
        judge.tip.height + 1, certified=True, patience_seconds=patience_seconds
    )
    async with following as events:
        async for event in events:
            height = judge.tip.height + 1
            if height not in page:
                page = await _page(client, height)
            raw, certificate = page.pop(height)
            yield judge.take(raw, certificate, told_by(event))
            if height == until:
                return


async def _page(client: Client, first: Height) -> dict[Height, Pair]:
    data = await client.blocks(first, PAGE_BLOCKS)
    pairs = read(data, list[Pair], bytes_max=PAGE_BYTES_MAX)[:PAGE_BLOCKS]
    if not pairs:
        raise PeerError(
            f"a node gave no block {first}, which another says is certified",
            code="blocks-missing",
        )
    found: dict[Height, Pair] = {}
    for height, pair in enumerate(pairs, first):
        if pair[1] is None:  # above the newest certified height of that node
            break
        found[height] = pair
    if not found:
        raise PeerError(
            f"a node has no certificate yet of block {first}, which another says is certified",
            code="blocks-missing",
        )
    return found


def told_by(event: dict[str, Any]) -> tuple[Told, ...]:
    """Return the outcomes that a block's event tells. Raises InvalidProof: it is no such event."""
    listed = event.get("transactions")
    if not isinstance(listed, list):
        listed = [None]
    return tuple(_told(one) for one in listed)


def _told(one: object) -> Told:
    code, operation = (
        (one.get("code"), one.get("operation")) if isinstance(one, dict) else (None, None)
    )
    if isinstance(code, int) and 0 <= code <= _NUMBER_MAX:
        if operation is None:
            return code, None
        if isinstance(operation, int) and 0 <= operation <= _NUMBER_MAX:
            return code, operation
    raise InvalidProof("an event does not list outcomes", code="block-does-not-hold")


def _does_not_hold(height: Height, what: str) -> InvalidProof:
    return InvalidProof(
        f"block {height} does not hold: {what}",
        code="block-does-not-hold",
        remedy="Ask another node, and find out why this one tells something else.",
    )


async def genesis_of(client: Client, chain_id: Hash) -> Genesis:
    """Return the genesis of this chain from a node. Raises InvalidSetting: it is another's."""
    genesis = read_genesis(await client.genesis())
    if genesis.chain_id != chain_id:
        raise InvalidSetting(
            f"the node is of chain {genesis.chain_id.hex()}, not of {chain_id.hex()}",
            code="other-chain",
            remedy="Check the trust that you gave, and which node you name.",
        )
    return genesis


async def newest_certified(client: Client) -> Height:
    """Return the newest height that a node says is certified."""
    height = (await client.status()).get("certified")
    return height if isinstance(height, int) else 0
