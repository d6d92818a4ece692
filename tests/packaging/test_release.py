"""A release is built from its tag alone, twice the same, and refuses to be a different one."""

from __future__ import annotations

import os
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from release_parts.__main__ import main
from release_parts.build import RECORD
from release_parts.notes import gather

DAY = "2026-11-27"
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "govchaind"
version = "1.2.3"
requires-python = ">=3.11"

[tool.hatch.build.targets.wheel]
packages = ["govchaind"]
"""
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@example.org")


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *AUTHOR, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(name="repository")
def a_small_repository(tmp_path: Path) -> Path:
    """Return a repository of a package with three entries that no release has."""
    root = tmp_path / "repository"
    (root / "govchaind").mkdir(parents=True)
    (root / "changelog.d").mkdir()
    (root / "govchaind" / "__init__.py").write_text("")
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "changelog.d" / "README.md").write_text("One file for each change.\n")
    for name, text in (("b.fixed", "Mended\nit."), ("a.added", "New."), ("c.added", "Newer.")):
        (root / "changelog.d" / f"{name}.md").write_text(f"{text}\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "A beginning.")
    return root


def tagged(root: Path, tag: str = "v1.2.3") -> Path:
    assert main(["notes", "1.2.3", "--day", DAY], root) == 0
    git(root, "add", "--all")
    git(root, "commit", "-q", "-m", "Release 1.2.3.")
    git(root, "tag", "-a", tag, "-m", tag)
    return root


def test_notes_are_gathered_by_kind_newest_release_first(repository: Path) -> None:
    assert gather(repository, "1.2.3", DAY) == 3
    text = (repository / "CHANGELOG.md").read_text()
    assert text.partition("\n\n## ")[2] == (
        "1.2.3 (2026-11-27)\n\n### Added\n\n- New.\n- Newer.\n\n### Fixed\n\n- Mended it.\n"
    )
    assert [path.name for path in (repository / "changelog.d").iterdir()] == ["README.md"]
    (repository / "changelog.d" / "d.removed.md").write_text("Gone.\n")
    assert gather(repository, "1.3.0", "2026-12-01") == 1
    text = (repository / "CHANGELOG.md").read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## 1.3.0 (2026-12-01)",
        "## 1.2.3 (2026-11-27)",
    ]
    assert "- Gone.\n\n## 1.2.3" in text


def refused(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> str:
    """Run, see it refuse, and return the code of the refusal."""
    assert main([*arguments], root) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert " — " in told
    return told.partition("]")[0].removeprefix("error[")


def test_notes_that_cannot_be_gathered_change_nothing(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, repository, "notes", "1.2") == "version"
    strange = repository / "changelog.d" / "wish.wanted.md"
    strange.write_text("Please.\n")
    assert refused(capsys, repository, "notes", "1.2.3") == "changelog-name"
    assert not (repository / "CHANGELOG.md").exists()
    strange.unlink()
    gather(repository, "1.2.3", DAY)
    assert refused(capsys, repository, "notes", "1.2.3") == "released"
    assert refused(capsys, repository, "notes", "1.2.4") == "no-entries"


def test_the_same_tag_gives_the_same_bytes_whatever_lies_about(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tagged(repository)
    output = tmp_path / "first"
    assert main(["build", "v1.2.3", "-o", str(output), "--keep"], repository) == 0
    said = capsys.readouterr().out
    assert git(repository, "rev-parse", "HEAD") in said
    (repository / "govchaind" / "later.py").write_text("later = True\n")
    (repository / "pyproject.toml").write_text(PROJECT.replace("1.2.3", "9.9.9"))
    os.utime(repository / "govchaind" / "__init__.py", (0, 0))
    assert main(["build", "v1.2.3", "-o", str(tmp_path / "again")], repository) == 0
    names = sorted(path.name for path in output.iterdir())
    assert names == ["govchaind-1.2.3-py3-none-any.whl", "govchaind-1.2.3.tar.gz", RECORD]
    for name in names:
        assert (output / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    with zipfile.ZipFile(output / names[0]) as wheel:
        assert "govchaind/__init__.py" in wheel.namelist()
        assert "govchaind/later.py" not in wheel.namelist()
    with tarfile.open(output / names[1]) as archive:
        assert "govchaind-1.2.3/CHANGELOG.md" in archive.getnames()
    kept = repository / "tests" / "releases"
    assert (kept / names[0]).read_bytes() == (output / names[0]).read_bytes()
    record = tomllib.loads((kept / RECORD).read_text())
    assert record["commit"] == git(repository, "rev-parse", "v1.2.3^{commit}")
    assert list(record["sha256"]) == [names[0]]


def test_a_tag_that_is_not_what_it_says_is_not_built(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, repository, "build", "v1.2.3") == "no-tag"
    git(repository, "tag", "v1.2.3")
    assert refused(capsys, repository, "build", "v1.2.3") == "no-notes"
    git(repository, "tag", "-d", "v1.2.3")
    tagged(repository, "v1.2.4")
    capsys.readouterr()
    assert refused(capsys, repository, "build", "v1.2.4") == "tag-version"
    (repository / "changelog.d" / "late.fixed.md").write_text("Late.\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "A late note.")
    git(repository, "tag", "v1.2.3")
    assert refused(capsys, repository, "build", "v1.2.3") == "notes-left"
    (repository / "changelog.d" / "late.fixed.md").unlink()
    broken = PROJECT.replace('">=3.11"', "3")
    (repository / "pyproject.toml").write_text(broken)
    git(repository, "commit", "-qa", "-m", "A number where a text belongs.")
    git(repository, "tag", "-f", "v1.2.3")
    assert refused(capsys, repository, "build", "v1.2.3", "-o", str(tmp_path / "out")) == "build"
    assert not (tmp_path / "out").exists()
