"""Clients that write without pause while bad things happen, and remember every acknowledgement.

Each writer is the SDK's own client on a thread of its own: it submits one batch of facts after the
other, the same bytes again until they are decided, through whichever node answers. What it has seen
acknowledged as committed must be on every node at the end, once.
"""

from __future__ import annotations

import threading

import trio

from govchaind.base.errors import Busy, PeerError
from govchaind.base.types import Hash
from govchaind.ledger.transaction import read_transaction
from tests.process.network import Network

REQUEST_SECONDS = 5.0


class Writer:
    """One client; use it as a context. `acknowledged` maps id to key of what was committed."""

    def __init__(self, network: Network, name: str, *, batch: int = 5, first_node: int = 0) -> None:
        self.acknowledged: dict[Hash, str] = {}
        self.unexpected: list[str] = []
        self._network = network
        self._name = name
        self._batch = batch
        self._first_node = first_node
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: trio.run(self._write), daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    @property
    def count(self) -> int:
        return len(self.acknowledged)

    async def _write(self) -> None:
        number = 0
        async with self._network.client() as client:
            while not self._stop.is_set():
                keys = [f"{self._name}-{number + i}" for i in range(self._batch)]
                number += self._batch
                raws = [self._network.put(key, f"fact {key}") for key in keys]
                facts = {read_transaction(raw).id: key for raw, key in zip(raws, keys, strict=True)}
                while raws and not self._stop.is_set():
                    try:
                        fates = await client.submit(
                            raws, deadline_seconds=REQUEST_SECONDS, first_node=self._first_node
                        )
                    except (PeerError, Busy):
                        await trio.sleep(0.05)
                        continue
                    for fate in fates:
                        if fate.status in ("committed", "certified"):
                            self.acknowledged[fate.id] = facts[fate.id]
                            if fate.code != 0:
                                self.unexpected.append(f"{facts[fate.id]}: {fate}")
                    raws = [
                        raw
                        for raw, fate in zip(raws, fates, strict=True)
                        if fate.status not in ("committed", "certified")
                    ]
