"""The table of gear 2: each bug with the property that must find it, and how it is looked for."""

from __future__ import annotations

from netsim.gear2.options import Options, draw, falling_behind
from netsim.gear2.run import Verdict, run
from netsim.mutants.plant import planted
from netsim.mutants.track import first_seed
from netsim.mutants.whole import doors, joins, removal, shared, shell
from netsim.mutants.whole.bug import BUGS, WholeMutant

BUDGET = 60

WHOLE: tuple[WholeMutant, ...] = tuple(BUGS)
_PLANTS = (shell, doors, joins, removal, shared)  # read for what they enter into BUGS


def options(mutant: WholeMutant, seed: int) -> Options:
    """Return the run in which a bug is looked for."""
    drawn = draw(
        seed, nodes=mutant.nodes, seconds=mutant.seconds, only=mutant.only, also=mutant.also
    )
    return falling_behind(drawn) if mutant.falling_behind else drawn


def mutated(mutant: WholeMutant, seed: int) -> Verdict:
    """Run a seed with the bug in place, looking at the named property only."""
    with planted(mutant):
        return run(options(mutant, seed), watched=frozenset((mutant.property_id,)))


def finds(mutant: WholeMutant, seed: int) -> bool:
    """Say whether the named property fires on this seed."""
    violation = mutated(mutant, seed).violation
    return violation is not None and violation[0] == mutant.property_id


def is_green(mutant: WholeMutant, seed: int) -> bool:
    """Say whether the seed is green without the bug, every property looked at."""
    return run(options(mutant, seed)).violation is None


def found_at(mutant: WholeMutant, budget: int = BUDGET) -> int | None:
    """Return the first seed, the remembered one before all others, that finds the bug."""
    return first_seed(mutant, budget, finds, is_green)
