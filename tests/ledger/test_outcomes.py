"""Each outcome of the table is provoked here; `test_every_outcome_is_provoked` counts them."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest

from govchaind.base.limits import (
    INSTITUTIONS_MAX,
    LIFETIME_MAX_MILLISECONDS,
    NODES_MAX,
    VALUE_BYTES_MAX,
)
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.motions import AdmitInstitution, admit_institution
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.outcomes import OUTCOMES, Code
from govchaind.ledger.shapes import Shape, shaped
from govchaind.ledger.state import State
from govchaind.ledger.versions import KNOWN_VERSION
from govchaind.ledger.working_state import Act, WorkingState
from tests.ledger import accused, decided, delivered, exchanged, set_aside, set_beside, spent
from tests.ledger.chain import NODES, Chain, key, member, with_register
from tests.ledger.decided import majority_for

PUT = int(Kind.PUT)
RECORD: tuple[Any, ...] = ("divisions", b"110000", ["110000", 16410], None)


def put(chain: Chain, *changes: Any, **author: Any) -> int:
    arguments = list(RECORD)
    arguments[: len(changes)] = changes
    return chain.do(PUT, *arguments, **author)


def keys_of(*holders: str, start: int = 0, until: int | None = None) -> list[list[Any]]:
    return [[key(holder).public, f"Holder {holder}", start, until] for holder in holders]


def offices_of(name: str, holder: str) -> list[Any]:
    return [[name, f"Office {name}", 1, keys_of(holder)]]


def node(name: str, institution: str, role: str, *, again: int = 0) -> list[Any]:
    return member(name, institution, role, again=again).fields()[:7]


class Nothing(Shape):
    """No arguments at all."""


def table_with(kind: int, apply: Callable[[Any, Act, WorkingState], int]) -> Any:
    extra = Operation(kind, "trial", "trial", 10, Nothing, apply)
    return MappingProxyType({**OPERATIONS, kind: extra})


# --- the transaction as a whole ------------------------------------------------------------


def applied() -> int:
    return put(with_register())


def wrong_chain() -> int:
    return put(with_register(), chain_id=bytes(32))


def expired() -> int:
    chain = with_register()
    return chain.codes(chain.raw((PUT, list(RECORD)), valid_until=chain.ledger.time + 99))[0]


def valid_too_far_ahead() -> int:
    chain = with_register()
    until = chain.ledger.time + 100 + LIFETIME_MAX_MILLISECONDS + 1
    return chain.codes(chain.raw((PUT, list(RECORD)), valid_until=until))[0]


def duplicate() -> int:
    chain = with_register()
    raw = chain.raw((PUT, list(RECORD)))
    chain.codes(raw)
    return chain.codes(raw)[0]


def unknown_institution() -> int:
    return put(with_register(), institution="nobody")


def unknown_office() -> int:
    return put(with_register(), office_name="nothing")


def signatures_insufficient() -> int:
    return put(with_register(), office_name="pair", signers=["registry one"])


def superfluous_signature() -> int:
    signers = ["registry one", "registry two", "registry three"]
    return put(with_register(), office_name="pair", signers=signers)


def key_not_of_office() -> int:
    return put(with_register(), signers=["court head"])


def key_not_yet_valid() -> int:
    chain = with_register()
    keys = keys_of("late", start=chain.ledger.time + 10_000)
    assert chain.do(Kind.CREATE_OFFICE, "late", "Late", 1, keys) == 0
    return put(chain, office_name="late", signers=["late"])


def key_expired() -> int:
    chain = with_register()
    keys = keys_of("brief", until=chain.ledger.time + 150)
    assert chain.do(Kind.CREATE_OFFICE, "brief", "Brief", 1, keys) == 0
    return put(chain, office_name="brief", signers=["brief"])


def key_revoked() -> int:
    chain = with_register()
    assert chain.do(Kind.REVOKE_KEY, "pair", key("registry one").public) == 0
    return put(chain, office_name="pair", signers=["registry one", "registry two"])


def too_many_live() -> int:
    chain = with_register(live_ids_max=2)
    assert put(chain) == 0
    return put(chain)


def unknown_operation() -> int:
    return Chain().do(9999)


def malformed_operation() -> int:
    return with_register().do(PUT, "divisions", "text for bytes", ["110000", 1], None)


def internal_error() -> int:
    def fails(_: Nothing, __: Act, ___: WorkingState) -> int:
        raise ZeroDivisionError

    return Chain(operations=table_with(900, fails), version=KNOWN_VERSION).do(900)


# --- registers ------------------------------------------------------------


def register_exists() -> int:
    return with_register().do(Kind.CREATE_REGISTER, "divisions", "Again", [], "clear", [])


def unknown_register() -> int:
    return put(with_register(), "nothing")


def not_a_writer() -> int:
    return put(with_register(), institution="bank")


def value_does_not_fit_schema() -> int:
    return put(with_register(), "divisions", b"1", ["110000", "many"])


def value_too_large() -> int:
    return put(with_register(), "divisions", b"1", ["x" * VALUE_BYTES_MAX, 1])


def revision_conflict() -> int:
    return put(with_register(), *RECORD[:3], 1)


def retired_chain() -> Chain:
    chain = with_register()
    assert put(chain) == 0
    assert chain.do(Kind.RETIRE, "divisions", b"110000") == 0
    return chain


def record_retired() -> int:
    return put(retired_chain())


def unknown_record() -> int:
    return with_register().do(Kind.RETIRE, "divisions", b"1")


def bad_schema() -> int:
    schema = [["code", "text"], ["code", "text"]]
    return Chain().do(Kind.CREATE_REGISTER, "divisions", "Title", schema, "clear", [])


def unknown_writer() -> int:
    return Chain().do(Kind.CREATE_REGISTER, "a", "Title", [], "clear", [["bank", "nothing"]])


# --- institutions and offices ------------------------------------------------------------


def office_exists() -> int:
    return Chain().do(Kind.CREATE_OFFICE, "pair", "Pair", 1, keys_of("new"))


def not_governing_office() -> int:
    author = {"office_name": "pair", "signers": ["registry one", "registry two"]}
    return Chain().do(Kind.CREATE_OFFICE, "new", "New", 1, keys_of("new"), **author)


def bad_policy() -> int:
    return Chain().do(Kind.SET_KEY_POLICY, "pair", 2, keys_of("alone"))


def unknown_key() -> int:
    return Chain().do(Kind.REVOKE_KEY, "pair", key("stranger").public)


def rotate(chain: Chain, old: str, new: str, **author: Any) -> int:
    overlap = chain.ledger.time + 1_000
    arguments = ("pair", key(old).public, key(new).public, "New holder", None, overlap)
    return chain.do(Kind.ROTATE_KEY, *arguments, **author)


def key_already_of_office() -> int:
    return rotate(Chain(), "registry one", "registry two")


def no_such_office() -> int:
    return Chain().do(Kind.REVOKE_KEY, "nothing", key("registry one").public)


# --- motions ------------------------------------------------------------


def admit(name: str) -> list[Any]:
    return [name, f"The {name}", "voluntary", offices_of("head", f"{name} head")]


def institution_exists() -> int:
    votes = Chain().vote(MotionKind.ADMIT_INSTITUTION, admit("bank"), "bank", "court", "ministry")
    return votes[-1]


def unknown_motion() -> int:
    return Chain().vote(99, [], "bank")[0]


def malformed_motion() -> int:
    return Chain().vote(MotionKind.REMOVE_NODE, [], "bank")[0]


def already_voted() -> int:
    return Chain().vote(MotionKind.REMOVE_NODE, ["node-d"], "bank", "bank")[1]


def motion_already_enacted() -> int:
    votes = Chain().vote(
        MotionKind.REMOVE_NODE, ["node-d"], "bank", "court", "ministry", "registry"
    )
    return votes[3]


def no_such_institution() -> int:
    return majority_for(MotionKind.SET_NODE, *node("node-e", "nobody", "observer"))


def unknown_node() -> int:
    return majority_for(MotionKind.REMOVE_NODE, "node-z")


def node_key_in_use() -> int:
    fields = node("node-e", "bank", "observer")
    fields[4] = key("tls node-a").public
    return majority_for(MotionKind.SET_NODE, *fields)


def last_validator() -> int:
    chain = Chain()
    for name in NODES[:2]:
        assert majority_for(MotionKind.REMOVE_NODE, name, chain=chain) == 0
    return majority_for(MotionKind.REMOVE_NODE, NODES[2], chain=chain)


def same_store() -> int:
    return majority_for(MotionKind.READMIT_NODE, "node-a", member("node-a", "bank").store)


def nothing_changes() -> int:
    return majority_for(MotionKind.SET_NODE, *node("node-a", "bank", "validator"))


def too_many_validators() -> int:
    chain = Chain()
    code = 0
    for number in range(23):
        fields = node(f"more-{number}", "bank", "validator")
        code = majority_for(MotionKind.SET_NODE, *fields, chain=chain)
        assert code == 0 or number == 22
    return code


def crowd(place: int, count: int) -> Chain:
    """Return a chain whose record of the network says that a bound is reached."""

    def fill(_: Nothing, __: Act, state: WorkingState) -> int:
        network = list(state.decoded(b"\x06"))
        network[place] = count
        state.put_value(b"\x06", network)
        return 0

    chain = Chain(operations=table_with(900, fill), version=KNOWN_VERSION)
    assert chain.do(900) == 0
    return chain


def too_many_nodes() -> int:
    chain = crowd(1, NODES_MAX)
    return majority_for(MotionKind.SET_NODE, *node("node-e", "bank", "observer"), chain=chain)


def too_many_institutions() -> int:
    """A majority of so many would take 513 ballots, so the motion is enacted directly."""
    chain = crowd(0, INSTITUTIONS_MAX)
    working = WorkingState(State(), chain.store, {})
    arguments = shaped(admit("school"), AdmitInstitution)
    return admit_institution(
        arguments, Act("bank", "head", 9, chain.ledger.time, chain.genesis.chain_id), working
    )


PROVOKED: dict[Code, Callable[[], int]] = {
    code: named[code.name.lower()]
    for named in (
        *(vars(decided), vars(exchanged), vars(delivered), vars(set_aside)),
        *(vars(spent), vars(set_beside), vars(accused)),
        globals(),
    )
    for code in Code
    if code.name.lower() in named
}


@pytest.mark.parametrize("code", list(PROVOKED), ids=lambda code: code.name.lower())
def test_outcome_is_provoked(code: Code) -> None:
    assert PROVOKED[code]() == code


def test_every_outcome_is_provoked() -> None:
    ledger = {code for code in Code if not OUTCOMES[code].door}
    assert ledger - set(PROVOKED) == set()


def test_the_table_is_complete_and_its_names_are_the_codes() -> None:
    assert sorted(OUTCOMES) == sorted(int(code) for code in Code)
    names = {code: OUTCOMES[code].name for code in Code}
    assert names == {code: code.name.lower().replace("_", "-") for code in Code}
    for row in OUTCOMES.values():
        assert all(text.endswith(".") for text in (row.text, row.cause, row.remedy))


def test_costs_let_every_transaction_into_a_block() -> None:
    for kind, operation in OPERATIONS.items():
        assert operation.kind == kind
        assert 0 < operation.cost_microseconds <= 200
