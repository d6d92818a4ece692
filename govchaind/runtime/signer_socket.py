"""Production's way to a signer: its Unix socket, and the file of greetings beside the keys."""

from __future__ import annotations

from pathlib import Path

import trio

from govchaind.base.errors import PeerError
from govchaind.runtime.environment import SignerDoor
from govchaind.runtime.greetings import FILE_BYTES_MAX
from govchaind.runtime.system import GuardFile


def signer_door(socket: str, greetings: Path) -> SignerDoor:
    """Return the door to the signer that listens on `socket`."""

    async def connect() -> trio.abc.Stream:
        try:
            return await trio.open_unix_socket(socket)
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise PeerError(f"no signer at {socket}: {reason}", code="signer-away") from None

    def read() -> bytes | None:
        try:
            with greetings.open("rb") as file:
                return file.read(FILE_BYTES_MAX + 1)
        except OSError:
            return None  # the signer is asked anew

    return SignerDoor(connect, read, GuardFile(greetings).write)
