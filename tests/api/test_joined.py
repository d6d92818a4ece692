"""What a node that joined by snapshot answers: what it holds, and `gone` for what came before."""

from __future__ import annotations

import pytest

from govchaind.api.chain import block_summaries, certified_blocks, named_height
from govchaind.api.circles import Circles
from govchaind.api.network import trust_steps
from govchaind.api.reading import Outcomes, block_at
from govchaind.api.registers import record_at, record_history, register_at
from govchaind.api.submission import Submission
from govchaind.api.viewer import Viewer
from govchaind.base.encoding import encode
from govchaind.base.errors import Gone
from govchaind.base.keyvalue import MemoryReader
from govchaind.exit_pack.source import Source
from govchaind.ledger.outcomes import OUTCOMES, Code
from govchaind.ledger.state import check_state
from govchaind.ledger.state_proof import build_state_proof
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.transaction import read_transaction
from govchaind.ledger.trust import read_advance
from govchaind.replica.inspection import check_chain
from govchaind.replica.joining import Joining
from govchaind.replica.marker import first_height
from govchaind.replica.store import APPLIED, FORMAT, FORMAT_KEY, GENESIS
from tests.ledger.chain import Chain
from tests.replica.test_joining import finished, long_chain, run, server


@pytest.fixture(name="joined", scope="module")
def a_joined_store() -> tuple[Chain, MemoryReader, int]:
    """Return a chain, a store that joined at its newest height, and that height."""
    chain = long_chain(60)
    store = MemoryReader()
    joining = Joining(chain.genesis, store, 0.0)
    run(joining, store, server(chain))
    finished(joining, store)
    height = joining.height
    store.values.update(
        {APPLIED: encode(height), FORMAT_KEY: encode(FORMAT), GENESIS: chain.genesis.bytes}
    )
    return chain, store, height


def test_newest_blocks_end_where_the_store_begins(joined: tuple[Chain, MemoryReader, int]) -> None:
    _, store, height = joined
    newest = max(first_height(store), height - 19)
    assert [one.height for one in block_summaries(store, newest, height)] == [height]
    assert block_at(store, height).height == height


def test_what_came_before_is_gone_and_says_from_where_on_there_is_more(
    joined: tuple[Chain, MemoryReader, int],
) -> None:
    chain, store, height = joined
    old = chain.steps[-3].block.transactions or chain.steps[-4].block.transactions
    register = register_at(store, "divisions")
    viewer = Viewer(Circles(store), "open", None, keeps_node=False)
    for ask in (
        lambda: named_height(store, str(height - 1)),
        lambda: block_at(store, 1),
        lambda: certified_blocks(store, viewer, 1, 3),
        lambda: trust_steps(store, 0, 0),
        lambda: Outcomes(store).find(old[0].id),
        lambda: record_at(store, register, b"100", height - 1),
        lambda: build_state_proof(store, b"key", height - 1, b"", None),  # type: ignore[arg-type]
        lambda: list(Source(store, chain.genesis).blocks()),
    ):
        with pytest.raises(Gone) as caught:
            ask()
        assert caught.value.code in ("before-snapshot", "gone")
        assert str(height) in caught.value.message


def test_what_is_held_is_whole(joined: tuple[Chain, MemoryReader, int]) -> None:
    chain, store, height = joined
    assert list(check_chain(store, chain.genesis, 1)) == []
    assert check_state(store, StateTree()) > 60
    register = register_at(store, "divisions")
    record = record_at(store, register, b"100", None)
    assert record is not None
    assert record.changed_at == height
    [only] = record_history(store, register, b"100", limit=10)
    assert only.changed_at == height
    steps = read_advance(trust_steps(store, height, height))
    assert steps == []


def test_a_copy_from_before_is_refused_as_one_and_the_others_of_its_request_are_not(
    joined: tuple[Chain, MemoryReader, int],
) -> None:
    chain, store, _ = joined
    old = next(step.block.transactions[0] for step in chain.steps if step.block.transactions)
    new = read_transaction(chain.raw((1, ["other"])))
    submission = Submission([old.raw, new.raw], [old, new])
    codes = {old.identity: int(Code.DUPLICATE), new.identity: int(Code.APPLIED)}
    submission.answered(codes, Outcomes(store))
    copy, other = submission.final()
    assert (copy.status, copy.code) == ("refused", Code.DUPLICATE)
    assert OUTCOMES[Code.DUPLICATE].text in str(copy.text)
    assert "joined by snapshot" in str(copy.text)
    assert other.status == "pending"
