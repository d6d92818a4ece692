"""Real daemons for each test, none of which outlives it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nacl
import pytest

from tests.process.network import Network

MakeNetwork = Callable[..., Network]

# A shell that runs this in the background has these ignored, and so would every daemon that a test
# interrupts, or ends as a watchdog does.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test here, and keep them on one worker: they share two cores and the clock."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.process)
            item.add_marker(pytest.mark.xdist_group("process"))


@pytest.fixture
def make_network(tmp_path: Path) -> Iterator[MakeNetwork]:
    """Return what makes networks; they end with the test."""
    made: list[Network] = []

    def make(name: str = "trial", **settings: Any) -> Network:
        network = Network(tmp_path / name, name=name, **settings)
        made.append(network)
        return network

    yield make
    for network in made:
        network.close()


@pytest.fixture(name="empty_python")
def an_empty_environment(tmp_path: Path) -> str:
    """Return a Python of a new environment in which there is PyNaCl, and nothing else."""
    folder = tmp_path / "empty"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    present = Path(nacl.__file__).parent.parent
    for name in ("nacl", "cffi", *(file.name for file in present.glob("_cffi_backend*"))):
        (packages / name).symlink_to(present / name)
    python = str(folder / "bin" / "python")
    absent = subprocess.run([python, "-I", "-c", "import cbor2"], capture_output=True, check=False)
    assert absent.returncode == 1
    return python
