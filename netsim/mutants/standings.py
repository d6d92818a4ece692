"""Bugs planted in suspensions, parameters, readiness and last acts."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from govchaind.ledger import admission, apply
from govchaind.ledger.operations import ballots, motions, rules, upgrades
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.state_keys import NETWORK, acted_key, ready_key, standing_key
from netsim.mutants.ledger import operation
from netsim.mutants.plant import Plant


def suspended_acts(plant: Plant) -> None:
    """An institution acts while it is suspended."""
    plant(admission, "standing_refusal", lambda institution, state: 0)


def suspended_counts(plant: Plant) -> None:
    """A suspended institution counts among those of which a rule asks a part."""
    plant(ballots, "counting", lambda state: state.decoded(NETWORK)[0])


def void_ballots_count(plant: Plant) -> None:
    """Ballots of a suspended institution carry motions."""
    plant(ballots, "void_ballots", lambda motion, state: 0)


def restored_halfway(plant: Plant) -> None:
    """A restored institution acts, and counts for nothing."""

    def restore(arguments: Any, act: Any, state: Any) -> int:
        listed = state.decoded(standing_key(""))
        code: int = original.enact(arguments, act, state)
        if code == 0:
            state.put_value(standing_key(""), listed)
        return code

    original = motions.MOTIONS[MotionKind.RESTORE_INSTITUTION]
    planted = {**motions.MOTIONS, original.kind: replace(original, enact=restore)}
    plant(ballots, "MOTIONS", MappingProxyType(planted))


def suspension_hangs_on_all(plant: Plant) -> None:
    """A rule may ask all institutions to suspend one, that one too."""
    plant(rules, "_NEVER_ALL", (MotionKind.RECOVER_OFFICE,))


def parameter_unread(plant: Plant) -> None:
    """What was voted on the longest life of a transaction is not looked at."""
    plant(admission, "parameter_of", lambda parameter, state: parameter.default)


def each_act_noted(plant: Plant) -> None:
    """Every transaction of an office is noted as its last act, not the day's first."""

    def note(act: Any, state: Any) -> None:
        state.put_value(acted_key(act.institution, act.office), [act.height, act.time])

    plant(apply, "note_act", note)


def anybody_declares(plant: Plant) -> None:
    """An institution declares another's node ready."""

    def declare(arguments: Any, act: Any, state: Any) -> int:
        code = original(arguments, act, state)
        if code == 194:
            state.put_value(ready_key(arguments.node), [arguments.version, act.height])
            return 0
        return code

    original = upgrades.declare_ready
    operation(plant, 28, declare)


MUTANTS = (
    suspended_acts,
    suspended_counts,
    void_ballots_count,
    restored_halfway,
    suspension_hangs_on_all,
    parameter_unread,
    each_act_noted,
    anybody_declares,
)
