"""How planted bugs are proved, whichever gear they are planted in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from netsim.mutants.plant import BrokenMutant, Mutant

EXIT_FOUND, EXIT_MISSED = 0, 1
M = TypeVar("M", bound=Mutant)


def first_seed(
    mutant: M, budget: int, finds: Callable[[M, int], bool], is_green: Callable[[M, int], bool]
) -> int | None:
    """Return the first seed, the remembered one before all others, that finds the bug and is green
    without it."""
    seeds = dict.fromkeys((mutant.seed, *range(budget)))
    return next((seed for seed in seeds if finds(mutant, seed) and is_green(mutant, seed)), None)


def report(mutants: Sequence[M], found_at: Callable[[M], int | None]) -> int:
    """Print what finds each mutant; return the exit code."""
    missed = 0
    width = max((len(mutant.name) for mutant in mutants), default=0)
    for mutant in mutants:
        broken = ""
        try:
            found = found_at(mutant)
        except BrokenMutant as error:
            found, broken = None, str(error)
        missed += found is None
        where = "NOT FOUND" if found is None else f"seed {found}"
        where = "BROKEN" if broken else where
        head = f"{mutant.property_id:5} {mutant.name:{width}} {mutant.source:5} {where:10}"
        print(f"{head} {broken or mutant.text}", flush=True)
    print(f"{len(mutants) - missed} of {len(mutants)} found", flush=True)
    return EXIT_MISSED if missed else EXIT_FOUND
