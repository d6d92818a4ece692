"""Bugs planted in deliveries: what is committed to, numbers, three ends, who is missing."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations import deliveries as ledger
from govchaind.ledger.operations import delivery_keys, erasures
from govchaind.ledger.operations.requests import changed
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state_keys import delivery_key, delivery_key_key
from netsim.mutants.ledger import operation
from netsim.mutants.plant import Plant


def receipt_of_anything(plant: Plant) -> None:
    """A receipt is taken that names another commitment than the delivery's."""

    def receive(arguments: Any, act: Any, state: Any) -> int:
        _, found = ledger.found(arguments, state)
        if found is not None:
            arguments.commitment = found[ledger.COMMITMENT]
        return original(arguments, act, state)

    original = ledger.receive
    operation(plant, 52, receive)


def gap_in_numbers(plant: Plant) -> None:
    """A delivery's number may leave out others."""

    def fault(arguments: Any, number: int, receiver: list[str], state: Any) -> int:
        code: int = original(arguments, number, receiver, state)
        if code == Code.DELIVERY_OUT_OF_ORDER:
            key = delivery_key(arguments.requester, arguments.reference, number)
            return 0 if state.get(key) is None else code
        return code

    original = ledger._number_fault
    plant(ledger, "_number_fault", fault)


def corrected_twice(plant: Plant) -> None:
    """A delivery that another has corrected is not marked so."""

    def correct(arguments: Any, act: Any, state: Any) -> int:
        key, before = ledger.found(arguments, state)
        code = original(arguments, act, state)
        if code == 0:
            state.put_value(key, before)
        return code

    original = ledger.correct
    operation(plant, 54, correct)


def missing_holder_forgotten(plant: Plant) -> None:
    """The first holder's answer takes an erasure off the list of open ones."""

    def answer(
        arguments: Any, key: bytes, delivery: Any, answers: Any, act: Any, state: Any
    ) -> None:
        original(arguments, key, delivery, answers, act, state)
        if answers:
            state.delete(erasures._index(arguments, delivery[ledger.ERASURE]))

    original = erasures._answer
    plant(erasures, "_answer", answer)


def receipt_forgotten_at_erasure(plant: Plant) -> None:
    """Who has signed a receipt may say that it never had the delivery."""

    def confirm(arguments: Any, act: Any, state: Any) -> int:
        said = arguments.answer
        arguments.answer = "destroyed"
        code = original(arguments, act, state)
        arguments.answer = said
        if code == 0 and said == "never-had":
            key, delivery = ledger.found(arguments, state)
            place = erasures._place_of(act, delivery)
            holders = [list(holder) for holder in delivery[ledger.ERASURE][ledger.ERASE_HOLDERS]]
            holders[place or 0][ledger.ANSWER] = said
            erasure = [*delivery[ledger.ERASURE][: ledger.ERASE_HOLDERS], holders]
            state.put_value(key, changed(delivery, {ledger.ERASURE: erasure}))
        return code

    original = erasures.confirm_erasure
    operation(plant, 57, confirm)


def old_key_comes_back(plant: Plant) -> None:
    """A delivery key that was replaced is published again."""

    def publish(arguments: Any, act: Any, state: Any) -> int:
        key = delivery_key_key(act.institution, act.office)
        before = state.decoded(key)
        code = original(arguments, act, state)
        if code == Code.DELIVERY_KEY_REPLACED:
            box = None if arguments.box is None else list(arguments.box)
            until = arguments.previous_until
            state.put_value(key, [arguments.key, act.time, before[0], until, box, act.height])
            return 0
        return code

    original = delivery_keys.publish_delivery_key
    operation(plant, 50, publish)


MUTANTS = (
    receipt_of_anything,
    gap_in_numbers,
    corrected_twice,
    missing_holder_forgotten,
    receipt_forgotten_at_erasure,
    old_key_comes_back,
)
