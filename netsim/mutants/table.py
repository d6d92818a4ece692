"""The track record: planted bugs, the property named for each, and a seed that finds it.

A mutant counts as found only if the named property fires (all others are not looked at), within a
budget of `BUDGET` seeds from 0 on, and the same seed is green without the bug, every property
looked at. The table holds a seed that did it when the table was written: it is tried first, since
any change of the product changes what a seed brings about, and the whole budget after it.
"""

from __future__ import annotations

from netsim.mutants import node, raft
from netsim.mutants.plant import Mutant, planted
from netsim.options import draw
from netsim.run import Verdict, run

BUDGET = 200
EXIT_FOUND, EXIT_MISSED = 0, 1


def _m(
    plant: object, property_id: str, seed: int, source: str = "", nodes: int | None = None
) -> Mutant:
    name = getattr(plant, "__name__", "")
    text = (getattr(plant, "__doc__", "") or "").strip().split("\n")[0]
    if not callable(plant):
        raise TypeError("a mutant is a function")
    return Mutant(name.replace("_", "-"), text, property_id, plant, seed, nodes, source)


MUTANTS: tuple[Mutant, ...] = (
    _m(raft.second_vote, "I-1", 6, "E-7"),
    _m(raft.second_vote, "I-2", 0, "E-4"),
    _m(raft.leader_cuts_own_log, "I-3", 0, "R-6"),
    _m(raft.previous_term_ignored, "I-4", 36, "R-8"),
    _m(raft.stale_log_elected, "I-5", 4, "E-10"),
    _m(raft.commit_alone, "I-6", 0, "R-12"),
    _m(node.term_forgotten, "I-7", 0, "E-2"),
    _m(raft.commit_not_verified, "I-8", 1, "R-3"),
    _m(raft.answer_before_write, "I-9", 0, "D-1"),
    _m(raft.vote_before_write, "I-9", 0, "E-1"),
    _m(raft.majority_too_small, "I-10", 0, "R-18"),
    _m(raft.match_of_old_store, "I-11", 20, "D-10"),
    _m(raft.old_term_committed, "I-12", 0, "R-1"),
    _m(node.changes_overlap, "I-13", 0, "M-1"),
    _m(raft.configuration_kept, "I-14", 2, "S-5"),
    _m(raft.second_vote, "I-14", 0, "E-12"),
    _m(node.chain_not_linked, "I-15", 0),
    _m(node.process_in_result, "I-16", 0, "A-2"),
    _m(node.ids_forgotten, "I-17", 0, "Q-9"),
    _m(node.told_on_append, "I-18", 0, "Q-10"),
    _m(raft.reads_without_quorum, "I-20", 14, "Q-2"),
    _m(node.process_in_statement, "I-23", 4, "A-1"),
    _m(node.attested_before_durable, "I-24", 0, "B-1"),
    _m(node.applied_written_late, "I-26", 2, "E-3"),
    _m(raft.clock_of_process, "I-33", 0),
    _m(raft.sticks_for_ever, "L-a", 2, "E-17"),
    _m(node.promoted_never_signs, "L-b", 3),
    _m(node.restart_settles_nothing, "L-b", 3, "D-7", nodes=1),
    _m(raft.refusal_ignored, "L-c", 22, "R-16"),
    _m(raft.no_pre_vote, "L-d", 20, "L-1"),
    _m(raft.hasty_campaigns, "L-e", 0, "L-8"),
    _m(raft.clock_stands, "L-e", 4),
    _m(raft.no_check_quorum, "L-f", 45, "L-2"),
    _m(raft.hung_disk_leads, "L-f", 7),
    _m(raft.transfer_without_end, "L-g", 52, "L-7"),
    _m(node.step_raises, "N-1", 0),
    _m(node.honest_peer_accused, "N-2", 0),
)


def mutated(mutant: Mutant, seed: int) -> Verdict:
    """Run a seed with the bug in place, looking at the named property only."""
    options = draw(seed, nodes=mutant.nodes)
    with planted(mutant):
        verdict = run(options, watched=frozenset((mutant.property_id,)))
        if mutant.property_id == "I-33":
            again = run(options, watched=frozenset((mutant.property_id,)))
            if again.digest != verdict.digest:
                verdict.violation = ("I-33", "-", "two runs differ", verdict.simulated_seconds)
    return verdict


def finds(mutant: Mutant, seed: int) -> bool:
    """Say whether the named property fires on this seed."""
    violation = mutated(mutant, seed).violation
    return violation is not None and violation[0] == mutant.property_id


def is_green(mutant: Mutant, seed: int) -> bool:
    """Say whether the seed is green without the bug, every property looked at."""
    return run(draw(seed, nodes=mutant.nodes)).violation is None


def found_at(mutant: Mutant, budget: int = BUDGET) -> int | None:
    """Return the first seed, the remembered one before all others, that finds the bug."""
    seeds = dict.fromkeys((mutant.seed, *range(budget)))
    return next((seed for seed in seeds if finds(mutant, seed) and is_green(mutant, seed)), None)


def report(names: list[str], search: int) -> int:
    """Print what finds each mutant; with `search`, look for the first seed that does."""
    missed = 0
    for mutant in MUTANTS:
        if names and mutant.name not in names and mutant.property_id not in names:
            continue
        found = found_at(mutant, min(search, BUDGET) if search else BUDGET)
        missed += found is None
        where = "NOT FOUND" if found is None else f"seed {found}"
        head = f"{mutant.property_id:5} {mutant.name:26} {mutant.source:5} {where:10}"
        print(f"{head} {mutant.text}", flush=True)
    return EXIT_MISSED if missed else EXIT_FOUND
