"""What ends `scripts/release`: one line that says what is wrong and what to do."""

from __future__ import annotations


class ReleaseFault(Exception):
    """A release cannot be made as things are."""

    def __init__(self, code: str, text: str, remedy: str) -> None:
        super().__init__(f"error[{code}]: {text} — {remedy}")
        self.code = code
