"""Bugs planted in side values and evidence: what a vote removed, who must read, who has signed."""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations import evidence
from govchaind.ledger.operations import side_values as ledger
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state_keys import side_value_key
from netsim.mutants.ledger import operation
from netsim.mutants.plant import Plant


def removed_text_comes_back(plant: Plant) -> None:
    """A side value that a vote has removed is recorded again under its name."""

    def record(arguments: Any, act: Any, state: Any) -> int:
        code = original(arguments, act, state)
        if code == Code.SIDE_VALUE_REMOVED:
            state.delete(side_value_key(act.institution, arguments.commitment))
            return original(arguments, act, state)
        return code

    original = ledger.record_side_value
    operation(plant, 70, record)


def supervisor_reads_nothing(plant: Plant) -> None:
    """A text about a request need not be sealed to the supervisor of its terms."""

    def parties(about: Any, asked: Any, state: Any) -> tuple[set[str], Any]:
        return original(about, asked, state)[0], None

    original = ledger.parties
    plant(ledger, "parties", parties)


def anybody_is_accused(plant: Plant) -> None:
    """Evidence against a node is kept, whoever has signed its statements."""

    def verify(domain: Any, key: bytes, message: bytes, signature: bytes) -> bool:
        del domain, key, message, signature
        return True

    plant(evidence, "verify", verify)


MUTANTS = (removed_text_comes_back, supervisor_reads_nothing, anybody_is_accused)
