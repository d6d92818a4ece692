"""Kinds of state and their tables: what a key names, and what the places of its value are.

As `ledger/state_keys.py` lays them out. A word is NAME or NAME:TYPE, text without a type. A kind
that is not here, and a place that a later version adds, is in the table `state`, which has every
change of every key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from govchaind.ledger import state_keys
from govchaind.ledger.operations.accounts import Entry
from govchaind.ledger.operations.motions import MOTIONS

Columns = tuple[tuple[str, str], ...]  # name and type
TYPES = ("integer", "amount", "text", "boolean", "time", "texts", "json")
AT = "height:integer time:time"
CHANGED = f"{AT} removed:boolean"
# What the network counts for itself; in the table `state` only.
WITHOUT_TABLE = (state_keys.NETWORK, state_keys.LIVE, state_keys.NODE_KEY, state_keys.ERASURE)


def columns(text: str) -> Columns:
    """Return the columns that words name, each once."""
    pairs = [word.partition(":") for word in text.split()]
    return tuple({name: kind or "text" for name, _, kind in pairs}.items())


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of state."""

    table: str
    names: Columns  # of what the key names
    places: Columns  # of the value
    columns: Columns  # of the table


def _kind(table: str, names: str, places: str, *, further: str = "") -> Kind:
    whole = columns(f"{names} {CHANGED} {places} {further}")
    return Kind(table, columns(names), columns(places), whole)


KINDS: Mapping[bytes, Kind] = MappingProxyType(
    {
        state_keys.INSTITUTION: _kind(
            "institutions", "institution", "title class governs admitted_at:integer"
        ),
        state_keys.OFFICE: _kind(
            "offices", "institution office", "title threshold:integer seats:json"
        ),
        state_keys.REGISTER: _kind(
            "registers",
            "register",
            "title mode schema:json writers:json owner:json created_at:integer",
        ),
        state_keys.RECORD: _kind(
            "records", "register key key_hex", "revision:integer retired:boolean value:json"
        ),
        state_keys.NODE: _kind(
            "nodes",
            "node",
            "node institution role attestation_key tls_key store addresses:texts "
            "signs_above:integer",
        ),
        state_keys.MOTION: _kind(
            "motions",
            "motion",
            "kind:integer arguments:json round:integer ballots:integer moved_at:integer "
            "enacted_at:integer carried_at_ms:integer",
            further="name english chinese",
        ),
        state_keys.BALLOT: _kind("ballots", "motion institution", ""),
        state_keys.RULE: _kind(
            "rules", "kind:integer name", "numerator:integer denominator:integer notice_ms:integer"
        ),
        state_keys.CALENDAR: _kind(
            "calendars",
            "calendar year:integer version:integer",
            "utc_offset_minutes:integer working_days adopted_at:integer",
        ),
        state_keys.MANDATE: _kind(
            "mandates",
            "mandate",
            "title number issuer document effect_ms:integer until_ms:integer predecessor "
            "successor ends_ms:integer adopted_at:integer",
        ),
        state_keys.STANDING: _kind(
            "standings",
            "institution",
            "standing:integer ground commitment since:integer since_ms:integer",
        ),
        state_keys.ACTED: _kind(
            "last_acts", "institution office", "acted:integer acted_ms:integer"
        ),
        state_keys.EVIDENCE: _kind(
            "evidence",
            "attestation_key signed_height:integer",
            "node institution first:json second:json reporter:json reported_at:integer",
        ),
        state_keys.RECOVERY: _kind(
            "recoveries",
            "recovered_at:integer",
            "kept:integer kept_hash certified:integer lost:integer time_ms:integer record "
            "signed:json left_out:json",
        ),
        state_keys.PARAMETER: _kind("parameters", "parameter", "value:integer set_at:integer"),
        state_keys.DUTY: _kind(
            "duties",
            "institution duty",
            "title office mandate data_sets:integer ended_ms:integer assigned_at:integer",
        ),
        state_keys.DATA_SET: _kind(
            "data_sets",
            "institution data_set",
            "revision:integer retired:boolean title duty fields:json cycle class "
            "conditions:json service mandate changed_at:integer",
        ),
        state_keys.TERMS: _kind(
            "terms",
            "mandate",
            "calendar utc_offset_minutes:integer reply:json extension:json extender appeal:json "
            "ruling:json delivery:json grounds:json supervisor:json set_at:integer",
        ),
        state_keys.REQUEST: _kind(
            "requests",
            "requester reference",
            "office provider data_set revision:integer class conditions:json fields:json mandate "
            "terms details status asked_ms:integer due_ms:integer calendars:json "
            "extended:json answered_ms:integer ground reason appealed_ms:integer appeal_details "
            "ruled:json appealable:json changed_at:integer",
        ),
        state_keys.GRANT: _kind(
            "grants",
            "requester reference",
            "provider provider_office requester_office data_set revision:integer fields:json "
            "conditions:json details granted_ms:integer until_ms:integer uses_max:integer "
            "uses:integer delivery_due:json revoked_ms:integer ground reason "
            "changed_at:integer",
        ),
        state_keys.DELIVERY_KEY: _kind(
            "delivery_keys",
            "institution office",
            "key published_ms:integer previous previous_until_ms:integer box:json "
            "changed_at:integer",
        ),
        state_keys.DELIVERY: _kind(
            "deliveries",
            "requester reference number:integer",
            "sender:json receiver:json commitment size:integer rows:integer request sealed "
            "corrects:integer sent_ms:integer received_ms:integer dispute:json "
            "corrected_by:integer lost:json erasure:json changed_at:integer",
        ),
        state_keys.SIDE_VALUE: _kind(
            "side_values",
            "institution commitment",
            "office sealed length:integer readers:json about:json recorded_ms:integer "
            "removal:json changed_at:integer",
        ),
        state_keys.ASSET: _kind(
            "assets",
            "asset",
            "title unit mandate issuer:json supervisor:json purposes:json expires_ms:integer "
            "made_at:integer",
        ),
        state_keys.ASSET_TOTALS: _kind(
            "asset_totals", "asset", "issued:amount redeemed:amount in_circulation:amount"
        ),
        state_keys.HOLDING: _kind(
            "holdings", "asset institution office purpose", "balance:amount freezes:json"
        ),
        state_keys.ACCOUNT: _kind(
            "accounts",
            "year:integer month:integer provider data_set requester",
            " ".join(f"{entry.name.lower()}:integer" for entry in Entry),
        ),
        state_keys.ACCOUNT_SUM: _kind(
            "account_sums",
            "year:integer month:integer institution",
            "as_provider:json as_requester:json",
        ),
    }
)


