"""What clerks write about assets: who creates, issues, transfers, redeems, freezes and thaws what.

Most acts are in order; the others come from the wrong office, are of too much, of what is frozen or
over, or settle what cannot be settled. All is drawn from the clerk's own source and the model.
"""

from __future__ import annotations

import random
from typing import Any

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from netsim.chain import INSTITUTIONS, OFFICE, VOLUNTARY
from netsim.model.assets import free
from netsim.model.ledger import Model

Office = tuple[str, str]
Written = tuple[Office, int, list[Any]]  # author, kind of operation, arguments
AMOUNT_MAX = 2**64 - 1
NAMES = tuple(f"asset-{number}" for number in range(6))
PURPOSES = ("food", "fuel", "repairs")
GROUNDS = ("audit", "court-order", "error")
ACTS = (Kind.ISSUE_ASSET, Kind.TRANSFER_ASSET, Kind.REDEEM_ASSET, Kind.FREEZE_ASSET,
        Kind.THAW_ASSET)  # fmt: skip
NOWHERE: Office = (INSTITUTIONS[0], "nowhere")


class AssetPapers:
    """One clerk's acts on assets."""

    def __init__(self, pick: random.Random, model: Model) -> None:
        self._random = pick
        self._model = model

    def mandate(self, now: int) -> tuple[int, list[Any]] | None:
        """Return a motion for what assets rest on, where nothing of that kind is in force."""
        pick = self._random
        if self._mandates(now) and pick.random() < 0.95:
            return None
        name = f"order-{pick.randrange(1000)}"
        until = pick.choice((None, None, None, now + 60_000))
        arguments = [name, "An order", "No. 1", "Council", bytes(32), now - 1000, until, None]
        return MotionKind.ADOPT_MANDATE, arguments

    def act(self, now: int, offices: list[Office]) -> Written:
        """Return one act, and who is to sign it."""
        pick, names = self._random, self._names()
        if not names or pick.random() < 0.06:
            return self._create(now, offices)
        kind = pick.choices(ACTS, weights=(20, 38, 12, 18, 12))[0]
        held = [each for each in names if self._held(each)]
        if not held and pick.random() < 0.9:
            kind = Kind.ISSUE_ASSET
        name = pick.choice(self._current(names, now) if kind is Kind.ISSUE_ASSET else held or names)
        if pick.random() < 0.03:
            name = "nothing"
        if kind is Kind.ISSUE_ASSET:
            return self._issue(name, offices)
        holder, purpose, balance, freezes = self._holding(name, offices)
        if kind is Kind.TRANSFER_ASSET:
            amount = self._amount(balance, freezes)
            to = list(
                pick.choice(offices) if pick.random() < 0.9 else pick.choice((holder, NOWHERE))
            )
            arguments = [name, to, amount, purpose, self._settlement(holder[0], to[0])]
            return self._author(holder, offices), int(kind), arguments
        if kind is Kind.REDEEM_ASSET:
            arguments = [name, self._amount(balance, freezes), purpose]
            return self._author(holder, offices), int(kind), arguments
        return self._supervise(kind, name, offices)

    # --- the state -------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        return [key[1:].decode() for key in self._model.keys(b"\x18")]

    def _mandates(self, now: int) -> list[str]:
        """Return the names of those in force."""
        found = []
        for key in self._model.keys(b"\x0d"):
            mandate = self._model.get(key)
            if mandate[4] <= now and (mandate[8] is None or now < mandate[8]):
                found.append(key[1:].decode())
        return found

    def _asset(self, name: str) -> Any:
        return self._model.get(b"\x18" + name.encode())

    def _current(self, names: list[str], now: int) -> list[str]:
        """Return those that may still be issued and moved, and at times all."""
        expiries = {name: self._asset(name)[6] for name in names}
        found = [name for name in names if expiries[name] is None or expiries[name] > now]
        return found if found and self._random.random() < 0.93 else names

    def _held(self, name: str) -> list[tuple[bytes, int, list[Any]]]:
        """Return key, balance and freezes of each holding that is not empty."""
        keys = self._model.keys(b"\x1a" + name.encode() + b"\0")
        holdings = [(key, *self._model.get(key)) for key in keys]
        return [holding for holding in holdings if holding[1]]

    def _holding(self, name: str, offices: list[Office]) -> tuple[Office, str, int, list[Any]]:
        """Return holder, purpose, balance and freezes of a holding, mostly of one that is there."""
        pick = self._random
        found = self._held(name)
        if not found or pick.random() < 0.04:
            return pick.choice(offices), pick.choice(PURPOSES), 0, []
        frozen = [each for each in found if each[2]]
        key, balance, freezes = pick.choice(frozen if frozen and pick.random() < 0.4 else found)
        _, institution, office, purpose = key[1:].decode().split("\0")
        return (institution, office), purpose, balance, freezes

    # --- acts ------------------------------------------------------------------------------------

    def _author(self, right: Office, offices: list[Office]) -> Office:
        """Return who signs: mostly who may, else another office of the same institution, or any."""
        pick = self._random
        draw = pick.random()
        if draw < 0.88:
            return right
        near = [each for each in offices if each[0] == right[0] and each != right]
        return pick.choice(near if near and draw < 0.95 else offices)

    def _create(self, now: int, offices: list[Office]) -> Written:
        pick = self._random
        mandates = self._mandates(now)
        mandate = pick.choice(mandates) if mandates and pick.random() < 0.93 else "nothing"
        supervisor = pick.choice(offices) if pick.random() < 0.95 else NOWHERE
        purposes = pick.sample(PURPOSES, pick.randrange(3))
        if purposes and pick.random() < 0.06:
            purposes.append(purposes[0])
        expiry = pick.choice((None, None, None, now + 20_000, now + 60_000, now + 60_000, now - 1))
        author = self._author((pick.choice(INSTITUTIONS), OFFICE), offices)
        arguments = [pick.choice(NAMES), "An asset", "one", mandate, list(supervisor), purposes,
                     expiry]  # fmt: skip
        return author, int(Kind.CREATE_ASSET), arguments

    def _issue(self, name: str, offices: list[Office]) -> Written:
        pick, asset = self._random, self._asset(name)
        issuer = pick.choice(offices) if asset is None else (asset[3][0], asset[3][1])
        allowed = asset[5] if asset is not None and asset[5] else PURPOSES
        purpose = pick.choice(allowed if pick.random() < 0.9 else PURPOSES)
        amount = pick.choice((1, 7, 20, 20, 50, 50))
        if pick.random() < 0.05:
            amount = pick.choice((AMOUNT_MAX, AMOUNT_MAX - 100, 2**63))
        to = pick.choice(offices) if pick.random() < 0.95 else NOWHERE
        arguments = [name, list(to), amount, purpose]
        return self._author(issuer, offices), int(Kind.ISSUE_ASSET), arguments

    def _amount(self, balance: int, freezes: list[Any]) -> int:
        left = free(balance, freezes)
        beyond = (left + 1, balance, balance + 1)
        some = self._random.choice((1, 1, 5, (left + 1) // 2, left, *beyond))
        return max(1, min(AMOUNT_MAX, some))

    def _settlement(self, giver: str, taker: str) -> list[Any] | None:
        pick = self._random
        if pick.random() < 0.7:
            return None
        requester = giver if taker == VOLUNTARY else taker
        if pick.random() < 0.4:
            requester = pick.choice((giver, taker, *INSTITUTIONS))
        received = pick.random() < 0.5
        there = self._delivered(giver, taker)
        if there and pick.random() < 0.85:
            return [*pick.choice(there), received]
        return [requester, f"request-{pick.randrange(9)}", pick.choice((1, 3)), received]

    def _delivered(self, giver: str, taker: str) -> list[tuple[str, str, int]]:
        """Return the deliveries between two institutions: requester, reference, number."""
        found = []
        for key in self._model.keys(b"\x16"):
            requester, _, reference = key[1:-5].decode().partition("\0")
            sender, receiver = self._model.get(key)[:2]
            if sorted((sender[0], receiver[0])) == sorted((giver, taker)):
                found.append((requester, reference, int.from_bytes(key[-4:], "big")))
        return found

    def _supervise(self, kind: Kind, name: str, offices: list[Office]) -> Written:
        pick, asset = self._random, self._asset(name)
        supervisor = pick.choice(offices) if asset is None else (asset[4][0], asset[4][1])
        author = self._author(supervisor, offices)
        holder, purpose, balance, freezes = self._holding(name, offices)
        if kind is Kind.FREEZE_ASSET:
            amount = None if pick.random() < 0.3 else self._amount(balance, freezes)
            reason = pick.choice((None, pick.randbytes(32)))
            arguments = [name, list(holder), purpose, amount, pick.choice(GROUNDS), reason]
            return author, int(kind), arguments
        ground, frozen = pick.choice(GROUNDS), None
        if freezes and pick.random() < 0.9:
            ground, frozen, _, _ = pick.choice(freezes)
        amount = pick.choice((None, frozen, 1, min(AMOUNT_MAX, (frozen or 1) + 1)))
        return author, int(kind), [name, list(holder), purpose, amount, ground]
