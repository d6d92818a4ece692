"""No sequence of acts breaks conservation, overdraws, moves what is frozen, or lets others act.

An account book of a few lines stands beside the ledger: for each act it knows who may do it and
what it moves. What the ledger refuses must leave no trace: all of the state is what it was.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from govchaind.base.encoding import decode
from govchaind.base.limits import AMOUNT_MAX
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import ASSET_TOTALS, LIVE, holdings_prefix
from tests.ledger.chain import Chain
from tests.ledger.vouchers import ISSUER, SUPERVISOR, create, totals, with_asset

OFFICES = [("bank", "head"), ("bank", "pair"), ("court", "head"), ("ministry", "head"),
           ("registry", "head")]  # fmt: skip
PURPOSES = ["lookups", "repairs"]
GROUNDS = ["audit", "order", "error"]
ASSETS = ["voucher", "token"]

# Mostly the same few holdings, so that acts meet.
offices = st.sampled_from([*OFFICES[:3] * 3, *OFFICES])
purposes = st.sampled_from([*PURPOSES[:1] * 4, *PURPOSES])
grounds = st.sampled_from(GROUNDS)
assets = st.sampled_from([*ASSETS[:1] * 4, *ASSETS])
amounts = st.one_of(
    st.integers(1, 12), st.sampled_from([AMOUNT_MAX, AMOUNT_MAX - 5, 1 << 63]), st.just(1)
)
Place = tuple[str, tuple[str, str], str]  # asset, holder, purpose


def author(office: tuple[str, str]) -> dict[str, Any]:
    institution, name = office
    signers = [f"{institution} head"]
    if name == "pair":
        signers = [f"{institution} one", f"{institution} two"]
    return {"institution": institution, "office_name": name, "signers": signers}


class Assets(RuleBasedStateMachine):
    """The ledger, and beside it what each office must hold."""

    chain: Chain

    @initialize()
    def begin(self) -> None:
        self.chain = with_asset(expiry=None)
        assert create(self.chain, name="token", expiry=None, purposes=[]) == 0
        self.balances: dict[Place, int] = {}
        self.frozen: dict[Place, dict[str, int | None]] = {}
        self.issued = dict.fromkeys(ASSETS, 0)
        self.redeemed = dict.fromkeys(ASSETS, 0)
        for asset, holder, purpose in product(ASSETS, OFFICES[:3], PURPOSES[:1]):
            self.issue((ISSUER, "head"), asset, holder, purpose, 9)

    def act(self, office: tuple[str, str], expected: bool, *acts: tuple[int, list[Any]]) -> bool:
        """Do it, compare whether it took effect, and that a refusal changed nothing."""
        before = self.rows()
        raw = self.chain.raw(*acts, **author(office))
        code = self.chain.codes(raw)[0]
        assert (code == 0) == expected, code
        if code:
            assert self.rows() == before
        return expected

    def rows(self) -> list[tuple[bytes, bytes]]:
        """Return all of the state, of which its root is made, but for the ids that were used up."""
        found = State().scan(self.chain.store, b"", limit=1000)
        return [(key, row) for key, row, _ in found if key[:1] != LIVE]

    def free(self, place: Place) -> int:
        freezes = self.frozen.get(place, {}).values()
        if None in freezes:
            return 0
        return self.balances.get(place, 0) - sum(each or 0 for each in freezes)

    def add(self, place: Place, amount: int) -> None:
        self.balances[place] = self.balances.get(place, 0) + amount

    @rule(by=offices, asset=assets, to=offices, purpose=purposes, amount=amounts)
    def issue(
        self, by: tuple[str, str], asset: str, to: tuple[str, str], purpose: str, amount: int
    ) -> None:
        fine = by == (ISSUER, "head") and self.issued[asset] + amount <= AMOUNT_MAX
        if self.act(by, fine, (int(Kind.ISSUE_ASSET), [asset, list(to), amount, purpose])):
            self.add((asset, to, purpose), amount)
            self.issued[asset] += amount

    @rule(by=offices, asset=assets, to=offices, purpose=purposes, amount=amounts)
    def transfer(
        self, by: tuple[str, str], asset: str, to: tuple[str, str], purpose: str, amount: int
    ) -> None:
        fine = by != to and amount <= self.free((asset, by, purpose))
        arguments = [asset, list(to), amount, purpose, None]
        if self.act(by, fine, (int(Kind.TRANSFER_ASSET), arguments)):
            self.add((asset, by, purpose), -amount)
            self.add((asset, to, purpose), amount)

    @rule(by=offices, asset=assets, to=offices, purpose=purposes, amount=st.integers(1, 9))
    def give_and_overdraw(
        self, by: tuple[str, str], asset: str, to: tuple[str, str], purpose: str, amount: int
    ) -> None:
        """Two transfers in one transaction: what the second lacks undoes the first."""
        place = (asset, by, purpose)
        fine = by != to and 2 * amount <= self.free(place)
        one = (int(Kind.TRANSFER_ASSET), [asset, list(to), amount, purpose, None])
        if self.act(by, fine, one, one):
            self.add(place, -2 * amount)
            self.add((asset, to, purpose), 2 * amount)

    @rule(by=offices, asset=assets, purpose=purposes, amount=amounts)
    def redeem(self, by: tuple[str, str], asset: str, purpose: str, amount: int) -> None:
        fine = amount <= self.free((asset, by, purpose))
        if self.act(by, fine, (int(Kind.REDEEM_ASSET), [asset, amount, purpose])):
            self.add((asset, by, purpose), -amount)
            self.redeemed[asset] += amount

    @rule(
        by=st.sampled_from([(SUPERVISOR, "head")] * 3 + OFFICES), asset=assets, holder=offices,
        purpose=purposes, amount=st.none() | amounts, ground=grounds,
    )  # fmt: skip
    def freeze(
        self, by: tuple[str, str], asset: str, holder: tuple[str, str], purpose: str,
        amount: int | None, ground: str,
    ) -> None:  # fmt: skip
        place = (asset, holder, purpose)
        standing = self.frozen.get(place, {})
        left = self.balances.get(place, 0) - sum(each or 0 for each in standing.values())
        fine = (
            by == (SUPERVISOR, "head")
            and self.balances.get(place, 0) > 0
            and ground not in standing
            and (amount or 0) <= left
        )
        arguments = [asset, list(holder), purpose, amount, ground, None]
        if self.act(by, fine, (int(Kind.FREEZE_ASSET), arguments)):
            self.frozen.setdefault(place, {})[ground] = amount

    @rule(
        by=st.sampled_from([(SUPERVISOR, "head")] * 3 + OFFICES), asset=assets, holder=offices,
        purpose=purposes, amount=st.none() | amounts, ground=grounds,
    )  # fmt: skip
    def thaw(
        self, by: tuple[str, str], asset: str, holder: tuple[str, str], purpose: str,
        amount: int | None, ground: str,
    ) -> None:  # fmt: skip
        standing = self.frozen.get((asset, holder, purpose), {})
        frozen = standing.get(ground)
        fine = by == (SUPERVISOR, "head") and ground in standing
        if amount is not None:
            fine = fine and frozen is not None and amount <= frozen
        arguments = [asset, list(holder), purpose, amount, ground]
        if self.act(by, fine, (int(Kind.THAW_ASSET), arguments)):
            if amount is None or frozen is None or amount == frozen:
                del standing[ground]
            else:
                standing[ground] = frozen - amount

    @invariant()
    def conserved(self) -> None:
        """Issued - redeemed = in circulation = the sum of the holdings, each of which is whole."""
        reader, state = self.chain.store, State()
        for asset in ASSETS:
            issued, redeemed, circulating = totals(self.chain, asset)
            rows = state.scan(reader, holdings_prefix(asset), limit=1000)
            held = [decode(row, bytes_max=len(row)) for _, row, _ in rows]
            assert (issued, redeemed) == (self.issued[asset], self.redeemed[asset])
            assert issued - redeemed == circulating == sum(balance for balance, _ in held)
            for balance, freezes in held:
                assert 0 <= balance <= AMOUNT_MAX
                assert balance or not freezes
                assert sum(each[1] or 0 for each in freezes) <= balance
        assert len(state.scan(reader, ASSET_TOTALS, limit=1000)) == len(ASSETS)


Assets.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAssets = Assets.TestCase
