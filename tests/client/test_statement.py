"""A monthly statement: made of proofs, whole, and refused when anything of it is another."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from govchaind.api.statement_page import WORDS, statement_page
from govchaind.base.errors import Gone, InvalidProof
from govchaind.client.statement import NAMES, fetch_statement, verify_statement
from govchaind.ledger.operations.accounts import Entry
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.state_keys import ACCOUNT, account_sum_key
from govchaind.ledger.state_proof import build_state_proof
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.working_state import WorkingState
from tests.ledger import exchange
from tests.ledger.chain import Chain
from tests.ledger.exchange import ask, data_set, refuse, with_request

MONTH = "2026-09"


class OneNode:
    """What a statement asks of a client, answered from a chain in memory."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.gone = 0  # times that a proof is no longer to be had
        self.hidden: tuple[str, ...] = ()  # requesters whose rows the node keeps to itself

    @property
    def height(self) -> int:
        """The newest checkpoint."""
        return StateTree().checkpoint_at(self.chain.store, len(self.chain.steps))

    async def proof_of(self, key: bytes, *, height: int | None = None) -> bytes:
        if height is not None and self.gone:
            self.gone -= 1
            raise Gone("no longer kept")
        at = self.height if height is None else height
        header = self.chain.step(at).block.header
        return build_state_proof(
            self.chain.store, key, at, header, self.chain.certificate(len(self.chain.steps))
        )

    async def accounts(
        self, month: str, *, institution: str | None = None, after: str | None = None
    ) -> dict[str, Any]:
        rows = []
        state = WorkingState(self.chain.ledger._state, self.chain.store, {})
        for key, _, _ in self.chain.ledger._state.scan(self.chain.store, ACCOUNT, limit=1000):
            provider, name, requester = (part.decode() for part in key[3:].split(b"\x00"))
            assert state.decoded(key) is not None
            if institution in (provider, requester) and requester not in self.hidden:
                rows.append({"provider": provider, "data_set": name, "requester": requester})
        first = rows[:1] if after is None else rows[1:]
        return {"accounts": first, "next": "more" if after is None and len(rows) > 1 else None}


def shared() -> OneNode:
    """Return a node of a chain on which two institutions have asked the registry."""
    chain = with_request()
    assert chain.do(Kind.PUBLISH_DATA_SET, *data_set("births")) == 0
    assert ask(chain, "r-2", data_set="births", institution="court") == 0
    assert refuse(chain) == 0
    chain.apply()
    chain.apply()
    return OneNode(chain)


async def made(node: OneNode, institution: str = "registry", month: str = MONTH) -> dict[str, Any]:
    client: Any = node
    return await fetch_statement(client, institution, month, node.chain.trust())


async def test_a_statement_says_what_was_given_and_taken() -> None:
    node = shared()
    table = json.loads(json.dumps(await made(node)))
    proved = verify_statement(table, node.chain.trust())
    assert (proved.institution, proved.month, proved.height) == ("registry", MONTH, node.height)
    assert [(row.data_set, row.requester) for row in proved.rows] == [
        ("births", "court"), ("marriages", "bank")]  # fmt: skip
    assert (proved.gave["asked"], proved.gave["refused"], proved.took["asked"]) == (2, 1, 0)
    bank = verify_statement(await made(node, "bank"), node.chain.trust())
    assert (bank.took["asked"], bank.took["in_time"], bank.gave["asked"]) == (1, 1, 0)
    assert "<h1>registry: data given and taken in September 2026</h1>" in statement_page(
        proved, "ab" * 32, "en"
    )
    assert "2026年9月" in statement_page(proved, "ab" * 32, "zh")
    assert set(WORDS) == set(NAMES) == {entry.name.lower() for entry in Entry}


async def test_a_month_of_nothing_is_proved_too() -> None:
    node = shared()
    proved = verify_statement(await made(node, "ministry", "2026-01"), node.chain.trust())
    assert (proved.rows, set(proved.gave.values())) == ((), {0})
    assert "Nothing was asked of it" in statement_page(proved, "ab", "en")


async def test_a_height_that_is_gone_meanwhile_is_left_for_a_newer_one() -> None:
    node = shared()
    node.gone = 2
    assert verify_statement(await made(node), node.chain.trust()).gave["asked"] == 2
    node.gone = 3
    with pytest.raises(Gone):
        await made(node)


async def test_a_row_that_the_node_keeps_to_itself_is_missed() -> None:
    node = shared()
    node.hidden = ("court",)
    table = await made(node)
    with pytest.raises(InvalidProof, match="one is missing") as caught:
        verify_statement(table, node.chain.trust())
    assert caught.value.code == "rows-missing"


def spoil_version(table: dict[str, Any]) -> None:
    table["statement"] = 2


def spoil_institution(table: dict[str, Any]) -> None:
    table["institution"] = "bank"


def spoil_month(table: dict[str, Any]) -> None:
    table["month"] = "2026-08"


def spoil_name(table: dict[str, Any]) -> None:
    table["rows"][0]["requester"] = "ministry"


def spoil_byte(table: dict[str, Any]) -> None:
    proof = table["rows"][1]["proof"]
    table["rows"][1]["proof"] = proof[:-2] + f"{int(proof[-2:], 16) ^ 1:02x}"


def drop_row(table: dict[str, Any]) -> None:
    del table["rows"][0]


def double_row(table: dict[str, Any]) -> None:
    table["rows"].append(table["rows"][0])


def foreign_row(table: dict[str, Any]) -> None:
    table["rows"][0]["provider"] = table["rows"][0]["requester"] = "bank"


def no_rows(table: dict[str, Any]) -> None:
    table["rows"] = None


def no_hex(table: dict[str, Any]) -> None:
    table["sums"]["proof"] = "zz"


SPOILT = (
    (spoil_version, "unknown-version"),
    (spoil_institution, "other-key"),
    (spoil_month, "other-key"),
    (spoil_name, "other-key"),
    (spoil_byte, None),
    (drop_row, "rows-missing"),
    (double_row, "other-row"),
    (foreign_row, "other-row"),
    (no_rows, "not-a-statement"),
    (no_hex, "not-a-statement"),
)


@pytest.mark.parametrize(
    ("spoil", "code"), SPOILT, ids=lambda value: getattr(value, "__name__", "")
)
async def test_what_is_spoilt_is_refused(
    spoil: Callable[[dict[str, Any]], None], code: str | None
) -> None:
    node = shared()
    table = copy.deepcopy(await made(node))
    spoil(table)
    with pytest.raises(InvalidProof) as caught:
        verify_statement(table, node.chain.trust())
    assert code in (None, caught.value.code)


async def test_rows_of_another_height_do_not_mix_with_the_sums() -> None:
    node = shared()
    older = await made(node)
    assert ask(node.chain, "r-3") == 0
    node.chain.apply()
    newer = await made(node)
    mixed = {**newer, "sums": older["sums"]}
    with pytest.raises(InvalidProof, match="of another height"):
        verify_statement(mixed, node.chain.trust())


async def test_the_chain_of_the_tests_keeps_sums() -> None:
    node = shared()
    key = account_sum_key(exchange_month(), "registry")
    assert exchange.value(node.chain, key)[0][Entry.ASKED] == 2


def exchange_month() -> int:
    return 2026 * 12 + 8
