"""State in words: which record a state key is, and what its value says."""

from __future__ import annotations

from typing import Any

from govchaind.api.proof_words import state_words
from govchaind.api.sentence import Sentence, tell
from govchaind.base.encoding import decode
from govchaind.base.errors import GovchaindError
from govchaind.base.limits import RECEIPT_BYTES_MAX
from govchaind.ledger import state_keys
from govchaind.ledger.state_proof import VerifiedState


def state_name(key: bytes) -> Sentence:
    """Return what a state key stands for, in words."""
    kind, rest = key[:1], key[1:]
    first, _, second = rest.partition(b"\x00")
    if kind == state_keys.RECORD:
        return tell(
            "record %(key)s of register %(register)s", key=plain(second), register=plain(first)
        )
    if kind == state_keys.OFFICE:
        return tell(
            "office %(office)s of institution %(institution)s",
            office=plain(second),
            institution=plain(first),
        )
    if kind == state_keys.HOLDING and rest.count(b"\x00") == 3:
        asset, *holder, purpose = rest.split(b"\x00")
        return tell(
            "holding of asset %(asset)s by %(holder)s for %(purpose)s",
            asset=plain(asset),
            holder=plain(b"/".join(holder)),
            purpose=plain(purpose),
        )
    if kind == state_keys.ASSET_TOTALS:
        return tell(
            "totals of asset %(name)s: issued, given back, in circulation", name=plain(rest)
        )
    if kind == state_keys.INSTITUTION:
        return tell("institution %(name)s", name=plain(rest))
    if kind == state_keys.REGISTER:
        return tell("register %(name)s", name=plain(rest))
    if kind == state_keys.NODE:
        return tell("node %(name)s", name=plain(rest))
    return tell("the state key %(key)s", key=key.hex())


def plain(data: bytes) -> str:
    """Return bytes as quoted text where they are text, else as hex."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    return f'"{text}"' if text and text.isprintable() else data.hex()


def state_value(value: bytes | None) -> Any:
    """Return a state value for reading; bytes in hex."""
    if value is None:
        return None
    try:
        return _readable(decode(value, bytes_max=RECEIPT_BYTES_MAX))
    except GovchaindError:
        return value.hex()


def state_sentence(proved: VerifiedState) -> Sentence:
    """Return one sentence that says what stood under a key at a height, and who has signed it."""
    return state_words(
        _stood(proved.key, proved.value),
        height=proved.height,
        time=proved.time,
        certified=proved.certified_height,
    )


def _stood(key: bytes, value: bytes | None) -> Sentence:
    name = state_name(key)
    if value is None:
        return tell("there was no %(name)s", name=name)
    read = state_value(value)
    if key[:1] == state_keys.RECORD and isinstance(read, list) and len(read) == 3:
        revision, retired, fields = read
        shown = ", ".join(map(str, fields)) if isinstance(fields, list) else str(fields)
        if retired:
            return tell(
                "%(name)s was retired, last with revision %(revision)s: %(value)s",
                name=name,
                revision=str(revision),
                value=shown,
            )
        return tell(
            "%(name)s was in force with revision %(revision)s: %(value)s",
            name=name,
            revision=str(revision),
            value=shown,
        )
    return tell("%(name)s had the value below", name=name)


def _readable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return value
