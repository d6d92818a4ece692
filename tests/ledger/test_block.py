"""Blocks: one form, one header, and the rules that need no state."""

from __future__ import annotations

from typing import Any

import pytest

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import decode, encode
from govchaind.base.errors import Invalid, InvalidBlock, InvalidEncoding
from govchaind.base.limits import BLOCK_COST_MICROSECONDS_MAX, BLOCK_OPERATIONS_MAX
from govchaind.base.merkle import SUITE_1
from govchaind.base.merkle import root as merkle_root
from govchaind.ledger.block import Block, Header, check_block, make_block, read_block
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import Transaction, read_transaction
from tests.ledger.chain import START, Chain, with_register

PUT = int(Kind.PUT)


def with_block(*, count: int = 2) -> tuple[Chain, Block]:
    chain = with_register()
    raws = [chain.raw((PUT, ["divisions", b"1", ["a", 1], None])) for _ in range(count)]
    return chain, chain.block(*raws)


def judge(chain: Chain, block: Block, **changes: Any) -> None:
    rules: dict[str, Any] = {
        "chain_id": chain.genesis.chain_id,
        "height": 2,
        "previous_hash": chain.ledger.last_hash,
        "previous_time": chain.ledger.time,
        "membership_digest": chain.membership.digest,
        **changes,
    }
    check_block(block, **rules)


def test_a_block_comes_back_and_names_its_parts() -> None:
    chain, block = with_block()
    read = read_block(block.raw)
    assert (read.raw, read.hash, read.size) == (block.raw, block.hash, len(block.raw))
    assert read.hash == digest(Domain.BLOCK, read.header)
    assert (read.height, read.term, read.leader) == (2, 1, "node-a")
    assert (read.previous, read.time) == (chain.ledger.last_hash, chain.ledger.time + 100)
    assert (read.operations, read.cost, read.membership) == (2, 80, None)
    identities = [item.identity for item in block.transactions]
    assert [item.identity for item in read.transactions] == identities
    assert Header(read.header).transactions_root == merkle_root(
        [SUITE_1.leaf(identity) for identity in identities]
    )
    judge(chain, read)


def test_transactions_that_are_known_are_not_read_again() -> None:
    _, block = with_block()
    known = {item.identity: item for item in block.transactions}
    read = read_block(block.raw, known.get)
    assert all(a is b for a, b in zip(read.transactions, block.transactions, strict=True))


def test_block_one_follows_the_chain_id() -> None:
    chain = Chain()
    first = chain.block()
    judge(chain, first, height=1, previous_hash=chain.genesis.chain_id, previous_time=START)


def test_a_configuration_block_carries_the_membership() -> None:
    chain, block = with_block()
    made = chain.block(membership=chain.membership)
    read = read_block(made.raw)
    assert read.membership == chain.membership
    assert read.membership_digest == chain.membership.digest
    judge(chain, read, membership_digest=bytes(32))
    with pytest.raises(InvalidBlock):
        chain.block(block.transactions[0].raw, membership=chain.membership)
    header, transactions, _ = decode(block.raw, bytes_max=1 << 20)
    with pytest.raises(InvalidBlock):
        read_block(encode([header, transactions, chain.membership.encode()]))
    header, _, _ = decode(made.raw, bytes_max=1 << 20)
    other = Chain().membership.encode().replace(b"node-a", b"node-0")
    with pytest.raises(InvalidBlock):
        read_block(encode([header, [], other]))


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": bytes(32)},
        {"height": 3},
        {"previous_hash": bytes(32)},
        {"membership_digest": bytes(32)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_block_that_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    chain, block = with_block()
    with pytest.raises(InvalidBlock):
        judge(chain, block, **change)


def test_time_goes_forward() -> None:
    chain, block = with_block()
    judge(chain, block, previous_time=block.time - 1)
    with pytest.raises(InvalidBlock):
        judge(chain, block, previous_time=block.time)


def test_the_bounds_of_a_block() -> None:
    chain = with_register()
    one = (PUT, ["divisions", b"1", ["a", 1], None])
    full = [chain.raw(*[one] * 100) for _ in range(5)]
    block = chain.block(*full)
    assert (block.operations, block.cost) == (BLOCK_OPERATIONS_MAX, BLOCK_COST_MICROSECONDS_MAX)
    judge(chain, block)
    with pytest.raises(InvalidBlock):
        judge(chain, chain.block(*full, chain.raw((9999, []))))
    costly = chain.raw(*[(int(Kind.VOTE), [])] * 100)
    judge(chain, chain.block(costly))
    with pytest.raises(InvalidBlock):
        judge(chain, chain.block(costly, chain.raw((9999, []))))


def test_a_block_of_too_many_bytes_is_refused() -> None:
    chain = with_register()
    large = [chain.raw((PUT, ["divisions", b"1", ["x" * 65_000, 1], None])) for _ in range(17)]
    block = chain.block(*large)
    with pytest.raises(InvalidBlock):
        judge(chain, block)
    with pytest.raises(InvalidEncoding):
        read_block(block.raw)


def test_a_block_with_its_transactions_changed_is_refused() -> None:
    _, block = with_block()
    header, transactions, _ = decode(block.raw, bytes_max=1 << 20)
    for others in ([], transactions[:1], transactions[::-1], [*transactions, transactions[0]]):
        with pytest.raises(InvalidBlock):
            read_block(encode([header, others, None]))


def test_no_bit_of_a_block_may_change() -> None:
    _, block = with_block(count=1)
    for bit in range(len(block.raw) * 8):
        changed = bytearray(block.raw)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            read = read_block(bytes(changed))
        except Invalid:
            continue
        assert read.hash != block.hash


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 2),
        (1, b""),
        (2, 0),
        (2, True),
        (4, None),
        (5, 0),
        (6, "Node"),
        (7, 0),
        (7, 1.5),
        (8, ""),
    ],
)
def test_a_header_of_another_shape_is_refused(place: int, value: Any) -> None:
    _, block = with_block()
    fields = decode(block.header, bytes_max=1024)
    fields[place] = value
    with pytest.raises(InvalidEncoding):
        Header(encode(fields))


def test_a_block_must_name_the_membership_after_it() -> None:
    with pytest.raises(InvalidBlock):
        make_block(
            chain_id=bytes(32), height=1, previous=bytes(32), term=1, leader="node-a", time=1
        )


def test_reading_a_block_calls_for_strict_transactions() -> None:
    _, block = with_block(count=1)
    raw = block.transactions[0].raw + b"\x00"
    with pytest.raises(InvalidEncoding):
        read_block(encode([block.header, [raw], None]))
    assert isinstance(read_transaction(block.transactions[0].raw), Transaction)
