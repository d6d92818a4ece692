"""The changelog of a release: the entries of `changelog.d/`, by kind, newest release first.

An entry is a file NAME.KIND.md with a sentence or two; a release's section has a list for each
kind that occurs. Gathering removes the entries, so that what lies in `changelog.d/` is always what
no release has yet.
"""

from __future__ import annotations

import re
from pathlib import Path

from release_parts.fault import ReleaseFault

CHANGELOG = "CHANGELOG.md"
ENTRIES = "changelog.d"
HEAD = "# Changes\n\nWhat a user or an operator would notice, by release. What has no release yet "
HEAD += "lies in [`changelog.d/`](changelog.d/README.md).\n"
KINDS = ("added", "changed", "fixed", "removed")
_VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?").fullmatch
_NAME = re.compile(r"[a-z0-9-]+\.([a-z]+)\.md").fullmatch


def entries(root: Path) -> list[Path]:
    """Return the entries that no release has, by name. Raises ReleaseFault: a strange one."""
    found = sorted(path for path in (root / ENTRIES).iterdir() if path.name != "README.md")
    for path in found:
        match = _NAME(path.name)
        if match is None or match[1] not in KINDS:
            raise ReleaseFault(
                "changelog-name",
                f"{ENTRIES}/{path.name} is not NAME.KIND.md",
                f"name it so; KIND is one of {', '.join(KINDS)}",
            )
    return found


def section(version: str, day: str, listed: list[Path]) -> str:
    """Return a release's section of the changelog."""
    lines = [f"## {version} ({day})", ""]
    for kind in KINDS:
        texts = [path.read_text().split() for path in listed if path.name.endswith(f".{kind}.md")]
        if texts:
            lines += [f"### {kind.capitalize()}", ""]
            lines += [f"- {' '.join(words)}" for words in texts] + [""]
    return "\n".join(lines)


def gather(root: Path, version: str, day: str) -> int:
    """Move all entries into CHANGELOG.md, under `version`; return how many. Raises ReleaseFault."""
    if not _VERSION(version):
        raise ReleaseFault("version", f"{version!r} is no version", "write it as 1.2.3 or 1.2.3rc1")
    path = root / CHANGELOG
    text = path.read_text() if path.exists() else HEAD
    if f"\n## {version} (" in text:
        raise ReleaseFault("released", f"{CHANGELOG} has {version} already", "choose the next one")
    listed = entries(root)
    if not listed:
        raise ReleaseFault(
            "no-entries", f"{ENTRIES} has no entry", "a release that changes nothing needs none"
        )
    head, mark, rest = text.partition("\n## ")
    path.write_text(f"{head.rstrip()}\n\n{section(version, day, listed)}{mark}{rest}")
    for entry in listed:
        entry.unlink()
    return len(listed)
