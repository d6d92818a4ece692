"""Free text of a request, a refusal or a ruling: its salted commitment goes out, the text stays.

The ledger never holds such text, since somebody would type a citizen's number into it. What is
needed to show it to the parties, now or before a court, stands in a private file: salt and text.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import SALT_BYTES
from govchaind.base.types import Hash
from govchaind.identity import write_private
from govchaind.ledger.commitment import make_commitment


def commit_text(text: str, opening: Path | None, what: str) -> Hash:
    """Return the commitment to `text`, and keep what opens it in a new private file.

    Raises:
        InvalidSetting: no file is named, or it is there already.
    """
    if opening is None:
        raise InvalidSetting(
            f"the {what} itself does not go on the ledger, only its salted hash",
            code="opening-needed",
            remedy="Give --opening FILE; without salt and text nobody can show it later.",
        )
    if opening.exists():
        raise InvalidSetting(
            f"{opening} is there already",
            code="opening-exists",
            remedy="Name a new file: an opening that is lost cannot be made again.",
        )
    salt = os.urandom(SALT_BYTES)
    shown = {"what": what, "salt": salt.hex(), "value": [text]}
    write_private(opening, json.dumps(shown, ensure_ascii=False) + "\n")
    return make_commitment(salt, [text])
