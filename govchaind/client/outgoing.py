"""Delivers a file: sealed to whom the ledger proves, recorded there, brought to a node or left.

Rules: grant, request and the receiver's key are proved before anything is sealed; what was sealed
and signed is kept, so a run that was interrupted goes on with the same bytes; the plain file is
only read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from govchaind.base.errors import Conflict, InvalidSetting
from govchaind.base.types import Hash
from govchaind.client.client import Client
from govchaind.client.delivering import recorded_value
from govchaind.client.delivery_folder import DeliveryFolder
from govchaind.client.keyfile import Author
from govchaind.client.sealing import new_letter, seal
from govchaind.ledger.operations import deliveries as ledger
from govchaind.ledger.operations import delivery_keys, grants
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.sealed_file import Place
from govchaind.ledger.state_keys import delivery_key, delivery_key_key, grant_key, request_key
from govchaind.ledger.trust import TrustRoot

PAGES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be delivered.

    Attributes:
        rows: how many rows the file has, if that means anything.
        corrects: number of the delivery that this one corrects.
        back: it is return flow, from the requester to the provider.
    """

    file: Path
    grant: tuple[str, str]
    rows: int | None = None
    corrects: int | None = None
    back: bool = False


class Outgoing:
    """Deliveries of one author."""

    def __init__(
        self, client: Client, author: Author, *, trust: TrustRoot, chain_id: Hash, folder: Path
    ) -> None:
        self._client = client
        self._author = author
        self._trust = trust
        self._chain_id = chain_id
        self._folder = folder

    def unfinished(self, wish: Wish) -> DeliveryFolder | None:
        """Return the folder of the same wish, if a run for it was interrupted."""
        source = _source(wish.file)
        out = self._folder / "out"
        for path in sorted(out.glob(".".join((*wish.grant, "*")))) if out.is_dir() else ():
            number = path.name.rpartition(".")[2]
            if not number.isdigit():
                continue
            folder = DeliveryFolder(self._folder, "out", (*wish.grant, int(number)))
            facts = folder.facts()
            same = all(facts.get(name) == value for name, value in source.items())
            kind = (facts.get("corrects"), facts.get("back")) == (wish.corrects, wish.back)
            if same and kind and folder.transaction.exists() and not facts.get("done"):
                return folder
        return None

    async def prepare(self, wish: Wish, advance: Callable[[int], None]) -> DeliveryFolder:
        """Seal the file and sign for it; nothing has left this machine yet.

        Raises NotFound: no such grant, delivery, or key. Invalid: it cannot be sealed.
        """
        requester, reference = wish.grant
        granted = await self._value(grant_key(requester, reference), "grant")
        asked = await self._value(request_key(requester, reference), "request")
        corrected: list[Any] | None = None
        receiver = [requester, granted[grants.REQUESTER_OFFICE]]
        if wish.back:
            receiver = [granted[grants.PROVIDER], granted[grants.PROVIDER_OFFICE]]
        if wish.corrects is not None:
            key = delivery_key(requester, reference, wish.corrects)
            corrected = await self._value(key, f"delivery {wish.corrects}")
            receiver = corrected[ledger.RECEIVER]
        published = await self._value(
            delivery_key_key(receiver[0], receiver[1]), f"delivery key of {'/'.join(receiver)}"
        )
        number = await self._next_number(wish.grant)
        folder = DeliveryFolder(self._folder, "out", (requester, reference, number))
        if folder.transaction.exists():
            raise Conflict(
                f"another file was sealed as delivery {number} and is not recorded yet",
                code="delivery-unfinished",
                remedy=f"Finish it by delivering that file again, or remove {folder.path}.",
            )
        folder.note(**_source(wish.file), corrects=wish.corrects, back=wish.back)
        place = Place(
            self._chain_id,
            requester,
            reference,
            number,
            (self._author.institution, self._author.office),
            (receiver[0], receiver[1]),
        )
        sealing = _Sealing(wish, folder, place, published[delivery_keys.KEY], advance)
        sealed = await trio.to_thread.run_sync(sealing.run)
        content = [sealed.commitment, sealed.size, sealed.rows]
        if corrected is not None:
            arguments = [requester, reference, wish.corrects, corrected[ledger.COMMITMENT], number,
                         *content, sealed.digest]  # fmt: skip
            operation = (int(Kind.CORRECT), arguments)
        elif wish.back:
            arguments = [requester, reference, number, *content, sealed.digest]
            operation = (int(Kind.RETURN_FLOW), arguments)
        else:
            request = ledger.request_hash(requester, reference, asked)
            arguments = [requester, reference, number, *content, request, sealed.digest]
            operation = (int(Kind.DELIVER), arguments)
        folder.note(
            commitment=sealed.commitment.hex(),
            sealed=sealed.digest.hex(),
            size=sealed.size,
            rows=sealed.rows,
            receiver="/".join(receiver),
        )
        folder.keep_transaction(self._client.sign(self._author, [operation]))
        return folder

    async def _value(self, key: bytes, what: str) -> list[Any]:
        return await recorded_value(self._client, self._trust, key, what)

    async def _next_number(self, grant: tuple[str, str]) -> int:
        """Return the next number, on a node's word: a wrong one is refused by the ledger."""
        requester, reference = grant
        newest, after = 0, None
        for _ in range(PAGES_MAX):
            page = await self._client.deliveries(
                requester=requester, reference=reference, after=after
            )
            numbers = [one.get("number") for one in page.get("deliveries") or []]
            newest = max([newest, *(number for number in numbers if isinstance(number, int))])
            after = page.get("next")
            if after is None:
                break
        return newest + 1


@dataclass(frozen=True, slots=True)
class _Sealing:
    """The work of sealing, for a thread."""

    wish: Wish
    folder: DeliveryFolder
    place: Place
    receiver_key: bytes
    advance: Callable[[int], None]

    def run(self) -> Any:
        size = self.wish.file.stat().st_size
        letter = new_letter(self.wish.file.name, size, self.wish.rows, os.urandom)
        with self.wish.file.open("rb") as source, self.folder.part.open("wb") as target:
            sealed = seal(
                source,
                target,
                place=self.place,
                letter=letter,
                receiver_key=self.receiver_key,
                entropy=os.urandom,
                advance=self.advance,
            )
            target.flush()
            os.fsync(target.fileno())
        self.folder.part.replace(self.folder.sealed)
        return sealed


def _source(file: Path) -> dict[str, Any]:
    """Return what tells a file from another, without reading it."""
    try:
        found = file.stat()
    except OSError as error:
        raise InvalidSetting(
            f"cannot read {file}: {error.strerror}", remedy="Name a file that is there."
        ) from None
    return {"file": str(file.resolve()), "bytes": found.st_size, "changed_ns": found.st_mtime_ns}
