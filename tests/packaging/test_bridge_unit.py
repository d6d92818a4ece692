"""The systemd unit of a bridge, judged by systemd's own tools, and its example by the command."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from govchaind.cli import main as cli_main
from tests.cli.command import Command
from tests.packaging.test_unit import EXPOSURE_MAX, exposure

ROOT = Path(__file__).parent.parent.parent
UNIT = ROOT / "packaging" / "systemd" / "govchaind-bridge@.service"
PAGE = (ROOT / "docs" / "moving-data.md").read_text()


def values(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def instance(folder: Path) -> Path:
    path = folder / "govchaind-bridge@trial.service"
    path.write_text(UNIT.read_text().replace("/opt/govchaind/bin/govchaind", "/bin/true"))
    return path


def test_systemd_understands_every_line_and_finds_it_hardened(tmp_path: Path) -> None:
    unit = instance(tmp_path)
    judged = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")
    assert exposure(unit) <= EXPOSURE_MAX


def test_what_does_not_pass_by_itself_is_not_tried_again() -> None:
    assert values("RestartPreventExitStatus") == [f"{cli_main.REFUSED} {cli_main.INVALID}"]
    assert values("Restart") == ["on-failure"]


def test_the_example_of_the_page_is_a_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It is understood up to the genesis, which is not there; the password is read by a file."""
    [arguments] = re.findall(r"^BRIDGE=(.*)$", PAGE, re.MULTILINE)
    [start] = values("ExecStart")
    secret = tmp_path / "password"
    secret.write_text("word")
    secret.chmod(0o400)
    words = start.replace("$BRIDGE", arguments).replace("${CREDENTIALS_DIRECTORY}", str(tmp_path))
    program, *rest = shlex.split(words)

    ended = Command(capsys)(*rest)

    assert program.endswith("/govchaind")
    assert (ended.code, ended.errors.partition("]")[0]) == (
        cli_main.INVALID, "error[invalid-setting",
    )  # fmt: skip
    assert "cannot read the genesis /etc/govchaind/genesis.bin" in ended.errors
