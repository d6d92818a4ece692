"""The worlds and scenarios that come with netsim, by name."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
WORLDS = FOLDER / "library"
SCENARIOS = FOLDER / "scenarios"


def worlds() -> list[Path]:
    """Return the world files that come with netsim, sorted by name."""
    return sorted(WORLDS.glob("*.toml"))


def scenarios() -> list[Path]:
    """Return the scenario files that come with netsim, sorted by name."""
    return sorted(SCENARIOS.glob("*.txt"))


def found(name: str) -> Path:
    """Return the file that is meant: a path, or the name of one that comes with netsim."""
    path = Path(name)
    if not path.exists() and path.name == name:
        for each in (*worlds(), *scenarios()):
            if name in (each.stem, each.name):
                return each
    return path
