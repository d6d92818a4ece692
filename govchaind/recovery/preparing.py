"""Makes a record of recovery from what is left, for the institutions to sign.

Rules it keeps:
- It is for a quorum that is lost: while a majority of the validators survives there is nothing to
  recover, and a second chain to make.
- The log that is kept is kept whole, also what nobody had certified yet. Blocks are carried out in
  memory to know the state that they lead to; no store is written.
- Those who go on are the surviving validators, as they are known to the ledger, under the stores
  that they have: what they have signed, they still remember.
- A height that somebody has seen certified and that no survivor holds is said in the record, and
  only when that is asked for.
- Its time is the preparing machine's, which must be above what is kept and near the clock of
  whoever signs it and carries it out (`own_clock.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from govchaind.base.errors import Conflict, Invalid, InvalidProof, Refused
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import RECOVERY_BYTES_MAX
from govchaind.base.quorum import certificate_quorum, majority
from govchaind.base.types import BlockTime, Height
from govchaind.ledger.apply import Ledger
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.membership import Member, Membership, membership_of
from govchaind.ledger.recovered_state import check_members
from govchaind.ledger.recovery import Recovery, RecoveryBody, make_recovery
from govchaind.ledger.recovery_proof import build_proofs
from govchaind.ledger.recovery_quorum import keys_needed
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import INSTITUTION
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.working_state import WorkingState
from govchaind.recovery.own_clock import check_kept_time
from govchaind.recovery.survivor import Survivor, common_height, highest, kept_by_rule
from govchaind.recovery.tail import Tail
from govchaind.replica.memberships import Memberships
from govchaind.replica.store import View
from govchaind.replica.stored_certificates import certificate_at

_GOVERNING = 2  # place in an institution's value


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record that nobody has signed, and the blocks that some survivors lack."""

    recovery: Recovery
    tail: Tail
    kept_from: str  # whose log


def prepare(
    survivors: Sequence[Survivor],
    genesis: Genesis,
    *,
    now: BlockTime,
    seen: Height = 0,
    accept_loss: bool = False,
) -> Prepared:
    """Return the record by which these go on.

    Args:
        now: milliseconds since 1970, for the recovery block.
        seen: the highest height that somebody has seen certified.
        accept_loss: go on without heights that were seen and are in no store.

    Raises:
        Conflict: there is no chain to recover from this; the code says why.
    """
    kept = kept_by_rule(survivors, genesis)
    if seen > kept.last and not accept_loss:
        raise Conflict(
            f"height {seen} was certified and no survivor holds it; the best ends at {kept.last}",
            code="certified-height-lost",
            remedy="Look for another store or a backup that holds it. If there is none, give "
            "--accept-loss: then the record says what is lost, and institutions sign that.",
        )
    memberships = Memberships(kept.log().memberships())
    going_on = _going_on(survivors, memberships.after(kept.last))
    certified = highest(survivors).certified
    _check_signable(going_on, certified)
    chain = _Kept(kept, genesis)
    proofs = chain.proofs(highest(survivors))
    chain.carry_out(kept.last)
    check_kept_time(chain.ledger.time, now)
    membership = membership_of(going_on, kept.last)
    chain.check_members(membership)
    names = {member.name for member in going_on}
    body = RecoveryBody(
        genesis.chain_id,
        kept.last,
        kept.hash_at(kept.last, genesis),
        certified,
        seen if seen > kept.last else None,
        1 + max(each.term for each in survivors),
        kept.name,
        max(now, chain.ledger.time + 1),
        membership,
        tuple(m.name for m in memberships.after(kept.last).members if m.name not in names),
    )
    recovery = make_recovery(body, proofs)
    if len(recovery.encode()) > RECOVERY_BYTES_MAX * 7 // 8:  # the rest for signatures
        raise Conflict("the keys of so many offices do not fit into a record", code="too-large")
    own = [each for each in survivors if each.name in names]
    return Prepared(recovery, _tail(own, kept, genesis), kept.name)


def _going_on(survivors: Sequence[Survivor], force: Membership) -> list[Member]:
    """Return the validators in force that survive, under their own stores."""
    voters = force.voters()
    stores = {each.name: each.store for each in survivors}
    left = [voter for voter in voters if stores.get(voter.name) == voter.store]
    if len(left) >= majority(len(voters)):
        raise Conflict(
            f"{len(left)} of {len(voters)} validators survive: they are a majority",
            code="quorum-not-lost",
            remedy="Start them: they go on by themselves. Lost nodes come back with an empty "
            "store when institutions re-admit them.",
        )
    if not left:
        raise Conflict(
            "no validator in force survives under the store that the ledger knows",
            code="no-validator-left",
            remedy="Restore what is there with `govchaind restore` into a new chain's archive; "
            "nobody is left who could go on with this one.",
        )
    return left


def _check_signable(going_on: Sequence[Member], certified: Height) -> None:
    able = sum(1 for member in going_on if member.signs_above <= certified)
    if able < certificate_quorum(len(going_on)):
        raise Conflict(
            f"only {able} of {len(going_on)} survivors may sign what follows height {certified}",
            code="nobody-may-sign",
            remedy="Leave out a node that was re-admitted just before the disaster.",
        )


class _Kept:
    """The kept log carried out in memory."""

    def __init__(self, survivor: Survivor, genesis: Genesis) -> None:
        self._survivor = survivor
        self._view = View(survivor.reader)
        self.ledger = Ledger(genesis, self._view)

    def carry_out(self, until: Height) -> None:
        log = self._survivor.log()
        while self.ledger.height < until:
            self.ledger.apply(log.block(self.ledger.height + 1), self._view, self._view.pending)

    def proofs(self, holder: Survivor) -> bytes:
        """Return what proves the keys of all governing offices under the newest certificate."""
        certificate = certificate_at(holder.reader, holder.certified)
        if certificate is None:
            raise Conflict(
                "no survivor holds a certificate, so nothing can be proved to anybody",
                code="nothing-certified",
                remedy="Begin a new chain: on this one nothing was ever certified.",
            )
        self.carry_out(certificate.height)
        try:
            checkpoint = StateTree().checkpoint_at(self._view, certificate.height)
            header = self._survivor.log().block(checkpoint).header if checkpoint else b""
            keys = keys_needed(_governing(self._view))
            return build_proofs(self._view, keys, checkpoint, header, certificate)
        except (Invalid, Refused) as error:
            raise Conflict(str(error), code="nothing-proved") from error

    def check_members(self, membership: Membership) -> None:
        try:
            check_members(membership, WorkingState(State(), self._view, {}, keeps_cache=False))
        except InvalidProof as error:
            raise Conflict(
                error.message,
                code="survivor-not-wanted",
                remedy="Leave this node out: its keys were changed, or its removal was decided.",
            ) from error


def _governing(reader: KeyValueReader) -> list[tuple[str, str]]:
    state = WorkingState(State(), reader, {}, keeps_cache=False)
    return [(key[1:].decode(), value[_GOVERNING]) for key, value in state.scan(INSTITUTION)]


def _tail(survivors: Sequence[Survivor], kept: Survivor, genesis: Genesis) -> Tail:
    """Return the blocks that those who go on do not all hold."""
    first = 1 + min(common_height(each, kept, genesis) for each in survivors)
    log = kept.log()
    blocks = [(log.term(height), log.block(height).raw) for height in range(first, kept.last + 1)]
    return Tail(genesis.chain_id, first, tuple(blocks))
