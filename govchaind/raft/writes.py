"""What is being written, what is durable, and which messages wait for it.

Rules kept here (thesis section 10.2.1, and the design's rules on writing):
- a message that depends on a write is held until that write is durable;
- every outstanding ticket says up to which index the *present* log is durable once it completes;
  a truncation lowers that in all of them, so a completion that comes late claims nothing for
  entries that were replaced meanwhile;
- held answers that claim a truncated entry, or that belong to an older term, are dropped.

Writes are made in order, and several may be merged: completing a ticket completes all before it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from govchaind.base.errors import invariant
from govchaind.base.types import NodeId, Seconds
from govchaind.raft.messages import AppendReply, RaftMessage


@dataclass(slots=True)
class Ticket:
    """One write handed to the caller and not yet reported durable."""

    number: int
    last_index: int  # the present log is durable up to here once this write is
    issued_at: Seconds


@dataclass(slots=True)
class Held:
    """A message that waits for the hard state and for the log up to `index`."""

    to: NodeId
    message: RaftMessage
    index: int


class Writes:
    """Outstanding tickets, the durable index, and what waits for either."""

    __slots__ = ("_hard_ticket", "_held", "_issued", "_outstanding", "hard_changed", "persisted")

    def __init__(self, persisted: int) -> None:
        self.persisted = persisted
        self.hard_changed = False  # term or vote differ from what the last Ready handed out
        self._hard_ticket = 0  # the newest ticket that carries a hard state
        self._issued = 0
        self._outstanding: deque[Ticket] = deque()
        self._held: list[Held] = []

    @property
    def hard_durable(self) -> bool:
        """Say whether the present term and vote would survive a crash."""
        return not self.hard_changed and (
            not self._outstanding or self._outstanding[0].number > self._hard_ticket
        )

    @property
    def oldest_issued_at(self) -> Seconds | None:
        """Return when the oldest outstanding write was handed out."""
        return self._outstanding[0].issued_at if self._outstanding else None

    def issue(self, now: Seconds, last_index: int) -> int:
        """Number a write that holds everything not yet handed out."""
        self._issued += 1
        if self.hard_changed:
            self._hard_ticket = self._issued
            self.hard_changed = False
        self._outstanding.append(Ticket(self._issued, last_index, now))
        return self._issued

    def complete(self, ticket: int) -> bool:
        """Note that `ticket` and all before it are durable; False if that was known."""
        invariant(ticket <= self._issued, "a write completes only after it was handed out")
        if not self._outstanding or ticket < self._outstanding[0].number:
            return False
        while self._outstanding and self._outstanding[0].number <= ticket:
            self.persisted = max(self.persisted, self._outstanding.popleft().last_index)
        return True

    def truncate(self, index: int) -> None:
        """Note that entry `index` and all after it are no longer what was written."""
        self.persisted = min(self.persisted, index - 1)
        for ticket in self._outstanding:
            ticket.last_index = min(ticket.last_index, index - 1)
        self._held = [held for held in self._held if held.index < index]

    def hold(self, to: NodeId, message: RaftMessage, index: int = 0) -> None:
        """Keep `message` until the hard state and the log up to `index` are durable."""
        self._held.append(Held(to, message, index))

    def drop_held(self) -> None:
        """Forget all held messages: they speak for a term that is over."""
        self._held.clear()

    def release(self) -> list[tuple[NodeId, RaftMessage]]:
        """Return the messages that may leave now, in the order in which they were held.

        Of several successful append answers only the last (the highest) is kept: it says it all.
        """
        if not self._held or not self.hard_durable:
            return []
        ready: list[tuple[NodeId, RaftMessage]] = []
        waiting: list[Held] = []
        success: tuple[NodeId, AppendReply] | None = None
        for held in self._held:
            if held.index > self.persisted:
                waiting.append(held)
            elif isinstance(held.message, AppendReply) and held.message.success:
                if success is None or held.message.index >= success[1].index:
                    success = (held.to, held.message)
            else:
                ready.append((held.to, held.message))
        if success is not None:
            ready.append(success)
        self._held = waiting
        return ready
