"""The systemd unit, judged by systemd's own tools; what it forbids, the node does not need."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from govchaind.cli import main as cli_main
from govchaind.config_sections import ShutdownSection
from govchaind.node import HAND_OVER_SECONDS

ROOT = Path(__file__).parent.parent.parent
UNIT = ROOT / "packaging" / "systemd" / "govchaind@.service"
EXPOSURE_MAX = 2.0


def values(name: str) -> list[str]:
    """Return the values that the unit gives a directive, in their order."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def instance(folder: Path, *, drop: str = "") -> Path:
    """Return a copy that systemd can judge here: of an instance, its program there."""
    path = folder / "govchaind@trial.service"
    lines = UNIT.read_text().replace("/opt/govchaind/bin/govchaind", "/bin/true").splitlines()
    path.write_text("\n".join(line for line in lines if not drop or not line.startswith(drop)))
    return path


def exposure(unit: Path) -> float:
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"Overall exposure level for .*?: ([0-9.]+) ", judged.stdout)
    assert found is not None, judged.stdout
    return float(found[1])


def test_systemd_finds_it_hardened(tmp_path: Path) -> None:
    assert exposure(instance(tmp_path)) <= EXPOSURE_MAX


def test_a_softer_unit_is_seen(tmp_path: Path) -> None:
    softer = instance(tmp_path, drop="SystemCallFilter=")
    assert exposure(softer) > EXPOSURE_MAX


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    command = ["systemd-analyze", "verify", "--man=no", str(instance(tmp_path))]
    judged = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")
    path = instance(tmp_path)
    path.write_text(path.read_text().replace("NoNewPrivileges=", "NoNewPrivilege="))
    judged = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "'NoNewPrivilege' in section" in judged.stderr


def test_it_is_of_a_node_that_speaks_to_it() -> None:
    assert values("Type") == ["notify"]
    assert values("ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert values("WatchdogSignal") == ["SIGQUIT"]
    assert values("User") == ["govchaind"]
    assert values("RestartPreventExitStatus") == [str(cli_main.INVALID)]
    assert values("ExecStart") == ["/opt/govchaind/bin/govchaind run /var/lib/govchaind/%i"]


def test_it_waits_for_a_clean_stop() -> None:
    [text] = values("TimeoutStopSec")
    assert float(text.removesuffix("s")) > 2 * (ShutdownSection().grace_seconds + HAND_OVER_SECONDS)


@pytest.mark.parametrize(
    "line",
    [
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "LimitCORE=0",
        "UMask=0077",
    ],
)
def test_it_says(line: str) -> None:
    assert line in UNIT.read_text().splitlines()


def test_the_page_says_what_is_there(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operate" / "service.md").read_text()
    assert f"gives it {exposure(instance(tmp_path))} of 10" in page
    installer = (ROOT / "packaging" / "install").read_text()
    for name in ("prefix", "state", "user"):
        [value] = re.findall(rf"^{name}=(.*)$", installer, re.MULTILINE)
        assert value in page
        assert value in UNIT.read_text()


def test_the_signers_unit_is_as_hardened_and_has_no_network(tmp_path: Path) -> None:
    folder = ROOT / "packaging" / "systemd"
    service, listens = (folder / f"govchaind-signer@.{kind}" for kind in ("service", "socket"))
    unit = tmp_path / "govchaind-signer@trial.service"
    unit.write_text(service.read_text().replace("/opt/govchaind/bin/govchaind", "/bin/true"))
    (tmp_path / "govchaind-signer@trial.socket").write_text(listens.read_text())
    assert exposure(unit) <= EXPOSURE_MAX
    command = ["systemd-analyze", "verify", "--man=no", str(unit), str(unit.with_suffix(".socket"))]
    judged = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")
    lines = service.read_text().splitlines()
    assert {"PrivateNetwork=yes", "RestrictAddressFamilies=AF_UNIX"} <= set(lines)
    assert "PrivateUsers=yes" not in lines  # the kernel would not say who asks
    assert {"SocketUser=govchaind", "SocketMode=0600"} <= set(listens.read_text().splitlines())
    [asks] = [line for line in lines if line.startswith("ExecStart=")]
    assert asks.endswith("--user govchaind")
