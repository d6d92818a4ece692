"""How a bug is planted: attributes of the product replaced in this process, and put back.

Nothing on disk changes. A mutant is a function that says what to replace by what; `planted` does
it, runs what it is given, and restores everything, whatever happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Plant = Callable[[Any, str, Any], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted bug, the property that must find it, and where it was found."""

    name: str
    text: str
    property_id: str
    plant: Callable[[Plant], None]
    seed: int  # the seed in the table: found here, and this seed is green without the bug
    nodes: int | None = None
    source: str = ""  # its id in the design, where it has one


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """Replace what the mutant names; put it back afterwards."""
    before: list[tuple[Any, str, Any]] = []

    def replace(owner: Any, name: str, value: Any) -> None:
        before.append(
            (
                owner,
                name,
                getattr(owner, name) if not isinstance(owner, type) else vars(owner)[name],
            )
        )
        setattr(owner, name, value)

    try:
        mutant.plant(replace)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)
