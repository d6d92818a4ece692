"""The container image's recipe and the lock that it is made from."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.docs.test_links import ROOT

DOCKERFILE = ROOT / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Return (instruction, arguments) of each, continued lines joined."""
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    lines = [line.strip() for line in text.splitlines()]
    return [
        (line.partition(" ")[0], line.partition(" ")[2].strip())
        for line in lines
        if line and not line.startswith("#")
    ]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(place for place, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def test_only_known_instructions_and_no_shell() -> None:
    known = {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
             "HEALTHCHECK", "ENTRYPOINT", "CMD"}  # fmt: skip
    assert {name for name, _ in instructions()} == known  # so no ADD, no ARG, no SHELL
    for name, arguments in instructions():
        if name in ("RUN", "ENTRYPOINT", "CMD", "VOLUME"):
            assert arguments.startswith('["'), f"{name} goes through a shell: {arguments}"
    health = next(arguments for name, arguments in instructions() if name == "HEALTHCHECK")
    assert 'CMD ["' in health
    assert "/healthz" in health


def test_bases_are_pinned_and_alike() -> None:
    bases = [arguments.split()[0] for name, arguments in instructions() if name == "FROM"]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", bases[0])


def test_what_runs_is_not_root_and_has_no_tools() -> None:
    stage = last_stage()
    users = [arguments for name, arguments in stage if name == "USER"]
    assert users == ["10001:10001"]
    assert not any("/tools" in arguments for _, arguments in stage)
    ran = [shlex.split(arguments) for name, arguments in stage if name == "RUN"]
    assert len(ran) == 1  # the user is made, nothing is fetched
    exposed = {port for name, arguments in stage if name == "EXPOSE" for port in arguments.split()}
    assert exposed == {"7400", "7500", "7600"}


def test_everything_is_installed_by_hash_or_from_here() -> None:
    installs = [a for name, a in instructions() if name == "RUN" and '"install"' in a]
    assert len(installs) == 3
    for arguments in installs:
        assert '"--require-hashes"' in arguments or '"--no-index"' in arguments


def test_what_is_copied_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    for name, arguments in instructions():
        if name == "COPY" and "--from" not in arguments:
            for source in arguments.split()[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in ignored or f"!{source}/" in ignored


def pins(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return version and hashes of each package that a lock names."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        match = re.match(r"([a-z0-9][a-z0-9.-]*)==(\S+)(.*)", line)
        if match:
            hashes = frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", match[3]))
            found[match[1]] = (match[2], hashes)
    return found


def test_the_lock_of_the_image_is_part_of_the_lock() -> None:
    whole, part = pins("requirements.lock"), pins("requirements-run.lock")
    assert all(hashes for _, hashes in part.values())
    assert {name: whole.get(name) for name in part} == part


def test_the_lock_of_the_image_has_every_dependency_and_no_tool() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {re.split(r"[><=~! \[]", text)[0] for text in project["project"]["dependencies"]}
    part = pins("requirements-run.lock")
    assert sorted(names - set(part)) == []
    tools = {re.split(r"[><=~! \[]", text)[0] for text in project["dependency-groups"]["dev"]}
    assert sorted(tools & set(part)) == []


def linted(recipe: Path) -> subprocess.CompletedProcess[str]:
    hadolint = str(Path(sys.executable).with_name("hadolint"))
    asked = [hadolint, "--no-color", "--failure-threshold", "warning", str(recipe)]
    return subprocess.run(asked, capture_output=True, text=True, check=False)


def test_hadolint_warns_of_nothing(tmp_path: Path) -> None:
    ran = linted(DOCKERFILE)
    assert ran.returncode == 0, ran.stdout
    careless = tmp_path / "Dockerfile"
    careless.write_text("FROM python:latest\nRUN cd /tmp\nADD wheels /wheels\n")
    assert linted(careless).returncode == 1
