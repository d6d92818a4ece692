"""`govchaind side-values`: texts that only parties and supervisor read: record, open, list."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from govchaind.base.errors import Gone, InvalidSetting, NotPermitted
from govchaind.base.limits import SALT_BYTES, SIDE_SEALED_BYTES_MAX, SIDE_TEXT_BYTES_MAX
from govchaind.cli.delivery_options import Desk, GrantName, believed, desk_options, run_with_client
from govchaind.cli.options import FILE, Target, bare_options, hex_bytes, json_option
from govchaind.cli.output import line, note, print_json, print_table
from govchaind.cli.pages import all_pages
from govchaind.cli.sending import failure
from govchaind.identity import write_private
from govchaind.ledger.commitment import COMMITMENT_BYTES, make_commitment
from govchaind.ledger.operations import side_values as ledger
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.side_file import SidePlace
from govchaind.ledger.transaction import is_name

if TYPE_CHECKING:
    from govchaind.client.client import Client
    from govchaind.client.keyfile import Author
    from govchaind.client.side_sealing import SideText
    from govchaind.client.side_values import SideCarriage

OPENING_BYTES_MAX = 4 * SIDE_TEXT_BYTES_MAX  # JSON writes some characters with six


class SideValueName(click.ParamType[Any]):
    """INSTITUTION/COMMITMENT."""

    name = "side value"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, bytes]:
        if isinstance(value, tuple):
            return value[0], value[1]
        institution, _, commitment = value.partition("/")
        if not is_name(institution):
            self.fail(f"a side value is INSTITUTION/COMMITMENT, not {value[:80]!r}", param, ctx)
        return institution, hex_bytes(commitment, "a commitment", COMMITMENT_BYTES)


@click.group("side-values", invoke_without_command=True)
@click.option("--institution", metavar="NAME", help="Only those that this institution recorded.")
@bare_options
def side_values(*, target: Target, institution: str | None, as_json: bool) -> None:
    """Show the sealed texts beside the ledger; record one, open one.

    \b
    Example:
      govchaind side-values --network my-network/network.json
    """
    found = all_pages(
        target,
        lambda client, after: client.side_values(institution=institution, after=after),
        "side_values",
    )
    if as_json:
        print_json(found)
        return
    rows = []
    for one in found.get("side_values", []):
        about, removal = one.get("about") or {}, one.get("removal") or {}
        readers = one.get("readers") or []
        rows.append(
            [
                f"{line(one.get('institution'))}/{line(one.get('commitment'))}",
                f"{line(about.get('requester'))}/{line(about.get('reference'))}" if about else "–",
                ", ".join(line(f"{each.get('institution')}/{each.get('office')}")
                          for each in readers),
                line(one.get("recorded")),
                line(removal.get("ground")) if removal else "–",
            ]
        )  # fmt: skip
    print_table("", ["side value", "request", "readers", "recorded", "removed"], rows)


@side_values.command(short_help="Seal a text for its readers, record it, bring it to the nodes.")
@click.argument("opening", type=FILE)
@click.option(
    "--about",
    type=GrantName(),
    metavar="REQUESTER/REFERENCE",
    help="The request it belongs to: then it is sealed to both parties and the supervisor.",
)
@click.option(
    "--reader",
    "readers",
    multiple=True,
    metavar="INSTITUTION/OFFICE",
    help="A further office that may read it; repeat it.",
)
@desk_options
@json_option
def record(
    *,
    opening: Path,
    about: tuple[str, str] | None,
    readers: tuple[str, ...],
    desk: Desk,
    as_json: bool,
) -> None:  # fmt: skip
    """Seal the text of the file OPENING, record it, and bring it to every node that takes it.

    OPENING is what `--opening` wrote when the request, the refusal or the ruling was signed. Keep
    it: this office's own copy is not among the sealed ones. The sealed file stays beside it, so
    that the command can be given again after an interruption, or when nodes have lost the text.

    \b
    Example:
      govchaind side-values record 2026-17.opening --about savings-bank/2026-17 \\
          --key keys/savings-bank.key
    """
    wanted = [_office(reader) for reader in readers]
    if about is None and not wanted:
        raise click.UsageError("name a request with --about, or readers with --reader")
    text = _read_opening(opening)
    told = run_with_client(
        desk.target, lambda client: _record(client, desk, opening, text, about, wanted)
    )
    if as_json:
        print_json(told)
        return
    click.echo(told["side_value"])
    note(f"Sealed to {', '.join(told['readers'])}; held by {len(told['nodes'])} nodes.")


@side_values.command("open", short_help="Fetch a sealed text, check it, and open it.")
@click.argument("side_value", type=SideValueName(), metavar="INSTITUTION/COMMITMENT")
@click.option("--delivery-key", "key_file", type=FILE, required=True,
              help="File of the delivery key of your office to which it is sealed.")  # fmt: skip
@click.option("-o", "--output", type=FILE, required=True, help="Private file to write.")
@desk_options
@json_option
def open_text(
    *, side_value: tuple[str, bytes], key_file: Path, output: Path, desk: Desk, as_json: bool
) -> None:  # fmt: skip
    """Fetch a sealed text and open it into a private file: salt and text, proved to be those meant.

    \b
    Example:
      govchaind side-values open savings-bank/5f1c…e0 --delivery-key office.delivery-key \\
          -o 2026-17.opening --key keys/civil-affairs.key
    """
    text = run_with_client(desk.target, lambda client: _open(client, desk, side_value, key_file))
    shown = {"what": "a side value", "salt": text.salt.hex(), "value": text.value}
    write_private(output, json.dumps(shown, ensure_ascii=False) + "\n")
    if as_json:
        print_json({"side_value": _named(side_value), "file": str(output)})
        return
    click.echo(str(output))
    note("It is what the commitment on the ledger is to. Others must not read this file.")


async def _record(
    client: Client,
    desk: Desk,
    opening: Path,
    text: SideText,
    about: tuple[str, str] | None,
    wanted: list[tuple[str, str]],
) -> dict[str, Any]:
    from govchaind.client.side_sealing import read_side_header

    author = desk.author()
    name = author.institution, make_commitment(text.salt, text.value)
    kept = opening.with_name(opening.name + ".sealed")
    if not kept.exists():
        sealed = await _seal(client, desk, author, text, about, wanted)
        _keep(kept, sealed)
    sealed = _bounded(kept, SIDE_SEALED_BYTES_MAX, "sealed text")
    header, _, _ = read_side_header(sealed)
    if header.place != _place(desk, name):
        raise InvalidSetting(
            f"{kept} is the sealed text of something else",
            code="other-side-value",
            remedy="Move it away and give the command again.",
        )
    readers = [[reader.institution, reader.office] for reader in header.readers]
    digest = hashlib.sha256(sealed).digest()
    arguments = [name[1], digest, len(sealed), readers, None if about is None else list(about)]
    [fate] = await client.submit(
        [client.sign(author, [(int(Kind.RECORD_SIDE_VALUE), arguments)])]
    )  # fmt: skip
    again = fate.outcome == "side-value-exists" and await _is_recorded(client, desk, name, digest)
    if not fate.applied and not again:
        raise failure(fate)
    nodes = await _carriage(client, desk, author, name).bring(sealed)
    return {
        "side_value": _named(name),
        "readers": ["/".join(reader) for reader in readers],
        "sealed": str(kept),
        "nodes": nodes,
        "again": again,
    }


async def _seal(
    client: Client,
    desk: Desk,
    author: Author,
    text: SideText,
    about: tuple[str, str] | None,
    wanted: list[tuple[str, str]],
) -> bytes:
    """Seal a text to the delivery keys, proved, of all who are to read it but its own office."""
    from govchaind.client.side_sealing import seal_side
    from govchaind.client.side_values import proved_delivery_key, proved_parties

    trust = await believed(client, desk)
    own = author.institution, author.office
    parties = [] if about is None else await proved_parties(client, trust, about)
    offices = [each for each in dict.fromkeys([*parties, *wanted]) if each != own]
    readers = [(*each, await proved_delivery_key(client, trust, each)) for each in offices]
    name = author.institution, make_commitment(text.salt, text.value)
    return seal_side(text, place=_place(desk, name), readers=readers, entropy=os.urandom)


async def _open(
    client: Client, desk: Desk, name: tuple[str, bytes], key_file: Path
) -> SideText:  # fmt: skip
    from govchaind.client.delivery_keyfile import read_delivery_key
    from govchaind.client.side_sealing import open_side

    key, author = read_delivery_key(key_file).key, desk.author()
    value = await _proved(client, desk, name)
    removed = value[ledger.REMOVED]
    if removed is not None:
        raise Gone(
            f"the members have voted that this text be removed, on the ground {removed[0]}",
            code="side-value-removed",
            remedy="Nobody holds it any longer; `govchaind side-values` shows the record.",
        )
    if [author.institution, author.office] not in [
        *value[ledger.READERS],
        [name[0], value[ledger.OFFICE]],
    ]:
        raise NotPermitted(f"this text is not sealed to {author.institution}/{author.office}")
    sealed = await _carriage(client, desk, author, name).fetch(value[ledger.SEALED])
    return open_side(sealed, place=_place(desk, name), key=key)


async def _proved(client: Client, desk: Desk, name: tuple[str, bytes]) -> list[Any]:
    from govchaind.client.delivering import recorded_value
    from govchaind.ledger.state_keys import side_value_key

    trust = await believed(client, desk)
    return await recorded_value(
        client, trust, side_value_key(*name), f"side value {_named(name)}"
    )  # fmt: skip


async def _is_recorded(
    client: Client, desk: Desk, name: tuple[str, bytes], digest: bytes
) -> bool:  # fmt: skip
    found = await _proved(client, desk, name)
    return bool(found[ledger.SEALED] == digest)


def _carriage(
    client: Client, desk: Desk, author: Author, name: tuple[str, bytes]
) -> SideCarriage:  # fmt: skip
    from govchaind.client.client import wall_milliseconds
    from govchaind.client.side_values import SideCarriage

    return SideCarriage(
        client,
        author.keys[0],
        chain_id=desk.chain_id(),
        name=name,
        office=(author.institution, author.office),
        now=wall_milliseconds,
        patience_seconds=desk.target.timeout_seconds,
    )


def _place(desk: Desk, name: tuple[str, bytes]) -> SidePlace:
    return SidePlace(desk.chain_id(), *name)


def _read_opening(path: Path) -> SideText:
    """Return salt and value of an opening file. Raises InvalidSetting."""
    from govchaind.client.side_sealing import SideText

    data = _bounded(path, OPENING_BYTES_MAX, "opening")
    try:
        shown = json.loads(data)
        salt, value = bytes.fromhex(shown["salt"]), shown["value"]
        plain = isinstance(value, list) and all(isinstance(item, str) for item in value)
    except (ValueError, KeyError, TypeError):
        salt, value, plain = b"", [], False
    if not plain or len(salt) != SALT_BYTES:
        raise InvalidSetting(
            f"{path} is no opening of a text",
            code="bad-opening",
            remedy="Name the file that --opening wrote.",
        )
    return SideText(salt, value)


def _bounded(path: Path, bytes_max: int, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise InvalidSetting(
            f"cannot read the {what} {path}: {error.strerror}",
            code="bad-opening",
            remedy="Name the file that --opening wrote.",
        ) from None
    if len(data) > bytes_max:
        raise InvalidSetting(f"{path} is too long for a {what}", code="bad-opening")
    return data


def _keep(path: Path, data: bytes) -> None:
    """Write a sealed text so that it is there whole or not at all."""
    coming = path.with_name(path.name + ".coming")
    coming.write_bytes(data)
    coming.replace(path)


def _office(text: str) -> tuple[str, str]:
    institution, _, office = text.partition("/")
    if not (is_name(institution) and is_name(office)):
        raise click.UsageError(f"a reader is INSTITUTION/OFFICE, not {text[:80]!r}")
    return institution, office


def _named(name: tuple[str, bytes]) -> str:
    return f"{name[0]}/{name[1].hex()}"
