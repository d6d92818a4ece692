"""Whether enough institutions have signed a record of recovery, by the keys of their offices.

An institution has signed if its governing office has: as many of that office's seats as its policy
asks for, each with a key that is valid at the record's time. They are enough when they are as many
as carry the motions that set and remove nodes, for that is what a recovery does; a notice does not
apply. An institution that is suspended or removed neither signs nor counts. A signature that does
not hold, or is nobody's, makes the whole record invalid: it has no byte to spare.

The state is given as a function from state keys to decoded values: the state of the kept height
where that is there (a node), or what the record's own proofs show (recovery_proof.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from govchaind.base.crypto import Domain, verify
from govchaind.base.errors import InvalidProof
from govchaind.base.types import BlockTime, PublicKey
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.rules import DEFAULT, Rule, strictest
from govchaind.ledger.recovery import Recovery
from govchaind.ledger.state_keys import (
    NETWORK,
    institution_key,
    office_key,
    rule_key,
    standing_key,
)

Lookup = Callable[[bytes], Any]

_KINDS = (MotionKind.SET_NODE, MotionKind.REMOVE_NODE)
_GOVERNING = 2  # place in an institution's value (state_keys.py)


def keys_needed(institutions: Iterable[tuple[str, str]]) -> list[bytes]:
    """Return the state keys that decide about signatures of these (institution, governing office).

    The values of institutions and offices among them say the rest.
    """
    keys = [NETWORK, standing_key(""), *(rule_key(kind) for kind in _KINDS)]
    for institution, office in institutions:
        keys += [institution_key(institution), office_key(institution, office)]
    return sorted(keys)


def signatures_needed(lookup: Lookup) -> int:
    """Return how many institutions must sign."""
    counting = lookup(NETWORK)[0] - len(_set_aside(lookup))
    return strictest(_rule(kind, lookup) for kind in _KINDS).ballots(counting)


def institutions_signed(recovery: Recovery, lookup: Lookup) -> list[str]:
    """Return the institutions that have signed, sorted; some may not have signed enough keys.

    Raises InvalidProof: a signature does not hold, or is of a key that signs for nobody.
    """
    found: dict[str, set[int]] = {}
    aside = _set_aside(lookup)
    for institution, key, signature in recovery.signatures:
        if institution in aside:
            raise InvalidProof(f"{institution}, which is suspended or removed, has signed")
        _, seats = policy(institution, lookup)
        number = _seat(seats, key, recovery.body.time, institution)
        if not verify(Domain.RECOVERY_SIGNATURE, key, recovery.raw, signature):
            raise InvalidProof(
                f"a signature of {institution} does not verify", code="recovery-signature"
            )
        found.setdefault(institution, set()).add(number)
    return [name for name in sorted(found) if len(found[name]) >= policy(name, lookup)[0]]


def check_signatures(recovery: Recovery, lookup: Lookup) -> list[str]:
    """Return the institutions that carry a record. Raises InvalidProof: they are too few."""
    signed, needed = institutions_signed(recovery, lookup), signatures_needed(lookup)
    if len(signed) < needed:
        raise InvalidProof(
            f"{len(signed)} institutions have signed the recovery; {needed} are needed",
            code="recovery-quorum",
            remedy="Have further institutions sign it with `govchaind recover sign`.",
        )
    return signed


def policy(institution: str, lookup: Lookup) -> tuple[int, list[Any]]:
    """Return threshold and seats of a governing office. Raises InvalidProof: there is none."""
    value = lookup(institution_key(institution))
    office = None if value is None else lookup(office_key(institution, value[_GOVERNING]))
    if office is None:
        raise InvalidProof(f"there is no institution {institution}")
    _, threshold, seats = office
    return threshold, seats


def _seat(seats: list[Any], key: PublicKey, time: BlockTime, institution: str) -> int:
    for number, public, _, valid_from, valid_until, revoked_at in seats:
        if public != key:
            continue
        over = valid_until is not None and time > valid_until
        if revoked_at is not None or time < valid_from or over:
            break
        return int(number)
    raise InvalidProof(
        f"{key.hex()[:16]} is no key in force of {institution}'s governing office",
        code="recovery-key",
    )


def _set_aside(lookup: Lookup) -> list[str]:
    return lookup(standing_key("")) or []


def _rule(kind: int, lookup: Lookup) -> Rule:
    fields = lookup(rule_key(kind))
    return DEFAULT if fields is None else Rule(*fields)
