"""Whether a transaction may act at all: chain, time, duplicates, and the office's key policy.

Rules it keeps, in this order, each with its outcome:
1. the chain id is this chain's;
2. it may still be included at this block time, and not for too long ahead;
3. its id was not used before;
4. its institution and office exist, and exactly as many of the office's seats as the policy asks
   for have signed, each with a key that is valid at block time;
5. its institution has room among the live ids;
6. its institution is neither suspended nor removed.

That the signatures verify was checked before a block could enter the log; it is not done again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from govchaind.base.limits import LIFETIME_MAX_MILLISECONDS_LEAST
from govchaind.base.types import BlockTime, Hash
from govchaind.ledger.operations.parameters import LIFETIME_HOURS, parameter_of
from govchaind.ledger.operations.standings import standing_refusal
from govchaind.ledger.outcomes import Code
from govchaind.ledger.state_keys import institution_key, office_key
from govchaind.ledger.transaction import Transaction
from govchaind.ledger.working_state import WorkingState


def admission(
    transaction: Transaction,
    *,
    chain_id: Hash,
    time: BlockTime,
    state: WorkingState,
    id_is_used: Callable[[Hash], bool],
    has_room: Callable[[str, WorkingState], bool],
) -> int:
    """Return the outcome code of a transaction before its operations; 0: it may act."""
    if transaction.chain_id != chain_id:
        return Code.WRONG_CHAIN
    if transaction.valid_until < time:
        return Code.EXPIRED
    ahead = transaction.valid_until - time
    if ahead > LIFETIME_MAX_MILLISECONDS_LEAST and (  # seldom: only then is the state asked
        ahead > parameter_of(LIFETIME_HOURS, state) * 3_600_000
    ):
        return Code.VALID_TOO_FAR_AHEAD
    if id_is_used(transaction.id):
        return Code.DUPLICATE
    office = state.decoded(office_key(transaction.institution, transaction.office))
    if office is None:
        known = state.decoded(institution_key(transaction.institution)) is not None
        return Code.UNKNOWN_OFFICE if known else Code.UNKNOWN_INSTITUTION
    code = _policy(transaction, office, time)
    if code:
        return code
    if not has_room(transaction.institution, state):
        return Code.TOO_MANY_LIVE
    return standing_refusal(transaction.institution, state)


def _policy(transaction: Transaction, office: Any, time: BlockTime) -> int:
    _, threshold, seats = office
    taken: list[int] = []
    for key, _ in transaction.signatures:
        for number, public, _, valid_from, valid_until, revoked_at in seats:
            if public != key:
                continue
            if revoked_at is not None:
                return Code.KEY_REVOKED
            if time < valid_from:
                return Code.KEY_NOT_YET_VALID
            if valid_until is not None and time > valid_until:
                return Code.KEY_EXPIRED
            if number in taken:  # an old key and the one that replaces it are one holder's
                return Code.SUPERFLUOUS_SIGNATURE
            taken.append(number)
            break
        else:
            return Code.KEY_NOT_OF_OFFICE
    if len(taken) < threshold:
        return Code.SIGNATURES_INSUFFICIENT
    if len(taken) > threshold:
        return Code.SUPERFLUOUS_SIGNATURE
    return Code.APPLIED
