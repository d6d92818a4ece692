"""A second ledger, written from the documentation and from nothing else: what each block must do.

It is slow and plain: one dict of decoded values with all their versions, no cache, no store, no
batch. It shares with the product the numbers of outcomes, the encoding and the hash functions,
which are tested against vectors; no rule is taken from there. Comparing each node with it finds
what nodes all do wrong alike, which comparing them with one another never can.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import encode
from govchaind.base.types import Hash
from govchaind.ledger.block import Block
from govchaind.ledger.genesis import Genesis, institution_fields
from govchaind.ledger.outcomes import Code
from govchaind.ledger.transaction import Transaction
from netsim.model import (
    assets,
    catalogue,
    deliveries,
    evidence,
    exchange,
    motions,
    offices,
    registers,
    shapes,
    side_values,
    standings,
)

HOUR = 3600 * 1000
CHECKPOINT_CHANGES, CHECKPOINT_MILLISECONDS = 2_000, 50
CALM_CHANGES, LOADED_MILLISECONDS = 64, 250
LAPSES_MAX = 16
ID_FREE_BELOW = 14  # a refusal with a lower number, but 0, leaves the id free

OPERATIONS = {
    10: registers.create,
    11: registers.put,
    12: registers.retire,
    20: offices.create,
    21: offices.set_policy,
    22: offices.rotate,
    23: offices.revoke,
    24: motions.vote,
    25: motions.withdraw,
    26: motions.enact,
    27: offices.name_acting,
    60: assets.create,
    61: assets.issue,
    62: assets.transfer,
    63: assets.redeem,
    64: assets.freeze,
    65: assets.thaw,
    30: catalogue.assign_duty,
    31: catalogue.end_duty,
    32: catalogue.publish,
    33: catalogue.revise,
    34: catalogue.retire,
    40: exchange.request,
    41: exchange.grant,
    42: exchange.refuse,
    43: exchange.extend,
    44: exchange.appeal,
    45: exchange.rule,
    46: exchange.use,
    47: exchange.revoke,
    48: exchange.withdraw,
    **deliveries.OPERATIONS,
    28: standings.declare_ready,
    70: side_values.record,
    80: evidence.report,
}


class Draft:
    """What one transaction sees and writes."""

    def __init__(self, model: Model, institution: str, office: str, height: int, time: int) -> None:
        self._model = model
        self.institution, self.office = institution, office
        self.chain_id = model.chain_id
        self.height, self.time = height, time
        self.changes: dict[bytes, Any] = {}

    def get(self, key: bytes) -> Any:
        return self.changes[key] if key in self.changes else self._model.get(key)

    def put(self, key: bytes, value: Any) -> None:
        self.changes[key] = value

    def values(self, prefix: bytes) -> list[Any]:
        """Return all values under a prefix, in order of keys."""
        keys = {key for key in (*self._model.versions, *self.changes) if key.startswith(prefix)}
        found = [self.get(key) for key in sorted(keys)]
        return [value for value in found if value is not None]


class Result:
    """What one height must have come to."""

    def __init__(self, height: int, time: int, block_hash: Hash) -> None:
        self.height, self.time, self.block_hash = height, time, block_hash
        self.outcomes: list[tuple[Hash, Hash, int, int | None]] = []
        self.changes: dict[bytes, Any] = {}
        self.consumed: dict[Hash, int] = {}  # id → position
        self.checkpoint = False
        self.outcomes_root: Hash = b""


class Model:
    """The state of one chain after each height."""

    def __init__(self, genesis: Genesis) -> None:
        self.chain_id = genesis.chain_id
        self.height = 0
        self.versions: dict[bytes, list[tuple[int, Any]]] = {}  # oldest first; None: no value
        self.results: list[Result] = []
        self.used: dict[Hash, tuple[int, int]] = {}  # id → height and position
        self.included: set[Hash] = set()  # identities of all transactions that were in a block
        self._live: list[tuple[int, int]] = []  # (latest expiry, height), of blocks that used ids
        self._pending: set[bytes] = set()
        self._checkpoint_time = genesis.time
        self._listed: dict[bytes, list[bytes]] = {}  # by prefix, at this height
        self._found(genesis)

    def _found(self, genesis: Genesis) -> None:
        draft = Draft(self, "", "", 0, genesis.time)
        for institution in genesis.institutions:
            name, title, kind, listed = institution_fields(institution)
            motions.found(draft, str(name), str(title), str(kind), list(listed))  # type: ignore[call-overload]
        validators = 0
        for node in genesis.nodes:
            draft.put(motions.node_key(node.name), node.fields())
            for public in (node.attestation_key, node.tls_key):
                draft.put(motions.node_key_key(public), node.name)
            validators += node.role == "validator"
        counts = [len(genesis.institutions), len(genesis.nodes), validators, 0]
        draft.put(motions.NETWORK, counts)
        self._keep(draft.changes, 0)

    # --- reading ---------------------------------------------------------------------------------

    def get(self, key: bytes, height: int | None = None) -> Any:
        """Return a value now, or as it was after `height`; None: there is none."""
        for at, value in reversed(self.versions.get(key, ())):
            if height is None or at <= height:
                return value
        return None

    def keys(self, prefix: bytes) -> list[bytes]:
        """Return the keys under `prefix` that have a value now, sorted."""
        if prefix not in self._listed:
            found = [key for key in self.versions if key.startswith(prefix) and self.get(key)]
            self._listed[prefix] = sorted(found)
        return self._listed[prefix]

    def admission(self, transaction: Transaction, time: int, height: int | None = None) -> int:
        """Return whether a transaction may act at a block time, after `height`."""
        if transaction.chain_id != self.chain_id:
            return Code.WRONG_CHAIN
        if time > transaction.valid_until:
            return Code.EXPIRED
        name = "lifetime-hours"
        hours = standings.parameter(self.get(standings.parameter_key(name), height), name)
        if transaction.valid_until - time > hours * HOUR:
            return Code.VALID_TOO_FAR_AHEAD
        used = self.used.get(transaction.id)
        if used is not None and (height is None or used[0] <= height):
            return Code.DUPLICATE
        institution, office = transaction.institution, transaction.office
        seat = self.get(registers.office_key(institution, office), height)
        if seat is None:
            if self.get(offices.institution_key(institution), height) is None:
                return Code.UNKNOWN_INSTITUTION
            return Code.UNKNOWN_OFFICE
        code = offices.signed(seat, [public for public, _ in transaction.signatures], time)
        if code:
            return code
        return standings.refusal(self.get(standings.standing_key(institution), height))

    # --- writing ---------------------------------------------------------------------------------

    def apply(self, block: Block) -> Result:
        """Apply the next block."""
        height, time = block.height, block.time
        self._listed.clear()
        result = Result(height, time, block.hash)
        lapsed = sorted(each for each in self._live if each[0] < time)[:LAPSES_MAX]
        for each in lapsed:
            self._live.remove(each)
            result.changes[b"\x09" + each[1].to_bytes(8, "big")] = None
        for position, transaction in enumerate(block.transactions):
            code, place = self._transaction(transaction, height, time, result)
            self.included.add(transaction.identity)
            names = (_named(2, transaction.body), _named(3, transaction.raw))
            if (transaction.id, transaction.identity) != names:
                code, place = -1, None  # no outcome: what it is called is wrong already
            if code == 0 or code >= ID_FREE_BELOW:
                self.used[transaction.id] = (height, position)
                result.consumed[transaction.id] = position
            result.outcomes.append((transaction.id, transaction.identity, int(code), place))
        if result.consumed:
            self._remember(block, result)
        self._keep(result.changes, height)
        self.height = height
        self._pending.update(result.changes)
        waited = time - self._checkpoint_time
        if self._pending and (
            len(self._pending) >= CHECKPOINT_CHANGES
            or waited >= LOADED_MILLISECONDS
            or (len(self._pending) <= CALM_CHANGES and waited >= CHECKPOINT_MILLISECONDS)
        ):
            result.checkpoint = True
            self._checkpoint_time = time
            self._pending.clear()
        result.outcomes_root = root([encode(list(outcome)) for outcome in result.outcomes])
        self.results.append(result)
        return result

    def _transaction(
        self, transaction: Transaction, height: int, time: int, result: Result
    ) -> tuple[int, int | None]:
        pending = self._layered(result.changes, height)
        try:
            code = self.admission(transaction, time)
            if code:
                return code, None
            draft = Draft(self, transaction.institution, transaction.office, height, time)
            for place, (kind, arguments) in enumerate(transaction.operations):
                if kind not in OPERATIONS:
                    return Code.UNKNOWN_OPERATION, place
                if not shapes.OPERATIONS[kind](arguments):
                    return Code.MALFORMED_OPERATION, place
                code = OPERATIONS[kind](draft, arguments)
                if code:
                    return code, place
            standings.note_act(draft)
        finally:
            for key in pending:
                self.versions[key].pop()
        result.changes.update(draft.changes)
        return Code.APPLIED, None

    def _layered(self, changes: dict[bytes, Any], height: int) -> list[bytes]:
        """Lay what the block has changed so far over the state; return the keys, to undo it."""
        for key, value in changes.items():
            self.versions.setdefault(key, []).append((height, value))
        return list(changes)

    def _remember(self, block: Block, result: Result) -> None:
        """Write the state record of the ids that the block has used up."""
        # In the order of use: an earlier copy of a body, signed badly, has used nothing.
        ids = sorted(result.consumed, key=lambda each: result.consumed[each])
        first = {each: block.transactions[result.consumed[each]] for each in ids}
        latest = max(each.valid_until for each in first.values())
        counts: dict[str, int] = {}
        for each in first.values():
            counts[each.institution] = counts.get(each.institution, 0) + 1
        record = [
            digest(Domain.IDS, b"".join(ids)),
            latest,
            [[n, counts[n]] for n in sorted(counts)],
        ]
        result.changes[b"\x09" + block.height.to_bytes(8, "big")] = record
        self._live.append((latest, block.height))

    def _keep(self, changes: dict[bytes, Any], height: int) -> None:
        for key, value in changes.items():
            past = self.versions.setdefault(key, [])
            if value is None and (not past or past[-1][1] is None):
                continue  # what is not there cannot go
            past.append((height, value))


def root(leaves: Iterable[bytes]) -> Hash:
    """Return the root of RFC 9162's tree over `leaves`, as section 2.1.1 defines it."""
    return _root([hashlib.sha256(SUITE + b"\x00" + leaf).digest() for leaf in leaves])