def names_in(key: bytes) -> dict[str, Any]:
    """Return what a state key of a kind with a table names, by columns."""
    kind, rest = key[:1], key[1:]
    if kind == state_keys.RECORD:
        register, _, record = rest.partition(b"\x00")
        return {"register": register.decode(), "key": _text(record), "key_hex": record.hex()}
    if kind == state_keys.BALLOT:
        return {"motion": rest[:32].hex(), "institution": rest[32:].decode()}
    if kind == state_keys.EVIDENCE:
        height = int.from_bytes(rest[32:], "big")
        return {"attestation_key": rest[:32].hex(), "signed_height": height}
    if kind == state_keys.RECOVERY:
        return {"recovered_at": int.from_bytes(rest, "big")}
    if kind == state_keys.MOTION:
        return {"motion": rest.hex()}
    if kind == state_keys.RULE:
        return {"kind": rest[0], "name": motion_name(rest[0])}
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if kind in (state_keys.ACCOUNT, state_keys.ACCOUNT_SUM):
        year, month = divmod(int.from_bytes(rest[:2], "big"), 12)
        before, rest = {"year": year, "month": month + 1}, rest[2:]
    if kind == state_keys.CALENDAR:
        year, version = (int.from_bytes(part, "big") for part in (rest[-4:-2], rest[-2:]))
        after, rest = {"year": year, "version": version}, rest[:-5]
    if kind == state_keys.SIDE_VALUE:
        return {"institution": rest[:-33].decode(), "commitment": rest[-32:].hex()}
    if kind == state_keys.DELIVERY:
        after, rest = {"number": int.from_bytes(rest[-4:], "big")}, rest[:-5]
    taken = {*before, *after}
    names = [name for name, _ in KINDS[kind].names if name not in taken]
    parts = [part.decode() for part in rest.split(b"\x00")]
    return {**before, **dict(zip(names, parts, strict=True)), **after}


def motion_name(kind: int) -> str:
    motion = MOTIONS.get(kind)
    return f"unknown-{kind}" if motion is None else motion.name


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
