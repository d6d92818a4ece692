"""Evidence of double signing, as the protocol says it; signatures judged by PyNaCl itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cbor2
import nacl.exceptions
import nacl.signing

from govchaind.ledger.outcomes import Code

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

HASH, NUMBER = (bytes, 32), (int, 0)
STATEMENT = (NUMBER, HASH, NUMBER, HASH, HASH, HASH, HASH)


def report(draft: Draft, arguments: list[Any]) -> int:
    name, *pairs = arguments
    node = draft.get(b"\x05" + name.encode())
    if node is None:
        return Code.UNKNOWN_NODE
    signed = [pairs[:2], pairs[2:]]
    said = [_statement(statement) for statement, _ in signed]
    if None in said:
        return Code.MALFORMED_OPERATION
    chains = [statement[1] for statement in said if statement is not None]
    heights = [statement[2] for statement in said if statement is not None]
    if chains != [draft.chain_id] * 2 or heights[0] != heights[1] or pairs[0] >= pairs[2]:
        return Code.NOT_CONTRADICTORY
    key = b"\x21" + node[3] + heights[0].to_bytes(8, "big")
    if draft.get(key) is not None:
        return Code.ALREADY_REPORTED
    for statement, signature in signed:
        try:
            nacl.signing.VerifyKey(node[3]).verify(b"\x01\x05" + statement, signature)
        except nacl.exceptions.BadSignatureError:
            return Code.EVIDENCE_NOT_SIGNED
    author = [draft.institution, draft.office]
    draft.put(key, [name, node[1], *signed, author, draft.height])
    return Code.APPLIED


def _statement(data: bytes) -> list[Any] | None:
    """Return the seven places of a statement in its one form; None: it is none."""
    try:
        value = cbor2.loads(data)
    except Exception:  # whatever is wrong, it is no statement
        return None
    if type(value) is not list or len(value) != len(STATEMENT) or value[0] != 1:
        return None
    if cbor2.dumps(value, canonical=True) != data:
        return None
    for place, (item, (kind, length)) in enumerate(zip(value, STATEMENT, strict=True)):
        if place == 5 and item is None:
            continue
        if type(item) is not kind or (isinstance(item, bytes) and len(item) != length):
            return None
    return value if 1 <= value[2] < 2**63 else None
