"""What goes wrong, when, with whom and for how long: all of it drawn from the seed.

Faults come one after another and may overlap. Nothing here spares a majority: what clients were
told must hold whatever falls; that the network goes on is asked only once everything is mended.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

KINDS = {
    "cut": "the cable of a node is pulled: packets vanish both ways",
    "slow": "what a node sends comes 50 to 300 ms late, and one packet in twenty is lost",
    "kill": "a node dies by SIGKILL and is started again",
    "pause": "a node stands still by SIGSTOP and goes on",
    "disk-full": "a node's disk has not one byte of room",
    "clock": "a node is killed and started with its wall clock off by up to a minute",
}
CALM_SECONDS = (2.0, 8.0)  # between the beginnings of two faults
LASTS_SECONDS = (2.0, 12.0)
CLOCK_OFF_MILLISECONDS = 60_000
TWO_AT_ONCE = 0.2  # share of faults that befall two nodes


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `amount` is the clock's offset in milliseconds, or the delay of packets."""

    at_seconds: float
    kind: str
    nodes: tuple[int, ...]
    lasts_seconds: float
    amount: int

    def line(self) -> str:
        """Return it as the report has it."""
        names = " ".join(f"validator-{place + 1}" for place in self.nodes)
        return f"{self.at_seconds:7.1f} s  {self.kind:9}  {names}  for {self.lasts_seconds:.1f} s"


def plan(seed: int, *, seconds: float, nodes: int, kinds: list[str]) -> list[Fault]:
    """Return the faults of a run, in order; the last has ended when `seconds` are over."""
    pick = random.Random(seed)
    found: list[Fault] = []
    at = pick.uniform(*CALM_SECONDS)
    while kinds and at + LASTS_SECONDS[1] < seconds:
        kind = pick.choice(kinds)
        count = 2 if pick.random() < TWO_AT_ONCE and nodes > 1 else 1
        victims = tuple(sorted(pick.sample(range(nodes), count)))
        amount = 0
        if kind == "clock":
            amount = pick.randint(-CLOCK_OFF_MILLISECONDS, CLOCK_OFF_MILLISECONDS)
        elif kind == "slow":
            amount = pick.randint(50, 300)
        found.append(Fault(at, kind, victims, pick.uniform(*LASTS_SECONDS), amount))
        at += pick.uniform(*CALM_SECONDS)
    return found
