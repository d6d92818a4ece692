"""A node that is asked with an office's leave to read, which is made here from its key.

Rules: a leave is made for one node of one chain, and shown again until it is about to end. Which
node that is says the network's file, where the node stands in it; else the node itself. A node
that lies about its name gets a leave that opens another node, so whoever fears that names the
network's file. Only reading carries a leave.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from govchaind.base.errors import InvalidSetting, PeerError
from govchaind.base.types import BlockTime, Hash, NodeId
from govchaind.client.keyfile import Reader
from govchaind.client.nodes import NOTHING
from govchaind.client.refusals import check_reply, read_json
from govchaind.client.transport import Reply, Transport
from govchaind.ledger.read_leave import READ_LEAVE_MILLISECONDS, build_read_leave
from govchaind.ledger.transaction import is_name

READ_LEAVE_HEADER = "govchaind-read-leave"
CHAIN_ID_BYTES = 32
RENEWED_BEFORE_MILLISECONDS = 60_000  # a leave must not end while its request is on its way


class LeaveTransport:
    """A node, asked with an office's leave to read.

    Args:
        inner: the node; closed with this one.
        name: the node's name, where it is known from elsewhere.
        chain_id: likewise the chain's id.
        now: the wall clock in milliseconds.
    """

    def __init__(
        self,
        inner: Transport,
        reader: Reader,
        *,
        now: Callable[[], BlockTime],
        name: NodeId | None = None,
        chain_id: Hash | None = None,
    ) -> None:
        self._inner = inner
        self._reader = reader
        self._now = now
        self._name = name
        self._chain_id = chain_id
        self._leave = ""
        self._until: BlockTime = 0

    @property
    def node(self) -> str:
        return self._inner.node

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        timeout_seconds: float,
    ) -> Reply:
        """Ask once, with a leave where something is read. Raises PeerError."""
        sent = dict(headers)
        if method == "GET":
            sent[READ_LEAVE_HEADER] = await self._current(timeout_seconds)
        return await self._inner.request(
            method, path, query=query, headers=sent, body=body, timeout_seconds=timeout_seconds
        )

    def lines(
        self, path: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[tuple[Reply, AsyncIterator[str]]]:
        """Events are for everybody, so they need no leave."""
        return self._inner.lines(path, query=query, headers=headers)

    async def close(self) -> None:
        await self._inner.close()

    async def _current(self, timeout_seconds: float) -> str:
        """Return a leave that holds for a while, the same as before if that one does."""
        now = self._now()
        if now < self._until - RENEWED_BEFORE_MILLISECONDS:
            return self._leave
        if self._name is None or self._chain_id is None:
            await self._learn(timeout_seconds)
        if self._name is None or self._chain_id is None:
            raise PeerError(f"{self.node} does not say which node of which chain it is")
        self._until = now + READ_LEAVE_MILLISECONDS
        self._leave = build_read_leave(
            self._reader.key,
            chain_id=self._chain_id,
            node=self._name,
            office=(self._reader.institution, self._reader.office),
            until=self._until,
        ).hex()
        return self._leave

    async def _learn(self, timeout_seconds: float) -> None:
        """Take from the node what is not known of it. Raises PeerError, InvalidSetting."""
        reply = await self._inner.request(
            "GET",
            "/v1/status",
            query=NOTHING,
            headers=NOTHING,
            body=b"",
            timeout_seconds=timeout_seconds,
        )
        check_reply(reply, self.node)
        said = read_json(reply, self.node)
        name, chain_id = said.get("node"), said.get("chain_id")
        try:
            chain = bytes.fromhex(chain_id) if isinstance(chain_id, str) else b""
        except ValueError:
            chain = b""
        if not isinstance(name, str) or not is_name(name) or len(chain) != CHAIN_ID_BYTES:
            raise PeerError(f"{self.node} does not say which node of which chain it is")
        if self._chain_id not in (None, chain):
            raise InvalidSetting(
                f"{self.node} is a node of another chain than the network's file names",
                code="wrong-chain",
                remedy="Check --url and --network; no leave to read was shown to it.",
            )
        self._name = name if self._name is None else self._name
        self._chain_id = chain


def with_leaves(
    nodes: Sequence[Transport],
    names: Sequence[NodeId | None],
    reader: Reader,
    now: Callable[[], BlockTime],
    chain_id: Hash | None,
) -> list[Transport]:
    """Return nodes that are asked with an office's leave; `names`: as far as they are known."""
    return [
        LeaveTransport(node, reader, now=now, name=name, chain_id=chain_id)
        for node, name in zip(nodes, names, strict=True)
    ]
