"""What one planted bug of gear 2 is: the plant, the property that must find it, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netsim.mutants.plant import Plant


@dataclass(frozen=True, slots=True)
class WholeMutant:
    """One planted bug. `only`, `also`, `nodes` and `seconds` say what runs may look like."""

    name: str
    text: str
    property_id: str
    plant: Callable[[Plant], None]
    seed: int  # where it was found when the table was written; tried before all others
    only: tuple[str, ...] | None = None  # kinds of faults that may be on; None: as drawn
    also: tuple[str, ...] = ()  # kinds that are on in every seed
    nodes: int | None = None
    seconds: float = 25.0
    falling_behind: bool = False  # with joins all the time


BUGS: list[WholeMutant] = []


def bug(
    property_id: str,
    *,
    seed: int = 0,
    only: tuple[str, ...] | None = None,
    also: tuple[str, ...] = (),
    nodes: int | None = None,
    seconds: float = 25.0,
    falling_behind: bool = False,
) -> Callable[[Callable[[Plant], None]], Callable[[Plant], None]]:
    """Enter a plant into the table: its name and text are its own."""

    def enter(plant: Callable[[Plant], None]) -> Callable[[Plant], None]:
        text = (plant.__doc__ or "").strip().split("\n")[0]
        name = plant.__name__.replace("_", "-")
        looked_for = (only, also, nodes, seconds, falling_behind)
        BUGS.append(WholeMutant(name, text, property_id, plant, seed, *looked_for))
        return plant

    return enter
