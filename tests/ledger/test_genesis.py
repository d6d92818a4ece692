"""Genesis: what may begin a chain, and the state it begins with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import decode, encode
from govchaind.base.errors import InvalidEncoding, InvalidProof
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.ledger.apply import Ledger
from govchaind.ledger.commitment import check_commitment, make_commitment
from govchaind.ledger.genesis import make_genesis, read_genesis
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import NETWORK, institution_key, node_key, office_key
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.versions import KNOWN_VERSION
from tests.ledger.chain import START, Chain, genesis, key


def test_genesis_comes_back_and_its_hash_is_the_chain_id() -> None:
    made = genesis()
    assert read_genesis(made.bytes) == made
    assert made.chain_id == digest(Domain.GENESIS, made.bytes)
    assert [node.name for node in made.membership().voters()] == ["node-a", "node-b", "node-c"]
    assert made.membership().ordered_at == 0


def test_genesis_state() -> None:
    made, store, batch = genesis(), MemoryReader(), WriteBatch()
    root = Ledger.write_genesis(made, batch)
    store.apply(batch)
    assert StateTree().root(store, 0) == root

    def value(name: bytes) -> Any:
        found = State().get(store, name)
        return None if found is None else decode(found, bytes_max=len(found))

    assert value(NETWORK) == [4, 4, 3, 0]
    assert value(institution_key("bank")) == ["The bank", "voluntary", "head", 0]
    assert value(office_key("court", "pair"))[1] == 2
    assert value(node_key("node-d")) == made.nodes[3].fields()
    ledger = Ledger(made, store)
    assert (ledger.height, ledger.time, ledger.last_hash) == (0, START, made.chain_id)
    assert (ledger.pending_changes, ledger.last_checkpoint_time) == (0, START)


def double_institution(fields: list[Any]) -> None:
    fields[3].append(fields[3][0])


def double_office(fields: list[Any]) -> None:
    fields[3][0][3].append(fields[3][0][3][0])


def threshold_above_keys(fields: list[Any]) -> None:
    fields[3][0][3][0][2] = 2


def double_key(fields: list[Any]) -> None:
    fields[3][0][3][1][3].append(fields[3][0][3][1][3][0])


def key_that_ends_before_it_begins(fields: list[Any]) -> None:
    fields[3][0][3][0][3][0][2:] = [2, 1]


def no_office(fields: list[Any]) -> None:
    fields[3][0][3] = []


def unknown_class(fields: list[Any]) -> None:
    fields[3][0][2] = "private"


def node_of_nobody(fields: list[Any]) -> None:
    fields[4][0][1] = "nobody"


def nodes_unsorted(fields: list[Any]) -> None:
    fields[4].reverse()


def double_node_key(fields: list[Any]) -> None:
    fields[4][0][4] = fields[4][1][3]


def no_validator(fields: list[Any]) -> None:
    for node in fields[4]:
        node[2] = "observer"


def signs_above_genesis(fields: list[Any]) -> None:
    fields[4][0][7] = 1


def another_version(fields: list[Any]) -> None:
    fields[0] = KNOWN_VERSION + 1


def one_more_field(fields: list[Any]) -> None:
    fields.append(None)


@pytest.mark.parametrize(
    "spoil",
    [
        double_institution,
        double_office,
        threshold_above_keys,
        double_key,
        key_that_ends_before_it_begins,
        no_office,
        unknown_class,
        node_of_nobody,
        nodes_unsorted,
        double_node_key,
        no_validator,
        signs_above_genesis,
        another_version,
        one_more_field,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_a_genesis_that_cannot_be_is_refused(spoil: Callable[[list[Any]], None]) -> None:
    fields = decode(genesis().bytes, bytes_max=1 << 20)
    spoil(fields)
    with pytest.raises(InvalidEncoding):
        read_genesis(encode(fields))


def test_nodes_are_sorted_for_whoever_makes_a_genesis() -> None:
    made = genesis()
    again = make_genesis(
        name=made.name, time=made.time, institutions=made.institutions, nodes=made.nodes[::-1]
    )
    assert again == made
    other = make_genesis(
        name="other", time=made.time, institutions=made.institutions, nodes=made.nodes
    )
    assert other.chain_id != made.chain_id


def test_a_chain_of_one_validator_is_possible() -> None:
    made = genesis()
    alone = [replace(made.nodes[0], name="alone")]
    assert (
        len(
            make_genesis(name="alone", time=1, institutions=made.institutions, nodes=alone)
            .membership()
            .voters()
        )
        == 1
    )


def test_commitments_bind_salt_and_value() -> None:
    salt = bytes(range(16))
    made = make_commitment(salt, ["a", 1])
    check_commitment(made, salt, ["a", 1])
    for other_salt, value in ((bytes(16), ["a", 1]), (salt, ["a", 2])):
        with pytest.raises(InvalidProof):
            check_commitment(made, other_salt, value)
    with pytest.raises(InvalidEncoding):
        make_commitment(bytes(15), [])


def test_the_trial_chain_is_made_of_fixed_keys() -> None:
    assert Chain().genesis == genesis()
    assert key("a").public == key("a").public
