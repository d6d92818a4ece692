"""Builds a release from its tag, and from nothing else: wheel, source archive, and their record.

The tag's files are taken out of git into an empty folder, so what lies about in the working tree
has no part in it; the archives' times are the commit's. Everything is built twice, in two
folders, and the two must be the same bytes. hatchling is the locked one; nothing is fetched.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from release_parts.fault import ReleaseFault
from release_parts.notes import CHANGELOG, entries

RECORD = "release.toml"


@dataclass(frozen=True, slots=True)
class Built:
    """What was built: files by name with their SHA-256, of one commit."""

    version: str
    tag: str
    commit: str
    hashes: dict[str, str]

    def record(self) -> str:
        """Return the record that lies beside the files."""
        lines = ["# Written by `scripts/release build`: what was built, and from which commit."]
        lines += [f'version = "{self.version}"', f'tag = "{self.tag}"', f'commit = "{self.commit}"']
        lines += ["", "[sha256]"]
        lines += [f'"{name}" = "{value}"' for name, value in sorted(self.hashes.items())]
        return "\n".join(lines) + "\n"


def _git(root: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()
        raise ReleaseFault("git", f"git {arguments[0]}: {words}", "mend that and try again")
    return done.stdout


def commit_of(root: Path, tag: str) -> str:
    """Return the commit of a tag. Raises ReleaseFault."""
    wanted = f"refs/tags/{tag}^{{commit}}"
    done = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", wanted],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ReleaseFault("no-tag", f"there is no tag {tag}", f"git tag -a {tag} first")
    return done.stdout.strip()


def _export(root: Path, commit: str, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    made = _git(root, "archive", commit)  # Python's own reader of archives is safe from 3.11.4 on
    subprocess.run(["tar", "-x", "-f", "-", "-C", str(target)], input=made, check=True)


def check_tree(tree: Path, tag: str) -> str:
    """Judge the tag's own files; return their version. Raises ReleaseFault."""
    version = str(tomllib.loads((tree / "pyproject.toml").read_text())["project"]["version"])
    if tag != f"v{version}":
        raise ReleaseFault(
            "tag-version",
            f"the tag is {tag} and pyproject.toml says {version}",
            f"tag the commit that says so, or name the tag v{version}",
        )
    changelog = tree / CHANGELOG
    if not changelog.exists() or f"\n## {version} (" not in changelog.read_text():
        raise ReleaseFault(
            "no-notes",
            f"{CHANGELOG} at {tag} has no section {version}",
            f"run `scripts/release notes {version}` and commit it before the tag",
        )
    left = [path.name for path in entries(tree)]
    if left:
        raise ReleaseFault(
            "notes-left",
            f"changelog.d at {tag} still holds {', '.join(left[:3])}",
            "gather them too, or tag the commit before they came",
        )
    return version


def _build(tree: Path, output: Path, seconds: str) -> dict[str, bytes]:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": seconds, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(output)],
        cwd=tree, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise ReleaseFault("build", words[-1] if words else "no word", "mend it in the source")
    return {path.name: path.read_bytes() for path in sorted(output.iterdir())}


def build(root: Path, tag: str, output: Path) -> Built:
    """Build the release of `tag` into `output`; return what was built. Raises ReleaseFault."""
    commit = commit_of(root, tag)
    seconds = _git(root, "show", "--no-patch", "--format=%ct", commit).decode().strip()
    before = os.umask(0o022)  # modes in the archives are the same for everybody
    try:
        rounds = []
        for name in ("first", "again"):
            with tempfile.TemporaryDirectory(prefix=f"release-{name}-") as folder:
                tree = Path(folder) / "tree"
                _export(root, commit, tree)
                version = check_tree(tree, tag)
                rounds.append(_build(tree, Path(folder) / "built", seconds))
    finally:
        os.umask(before)
    first, again = rounds
    if first != again:
        differing = sorted(name for name in first if first[name] != again.get(name))
        raise ReleaseFault(
            "not-reproducible",
            f"two builds of {tag} differ in {', '.join(differing)}",
            "find what depends on the time, the folder or the order of files",
        )
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in first.items()}
    made = Built(version, tag, commit, hashes)
    output.mkdir(parents=True, exist_ok=True)
    for name, data in first.items():
        (output / name).write_bytes(data)
    (output / RECORD).write_text(made.record())
    return made


def keep(made: Built, output: Path, kept: Path) -> str:
    """Put the wheel and its record where the tests look for the release before this one.

    Whatever release lay there goes: only the newest one meets the code that comes after it.
    """
    [wheel] = [name for name in made.hashes if name.endswith(".whl")]
    kept.mkdir(parents=True, exist_ok=True)
    for old in kept.glob("*.whl"):
        old.unlink()
    shutil.copyfile(output / wheel, kept / wheel)
    only = Built(made.version, made.tag, made.commit, {wheel: made.hashes[wheel]})
    (kept / RECORD).write_text(only.record())
    return wheel
