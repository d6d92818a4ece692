"""The installer, in a scratch root, with an interpreter that writes down what it is asked for."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
INSTALL = ROOT / "packaging" / "install"
UNIT = ROOT / "packaging" / "systemd" / "govchaind@.service"

# Stands for Python, venv and pip, none of which is ours; every call is a line of `calls`.
_PYTHON = """#!/bin/sh
echo "$*" >>"{calls}"
case "$1 $2" in
  "-c "*) exec {python} "$@" ;;
  "-m venv")
    for folder; do :; done
    mkdir -p "$folder/bin" "$folder/lib"
    cp "{folder}/release" "$folder/lib/code"
    cp "$0" "$folder/bin/python"
    echo "#!$folder/bin/python" >"$folder/bin/govchaind"
    echo "command = venv $folder" >"$folder/pyvenv.cfg" ;;
  "-m pip")
    while [ $# -gt 1 ]; do
      [ "$1" = --wheel-dir ] && mkdir -p "$2" && touch "$2/govchaind-0.1.0-py3-none-any.whl"
      [ "$1" = -r ] && cp "$2" "{folder}/lock-$(basename "$2")"
      shift
    done
    [ -z "{fails}" ] || exit 9 ;;
esac
exit 0
"""


class Machine:
    """A scratch root and what its interpreter was asked for."""

    def __init__(self, folder: Path, *, fails: bool = False) -> None:
        self.folder = folder
        self.root = folder / "a root"
        self.calls_file = folder / "calls"
        self.python = folder / "python"
        self.python.write_text(
            _PYTHON.format(
                calls=self.calls_file,
                python=sys.executable,
                folder=folder,
                fails="yes" if fails else "",
            )
        )
        self.python.chmod(0o755)
        self.release("one")

    def release(self, code: str) -> None:
        """Say what an environment that is made from now on holds."""
        (self.folder / "release").write_text(code)

    def install(self, *arguments: str, shell: str = "sh") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [shell, str(INSTALL), "--python", str(self.python), *arguments],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DESTDIR": str(self.root)},
            check=False,
            capture_output=True,
            text=True,
        )

    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines()

    def mode(self, path: str) -> int:
        return stat.S_IMODE((self.root / path).stat().st_mode)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_it_makes_folders_an_environment_and_the_unit(machine: Machine) -> None:
    done = machine.install("ada", "ben")
    assert (done.returncode, done.stderr) == (0, "")
    assert machine.mode("var/lib/govchaind") == 0o755
    assert [machine.mode(f"var/lib/govchaind/{name}") for name in ("ada", "ben")] == [0o700] * 2
    unit = machine.root / "etc/systemd/system/govchaind@.service"
    assert unit.read_bytes() == UNIT.read_bytes()
    assert machine.mode("etc/systemd/system/govchaind@.service") == 0o644
    program = machine.root / "opt/govchaind/bin/govchaind"
    assert program.read_text() == "#!/opt/govchaind/bin/python\n"  # where the unit starts it
    assert "a root" not in (machine.root / "opt/govchaind/pyvenv.cfg").read_text()
    assert not (machine.root / "opt/govchaind.new").exists()


def test_every_package_is_taken_by_its_hash_or_from_here(machine: Machine) -> None:
    assert machine.install("ada").returncode == 0
    installs = [call for call in machine.calls() if call.startswith("-m pip install")]
    assert len(installs) == 3
    for call in installs:
        assert "--require-hashes" in call or "--no-index" in call
    run_lock = (machine.folder / "lock-requirements-run.lock").read_text()
    assert run_lock == (ROOT / "requirements-run.lock").read_text()
    built_with = (machine.folder / "lock-build.lock").read_text()
    names = set(re.findall(r"^([a-z0-9-]+)==", built_with, re.MULTILINE))
    needed = {re.split(r"[><=~!;\[ ]", text)[0] for text in requires("hatchling") or []}
    assert names == (needed - {"tomli"}) | {"hatchling"}  # Python 3.11 reads TOML itself
    assert built_with.count("--hash=sha256:") >= len(names)


def test_without_an_index_it_takes_a_folder(machine: Machine, tmp_path: Path) -> None:
    assert machine.install("--wheels", str(tmp_path)).returncode == 0
    installs = [call for call in machine.calls() if call.startswith("-m pip install")]
    assert all("--no-index" in call for call in installs)
    assert sum(f"--find-links {tmp_path}" in call for call in installs) == 2


def test_an_upgrade_keeps_the_environment_that_was(machine: Machine) -> None:
    assert machine.install("ada").returncode == 0
    (machine.root / "opt/govchaind/first").touch()
    (machine.root / "var/lib/govchaind/ada/guard").write_bytes(b"kept")
    machine.release("two")
    assert machine.install("ada").returncode == 0
    assert (machine.root / "opt/govchaind.old/first").exists()
    assert not (machine.root / "opt/govchaind/first").exists()
    assert (machine.root / "var/lib/govchaind/ada/guard").read_bytes() == b"kept"


def test_again_with_the_same_release_the_way_back_stays(machine: Machine) -> None:
    assert machine.install("ada").returncode == 0
    machine.release("two")
    assert machine.install("ada").returncode == 0
    said = machine.install("ada", "ben")  # a further node's folder, and nothing else
    assert "this release is there already" in said.stdout
    assert (machine.root / "var/lib/govchaind/ben").exists()
    assert (machine.root / "opt/govchaind/lib/code").read_text() == "two"
    assert (machine.root / "opt/govchaind.old/lib/code").read_text() == "one"
    assert not (machine.root / "opt/govchaind.new").exists()


def test_units_of_signers_and_bridges_lie_there_too(machine: Machine) -> None:
    assert machine.install("ada").returncode == 0
    found = {path.name for path in (machine.root / "etc/systemd/system").iterdir()}
    assert found == {path.name for path in UNIT.parent.iterdir()}


def test_one_that_fails_leaves_what_runs(tmp_path: Path) -> None:
    good = Machine(tmp_path)
    assert good.install("ada").returncode == 0
    before = sorted((good.root / "opt/govchaind").rglob("*"))
    failing = Machine(tmp_path, fails=True)
    assert failing.install("ada").returncode == 9
    assert sorted((good.root / "opt/govchaind").rglob("*")) == before


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_dry_run_says_it_all_and_does_nothing(machine: Machine, shell: str) -> None:
    said = machine.install("--dry-run", "ada", shell=shell)
    assert (said.returncode, said.stderr) == (0, "")
    assert not machine.root.exists()
    assert [call for call in machine.calls() if not call.startswith("-c")] == []
    words = [line.split()[0] for line in said.stdout.splitlines()]
    assert words.count("install") == 4 + len(list(UNIT.parent.iterdir()))  # folders, and units
    assert f"install -d -m 0700 {machine.root}/var/lib/govchaind/ada" in said.stdout
    assert "--require-hashes" in said.stdout


def test_on_a_real_machine_it_would_make_the_user(machine: Machine) -> None:
    said = subprocess.run(
        ["sh", str(INSTALL), "--dry-run", "--python", str(machine.python), "ada"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said.startswith("useradd --system --user-group ")
    assert "--shell /usr/sbin/nologin govchaind\n" in said
    assert "chown govchaind:govchaind /var/lib/govchaind/ada\n" in said


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--fast",), "unknown option --fast"),
        (("../ada",), "a node's name is"),
        (("a" * 33,), "at most 32"),
        (("--wheels", "/nowhere"), "no folder /nowhere"),
        (("--wheels",), "needs a folder"),
        (("--python", "/nowhere/python"), "is not Python 3.11"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_done(
    machine: Machine, arguments: tuple[str, ...], problem: str
) -> None:
    said = machine.install(*arguments)
    assert said.returncode in (1, 2)
    assert problem in said.stderr
    assert not machine.root.exists()


def test_help_is_the_files_opening(machine: Machine) -> None:
    said = machine.install("--help")
    assert said.returncode == 0
    for option in ("--dry-run", "--python", "--wheels", "DESTDIR"):
        assert option in said.stdout
