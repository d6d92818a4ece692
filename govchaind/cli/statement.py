"""`govchaind statement`: a month of an institution, proved, for a department head to hand on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from govchaind.api.sentence import Sentence, tell
from govchaind.base.errors import InvalidProof, InvalidSetting
from govchaind.cli.language import language
from govchaind.cli.options import FILE, FOLDER, Target, json_option, target_options
from govchaind.cli.output import note, print_json
from govchaind.client.statement import (
    NAMES,
    Statement,
    fetch_statement,
    month_number,
    verify_statement,
)
from govchaind.client.trust import load_trust, trust_from_genesis
from govchaind.ledger.trust import TrustRoot

if TYPE_CHECKING:
    from govchaind.api.sentence import Language

PAGES: Mapping[Language, str] = MappingProxyType(
    {"en": "statement.html", "zh": "statement.zh.html"}
)
STATEMENT_FILE_BYTES_MAX = 256 * 1024 * 1024


@click.group()
def statement() -> None:
    """Make or verify the monthly statement of an institution.

    \b
    Example:
      govchaind statement make civil-affairs 2026-09 -o statement
      govchaind statement verify statement/statement.json --genesis my-network/genesis.bin
    """


@statement.command(short_help="Make the statement of a month.")
@click.argument("institution")
@click.argument("month", metavar="YYYY-MM")
@click.option("-o", "--output", type=FOLDER, required=True, help="A new folder for it.")
@click.option("--trust", "trust_file", type=FILE, help="Your trust file.")
@click.option("--genesis", type=FILE, help="The chain's genesis.  [default: the network's]")
@target_options
def make(
    *,
    institution: str,
    month: str,
    output: Path,
    trust_file: Path | None,
    genesis: Path | None,
    target: Target,
) -> None:  # fmt: skip
    """Fetch what INSTITUTION gave and took in a month, with proofs; write it for people too.

    statement.html and statement.zh.html are for reading and printing, statement.json holds the
    proofs of every number. The pages are made of what was proved, not of what the node said.

    \b
    Example:
      govchaind statement make civil-affairs 2026-09 -o statement --network my-network/network.json
    """
    import trio

    from govchaind.api.statement_page import statement_page

    month_number(month)
    if genesis is None and trust_file is None and target.network is not None:
        genesis = target.network.genesis
    trust = _trust(trust_file, genesis)
    if output.exists():
        raise InvalidSetting(
            f"{output} is there already", code="folder-exists", remedy="Name a new folder."
        )

    async def fetch() -> dict[str, Any]:
        async with target.client() as client:
            return await fetch_statement(client, institution, month, trust)

    table = trio.run(fetch)
    proved = verify_statement(table, trust)
    output.mkdir(parents=True)
    text = json.dumps(table, ensure_ascii=False, indent=1) + "\n"
    (output / "statement.json").write_text(text, encoding="utf-8")
    for each, name in PAGES.items():
        page = statement_page(proved, trust.chain_id.hex(), each)
        (output / name).write_text(page, encoding="utf-8")
    told = _in_words(proved).said(language())
    note(f"Wrote {output}/{PAGES['en']}, its Chinese, and the proofs: {told}")


@statement.command(short_help="Verify a statement, offline.")
@click.argument("file", type=FILE)
@click.option("--trust", "trust_file", type=FILE, help="Your trust file.")
@click.option("--genesis", type=FILE, help="The chain's genesis, if you have no trust file.")
@json_option
def verify(*, file: Path, trust_file: Path | None, genesis: Path | None, as_json: bool) -> None:
    """Verify FILE, a statement.json, without asking anyone. The exit code is 2 if it does not hold.

    Every number is proved at one height, and the rows come to the sums, so none is left out.

    \b
    Example:
      govchaind statement verify statement/statement.json --genesis my-network/genesis.bin
    """
    trust = _trust(trust_file, genesis)
    proved = verify_statement(_read(file), trust)
    if as_json:
        print_json({"holds": True, **asdict(proved), "trust": trust.describe()})
        return
    sentence = tell("Proved: %(what)s", what=_in_words(proved))
    click.echo(sentence.english)
    click.echo(sentence.chinese)
    for name, gave, took in _lines(proved):
        click.echo(f"  {name:12} gave {gave:>8}   took {took:>8}")
    click.echo(f"  {'believed by':12} {trust.describe()}")


def _lines(proved: Statement) -> list[tuple[str, int, int]]:
    return [(name.replace("_", " "), proved.gave[name], proved.took[name]) for name in NAMES]


def _in_words(proved: Statement) -> Sentence:
    return tell(
        "of the requests of %(month)s, as of height %(height)s, %(institution)s received %(asked)s "
        "and answered %(in_time)s in time and %(late)s late; it made %(made)s.",
        month=proved.month,
        height=proved.height,
        institution=proved.institution,
        asked=proved.gave["asked"],
        in_time=proved.gave["in_time"],
        late=proved.gave["late"],
        made=proved.took["asked"],
    )


def _trust(trust_file: Path | None, genesis: Path | None) -> TrustRoot:
    if (trust_file is None) == (genesis is None):
        raise click.UsageError("give either --trust FILE or --genesis FILE")
    return load_trust(trust_file) if trust_file else trust_from_genesis(genesis or Path())


def _read(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        data = opened.read(STATEMENT_FILE_BYTES_MAX + 1)
    try:
        table = json.loads(data) if len(data) <= STATEMENT_FILE_BYTES_MAX else None
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise InvalidProof(f"{file} is no statement", code="not-a-statement")
    return table
