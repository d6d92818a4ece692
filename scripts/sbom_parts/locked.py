"""What the lock files say: each package with version, hashes, and who asks for it; its licence.

`licences.toml` beside this file has the licence of every locked package as an SPDX expression, and
which are allowed. Reads files only: no network, and nothing need be installed.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LOCK = ROOT / "requirements.lock"
RUN_LOCK = ROOT / "requirements-run.lock"
LICENCES = Path(__file__).resolve().parent / "licences.toml"
OWN = "govchaind"
_HEAD = re.compile(r"([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)(?: ; ([^\\]+))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"    #(?: via)? +([a-z0-9][a-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Package:
    """One locked package; `via` are the locked packages that ask for it."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]
    licence: str
    direct: bool  # pyproject.toml asks for it
    runs: bool  # a running node needs it


@dataclass(frozen=True, slots=True)
class Licences:
    """Licences by package, and those that are allowed: for all, and for tools only."""

    of: dict[str, str]
    allowed: frozenset[str]
    tools_allowed: frozenset[str]

    def allows(self, expression: str, *, runs: bool) -> bool:
        """Say whether an SPDX expression (OR binds loosest; no brackets) is allowed."""
        good = self.allowed if runs else self.allowed | self.tools_allowed
        return any(
            all(part.strip() in good for part in choice.split(" AND "))
            for choice in expression.split(" OR ")
        )


def read_licences(path: Path = LICENCES) -> Licences:
    """Read the table of licences."""
    table = tomllib.loads(path.read_text())
    return Licences(
        dict(table["packages"]),
        frozenset(table["allowed"]["everywhere"]),
        frozenset(table["allowed"]["tools"]),
    )


def _entries(text: str) -> dict[str, list[str]]:
    """Return the lines of each package of a lock file, its head first."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if head := _HEAD.match(line):
            lines = found.setdefault(head[1], [])
        lines.append(line)
    return found


def locked(lock: str, run_lock: str, licences: Licences) -> list[Package]:
    """Return every package of `lock`; `run_lock` is the part that a running node needs."""
    entries, running = _entries(lock), _entries(run_lock)
    packages = []
    for name, lines in sorted(entries.items()):
        head = _HEAD.match(lines[0])
        assert head is not None
        asking = {found[1] for line in lines if (found := _VIA.match(line))}
        packages.append(
            Package(
                name=name,
                version=head[2],
                marker=(head[3] or "").strip(),
                hashes=tuple(_HASH.findall("\n".join(lines))),
                via=tuple(sorted(asking & set(entries))),
                licence=licences.of.get(name, ""),
                direct=OWN in asking,
                runs=name in running,
            )
        )
    return packages


def locked_here() -> list[Package]:
    """Return the packages of this repository's lock files."""
    return locked(LOCK.read_text(), RUN_LOCK.read_text(), read_licences())
