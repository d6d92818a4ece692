"""Several nodes as one: asks the one that answered last, and another when it does not answer.

Rules: only what may safely be asked twice goes through here (every reading, and submitting the
same bytes, which is idempotent by id); a node's definite no (Invalid, NotPermitted, NotFound …)
is the answer and no other node is asked, but for a block that it has removed or has joined above:
others may have it, and each is asked once; a node that is busy, unreachable or talks nonsense is
passed over, and after a round of them the client waits a little, longer each round, within the
deadline of the whole call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

import trio

from govchaind.base.errors import Busy, Gone, InvalidSetting, PeerError, Pruned
from govchaind.client.transport import Reply, Transport
from govchaind.ledger.beginning import BEFORE_SNAPSHOT

T = TypeVar("T")

ATTEMPT_SECONDS_MAX = 15.0  # one try at one node; a longer wait is asked for in pieces
PAUSE_SECONDS_MIN = 0.1
PAUSE_SECONDS_MAX = 2.0
ELSEWHERE = (Pruned.code, BEFORE_SNAPSHOT)  # not here, and perhaps at another node
NOTHING: Mapping[str, str] = MappingProxyType({})


class Nodes:
    """The nodes that a client may ask, and which of them it asks first."""

    def __init__(self, transports: Sequence[Transport]) -> None:
        if not transports:
            raise InvalidSetting(
                "no node to ask",
                code="no-node-named",
                remedy="Give --url http://host:port, or --network with a network.json.",
            )
        self._transports = list(transports)
        self._first = 0

    def __len__(self) -> int:
        return len(self._transports)

    def starting_at(self, place: int) -> Nodes:
        """Return the same nodes with another one to ask first; connections are shared."""
        other = Nodes(self._transports)
        other._first = place % len(self._transports)
        return other

    @property
    def place(self) -> int:
        """Where the node that is asked first stands: one may be named twice."""
        return self._first

    @property
    def current(self) -> Transport:
        """The node that is asked first."""
        return self._transports[self._first]

    def pass_over(self) -> None:
        """From now on ask the next node first."""
        self._first = (self._first + 1) % len(self._transports)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        deadline: float,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        body: bytes = b"",
        read: Callable[[Reply, str], T],
    ) -> T:
        """Ask until one node gives an answer, good or definite.

        Args:
            deadline: Trio's time by which to have an answer.
            read: makes the answer of a reply of the node named; raises for one that is none.

        Raises:
            Invalid, Refused: a node's answer; Busy when all were busy to the end.
            PeerError: no node answered in time; the last reason.
        """
        pause = PAUSE_SECONDS_MIN
        failures = pruned = 0
        while True:
            transport = self.current
            remaining = deadline - trio.current_time()
            try:
                reply = await transport.request(
                    method,
                    path,
                    query=query,
                    headers=headers,
                    body=body,
                    timeout_seconds=max(0.05, min(remaining, ATTEMPT_SECONDS_MAX)),
                )
                return read(reply, transport.node)
            except Gone as error:
                pruned += 1
                if error.code not in ELSEWHERE or pruned >= len(self):
                    raise
                self.pass_over()
            except (PeerError, Busy) as error:
                wait = error.retry_after_seconds if isinstance(error, Busy) else 0.0
                failures += 1
                self.pass_over()
                if failures % len(self) == 0:
                    wait = max(pause, min(wait, PAUSE_SECONDS_MAX))
                    pause = min(pause * 2, PAUSE_SECONDS_MAX)
                else:
                    wait = 0.0  # another node may have room or be up
                if trio.current_time() + wait >= deadline:
                    raise self._given_up(error, failures) from None
                await trio.sleep(wait)

    def _given_up(self, last: PeerError | Busy, failures: int) -> PeerError | Busy:
        """Return the last error; where others failed too, one that says so."""
        if isinstance(last, Busy) or min(failures, len(self)) == 1:
            return last
        tried = min(failures, len(self))
        return PeerError(
            f"none of {tried} nodes answered in time; the last: {last.message}",
            code=last.code,
            remedy=last.remedy,
        )

    async def close(self) -> None:
        """Let go of every node's connections."""
        for transport in self._transports:
            await transport.close()
