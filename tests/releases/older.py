"""The older release, unpacked into a folder of its own, as commands and as a command line.

Its code comes from the wheel and its third-party packages from this environment: PYTHONPATH puts
the folder first. Processes start in that folder too, since Python looks where it starts first.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SHELL = HERE / "shell.py"
RECORD: dict[str, Any] = tomllib.loads((HERE / "release.toml").read_text())
WHEEL_BYTES_MAX = 2 * 1024 * 1024  # in every clone for ever: it must stay small


def wheel() -> Path:
    """Return the wheel, once its bytes are those that the record names."""
    [(name, wanted)] = RECORD["sha256"].items()
    found = hashlib.sha256((HERE / name).read_bytes()).hexdigest()
    assert found == wanted, f"{name} is not what was built at {RECORD['commit']}"
    return HERE / str(name)


class OlderRelease:
    """The older release in a folder."""

    version: str = RECORD["version"]

    def __init__(self, folder: Path) -> None:
        """Install the wheel into `folder`; nothing is fetched."""
        self.folder = folder
        self._shell: subprocess.Popen[str] | None = None
        self._run(
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "-q"),
            *("install", "--no-deps", "--no-index", "--no-compile"),
            *("--target", str(folder), str(wheel())),
        )

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.folder)}

    def command(self, *arguments: str) -> list[str]:
        """Return a command of the older release that can be started from anywhere."""
        place = ("env", "-C", str(self.folder), f"PYTHONPATH={self.folder}")
        return [*place, sys.executable, "-m", "govchaind", *arguments]

    def python(self, *arguments: str, text: str | None = None) -> str:
        """Run this Python on the older release's code; return what it printed."""
        return self._run(sys.executable, *arguments, text=text)

    def govchaind(self, *arguments: str, expected: int = 0) -> str:
        """Run the older command line; return what it printed, errors too."""
        if self._shell is None:
            self._shell = subprocess.Popen(
                [sys.executable, "-P", str(SHELL)],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        asked, told = self._shell.stdin, self._shell.stdout
        assert asked is not None
        assert told is not None
        asked.write(json.dumps(arguments) + "\n")
        asked.flush()
        code, printed = json.loads(told.readline())
        assert code == expected, f"{arguments}: {code}: {printed}"
        return str(printed)

    def close(self) -> None:
        """End the command line that stays."""
        if self._shell is not None:
            self._shell.communicate()
            self._shell = None

    def run(self, folder: Path, *, expected: int) -> str:
        """Run a node until it ends by itself; return what it printed, errors too."""
        return self._run(*self.command("run", str(folder)), expected=expected)

    def _run(self, *arguments: str, expected: int = 0, text: str | None = None) -> str:
        done = subprocess.run(
            arguments,
            env=self.environment,
            cwd=self.folder if self.folder.exists() else None,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == expected, f"{arguments}: {done.returncode}: {done.stdout}"
        return done.stdout
