"""`govchaind keys next` and `keys settle`: the two ends of a change of a node's own keys."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import click

from govchaind.base.crypto import SEED_BYTES
from govchaind.base.errors import InvalidSetting
from govchaind.cli.node_files import card_text
from govchaind.cli.options import FOLDER, Target, target_options
from govchaind.cli.output import note
from govchaind.config import CONFIG_FILE, load_config
from govchaind.identity import (
    ATTESTATION_KEY_FILE,
    CERTIFICATE_FILE,
    GREETINGS_FILE,
    IDENTITY_FILE,
    NEXT_FOLDER,
    TLS_KEY_FILE,
    Identity,
    load_identity,
    write_identity,
)
from govchaind.ledger.membership import Member
from govchaind.runtime.system import replace_file

CARD_FILE = "node.card"
# In the order in which they take their places; what says which keys are right comes last.
_MOVED = (ATTESTATION_KEY_FILE, TLS_KEY_FILE, CERTIFICATE_FILE, GREETINGS_FILE, IDENTITY_FILE)


@click.command("next", short_help="Make the keys that a node is to have next.")
@click.argument("directory", type=FOLDER)
def make_next(directory: Path) -> None:
    """Make the keys that the node of DIRECTORY is to have, in DIRECTORY/next, and their card.

    The node uses them when it is started again, from the block on that brings them into force: see
    `govchaind members change-keys`. Until then it goes on with the ones that it has.

    \b
    Example:
      govchaind keys next north
    """
    from govchaind.runtime.tls import make_certificate

    present = _present(directory)
    folder = present.directory / NEXT_FOLDER
    if folder.exists():
        raise InvalidSetting(
            f"{folder} is there already: a change of this node's keys is under way",
            code="already-there",
            remedy="Settle it (`govchaind keys settle`), or remove the folder if nobody has voted.",
        )
    seeds = os.urandom(SEED_BYTES), os.urandom(SEED_BYTES)
    made = write_identity(
        folder,
        name=present.name,
        institution=present.institution,
        first_store=present.first_store,
        attestation_seed=seeds[0],
        tls_seed=seeds[1],
    )
    (folder / CERTIFICATE_FILE).write_bytes(make_certificate(seeds[1]))
    card = folder / CARD_FILE
    member = Member(
        made.name,
        made.institution,
        "validator",
        made.attestation_public,
        made.tls_public,
        made.first_store,
        (),
    )
    card.write_text(card_text(member), encoding="utf-8")
    click.echo(str(card))
    note(f"Start the node again, then have members vote: govchaind members change-keys {card}")


@click.command("settle", short_help="Put a node's next keys in the place of the old ones.")
@click.argument("directory", type=FOLDER)
@target_options
def settle(*, target: Target, directory: Path) -> None:
    """Put the keys of DIRECTORY/next in the place of the old ones, which are removed.

    Only when the change is in force: a node of the network is asked. The node goes on meanwhile;
    start it again afterwards, so that links under the old key end. Run again if it was interrupted.

    \b
    Example:
      govchaind keys settle north --network network.json
    """
    config = load_config(directory / CONFIG_FILE)
    folder = config.data_directory / NEXT_FOLDER
    if not folder.exists():
        raise InvalidSetting(
            f"there is no {folder}: no change of this node's keys is under way",
            code="no-next-keys",
            remedy="Make the next keys first: `govchaind keys next`.",
        )
    elsewhere = config.attestation.next_signer is not None
    following = load_identity(folder, key_elsewhere=elsewhere)
    _check_in_force(target, following)
    for name in _MOVED:
        source = folder / name
        if source.exists():
            replace_file(config.data_directory / name, source.read_bytes())
        elif name == ATTESTATION_KEY_FILE:
            (config.data_directory / name).unlink(missing_ok=True)
    shutil.rmtree(folder)
    note(f"The node {following.name} has its new keys alone. Start it again.")
    if elsewhere:
        note("In its settings, name the new signer as attestation.signer, and no next_signer.")


def _present(directory: Path) -> Identity:
    config = load_config(directory / CONFIG_FILE)
    return load_identity(config.data_directory, key_elsewhere=config.attestation.signer is not None)


def _check_in_force(target: Target, following: Identity) -> None:
    """Raise InvalidSetting unless the ledger has these keys, and every height up to now is certain.

    A height before the change that has no certificate yet may still need the old key.
    """
    from govchaind.cli.pages import asked

    found = asked(target, lambda client: client.members())
    status = asked(target, lambda client: client.status())
    wanted: dict[str, Any] = {}
    for member in found.get("members", []):
        if member.get("name") == following.name:
            wanted = member
    if wanted.get("attestation_key") != following.attestation_public.hex():
        raise InvalidSetting(
            f"the ledger has other keys for {following.name}: the change is not in force",
            code="keys-not-in-force",
            remedy="Have members vote: `govchaind members change-keys`.",
        )
    if status.get("certified") != status.get("height"):
        raise InvalidSetting(
            "not every height has a certificate yet: one may still need the old key",
            code="keys-not-in-force",
            remedy="Run it again when `govchaind status` shows no lag.",
        )
