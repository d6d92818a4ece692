"""What a peer can be told: the numbers of messages that its Hello says it knows.

    software = version                        knows the messages of release 0.1.0
    software = version " speaks 41,42"        and these besides

Rules kept here:
- A node never sends what the peer has not said that it knows: to an older release a message of an
  unknown number is a peer that misbehaves, and it ends the link.
- A Hello of release 0.1.0 has no place for this and takes none, so it stands behind the version,
  where that release reads nothing. What does not read so is taken for a version alone.
"""

from __future__ import annotations

import re

from govchaind.runtime import codec

FIRST_NUMBERS = frozenset((codec.HELLO, codec.REFUSED, codec.PING, *range(10, 19), *range(30, 41)))
SOFTWARE_CHARS_MAX = 64
_SAID = re.compile(r"(\S+) speaks (\d{1,5}(?:,\d{1,5}){0,63})").fullmatch
_SMALL = 24  # CBOR: numbers below stand in their head, others in the byte behind it


def software_text(version: str) -> str:
    """Return what a Hello of this software says of itself."""
    further = sorted(codec.NUMBERS - FIRST_NUMBERS)
    if not further:
        return version
    return f"{version} speaks {','.join(map(str, further))}"


def version_in(software: str) -> str:
    """Return the version in a Hello's text, for people: at most so long, printable."""
    said = software.partition(" ")[0][:SOFTWARE_CHARS_MAX]
    return said if said.isprintable() else "?"


def known_numbers(software: str) -> frozenset[int]:
    """Return the numbers that the sender of a Hello knows."""
    said = _SAID(software)
    if said is None:
        return FIRST_NUMBERS
    return FIRST_NUMBERS | {int(number) for number in said[2].split(",")}


def number_of(frame: bytes) -> int:
    """Return the number of the message in a frame that `codec.frame_of` made."""
    head = frame[codec.LENGTH_BYTES + 1]
    return head if head < _SMALL else frame[codec.LENGTH_BYTES + 2]
