"""`govchaind evidence`: nodes that have signed two different things about one height."""

from __future__ import annotations

from pathlib import Path

import click

from govchaind.base.errors import InvalidEncoding, InvalidProof, InvalidSetting
from govchaind.base.limits import RECEIPT_BYTES_MAX
from govchaind.cli.options import (
    FILE,
    Sending,
    Target,
    bare_options,
    sending_options,
)
from govchaind.cli.output import cell, line, note, print_json, print_table
from govchaind.cli.pages import asked
from govchaind.cli.sending import send
from govchaind.client.contradiction import Contradiction, certificate_in, contradictions
from govchaind.ledger.certificate import Certificate

REPORT_DOUBLE_SIGNING = 80


@click.group(invoke_without_command=True)
@bare_options
def evidence(*, target: Target, as_json: bool) -> None:
    """Show nodes that have signed two different things about one height.

    Nothing follows from it by itself: institutions decide by vote whether the node is removed or
    gets new keys.

    \b
    Example:
      govchaind evidence --network my-network/network.json
    """
    found = asked(target, lambda client: client.evidence())
    if as_json:
        print_json(found)
        return
    rows = [
        [
            line(each.get("node")),
            line(each.get("institution")),
            cell(each.get("signed_height")),
            line(each.get("first", {}).get("block_hash", ""))[:16],
            line(each.get("second", {}).get("block_hash", ""))[:16],
            line("/".join(each.get("reported_by", []))),
        ]
        for each in found.get("evidence", [])
    ]
    if not rows:
        note("No node is known to have signed two different things about one height.")
        return
    print_table("", ["node", "institution", "height", "signed block", "and", "reported by"], rows)


@evidence.command(short_help="Report a node that has signed both of two proofs.")
@click.argument("one", type=FILE)
@click.argument("other", type=FILE)
@sending_options
def report(*, one: Path, other: Path, sending: Sending) -> None:
    """Report each node that has signed both ONE and OTHER: receipts, state proofs or certificates
    of one height that contradict each other.

    Any office may report; every node checks the signatures anew.

    \b
    Example:
      govchaind evidence report mine.receipt theirs.receipt --key keys/court.key \\
          --network my-network/network.json
    """
    found = _found(one, other)
    operations = [(REPORT_DOUBLE_SIGNING, each.arguments()) for each in found]
    send(sending, operations)


def _found(one: Path, other: Path) -> list[Contradiction]:
    """Return what the two files prove. Raises InvalidSetting or InvalidProof."""
    try:
        found = contradictions(_certificate(one), _certificate(other))
    except InvalidProof as error:
        raise InvalidProof(
            f"{one} and {other}: {error.message}", code=error.code, remedy=error.remedy
        ) from None
    if not found:
        raise InvalidProof(
            f"{one} and {other} contradict each other, but no node has signed both",
            code="no-contradiction",
            remedy="Show both to the supervisor: two quorums without a common node are no quorums.",
        )
    return found


def _certificate(path: Path) -> Certificate:
    try:
        with path.open("rb") as file:
            return certificate_in(file.read(RECEIPT_BYTES_MAX + 1))
    except OSError as error:
        raise InvalidSetting(f"cannot read {path}: {error.strerror}") from None
    except InvalidEncoding as error:
        raise InvalidEncoding(
            f"{path} is no proof: {error.message}",
            code="not-a-proof",
            remedy="Name a receipt, a state proof or a certificate as they were fetched.",
        ) from None