class Tree:
    """A growing tree of RFC 9162: `root` of all leaves so far, whole subtrees worked out once."""

    def __init__(self) -> None:
        self._hashes: list[Hash] = []
        self._whole: dict[tuple[int, int], Hash] = {}  # those over 2^n leaves: they stay

    def append(self, leaf: bytes) -> Hash:
        """Add a leaf; return the root."""
        self._hashes.append(hashlib.sha256(SUITE + b"\x00" + leaf).digest())
        return self._root(0, len(self._hashes))

    def _root(self, first: int, count: int) -> Hash:
        if count == 1:
            return self._hashes[first]
        found = self._whole.get((first, count))
        if found is None:
            split = 1 << (count - 1).bit_length() - 1
            left, right = self._root(first, split), self._root(first + split, count - split)
            found = hashlib.sha256(SUITE + b"\x01" + left + right).digest()
            if count == 2 * split:
                self._whole[first, count] = found
        return found


SUITE = b"\x01"


def _named(domain: int, data: bytes) -> Hash:
    """Return the hash that names a transaction by its body (2) or as a whole (3)."""
    return hashlib.sha256(SUITE + bytes((domain,)) + data).digest()


def _root(hashes: list[Hash]) -> Hash:
    if not hashes:
        return hashlib.sha256(SUITE).digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    left, right = _root(hashes[:split]), _root(hashes[split:])
    return hashlib.sha256(SUITE + b"\x01" + left + right).digest()
