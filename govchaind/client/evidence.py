"""Bringing a node what proves that a validator has signed two things about one height."""

from __future__ import annotations

from typing import Any

import trio

from govchaind.base.encoding import encode
from govchaind.client.client import Client
from govchaind.client.refusals import json_of

PATIENCE_SECONDS = 30.0


async def bring_evidence(client: Client, one: bytes, other: bytes) -> dict[str, Any]:
    """Bring two certificates that contradict each other; return whom they accuse.

    Raises:
        InvalidProof: nobody is proved to have signed both.
        PeerError, Busy: no node took them.
    """
    return await client.nodes.ask(
        "POST",
        "/v1/evidence",
        deadline=trio.current_time() + PATIENCE_SECONDS,
        headers={"content-type": "application/cbor", "accept": "application/json"},
        body=encode([one, other]),
        read=json_of,
    )
