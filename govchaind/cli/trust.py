"""`govchaind trust`: a file that pins the newest certified head its owner has seen."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from govchaind.base.errors import InvalidProof, InvalidSetting
from govchaind.cli.options import FILE, Target, json_option, target_options
from govchaind.cli.output import note, print_json
from govchaind.ledger.trust import TrustRoot


@click.group(short_help="Keep a trust file: the newest head you have seen.")
def trust() -> None:
    """Keep a trust file: the newest certified head that you have seen.

    Whoever holds only the genesis can verify receipts of the first validators. A trust file moves
    forward over every change of validators, each proved, and never back.

    \b
    Example:
      govchaind trust new trust.file --genesis my-network/genesis.bin
      govchaind trust advance trust.file --network my-network/network.json
    """


@trust.command(short_help="Make a trust file from a genesis.")
@click.argument("file", type=FILE)
@click.option("--genesis", type=FILE, required=True, help="The chain's genesis.bin.")
def new(file: Path, genesis: Path) -> None:
    """Make a trust file that believes nothing but the genesis.

    Compare the chain id that is printed with one that you have from elsewhere: on paper, by
    telephone, in a gazette.

    \b
    Example:
      govchaind trust new trust.file --genesis my-network/genesis.bin
    """
    from govchaind.client.trust import save_trust, trust_from_genesis

    if file.exists():
        raise InvalidSetting(
            f"{file} is already there",
            code="already-there",
            remedy="Use `govchaind trust advance`; a trust file never starts anew.",
        )
    root = trust_from_genesis(genesis)
    save_trust(file, root)
    click.echo(root.chain_id.hex())
    note(root.describe())


@trust.command(short_help="Move a trust file to the newest head that is proved.")
@click.argument("file", type=FILE)
@target_options
@json_option
def advance(file: Path, target: Target, as_json: bool) -> None:
    """Ask a node for proofs and move FILE forward as far as they reach.

    \b
    Example:
      govchaind trust advance trust.file --network my-network/network.json
    """
    import trio

    from govchaind.client.trust import advance as move
    from govchaind.client.trust import load_trust, save_trust

    before = load_trust(file)
    if target.chain_id is not None and target.chain_id != before.chain_id:
        raise InvalidProof(
            f"{file} is of another chain than the network's file",
            code="other-chain",
            remedy="Name the network that the trust file is of.",
        )

    async def run() -> TrustRoot:
        async with target.client() as client:
            return await move(client, before)

    after = trio.run(run)
    save_trust(file, after)
    if as_json:
        print_json(_json(after))
    else:
        click.echo(after.describe())


@trust.command(short_help="Say what a trust file knows.")
@click.argument("file", type=FILE)
@json_option
def show(file: Path, as_json: bool) -> None:
    """Say what FILE knows, and from where on it knows nothing.

    \b
    Example:
      govchaind trust show trust.file
    """
    from govchaind.client.trust import load_trust

    root = load_trust(file)
    if as_json:
        print_json(_json(root))
        return
    click.echo(root.describe())
    for member in root.membership.voters():
        click.echo(f"  {member.name:24} {member.institution:24} {member.attestation_key.hex()}")


def _json(root: TrustRoot) -> dict[str, object]:
    return {
        "chain_id": root.chain_id.hex(),
        "name": root.name,
        "head_height": root.head_height,
        "log_root": root.log_root.hex(),
        "changes": root.changes,
        "recoveries": [asdict(each) for each in root.recoveries],
        "validators": [member.name for member in root.membership.voters()],
    }
