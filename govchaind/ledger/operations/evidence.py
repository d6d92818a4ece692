"""Evidence against nodes: two different statements of one height, both signed by the same node.

    80 report double signing  [node, statement, signature, statement, signature]

Whoever holds two certificates or receipts that contradict each other may report it, with any
office: the proof is in the report itself, and each node checks it anew. Both statements are of this
chain and of one height, they differ, and both signatures verify under the attestation key that the
node has now; they stand in ascending order, so that one piece of evidence has one form. It is kept
once for each key and height. Nothing follows from it by itself: what to do about the node, and who
answers for it, is for institutions to decide.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from govchaind.base.crypto import Domain, verify
from govchaind.base.errors import InvalidEncoding
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Name, Shape, Signature64
from govchaind.ledger.state_keys import evidence_key, node_key
from govchaind.ledger.statement import STATEMENT_BYTES_MAX, read_statement
from govchaind.ledger.working_state import Act, WorkingState

SignedBytes = Annotated[bytes, Meta(min_length=1, max_length=STATEMENT_BYTES_MAX)]
_INSTITUTION, _ATTESTATION_KEY = 1, 3  # places in a node's value


class ReportDoubleSigning(Shape):
    """Arguments of `report-double-signing`."""

    node: Name
    first: SignedBytes
    first_signature: Signature64
    second: SignedBytes
    second_signature: Signature64


def report_double_signing(arguments: ReportDoubleSigning, act: Act, state: WorkingState) -> int:
    """Keep the proof that a node has signed two things about one height."""
    node = state.decoded(node_key(arguments.node))
    if node is None:
        return Code.UNKNOWN_NODE
    try:
        first, second = read_statement(arguments.first), read_statement(arguments.second)
    except InvalidEncoding:
        return Code.MALFORMED_OPERATION
    chains = {first.chain_id, second.chain_id}
    if (
        chains != {act.chain_id}
        or first.height != second.height
        or arguments.first >= arguments.second
    ):
        return Code.NOT_CONTRADICTORY
    public = node[_ATTESTATION_KEY]
    key = evidence_key(public, first.height)
    if state.get(key) is not None:
        return Code.ALREADY_REPORTED
    signed = (
        (arguments.first, arguments.first_signature),
        (arguments.second, arguments.second_signature),
    )
    if not all(verify(Domain.ATTESTATION, public, *each) for each in signed):
        return Code.EVIDENCE_NOT_SIGNED
    institution = node[_INSTITUTION]
    reporter = [act.institution, act.office]
    state.put_value(
        key,
        [arguments.node, institution, *(list(each) for each in signed), reporter, act.height],
    )
    return Code.APPLIED


OPERATIONS = (
    Operation(
        int(Kind.REPORT_DOUBLE_SIGNING),
        "report-double-signing",
        "evidence",
        COST_MICROSECONDS[Kind.REPORT_DOUBLE_SIGNING],
        ReportDoubleSigning,
        report_double_signing,
    ),
)
