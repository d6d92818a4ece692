"""Making node directories and node cards.

A *card* is what others need to know of a node, nothing of it secret: TOML with name, institution,
role, the two public keys, the id of the first store and the addresses.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from govchaind.base.crypto import SEED_BYTES
from govchaind.base.errors import GovchaindError, InvalidSetting
from govchaind.config import CONFIG_FILE, parse_config, render_config, toml_value
from govchaind.identity import CERTIFICATE_FILE, STORE_ID_BYTES, write_identity
from govchaind.ledger.membership import Member, MemberShape, Role, member_of
from govchaind.ledger.shapes import shaped

CARD_BYTES_MAX = 16 * 1024


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a node listens."""

    peer: str
    api: str
    metrics: str
    delivery: str | None = None  # for sealed files from other nodes


def make_node(
    directory: Path,
    *,
    name: str,
    institution: str,
    role: Role,
    ports: Ports,
    advertised: str,
    entropy: Callable[[int], bytes] = os.urandom,
) -> Member:
    """Write a node directory without genesis; return the node as the ledger will know it.

    Raises:
        InvalidSetting: a name or an address is wrong, or there is a node already.
    """
    if (directory / CONFIG_FILE).exists():
        raise InvalidSetting(
            f"{directory} is a node's directory already",
            code="already-there",
            remedy="Choose another directory; nothing was changed.",
        )
    store = entropy(STORE_ID_BYTES)
    seeds = entropy(SEED_BYTES), entropy(SEED_BYTES)
    fields = (name, institution, role, bytes(32), bytes(32), store, [advertised], 0)
    try:
        shaped(list(fields), cast(type[Any], MemberShape))
    except GovchaindError as error:
        raise InvalidSetting(
            f"node {name!r} of {institution!r} at {advertised!r}: {error.message}",
            remedy="Names are 1 to 32 of a-z, 0-9 and '-'; an address is host:port.",
        ) from None
    chosen = {
        "node.name": name,
        "peer.listen": ports.peer,
        "api.listen": ports.api,
        "metrics.listen": ports.metrics,
    }
    if ports.delivery is not None:
        chosen["delivery.listen"] = ports.delivery
    settings = render_config(chosen)
    parse_config(settings, folder=directory)  # before any file is made
    identity = write_identity(
        directory,
        name=name,
        institution=institution,
        first_store=store,
        attestation_seed=seeds[0],
        tls_seed=seeds[1],
    )
    from govchaind.runtime.tls import make_certificate

    (directory / CERTIFICATE_FILE).write_bytes(make_certificate(seeds[1]))
    (directory / CONFIG_FILE).write_text(settings, encoding="utf-8")
    return Member(
        name=name,
        institution=institution,
        role=role,
        attestation_key=identity.attestation_public,
        tls_key=identity.tls_public,
        store=store,
        addresses=(advertised,),
    )


def card_text(member: Member) -> str:
    """Return a node's card."""
    return (
        "# Card of a node: what others need to know of it. Nothing here is secret.\n"
        f"name = {toml_value(member.name)}\n"
        f"institution = {toml_value(member.institution)}\n"
        f"role = {toml_value(member.role)}\n"
        f"attestation_key = {toml_value(member.attestation_key.hex())}\n"
        f"tls_key = {toml_value(member.tls_key.hex())}\n"
        f"store = {toml_value(member.store.hex())}\n"
        f"addresses = {toml_value(member.addresses)}\n"
    )


def read_card(path: Path) -> Member:
    """Read a node's card. Raises InvalidSetting."""
    table = read_toml(path, CARD_BYTES_MAX)
    try:
        fields = [
            table.pop("name"),
            table.pop("institution"),
            table.pop("role"),
            bytes.fromhex(table.pop("attestation_key")),
            bytes.fromhex(table.pop("tls_key")),
            bytes.fromhex(table.pop("store")),
            table.pop("addresses"),
            0,
        ]
        if table:
            raise InvalidSetting(f"{path}: unknown entry {sorted(table)[0]}")
        return member_of(shaped(fields, cast(type[MemberShape], MemberShape)))
    except KeyError as error:
        raise InvalidSetting(f"{path} is not a node's card: it lacks {error.args[0]}") from None
    except (ValueError, TypeError, AttributeError):
        raise InvalidSetting(f"{path} is not a node's card: keys and store are hex") from None
    except InvalidSetting:
        raise
    except GovchaindError as error:
        raise InvalidSetting(f"{path} is not a node's card: {error.message}") from None


def read_toml(path: Path, bytes_max: int) -> dict[str, Any]:
    """Return a TOML file's table. Raises InvalidSetting."""
    try:
        data = path.read_bytes()
        if len(data) > bytes_max:
            raise InvalidSetting(f"{path} is larger than {bytes_max} bytes")
        return tomllib.loads(data.decode())
    except OSError as error:
        raise InvalidSetting(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise InvalidSetting(f"{path} is not valid TOML: {error}") from None
