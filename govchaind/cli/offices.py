"""`govchaind offices`: who can still vote, which offices are quiet, and hand-over of an office."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from govchaind.api.motion_words import day_words
from govchaind.api.state_words import LEVEL_WORDS
from govchaind.base.errors import InvalidSetting
from govchaind.cli.days import DATE_HELP, end_of, start_of
from govchaind.cli.language import said
from govchaind.cli.options import FILE, Sending, Target, bare_options, sending_options
from govchaind.cli.output import Word, cell, line, note, print_json, print_table, told, word
from govchaind.cli.pages import all_pages, asked
from govchaind.cli.sending import send
from govchaind.client.keyfile import OfficeKeyFile, author_of, read_key_file
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.working_days import MILLISECONDS_A_DAY


@click.group(invoke_without_command=True)
@click.option("--quiet", is_flag=True, help="Only offices that have gone quiet.")
@click.option(
    "--ending-within-days", type=click.IntRange(0), metavar="DAYS",
    help="Only offices of which a key ends within so many days.",
)  # fmt: skip
@bare_options
def offices(*, target: Target, quiet: bool, ending_within_days: int | None, as_json: bool) -> None:
    """Show whether institutions can go on deciding, and which offices are quiet or end soon.

    The first lines warn, if there is something to warn of. An end stops no node and no chain; it
    stops an office from signing. Whoever leaves hands over: `govchaind offices hand-over`.

    \b
    Example:
      govchaind offices --ending-within-days 90 --network my-network/network.json
      govchaind offices --quiet --network my-network/network.json
    """
    outlook = asked(target, lambda client: client.outlook())
    listed = all_pages(
        target,
        lambda client, after: client.offices(
            quiet=quiet, ending_within_days=ending_within_days, after=after
        ),
        "offices",
    )
    if as_json:
        print_json({"outlook": outlook, "offices": listed.get("offices", [])})
        return
    for warning in outlook.get("warnings") or []:
        note(f"WARNING {line(said(warning))}")
    if outlook.get("terms_ending"):
        note(f"WARNING terms: {outlook['terms_ending']} keys of governing offices end soon")
    if outlook.get("mandates_ending"):
        note(f"WARNING mandates: {outlook['mandates_ending']} end soon (`govchaind mandates`)")
    kinds = [
        [
            cell(kind.get("name")),
            *(cell(kind.get(name)) for name in _COUNTS),
            word(kind.get("level"), LEVEL_WORDS),
        ]
        for kind in outlook.get("kinds", [])
    ]
    ahead = [word(f"in {outlook.get(name)} days") for name in ("soon_days", "later_days")]
    columns = ["motion", "takes", "can vote now", *ahead, "not quiet", ""]
    print_table("", columns, kinds)
    click.echo("")
    rows = [_row(office) for office in listed.get("offices", [])]
    print_table("", ["office", "last act", "quiet", "can sign until", "keys that end"], rows)


_COUNTS = ("needed", "able_now", "able_soon", "able_later", "awake")


def _row(office: dict[str, Any]) -> list[str]:
    able = office.get("able_until_ms")
    endings = [
        _ending(line(key.get("title")), key.get("days_left"), covered=bool(key.get("covered")))
        for key in office.get("endings") or []
    ]
    days = office.get("quiet_days")
    return [
        line(f"{office.get('institution')}/{office.get('office')}"),
        word("never" if office.get("last_act_ms") is None else f"{days} days ago"),
        word("QUIET" if office.get("quiet") else "no"),
        _day(able) if able is not None else word("no end" if office.get("able_now") else "CANNOT"),
        Word(", ".join(endings), ", ".join(map(told, endings))) if endings else "–",
    ]


def _ending(title: str, days: object, *, covered: bool) -> Word:
    if covered:
        return word(f"{title} in {days} days (covered)")
    return word(f"{title} in {days} days")


@offices.command("hand-over", short_help="Hand a seat over to whoever comes next.")
@click.argument("office")
@click.option("--old", type=FILE, required=True, help="Key or card of whoever leaves.")
@click.option("--card", type=FILE, required=True, help="Card of the key of whoever comes.")
@click.option(
    "--overlap-days", type=click.IntRange(0, 366), default=14, show_default=True,
    help="Days for which the old key may sign yet.",
)  # fmt: skip
@click.option("--until", metavar="DATE", help=f"Last day of the new term. {DATE_HELP}")
@sending_options
def hand_over(
    *, office: str, old: Path, card: Path, overlap_days: int, until: str | None, sending: Sending
) -> None:
    """Hand a seat of OFFICE over: to the next holder's key, with an overlap.

    \b
    How an office is handed over:
      1. Whoever comes makes a key on the own machine, and sends the card:
           govchaind keys new --institution I --office O --title T -o new.key
      2. The office itself, or the institution's governing office, runs this command.
      3. Until the overlap ends either key signs on the seat, never both: it is one seat.
      4. When it has ended the old key is worth nothing; have its file destroyed.

    The title is the card's. A lost office cannot hand over: `govchaind propose recover`.

    \b
    Example:
      govchaind offices hand-over registry --old registrar.card --card new.card \\
          --until 2028-12-31 --key registrar.key
    """
    author = author_of(sending.key_files)
    before, after = _key(old, author.institution, office), _key(card, author.institution, office)
    ends = None if until is None else end_of(until) - 1
    overlap = _now() + overlap_days * MILLISECONDS_A_DAY
    note(
        f"From now on {line(after.title)} signs on a seat of {author.institution}/{office}"
        + ("" if ends is None else f", until {_day(ends)}")
        + "."
    )
    note(
        f"The key of {line(before.title)} may sign in its place until {_day(overlap)} and never "
        "again after; have it destroyed then."
    )
    arguments = [office, before.public, after.public, after.title, ends, overlap]
    send(sending, [(int(Kind.ROTATE_KEY), arguments)])


@offices.command(short_help="Name an acting holder for a time.")
@click.argument("office")
@click.option("--for", "holder", type=FILE, required=True, help="Key or card of whoever is away.")
@click.option("--card", type=FILE, required=True, help="Card of the acting holder's key.")
@click.option("--from", "start", metavar="DATE", help="The first day.  [default: now]")
@click.option("--until", required=True, metavar="DATE", help=f"The last day. {DATE_HELP}")
@sending_options
def acting(
    *, office: str, holder: Path, card: Path, start: str | None, until: str, sending: Sending
) -> None:
    """Name an acting holder for a seat of OFFICE, from a day until a day.

    The acting holder's key sits on the seat of whoever is away: one of the two signs, never both.
    It ends by itself, and the holder's own key stays. To end it before its day, revoke it:
    `govchaind offices revoke`.

    \b
    Example:
      govchaind offices acting registry --for registrar.card --card deputy.card \\
          --until 2026-08-31 --key registrar.key
    """
    author = author_of(sending.key_files)
    away, deputy = (_key(path, author.institution, office) for path in (holder, card))
    begins = 0 if start is None else start_of(start)
    ends = end_of(until) - 1
    if ends < begins:
        raise InvalidSetting(
            f"nobody acts from {start} until {until}",
            code="bad-date",
            remedy="Give --until a day that is not before --from.",
        )
    note(
        f"{line(deputy.title)} acts for {line(away.title)} of {author.institution}/{office} "
        f"until {_day(ends)}."
    )
    arguments = [office, away.public, deputy.public, deputy.title, begins, ends]
    send(sending, [(int(Kind.NAME_ACTING), arguments)])


@offices.command(short_help="Revoke a key at once.")
@click.argument("office")
@click.option("--card", type=FILE, required=True, help="Card of the key that is to end.")
@sending_options
def revoke(*, office: str, card: Path, sending: Sending) -> None:
    """End a key of OFFICE at once: it is lost, in wrong hands, or an acting term ends early.

    It is for the governing office, which can never leave itself without enough keys.

    \b
    Example:
      govchaind offices revoke registry --card deputy.card --key governing.key
    """
    found = _key(card, author_of(sending.key_files).institution, office)
    note(f"The key {found.public.hex()[:16]}… ({line(found.title)}) ends at once.")
    send(sending, [(int(Kind.REVOKE_KEY), [office, found.public])])


@offices.command(short_help="Create an office.")
@click.argument("office")
@click.option("--title", required=True, help="What the office is called.")
@click.option(
    "--threshold", type=click.IntRange(1, 16), default=1, show_default=True,
    help="How many of the keys sign together.",
)  # fmt: skip
@click.option(
    "--card", "cards", type=FILE, multiple=True, required=True, help="Card of a key; repeat it."
)
@sending_options
def create(
    *, office: str, title: str, threshold: int, cards: tuple[Path, ...], sending: Sending
) -> None:
    """Create OFFICE of the institution whose governing office signs.

    \b
    Example:
      govchaind offices create registry --title "Registry" --card registrar.card --key head.key
    """
    institution = author_of(sending.key_files).institution
    files = [_key(card, institution, office) for card in cards]
    if threshold > len(files):
        raise click.UsageError(f"{threshold} of {len(files)} keys can never sign")
    keys = sorted([file.public, file.title, 0, None] for file in files)
    send(sending, [(int(Kind.CREATE_OFFICE), [office, title, threshold, keys])])


def _key(path: Path, institution: str, office: str) -> OfficeKeyFile:
    """Return the key of a file. Raises InvalidSetting unless it is one of this office."""
    file = read_key_file(path)
    if (file.institution, file.office) != (institution, office):
        raise InvalidSetting(
            f"{path} is a key of {file.institution}/{file.office}, not of {institution}/{office}",
            code="wrong-key",
            remedy="Have the key made for that office with `govchaind keys new`.",
        )
    return file


def _now() -> int:
    from govchaind.client.client import wall_milliseconds

    return wall_milliseconds()


def _day(milliseconds: object) -> str:
    """Return the day in which a last moment lies."""
    if not isinstance(milliseconds, int):
        return "–"
    return day_words(milliseconds).english.partition(",")[0]
