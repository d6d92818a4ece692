"""Brings sealed files to a node and fetches them, in chunks that go on where they stopped.

Rules: what decides whom a file is sealed to, and what it must be, is proved against what the user
trusts, never a node's word (`proved`); one file goes to one node, so a node that fails is tried
again before another is begun with; the deadline counts from the last chunk that came through, so a
large file is not cut off for being large.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

from govchaind.base.crypto import SigningKey
from govchaind.base.encoding import decode
from govchaind.base.errors import Busy, GovchaindError, InvalidProof, NotFound, PeerError
from govchaind.base.limits import (
    CARRY_CHUNK_BYTES_MAX,
    CARRY_LEAVE_MILLISECONDS,
    RECEIPT_BYTES_MAX,
)
from govchaind.base.types import BlockTime, Hash
from govchaind.client.client import Client
from govchaind.client.refusals import check_reply, json_of
from govchaind.client.transport import Reply, Transport
from govchaind.ledger.carriage import Purpose, build_leave
from govchaind.ledger.state_proof import VerifiedState, verify_state_proof
from govchaind.ledger.trust import TrustRoot

CHUNK_BYTES = 512 * 1024
ATTEMPT_SECONDS = 30.0  # for one chunk
BEHIND_SECONDS = 5.0  # how long a node may be behind the one that recorded a delivery
PAUSE_SECONDS = 0.5
FRESH_SECONDS = 10.0  # what was just recorded is proved a moment later
Delivery = tuple[str, str, int]


async def proved(client: Client, trust: TrustRoot, key: bytes) -> VerifiedState:
    """Return a state key's value, or its absence, as a certificate proves it.

    Raises InvalidProof: what came does not prove it.
    """
    data = await client.get_bytes(f"/v1/state/{key.hex()}", {"proof": "true"})
    found = verify_state_proof(data, trust)
    if found.key != key:
        raise InvalidProof("a node proved another state key than the one asked for")
    return found


async def recorded_value(client: Client, trust: TrustRoot, key: bytes, what: str) -> list[Any]:
    """Return a proved value, waiting a little for one that was just recorded.

    Raises NotFound: it is proved that there is none.
    """
    deadline = trio.current_time() + FRESH_SECONDS
    while True:
        found = await proved(client, trust, key)
        if found.value is not None:
            value: list[Any] = decode(found.value, bytes_max=RECEIPT_BYTES_MAX)
            return value
        if trio.current_time() >= deadline:
            raise NotFound(
                f"the ledger has no {what}",
                code="not-recorded",
                remedy="Check the names; a delivery needs a grant, and a receiver that has "
                "published its delivery key.",
            )
        await trio.sleep(PAUSE_SECONDS)


class Carriage:
    """One sealed file's way between this machine and the nodes.

    Args:
        now: time in milliseconds by which leaves are made.
        patience_seconds: how long nothing may come through before it is given up.
        advance: told how many further bytes are through.
    """

    def __init__(
        self,
        client: Client,
        signer: SigningKey,
        *,
        chain_id: Hash,
        delivery: Delivery,
        now: Callable[[], BlockTime],
        patience_seconds: float,
        advance: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._nodes = client.nodes
        self._signer = signer
        self._chain_id = chain_id
        self._delivery = delivery
        self._now = now
        self._patience_seconds = patience_seconds
        self._advance = advance
        self._path = "/v1/deliveries/" + "/".join(map(str, delivery)) + "/sealed"

    # --- to a node --------------------------------------------------------------------------------

    async def bring(self, sealed: Path) -> str:
        """Bring a sealed file to the first node that takes it whole; return which one.

        Raises: the refusal of the last node that was asked.
        """
        length = _size(sealed)
        started = trio.current_time()
        deadline = started + self._patience_seconds
        last: GovchaindError = PeerError("no node was asked", code="unreachable")
        while True:
            for place in range(len(self._nodes)):
                transport = self._nodes.starting_at(place).current
                try:
                    await self._bring_to(transport, sealed, length)
                except (PeerError, Busy, NotFound) as error:  # another one may take it
                    last = error
                except GovchaindError as error:
                    # A node that is behind knows of no delivery yet, and tells that to nobody.
                    if error.code != "not-permitted":
                        raise
                    last, deadline = error, min(deadline, started + BEHIND_SECONDS)
                else:
                    return transport.node
            if trio.current_time() + PAUSE_SECONDS >= deadline:
                raise last
            await trio.sleep(PAUSE_SECONDS)

    async def _bring_to(self, transport: Transport, sealed: Path, length: int) -> None:
        have, whole = await self._post(transport, 0, length, b"")
        self._advance(have)
        failed_at: float | None = None
        with sealed.open("rb") as file:
            while not whole:
                file.seek(have)
                data = file.read(min(CHUNK_BYTES, length - have))
                try:
                    before, (have, whole) = have, await self._post(transport, have, length, data)
                except (PeerError, Busy):
                    now = trio.current_time()
                    failed_at = now if failed_at is None else failed_at
                    if now + PAUSE_SECONDS >= failed_at + self._patience_seconds:
                        raise
                    await trio.sleep(PAUSE_SECONDS)
                except GovchaindError as error:
                    if error.code != "other-offset":  # somebody brings it too, or it was lost there
                        raise
                    have, whole = await self._post(transport, 0, length, b"")
                else:
                    failed_at = None
                    self._advance(have - before)

    async def _post(
        self, transport: Transport, offset: int, length: int, data: bytes
    ) -> tuple[int, bool]:
        query = {"offset": str(offset), "length": str(length)}
        reply = await self._ask(transport, "POST", query, "bring", data)
        found = json_of(reply, transport.node)
        have, whole = found.get("have"), found.get("whole")
        if not isinstance(have, int) or not isinstance(whole, bool) or not 0 <= have <= length:
            raise PeerError(f"{transport.node} answered in an unknown way", code="unexpected-reply")
        if not whole and have == length:
            raise PeerError(f"{transport.node} has all and takes it not", code="unexpected-reply")
        return have, whole

    # --- from a node ------------------------------------------------------------------------------

    async def fetch(self, part: Path, digest: Hash) -> None:
        """Fetch the sealed file into `part`, on from where it ends; any node may hold it.

        Raises:
            NotFound: no node holds it. PeerError: none is reached.
            InvalidProof: what came is not the recorded file; `part` is removed.
        """
        deadline = trio.current_time() + self._patience_seconds
        last: GovchaindError | None = None
        self._advance(_size(part))
        while True:
            for place in range(len(self._nodes)):
                transport = self._nodes.starting_at(place).current
                try:
                    if await self._fetch_from(transport, part):
                        check_digest(part, digest)
                        return
                except (PeerError, Busy, NotFound) as error:  # another one may hold it
                    if last is None or not isinstance(error, NotFound):
                        last = error
            if last is None or trio.current_time() + PAUSE_SECONDS >= deadline:
                raise last or NotFound("no node holds the sealed file", code="not-held")
            await trio.sleep(PAUSE_SECONDS)

    async def _fetch_from(self, transport: Transport, part: Path) -> bool:
        """Fetch from one node until the file is whole; True then."""
        with part.open("ab") as file:
            while True:
                have = file.tell()
                query = {"offset": str(have), "length": str(CARRY_CHUNK_BYTES_MAX)}
                reply = await self._ask(transport, "GET", query, "fetch", b"")
                check_reply(reply, transport.node)
                text = reply.headers.get("govchaind-length", "")
                length = int(text) if text.isascii() and text.isdigit() else -1
                if have + len(reply.body) > length or (have < length and not reply.body):
                    raise PeerError(
                        f"{transport.node} answered in an unknown way", code="unexpected-reply"
                    )
                file.write(reply.body)
                self._advance(len(reply.body))
                if file.tell() == length:
                    return True

    async def _ask(
        self,
        transport: Transport,
        method: str,
        query: dict[str, str],
        purpose: Purpose,
        body: bytes,
    ) -> Reply:
        leave = build_leave(
            self._signer,
            chain_id=self._chain_id,
            delivery=self._delivery,
            purpose=purpose,
            until=self._now() + CARRY_LEAVE_MILLISECONDS,
        )
        headers = {"govchaind-leave": leave.hex()}
        if body:
            headers["content-type"] = "application/octet-stream"
        return await transport.request(
            method,
            self._path,
            query=query,
            headers=headers,
            body=body,
            timeout_seconds=ATTEMPT_SECONDS,
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def check_digest(path: Path, digest: Hash) -> None:
    """Raise InvalidProof, and remove the file, unless its SHA-256 is this one."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").digest()
    if found != digest:
        path.unlink()
        raise InvalidProof(
            "what came is not the sealed file that the ledger records",
            code="not-the-recorded-file",
            remedy="It was removed. Fetch it again, from another node or by another channel.",
        )
