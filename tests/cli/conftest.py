"""Each test runs commands in a folder of its own, with no network named in the environment,
in English."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command


@pytest.fixture
def govchaind(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOVCHAIND_NETWORK", raising=False)
    monkeypatch.setenv("GOVCHAIND_LANG", "en")
    return Command(capsys)
