"""`govchaind motions`: what institutions vote on, and ballots for what is there."""

from __future__ import annotations

from typing import Any

import click

from govchaind.api.motion_words import motion_words
from govchaind.base.encoding import decode
from govchaind.base.errors import GovchaindError, PeerError
from govchaind.base.limits import TRANSACTION_BYTES_MAX
from govchaind.cli.language import said
from govchaind.cli.options import (
    Sending,
    Target,
    bare_options,
    hex_bytes,
    json_option,
    sending_options,
    target_options,
)
from govchaind.cli.output import (
    cell,
    line,
    moment,
    part,
    print_facts,
    print_json,
    print_table,
    word,
)
from govchaind.cli.pages import all_pages, asked
from govchaind.cli.voting import cast_ballot, details, send_on
from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.operations.costs import Kind

DIGEST_BYTES = 32


@click.group(invoke_without_command=True)
@click.option(
    "--state",
    type=click.Choice(["open", "carried", "enacted"]),
    help="Only those with too few votes yet, those whose notice runs or is over, or those done.",
)
@bare_options
def motions(*, target: Target, state: str | None, as_json: bool) -> None:
    """Show what institutions vote on, or vote on it.

    A motion begins with `govchaind propose` or `govchaind members`. Other institutions second it
    here, by its digest. One with notice is enacted by any of them once the notice is over.

    \b
    Example:
      govchaind motions --state open --network my-network/network.json
      govchaind motions vote 9f4c… --key keys/statistics.key
      govchaind motions enact 9f4c… --key keys/statistics.key
    """
    found = all_pages(target, lambda client, after: client.motions(state=state, after=after),
                      "motions")  # fmt: skip
    if as_json:
        print_json(found)
        return
    rows = [
        [
            word(motion.get("state")),
            part(motion.get("ballots"), motion.get("ballots_needed")),
            line(said(motion.get("words"))),
            ", ".join(map(str, motion.get("voted") or [])) or "–",
            _moment(motion.get("enactable_from_ms")),
            cell(motion.get("digest")),
        ]
        for motion in found.get("motions", [])
    ]
    columns = ["state", "votes", "orders", "voted", "may be enacted from", "digest"]
    print_table("", columns, rows)


@motions.command(short_help="Show one motion.")
@click.argument("digest")
@target_options
@json_option
def show(*, target: Target, digest: str, as_json: bool) -> None:
    """Show the motion DIGEST: what it orders, who has voted, what is missing.

    What it orders is compared with DIGEST; who has voted is the node's word.

    \b
    Example:
      govchaind motions show 9f4c3a2b9d8e47f6a1b2c3d4e5f60718… --network my-network/network.json
    """
    wanted = _digest(digest)
    found = _motion(target, wanted)
    kind, arguments, _ = moved(found, wanted)
    if as_json:
        print_json(found)
        return
    words = motion_words(kind, arguments)
    rows = [
        ("orders", line(f"to {words.english}")),
        ("", line(words.chinese)),
        ("state", word(found.get("state"))),
        ("votes", word(f"{found.get('ballots')} of {found.get('ballots_needed')}; "
                       f"{found.get('ballots_missing')} missing")),
        ("voted", line(", ".join(map(str, found.get("voted") or [])) or "–")),
        ("moved", word(f"at height {found.get('moved_at')}, round {found.get('round')}")),
        ("carried", _moment(found.get("carried_at_ms"))),
        ("may be enacted from", _moment(found.get("enactable_from_ms"))),
        ("enacted at height", cell(found.get("enacted_at"))),
    ]  # fmt: skip
    print_facts(rows, 20)
    for detail in details(kind, arguments):
        click.echo(f"  {detail}")


@motions.command(short_help="Vote for a motion that is there.")
@click.argument("digest")
@sending_options
def vote(
    *,
    digest: str,
    sending: Sending,
) -> None:
    """Vote for the motion DIGEST, exactly as it was moved.

    What it orders is fetched from a node, compared with DIGEST, and told before it is signed.

    \b
    Example:
      govchaind motions vote 9f4c3a2b9d8e47f6a1b2c3d4e5f60718… --key keys/statistics.key
    """
    wanted = _digest(digest)
    kind, arguments, round_number = moved(_motion(sending.target, wanted), wanted)
    cast_ballot(sending, kind, arguments, round_number)


@motions.command(short_help="Take the institution's vote back.")
@click.argument("digest")
@sending_options
def withdraw(
    *,
    digest: str,
    sending: Sending,
) -> None:
    """Take back the institution's vote for the motion DIGEST, while it is not enacted.

    \b
    Example:
      govchaind motions withdraw 9f4c3a2b9d8e47f6a1b2c3d4e5f60718… --key keys/statistics.key
    """
    wanted = _digest(digest)
    send_on(sending, Kind.WITHDRAW, [wanted], wanted)


@motions.command(short_help="Put a motion into effect once its notice is over.")
@click.argument("digest")
@sending_options
def enact(
    *,
    digest: str,
    sending: Sending,
) -> None:
    """Put the motion DIGEST into effect: it is carried, and its notice is over.

    \b
    Example:
      govchaind motions enact 9f4c3a2b9d8e47f6a1b2c3d4e5f60718… --key keys/statistics.key
    """
    wanted = _digest(digest)
    send_on(sending, Kind.ENACT, [wanted], wanted)


@motions.command(short_help="Show by how many each kind of motion is carried.")
@target_options
@json_option
def rules(*, target: Target, as_json: bool) -> None:
    """Show by how many votes each kind of motion is carried, and its notice.

    \b
    Example:
      govchaind motions rules --network my-network/network.json
    """
    found = asked(target, lambda client: client.rules())
    if as_json:
        print_json(found)
        return
    rows = [
        [
            cell(rule.get("name")),
            cell(said(rule.get("share"))),
            cell(rule.get("ballots_needed")),
            cell(said(rule.get("notice"))),
            word("by default" if rule.get("by_default") else "set"),
        ]
        for rule in found.get("rules", [])
    ]
    print_table("", ["motion", "takes the votes of", "now", "notice", ""], rows)


def moved(motion: dict[str, Any], digest: bytes) -> tuple[int, list[Any], int]:
    """Return kind, arguments and round of a motion as a node tells it, if they are of `digest`.

    Raises:
        PeerError: they are not: who voted for them would vote for something else.
    """
    try:
        raw = bytes.fromhex(motion["arguments_cbor"])
        kind, round_number = int(motion["kind"]), int(motion["round"])
        arguments = decode(raw, bytes_max=TRANSACTION_BYTES_MAX)
        if motion_digest(round_number, kind, arguments) == digest:
            return kind, arguments, round_number
    except (KeyError, TypeError, ValueError, OverflowError, GovchaindError):
        pass
    raise PeerError(
        "what the node says of the motion is not what its digest names",
        code="wrong-motion",
        remedy="Do not vote; ask another node with --url.",
    )


def _motion(target: Target, digest: bytes) -> dict[str, Any]:
    return asked(target, lambda client: client.motion(digest))


def _digest(text: str) -> bytes:
    return hex_bytes(text, "a motion's digest", DIGEST_BYTES)


def _moment(milliseconds: object) -> str:
    return moment(milliseconds) if isinstance(milliseconds, int) else "–"
