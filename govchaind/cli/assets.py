"""`govchaind assets`: what institutions settle with, who holds it, and proofs of both."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any

import click

from govchaind.api.motion_words import end_words
from govchaind.api.sentence import tell
from govchaind.cli.asset_acts import ACTS, HOLDER, split_office
from govchaind.cli.language import language
from govchaind.cli.options import (
    FILE,
    Target,
    bare_options,
    json_option,
    target_options,
)
from govchaind.cli.output import cell, line, note, print_facts, print_json, print_table, word
from govchaind.cli.pages import all_pages, asked

proof_option = click.option(
    "--proof", type=FILE, metavar="FILE", help="Write a proof of it to a file as well."
)


@click.group(invoke_without_command=True)
@bare_options
def assets(*, target: Target, as_json: bool) -> None:
    """Show the assets on the ledger, or issue, move and freeze them.

    \b
    Example:
      govchaind assets --network my-network/network.json
      govchaind assets transfer answer-vouchers 5 --to bank/governing --for lookups --key rail.key
    """
    found = all_pages(target, lambda client, after: client.assets(after=after), "assets")
    if as_json:
        print_json(found)
        return
    rows = [
        [
            cell(asset.get("name")),
            line(asset.get("title")),
            cell(asset.get("issued")),
            cell(asset.get("redeemed")),
            cell(asset.get("circulating")),
            cell(asset.get("issuer")),
            word(asset.get("state")),
        ]
        for asset in found.get("assets", [])
    ]
    columns = ["name", "title", "issued", "given back", "circulates", "issuer", "state"]
    print_table("", columns, rows)


@assets.command(short_help="Show one asset and its totals.")
@click.argument("name")
@proof_option
@target_options
@json_option
def show(*, target: Target, name: str, proof: Path | None, as_json: bool) -> None:
    """Show the asset NAME: issued less given back is what circulates, and what all hold together.

    --proof is of the three totals; `govchaind verify-receipt` judges it without any node.

    \b
    Example:
      govchaind assets show answer-vouchers --network my-network/network.json
      govchaind assets show answer-vouchers --proof totals.proof
    """
    found = asked(target, lambda client: client.asset(name))
    if as_json:
        print_json(found)
    else:
        purposes = ", ".join(map(line, found.get("purposes") or []))
        facts = [
            ("title", line(found.get("title"))),
            ("counted in", line(found.get("unit"))),
            ("issued", cell(found.get("issued"))),
            ("given back", cell(found.get("redeemed"))),
            ("circulates", cell(found.get("circulating"))),
            ("issuer", cell(found.get("issuer"))),
            ("supervisor", cell(found.get("supervisor"))),
            ("mandate", cell(found.get("mandate"))),
            ("purposes", purposes or word("any")),
            ("until", _end(found.get("expiry_ms"))),
            ("state", word(found.get("state"))),
            ("created at height", cell(found.get("created_at"))),
        ]
        print_facts(facts, 17)
    if proof is not None:
        import trio

        async def run() -> bytes:
            async with target.client() as client:
                return await client.asset_proof(name)

        _write_proof(proof, trio.run(run), target)


@assets.command(short_help="Show who holds an asset, or what an office holds.")
@click.argument("name", required=False)
@click.option("--of", "holder", metavar=HOLDER, help="What this office holds of all assets.")
@target_options
@json_option
def holdings(*, target: Target, name: str | None, holder: str | None, as_json: bool) -> None:
    """Show who holds the asset NAME, or what an office holds of all assets.

    \b
    Example:
      govchaind assets holdings answer-vouchers --network my-network/network.json
      govchaind assets holdings --of bank/governing --json
    """
    if (name is None) == (holder is None):
        raise click.UsageError("give either NAME or --of INSTITUTION/OFFICE")
    if holder is not None:
        institution, office = split_office(holder)
        found = all_pages(
            target,
            lambda client, after: client.holdings(institution, office, after=after),
            "holdings",
        )
    else:
        found = all_pages(
            target,
            lambda client, after: client.asset_holdings(name or "", after=after),
            "holdings",
        )
    if as_json:
        print_json(found)
        return
    print_table(
        "",
        ["asset", "holder", "purpose", "holds", "free", "frozen"],
        [_row(holding) for holding in found.get("holdings", [])],
    )


@assets.command(short_help="Show one holding.")
@click.argument("name")
@click.argument("holder", metavar=HOLDER)
@click.argument("purpose")
@proof_option
@target_options
@json_option
def holding(
    *, target: Target, name: str, holder: str, purpose: str, proof: Path | None, as_json: bool
) -> None:  # fmt: skip
    """Show what an office holds of the asset NAME for PURPOSE, and what of it is frozen.

    \b
    Example:
      govchaind assets holding answer-vouchers bank/governing lookups --proof bank.proof
    """
    institution, office = split_office(holder)
    found = asked(target, lambda client: client.holding(name, institution, office, purpose))
    if as_json:
        print_json(found)
    else:
        print_table("", ["asset", "holder", "purpose", "holds", "free", "frozen"], [_row(found)])
    if proof is not None:
        import trio

        async def run() -> bytes:
            async with target.client() as client:
                return await client.holding_proof(name, institution, office, purpose)

        _write_proof(proof, trio.run(run), target)


def _row(found: dict[str, Any]) -> list[str]:
    freezes = [
        f"{line(freeze.get('ground'))}: {_much(freeze.get('amount'))}"
        for freeze in found.get("freezes") or []
    ]
    return [
        cell(found.get("asset")),
        cell(found.get("holder")),
        cell(found.get("purpose")),
        cell(found.get("balance")),
        cell(found.get("free")),
        ", ".join(freezes) or "–",
    ]


def _end(milliseconds: object) -> str:
    if not isinstance(milliseconds, int):
        return tell("no end").said(language())
    return end_words(milliseconds).said(language())


def _much(amount: object) -> str:
    return "all" if amount is None else cell(amount)


def _write_proof(proof: Path, data: bytes, target: Target) -> None:
    proof.write_bytes(data)
    note(f"Wrote {proof} ({len(data)} bytes).")
    note(f"Check it: govchaind verify-receipt {quote(str(proof))} --genesis {target.genesis}")


for act in ACTS:
    assets.add_command(act)
