"""Where nodes stand, and how long a message takes between the places.

Latencies are one-way and measured between sites, as a network's operators know them. Within a site,
and between sites for which none is given, the latency that the options name holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from govchaind.base.types import NodeId


@dataclass(frozen=True, slots=True)
class Latency:
    """One-way latency in seconds: the least, and the mean of an exponential tail above it."""

    least: float
    mean: float


NOWHERE: Mapping[NodeId, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Sites:
    """The site of each node, and the latency of each ordered pair of sites."""

    of: tuple[tuple[NodeId, str], ...] = ()
    latencies: tuple[tuple[tuple[str, str], Latency], ...] = ()

    def lines(self) -> list[str]:
        """Return one printable line for each site."""
        places: dict[str, list[NodeId]] = {}
        for name, site in self.of:
            places.setdefault(site, []).append(name)
        return [f"site {site:13} {_shown(names)}" for site, names in places.items()]


def _shown(names: list[NodeId]) -> str:
    few = " ".join(names[:8])
    return few if len(names) <= 8 else f"{few} … ({len(names)} nodes)"
