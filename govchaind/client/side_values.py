"""Side values of a client: who must read one, as the ledger proves it; bringing one, fetching one.

Rules: for whom a text is sealed is proved against what the user trusts, never a node's word; a
sealed text is brought to every node that takes it, since nodes do not pass it on; what is fetched
is believed only with the SHA-256 that is proved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import trio

from govchaind.base.crypto import SigningKey
from govchaind.base.errors import Busy, GovchaindError, InvalidProof, NotFound, PeerError
from govchaind.base.limits import CARRY_LEAVE_MILLISECONDS
from govchaind.base.types import BlockTime, Hash
from govchaind.client.client import Client
from govchaind.client.delivering import ATTEMPT_SECONDS, PAUSE_SECONDS, recorded_value
from govchaind.client.refusals import check_reply
from govchaind.client.transport import Transport
from govchaind.ledger.office_leave import OfficePurpose, build_office_leave, side_subject
from govchaind.ledger.operations import catalogue, delivery_keys, duties, requests, terms
from govchaind.ledger.state_keys import (
    data_set_key,
    delivery_key_key,
    duty_key,
    request_key,
    terms_key,
)
from govchaind.ledger.trust import TrustRoot

Office = tuple[str, str]


async def proved_parties(client: Client, trust: TrustRoot, about: tuple[str, str]) -> list[Office]:
    """Return the offices of requester, provider and supervisor of a request. Raises NotFound."""

    async def value(key: bytes, what: str) -> list[Any]:
        return await recorded_value(client, trust, key, what)

    asked = await value(request_key(*about), f"request {'/'.join(about)}")
    provider = asked[requests.PROVIDER]
    offered = await value(data_set_key(provider, asked[requests.DATA_SET]), "data set of it")
    duty = await value(duty_key(provider, offered[catalogue.DUTY]), "duty that it rests on")
    ruled_by = await value(terms_key(asked[requests.UNDER]), "terms for it")
    supervisor = ruled_by[terms.SUPERVISOR]
    found: list[Office] = [
        (about[0], asked[requests.OFFICE]),
        (provider, duty[duties.OFFICE]),
        (supervisor[0], supervisor[1]),
    ]
    return list(dict.fromkeys(found))


async def proved_delivery_key(client: Client, trust: TrustRoot, office: Office) -> bytes:
    """Return an office's delivery key. Raises NotFound: it has published none."""
    what = f"delivery key of {'/'.join(office)}"
    found = await recorded_value(client, trust, delivery_key_key(*office), what)
    key: bytes = found[delivery_keys.KEY]
    return key


class SideCarriage:
    """One side value's way between this machine and the nodes.

    Args:
        office: for which `signer` signs.
        now: time in milliseconds by which leaves are made.
        patience_seconds: how long a node may take to have the block that records it.
    """

    def __init__(
        self,
        client: Client,
        signer: SigningKey,
        *,
        chain_id: Hash,
        name: tuple[str, Hash],
        office: Office,
        now: Callable[[], BlockTime],
        patience_seconds: float,
    ) -> None:
        self._nodes = client.nodes
        self._signer = signer
        self._chain_id = chain_id
        self._office = office
        self._now = now
        self._patience_seconds = patience_seconds
        self._subject = side_subject(*name)
        self._path = f"/v1/side-values/{quote(name[0], safe='')}/{name[1].hex()}/sealed"

    async def bring(self, sealed: bytes) -> list[str]:
        """Bring a sealed text to all nodes; return those that have it.

        Raises: the last node's refusal, if none takes it.
        """
        taken: list[str] = []
        last: GovchaindError = PeerError("no node was asked", code="unreachable")
        deadline = trio.current_time() + self._patience_seconds
        for place in range(len(self._nodes)):
            transport = self._nodes.starting_at(place).current
            while True:
                try:
                    await self._ask(transport, "POST", "bring", sealed)
                    taken.append(transport.node)
                except (PeerError, Busy, NotFound) as error:
                    last = error
                    late = trio.current_time() + PAUSE_SECONDS >= deadline
                    if error.code == "not-recorded" and not late:
                        await trio.sleep(PAUSE_SECONDS)
                        continue  # it does not have that block yet
                break
        if not taken:
            raise last
        return taken

    async def fetch(self, digest: Hash) -> bytes:
        """Return the sealed text from whichever node has it.

        Raises:
            NotFound: none has it. Gone: it was removed. NotPermitted: it is for others.
        """
        last: GovchaindError = PeerError("no node was asked", code="unreachable")
        for place in range(len(self._nodes)):
            transport = self._nodes.starting_at(place).current
            try:
                data = await self._ask(transport, "GET", "fetch", b"")
            except (PeerError, Busy, NotFound) as error:
                last = error
                continue
            if hashlib.sha256(data).digest() == digest:
                return data
            last = InvalidProof(
                "what came is not the sealed text that the ledger records",
                code="not-the-recorded-file",
                remedy="Ask another node with --url.",
            )
        raise last

    async def _ask(
        self, transport: Transport, method: str, purpose: OfficePurpose, body: bytes
    ) -> bytes:
        leave = build_office_leave(
            self._signer,
            chain_id=self._chain_id,
            purpose=purpose,
            subject=self._subject,
            office=self._office,
            until=self._now() + CARRY_LEAVE_MILLISECONDS,
        )
        headers = {"govchaind-leave": leave.hex()}
        if body:
            headers["content-type"] = "application/octet-stream"
        reply = await transport.request(
            method,
            self._path,
            query={},
            headers=headers,
            body=body,
            timeout_seconds=ATTEMPT_SECONDS,
        )
        check_reply(reply, transport.node)
        return reply.body
