"""Why an address cannot be listened on, and whether that may be otherwise in a moment.

A port that another program has, and an address that this machine does not have yet, are no fault of
the settings: a supervisor tries again. All else stays wrong until somebody corrects it.
"""

from __future__ import annotations

import errno

from govchaind.base.errors import Conflict, GovchaindError, InvalidSetting


def unusable(error: OSError, what: str, *, setting: str, code: str) -> GovchaindError:
    """Return what to raise. `what` says what was tried; `code` is for all but a taken port."""
    if error.errno == errno.EADDRINUSE:
        return Conflict(
            f"{what}: the port is taken",
            code=code,
            remedy=f"Stop the program that has it, or choose another address for {setting}.",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return Conflict(
            f"{what}: this machine does not have that address",
            code=code,
            remedy=f"Wait until it has, or choose another address for {setting}.",
        )
    return InvalidSetting(
        f"{what}: {error.strerror or error}",
        code=code,
        remedy=f"Choose another address for {setting}.",
    )
