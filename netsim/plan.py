"""All that decides one run: the options, and what a world file or a case says beyond them.

A plan that holds nothing but options is a drawn run. One from a world file may also say where nodes
stand and which acts come at which time; one from a case names the faults that happen, of all that
the seed would have brought.
"""

from __future__ import annotations

from dataclasses import dataclass

from netsim.options import SAFETY_SHARE, Options
from netsim.sites import Sites


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One fault that happened: its kind, when, and how much its source had drawn before it."""

    kind: str
    at: float
    drawn: int


@dataclass(frozen=True, slots=True)
class Act:
    """A verb at a fixed time, as a scenario has it; taken back after `lasts` if that is given."""

    at: float
    line: str
    lasts: float | None = None
    source: str = ""  # the file that says so, and where in it, for errors
    row: int = 0
    column: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """One run, whole."""

    options: Options
    sites: Sites = Sites()  # noqa: RUF009  # frozen, and without state
    acts: tuple[Act, ...] = ()
    occurrences: tuple[Occurrence, ...] | None = None  # None: as the seed draws them
    safety_share: float = SAFETY_SHARE  # of time and messages, before liveness is demanded
    liveness: bool = True
    deployed_mesh: bool = False  # observers link to validators only, as daemons do
