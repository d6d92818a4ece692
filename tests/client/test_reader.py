"""A client with an office's key: the leave that it makes, for whom, how long, and where it goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from govchaind.base.crypto import SigningKey
from govchaind.base.errors import InvalidSetting, NotPermitted, PeerError
from govchaind.client.client import connect
from govchaind.client.keyfile import Reader
from govchaind.client.reader import READ_LEAVE_HEADER, LeaveTransport
from govchaind.client.transport import Reply
from govchaind.ledger.read_leave import READ_LEAVE_MILLISECONDS, read_read_leave
from tests.api.node import key
from tests.api.test_reads_by_office import exchanged

CHAIN = b"c" * 32
BRANCH = Reader("bank", "branch", SigningKey(b"b" * 32))


class Scripted:
    """A node that says who it is, and keeps what it was sent."""

    node = "http://a-node:1"

    def __init__(self, status: str = f'{{"node": "node-b", "chain_id": "{CHAIN.hex()}"}}') -> None:
        self.status = status
        self.sent: list[tuple[str, str, str | None]] = []
        self.closed = False

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
        del query, body, timeout_seconds
        self.sent.append((method, path, headers.get(READ_LEAVE_HEADER)))
        return Reply(200, {}, self.status.encode())

    def lines(
        self, path: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[tuple[Reply, AsyncIterator[str]]]:
        raise NotImplementedError

    async def close(self) -> None:
        self.closed = True


async def ask(transport: LeaveTransport, method: str = "GET") -> None:
    await transport.request(
        method, "/v1/requests", query={}, headers={}, body=b"", timeout_seconds=1.0
    )


async def test_one_leave_serves_until_it_is_about_to_end() -> None:
    node, clock = Scripted(), [1_000_000]
    transport = LeaveTransport(node, BRANCH, now=lambda: clock[0])
    await ask(transport, "POST")
    for later in (0, READ_LEAVE_MILLISECONDS - 60_001, READ_LEAVE_MILLISECONDS - 60_000):
        clock[0] = 1_000_000 + later
        await ask(transport)
    await transport.close()

    methods = [(method, path) for method, path, _ in node.sent]
    asked = ("GET", "/v1/requests")
    assert methods == [("POST", "/v1/requests"), ("GET", "/v1/status"), asked, asked, asked]
    none, asking, first, second, third = [leave for _, _, leave in node.sent]
    assert (none, asking, first == second, second == third) == (None, None, True, False)
    leave = read_read_leave(bytes.fromhex(first or ""))
    assert (leave.chain_id, leave.node) == (CHAIN, "node-b")
    assert (leave.institution, leave.office) == ("bank", "branch")
    assert (leave.key, leave.until) == (BRANCH.key.public, 1_000_000 + READ_LEAVE_MILLISECONDS)
    assert node.closed


async def test_the_network_file_says_which_node_it_is_not_the_node() -> None:
    node = Scripted()
    known = LeaveTransport(node, BRANCH, now=lambda: 5, name="node-a", chain_id=CHAIN)
    await ask(known)
    [(_, path, sent)] = node.sent
    assert (path, read_read_leave(bytes.fromhex(sent or "")).node) == ("/v1/requests", "node-a")


@pytest.mark.parametrize(
    "status",
    ["{}", '{"node": "A node", "chain_id": "00"}', '{"node": 5, "chain_id": "zz"}', "[]", "no"],
)
async def test_a_node_that_does_not_say_who_it_is_gets_no_leave(status: str) -> None:
    node = Scripted(status)
    with pytest.raises(PeerError):
        await ask(LeaveTransport(node, BRANCH, now=lambda: 5))
    assert [leave for _, _, leave in node.sent] == [None]


async def test_a_node_of_another_chain_gets_no_leave() -> None:
    node = Scripted()
    with pytest.raises(InvalidSetting) as caught:
        await ask(LeaveTransport(node, BRANCH, now=lambda: 5, chain_id=b"o" * 32))
    assert caught.value.code == "wrong-chain"
    assert [leave for _, _, leave in node.sent] == [None]


async def test_a_client_reads_what_concerns_its_office(tmp_path: Path) -> None:
    async def asked(url: str, label: str | None, office: tuple[str, str]) -> str:
        reader = None if label is None else Reader(*office, key(label))
        async with connect([url], reader=reader, deadline_seconds=5.0) as client:
            try:
                found = await client.get_json("/v1/requests/bank/r-1")
            except NotPermitted as error:
                return error.code
            return str(found["status"])

    async with exchanged(tmp_path) as node:
        found = [
            await asked(node.url, None, ("", "")),
            await asked(node.url, "branch", ("bank", "branch")),
            await asked(node.url, "pair 0", ("ministry", "pair")),
        ]
    assert found == ["read-leave-missing", "granted", "not-a-party"]
