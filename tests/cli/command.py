"""Runs the command line as its users do: arguments in, exit code and two texts out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from govchaind.cli.main import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        return json.loads(self.output)


class Command:
    """Calls `main` with what is printed captured."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: object) -> Ended:
        self._capture.readouterr()
        code = main([str(argument) for argument in arguments])
        printed = self._capture.readouterr()
        return Ended(code, printed.out, printed.err)
