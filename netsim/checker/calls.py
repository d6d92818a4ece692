"""One call of a client on a register, as the log of a test tells it."""

from __future__ import annotations

from dataclasses import dataclass

from netsim.checker.search import FOREVER

Value = int | str | None
KINDS = ("read", "write", "cas")


@dataclass(slots=True)
class Call:
    """Times are numbers of lines: they order what happened, and no two are equal."""

    process: int
    kind: str
    key: Value  # None: the one register of a log without keys
    value: Value  # read: what was read; write: what was written; cas: what was to be written
    expected: Value  # cas only
    begun: int
    ended: float = FOREVER
    outcome: str = "open"  # ok, fail, info, or open: the log ends before it does

    @property
    def happened(self) -> bool | None:
        """Say whether it had its effect; None: nobody knows."""
        return {"ok": True, "fail": False}.get(self.outcome)

    def __str__(self) -> str:
        if self.kind == "cas":
            return f":cas [{said(self.expected)} {said(self.value)}]"
        if self.kind == "read" and not self.happened:
            return ":read"
        return f":{self.kind} {said(self.value)}"

    @property
    def lines(self) -> str:
        """Return where the log tells of it."""
        return f"{self.begun}-{'' if self.ended == FOREVER else int(self.ended)}"


def said(value: Value) -> str:
    """Return a value as the log writes it."""
    return "nil" if value is None else str(value)
