"""What one planted bug of gear 2 is: the plant, the property that must find it, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netsim.gear2.options import SECONDS
from netsim.mutants.plant import Mutant, Plant


@dataclass(frozen=True, slots=True)
class WholeMutant(Mutant):
    """One planted bug. `only`, `also`, `nodes` and `seconds` say what runs may look like."""

    only: tuple[str, ...] | None = None  # kinds of faults that may be on; None: as drawn
    also: tuple[str, ...] = ()  # kinds that are on in every seed
    seconds: float = SECONDS
    falling_behind: bool = False  # with joins all the time


BUGS: list[WholeMutant] = []


def bug(
    property_id: str,
    *,
    seed: int = 0,
    only: tuple[str, ...] | None = None,
    also: tuple[str, ...] = (),
    nodes: int | None = None,
    seconds: float = SECONDS,
    falling_behind: bool = False,
) -> Callable[[Callable[[Plant], None]], Callable[[Plant], None]]:
    """Enter a plant into the table: its name and text are its own."""

    def enter(plant: Callable[[Plant], None]) -> Callable[[Plant], None]:
        text = (plant.__doc__ or "").strip().split("\n")[0]
        name = plant.__name__.replace("_", "-")
        BUGS.append(
            WholeMutant(
                name, text, property_id, plant, seed, nodes,
                only=only, also=also, seconds=seconds, falling_behind=falling_behind,
            )
        )  # fmt: skip
        return plant

    return enter
