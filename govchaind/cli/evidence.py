"""`govchaind evidence`: nodes that have signed two different things about one height."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from govchaind.base.errors import Conflict, InvalidEncoding, InvalidProof, InvalidSetting, PeerError
from govchaind.base.limits import RECEIPT_BYTES_MAX
from govchaind.cli.options import (
    FILE,
    Sending,
    Target,
    bare_options,
    json_option,
    sending_options,
    target_options,
)
from govchaind.cli.output import cell, line, note, print_json, print_table
from govchaind.cli.pages import asked
from govchaind.cli.sending import send
from govchaind.client.contradiction import certificate_in
from govchaind.client.evidence import bring_evidence
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.contradiction import Contradiction, contradictions

REPORT_DOUBLE_SIGNING = 80
REPORTED_AT_ONCE_MAX = 20  # operations of one transaction; the rest with the next


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
    if waiting := _unreported(found):
        names = ", ".join(sorted({line(each.get("node")) for each in waiting}))
        note(
            f"Proofs that the node keeps and nobody has reported: {len(waiting)}, against {names}. "
            "Report them: `govchaind evidence report-kept --key FILE`."
        )
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
        note("On the ledger no node is known to have signed two different things about one height.")
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


@evidence.command(short_help="Bring two proofs to a node, without any key.")
@click.argument("one", type=FILE)
@click.argument("other", type=FILE)
@target_options
@json_option
def bring(*, one: Path, other: Path, target: Target, as_json: bool) -> None:
    """Bring ONE and OTHER, which contradict each other, to a node, which keeps and shows them.

    Anybody may; no key is needed. The node judges the signatures, and any office can report what
    it keeps.

    \b
    Example:
      govchaind evidence bring mine.receipt theirs.receipt --network my-network/network.json
    """
    _found(one, other)
    first, second = (_certificate(each).without_recovery().encode() for each in (one, other))
    taken = asked(target, lambda client: bring_evidence(client, first, second))
    if as_json:
        print_json(taken)
        return
    names = ", ".join(line(each) for each in taken.get("accused", []))
    click.echo(f"The node keeps what {names} signed twice.")


@evidence.command("report-kept", short_help="Report what a node keeps and nobody has reported.")
@sending_options
def report_kept(*, sending: Sending) -> None:
    """Report all evidence that a node has come by and that is not on the ledger yet.

    Nodes see what validators sign and keep what contradicts itself; they have no key of an office,
    so an office reports it. Every node checks the signatures anew.

    \b
    Example:
      govchaind evidence report-kept --key keys/court.key --network my-network/network.json
    """
    waiting = _unreported(asked(sending.target, lambda client: client.evidence()))
    if not waiting:
        raise Conflict(
            "the node keeps nothing that is not on the ledger already",
            code="nothing-to-report",
            remedy="Ask another node, or report two proofs: `govchaind evidence report`.",
        )
    operations: list[tuple[int, list[Any]]] = []
    for each in waiting[:REPORTED_AT_ONCE_MAX]:
        try:
            parts = [each[which][name] for which in ("first", "second")
                     for name in ("statement", "signature")]  # fmt: skip
            said = [bytes.fromhex(part) for part in parts]
        except (KeyError, TypeError, ValueError):
            raise PeerError(
                "the node keeps evidence of an unknown form", code="unexpected-reply"
            ) from None
        operations.append((REPORT_DOUBLE_SIGNING, [str(each["node"]), *said]))
    send(sending, operations)


def _unreported(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in found.get("kept", []) if not each.get("reported")]


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
