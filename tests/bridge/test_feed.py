"""Heights come once, in order, and only as a quorum has signed them."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
import trio
import trio.testing

from govchaind.base.encoding import decode, encode
from govchaind.base.errors import GovchaindError, InvalidProof, InvalidSetting, PeerError
from govchaind.bridge.changes import Changed, Created, changes_of
from govchaind.bridge.feed import Judge, Verified, genesis_of, newest_certified, verified
from govchaind.ledger.trust import TrustRoot
from tests.bridge.chain_node import ChainNode, client_of
from tests.exit_pack.packed import eventful
from tests.ledger.chain import Chain, filled


async def read(
    *nodes: ChainNode, judge: Judge, until: int | None, patience_seconds: float = 0.5
) -> list[Verified]:
    async with client_of(*nodes) as client:
        stream = verified(client, judge, until=until, patience_seconds=patience_seconds)
        async with aclosing(stream) as heights:
            return [one async for one in heights]


async def test_a_chain_is_followed_through_changes_of_its_members() -> None:
    chain = eventful()
    judge = Judge(chain.genesis, None)

    found = await read(ChainNode(chain), judge=judge, until=len(chain.steps))

    assert [one.block.hash for one in found] == [step.block.hash for step in chain.steps]
    assert judge.tip == found[-1].tip
    assert judge.tip.membership == chain.membership
    codes = [code for one in found for code, _ in one.outcomes]
    assert codes == [out.code for step in chain.steps for out in step.applied.outcomes]
    assert 105 in codes


async def test_it_goes_on_where_it_stood_and_asks_for_pages() -> None:
    chain, _ = filled()
    node = ChainNode(chain)
    half = await read(node, judge=Judge(chain.genesis, None), until=4)

    rest = await read(node, judge=Judge(chain.genesis, half[-1].tip), until=8)

    assert [one.height for one in (*half, *rest)] == list(range(1, 9))
    assert node.paged == 2
    assert await read(node, judge=Judge(chain.genesis, rest[-1].tip), until=8) == []


async def test_what_is_not_certified_is_waited_for() -> None:
    chain, _ = filled()
    node = ChainNode(chain, certified=3)
    found: list[int] = []
    heard = found.append

    async def follow() -> None:
        async with client_of(node) as client:
            judge = Judge(chain.genesis, None)
            stream = verified(client, judge, until=5, patience_seconds=60)
            async with aclosing(stream) as heights:
                async for one in heights:  # not at once: what has come is looked at meanwhile
                    heard(one.height)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        await trio.testing.wait_all_tasks_blocked()
        assert found == [1, 2, 3]
        node.certified = 5
        node.grow()
    assert found == [1, 2, 3, 4, 5]


def hide_refusal(what: str, _: int, value: Any) -> Any:
    if what == "event":
        value["transactions"] = [{**one, "code": 0} for one in value["transactions"]]
    return value


def leave_out(what: str, _: int, value: Any) -> Any:
    if what == "event":
        value["transactions"] = value["transactions"][1:]
    return value


def no_numbers(what: str, _: int, value: Any) -> Any:
    if what == "event":
        value["transactions"] = [{"code": "0"} for _ in value["transactions"]]
    return value


def another_value(what: str, height: int, value: Any) -> Any:
    if what == "block" and height == 5:
        header, raws, membership = decode(value, bytes_max=len(value))
        return encode([header, raws[:-1], membership])
    return value


def too_few_signers(what: str, _: int, value: Any) -> Any:
    if what == "certificate":
        statement, signatures = decode(value, bytes_max=len(value))
        return encode([statement, signatures[:1]])
    return value


@pytest.mark.parametrize(
    "lie", [hide_refusal, leave_out, no_numbers, another_value, too_few_signers]
)
async def test_a_lie_is_noticed_and_nothing_of_it_is_given_on(lie: Any) -> None:
    chain, _ = filled()
    liar = ChainNode(chain)
    liar.alter = lie
    judge = Judge(chain.genesis, None)

    with pytest.raises(InvalidProof) as caught:
        await read(liar, judge=judge, until=8)

    assert caught.value.code == "block-does-not-hold"
    assert judge.tip.height < 5
    honest = await read(ChainNode(chain), judge=judge, until=8)
    assert honest[-1].height == 8


async def test_another_history_than_the_trusted_one_is_refused() -> None:
    chain, _ = filled()
    statement = chain.certificate(6).read
    seen = TrustRoot(chain.genesis.chain_id, "trial", 6, statement.log_root, 0, chain.membership, 0)
    good = Judge(chain.genesis, None, seen)
    assert len(await read(ChainNode(chain), judge=good, until=8)) == 8

    other = TrustRoot(chain.genesis.chain_id, "trial", 6, bytes(32), 0, chain.membership, 0)
    judge = Judge(chain.genesis, None, other)
    with pytest.raises(InvalidProof):
        await read(ChainNode(chain), judge=judge, until=8)
    assert judge.tip.height == 5


async def test_a_node_behind_its_own_word_is_not_waited_for_for_ever() -> None:
    chain, _ = filled()

    def without(what: str, _: int, value: Any) -> Any:
        return None if what == "certificate" else value

    node = ChainNode(chain)
    node.alter = without
    with pytest.raises(GovchaindError) as caught:
        await read(node, judge=Judge(chain.genesis, None), until=8)
    assert (type(caught.value), caught.value.code) == (PeerError, "blocks-missing")


async def test_genesis_and_the_newest_height() -> None:
    chain, _ = filled()
    async with client_of(ChainNode(chain, certified=7)) as client:
        assert await genesis_of(client, chain.genesis.chain_id) == chain.genesis
        assert await newest_certified(client) == 7
        with pytest.raises(InvalidSetting) as caught:
            await genesis_of(client, bytes(32))
    assert caught.value.code == "other-chain"


def verified_of(chain: Chain, height: int, judge: Judge) -> Verified:
    """Return the next height of a chain, judged."""
    step = chain.step(height)
    told = tuple((one.code, one.operation) for one in step.applied.outcomes)
    return judge.take(step.block.raw, chain.certificate(height).encode(), told)


def test_changes_are_those_that_the_ledger_has_applied() -> None:
    chain = eventful()
    judge = Judge(chain.genesis, None)
    changes = [
        change
        for height in range(1, len(chain.steps) + 1)
        for change in changes_of(verified_of(chain, height, judge))
    ]
    created = [one.register for one in changes if isinstance(one, Created)]
    puts = [one for one in changes if isinstance(one, Changed)]

    assert [(one.name, one.mode) for one in created] == [
        ("divisions", "clear"), ("cases", "commitment"),
    ]  # fmt: skip
    assert created[0].columns == (("code", "text"), ("area", "integer"))
    assert created[1].columns == (("commitment", "bytes"),)
    assert [one.key for one in puts if one.retires] == [b"3"]
    sevens = [one.value for one in puts if one.key == b"7"]
    assert sevens == [["7", 7], ["7", 8]]
