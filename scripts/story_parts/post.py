"""How the story's institutions deliver, receive and erase: what the commands do, on its clock."""

from __future__ import annotations

from pathlib import Path

import trio
from demo_parts.telling import fail

from govchaind.client.delivering import Carriage, recorded_value
from govchaind.client.delivery_folder import DeliveryFolder, destroy
from govchaind.client.incoming import expected, open_into
from govchaind.client.outgoing import Outgoing, Wish
from govchaind.client.sealing import DeliveryKey
from govchaind.client.trust import advance
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.state_keys import delivery_key
from story_parts.stage import Stage

PATIENCE_SECONDS = 30.0
Named = tuple[str, str, int]


class Post:
    """Everybody's folders of deliveries."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._folder = stage.cast.directory / "deliveries"

    async def deliver(
        self,
        who: str,
        file: Path,
        grant: tuple[str, str],
        *,
        rows: int,
        corrects: int | None = None,
    ) -> Named:
        """Seal a file to whom the grant names, record it, and bring it to a node."""
        stage = self._stage
        trust = await advance(stage.client, stage.trust())
        outgoing = Outgoing(
            stage.client,
            stage.authors[who],
            trust=trust,
            chain_id=stage.cast.network.chain_id,
            folder=self._folder / who,
        )
        folder = await outgoing.prepare(Wish(file, grant, rows, corrects), lambda _: None)
        [fate] = await stage.client.submit([folder.transaction.read_bytes()], wait="certified")
        if not fate.applied:
            fail(f"the delivery came out as {fate.outcome}")
        await self._carriage(who, folder.delivery).bring(folder.sealed)
        return folder.delivery

    async def receive(self, who: str, delivery: Named, key: DeliveryKey, output: Path) -> None:
        """Fetch a delivery, check and open it, and sign the receipt."""
        stage = self._stage
        trust = await advance(stage.client, stage.trust())
        value = await recorded_value(stage.client, trust, delivery_key(*delivery), "delivery")
        wanted = expected(stage.cast.network.chain_id, delivery, value)
        folder = DeliveryFolder(self._folder / who, "in", delivery)
        folder.make()
        await self._carriage(who, delivery).fetch(folder.part, wanted.sealed)
        folder.part.replace(folder.sealed)
        await trio.to_thread.run_sync(open_into, folder, output, wanted, key, lambda _: None)
        await stage.act(who, (Kind.RECEIVE, [*delivery, wanted.commitment]))

    async def erase(self, who: str, delivery: Named, output: Path) -> None:
        """Destroy the key, the sealed copy and the file, and sign that."""
        folder = DeliveryFolder(self._folder / who, "in", delivery)
        for path in (folder.content_key, output, folder.sealed):
            if not destroy(path):
                fail(f"{path} could not be destroyed")
        await self._stage.act(who, (Kind.CONFIRM_ERASURE, [*delivery, "destroyed"]))

    def _carriage(self, who: str, delivery: Named) -> Carriage:
        stage = self._stage
        return Carriage(
            stage.client,
            stage.authors[who].keys[0],
            chain_id=stage.cast.network.chain_id,
            delivery=delivery,
            now=stage.now,
            patience_seconds=PATIENCE_SECONDS,
        )
