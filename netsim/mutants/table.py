"""The track record: planted bugs, the property named for each, and a seed that finds it.

A mutant counts as found only if the named property fires (all others are not looked at), within a
budget of `BUDGET` seeds from 0 on, and the same seed is green without the bug, every property
looked at. The table holds a seed that did it when the table was written: it is tried first, since
any change of the product changes what a seed brings about, and the whole budget after it.
"""

from __future__ import annotations

import re
from typing import Any

from netsim.mutants import (
    assets,
    deliveries,
    exchange,
    field,
    governance,
    ledger,
    node,
    proofs,
    raft,
    shell,
    sides,
    standings,
)
from netsim.mutants.plant import Mutant, planted
from netsim.mutants.seeds import SEEDS
from netsim.mutants.track import first_seed
from netsim.options import Options, draw
from netsim.run import Verdict, followers_agree, run

BUDGET = 300


def _m(plant: Any, property_id: str, source: str = "", nodes: int | None = None) -> Mutant:
    """Return a line of the table; its text and, if not given, its source are in the docstring."""
    text = plant.__doc__.strip().split("\n")[0]
    named = re.search(r"\(([A-Z]-\d+)", text)
    name = plant.__name__.replace("_", "-")
    key = f"{name} {property_id}" + (f" {nodes}" if nodes else "")
    source = source or (named[1] if named else "")
    return Mutant(name, text, property_id, plant, SEEDS.get(key, 0), nodes, source)


_ALL: tuple[Mutant, ...] = (
    _m(raft.second_vote, "I-1", "E-7"),
    _m(raft.second_vote, "I-2", "E-4"),
    _m(raft.leader_cuts_own_log, "I-3", "R-6"),
    _m(raft.previous_term_ignored, "I-4", "R-8"),
    _m(raft.stale_log_elected, "I-5", "E-10"),
    _m(raft.commit_alone, "I-6", "R-12"),
    _m(node.term_forgotten, "I-7", "E-2"),
    _m(raft.commit_not_verified, "I-8", "R-3"),
    _m(raft.answer_before_write, "I-9", "D-1"),
    _m(raft.vote_before_write, "I-9", "E-1"),
    _m(raft.majority_too_small, "I-10", "R-18"),
    _m(raft.match_of_old_store, "I-11", "D-10"),
    _m(raft.old_term_committed, "I-12", "R-1"),
    _m(node.changes_overlap, "I-13", "M-1"),
    _m(raft.configuration_kept, "I-14", "S-5"),
    _m(raft.second_vote, "I-14", "E-12"),
    _m(node.chain_not_linked, "I-15"),
    _m(node.process_in_result, "I-16", "A-2"),
    _m(node.ids_forgotten, "I-17", "Q-9"),
    _m(node.told_on_append, "I-18", "Q-10"),
    _m(raft.reads_without_quorum, "I-20", "Q-2"),
    _m(node.process_in_statement, "I-23", "A-1"),
    _m(node.attested_before_durable, "I-24", "B-1"),
    _m(node.applied_written_late, "I-26", "E-3"),
    _m(raft.clock_of_process, "I-33"),
    _m(raft.sticks_for_ever, "L-a", "E-17"),
    _m(node.promoted_never_signs, "L-b"),
    _m(node.restart_settles_nothing, "L-b", "D-7", nodes=1),
    _m(raft.refusal_ignored, "L-c", "R-16"),
    _m(raft.no_pre_vote, "L-d", "L-1"),
    _m(raft.hasty_campaigns, "L-e", "L-8"),
    _m(raft.clock_stands, "L-e"),
    _m(raft.no_check_quorum, "L-f", "L-2"),
    _m(raft.hung_disk_leads, "L-f"),
    _m(raft.transfer_without_end, "L-g", "L-7"),
    _m(node.step_raises, "N-1"),
    _m(node.honest_peer_accused, "N-2"),
    _m(node.told_on_append, "I-18", "D-5", nodes=1),
    _m(node.follower_clock_in_result, "I-31"),
    _m(node.misshapen_raises, "I-30"),
    *(_m(plant, "N-3") for plant in ledger.MUTANTS),
    *(_m(plant, "N-3") for plant in governance.MUTANTS),
    *(_m(plant, property_id) for plant, property_id in assets.MUTANTS),
    *(_m(plant, "N-3") for plant in exchange.MUTANTS),
    *(_m(plant, "N-3") for plant in standings.MUTANTS),
    *(_m(plant, "N-3") for plant in deliveries.MUTANTS),
    *(_m(plant, "N-3") for plant in sides.MUTANTS),
    *(_m(plant, property_id) for plant, property_id in proofs.MUTANTS),
    *(_m(plant, property_id) for plant, property_id in shell.MUTANTS),
    *(
        _m(plant, property_id, nodes=field.VOTERS.get(plant))
        for plant, property_id in field.MUTANTS
    ),
)


# Planted, and not found: what the simulator still owes.
_OPEN: frozenset[tuple[str, str]] = frozenset()
MUTANTS = tuple(each for each in _ALL if (each.name, each.property_id) not in _OPEN)
OPEN = tuple(each for each in _ALL if (each.name, each.property_id) in _OPEN)


def mutated(mutant: Mutant, seed: int) -> Verdict:
    """Run a seed with the bug in place, looking at the named property only."""
    options = draw(seed, nodes=mutant.nodes)
    with planted(mutant):
        if mutant.property_id == "I-31":
            return _with_other_clocks(options)
        verdict = run(options, watched=frozenset((mutant.property_id,)))
        if mutant.property_id == "I-33":
            again = run(options, watched=frozenset((mutant.property_id,)))
            if again.digest != verdict.digest:
                verdict.violation = ("I-33", "-", "two runs differ", verdict.simulated_seconds)
    return verdict


def _with_other_clocks(options: Options) -> Verdict:
    found = Verdict(options, "")
    if not followers_agree(options, frozenset(("I-31",))):
        found.violation = ("I-31", "-", "followers' clocks change what is hashed", 0.0)
    return found


def finds(mutant: Mutant, seed: int) -> bool:
    """Say whether the named property fires on this seed."""
    violation = mutated(mutant, seed).violation
    return violation is not None and violation[0] == mutant.property_id


def is_green(mutant: Mutant, seed: int) -> bool:
    """Say whether the seed is green without the bug, every property looked at."""
    return run(draw(seed, nodes=mutant.nodes)).violation is None


def found_at(mutant: Mutant, budget: int = BUDGET) -> int | None:
    """Return the first seed, the remembered one before all others, that finds the bug."""
    return first_seed(mutant, budget, finds, is_green)
