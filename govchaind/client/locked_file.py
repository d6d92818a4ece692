"""A private file under a passphrase: Argon2id makes a key of it, XChaCha20-Poly1305 seals the text.

    govchaind-locked 1
    argon2id passes=3 mebibytes=256 salt=HEX of 16 bytes
    nonce HEX of 24 bytes
    HEX of the sealed text

The first three lines are bound into the seal, so that nobody weakens what they say. Their numbers
are bounded on reading: a hostile file must not take all memory or minutes of time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import nacl.bindings
import nacl.exceptions
import nacl.pwhash.argon2id

from govchaind.base.errors import InvalidSetting

HEAD = "govchaind-locked"
PASSES, MEBIBYTES = 3, 256  # about a second, as libsodium recommends for keys that matter
PASSES_MAX, MEBIBYTES_MIN, MEBIBYTES_MAX = 10, 8, 1024
SALT_BYTES = nacl.pwhash.argon2id.SALTBYTES
NONCE_BYTES = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_KEY_BYTES = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_KEYBYTES
_FORM = re.compile(
    rf"({HEAD} 1\nargon2id passes=([0-9]{{1,3}}) mebibytes=([0-9]{{1,5}}) "
    rf"salt=([0-9a-f]{{{2 * SALT_BYTES}}})\nnonce ([0-9a-f]{{{2 * NONCE_BYTES}}})\n)"
    r"((?:[0-9a-f]{2})+)\n?"
)


@dataclass(frozen=True, slots=True)
class Effort:
    """What each guess at the passphrase costs: passes over so many MiB of memory."""

    passes: int = PASSES
    mebibytes: int = MEBIBYTES


def is_locked(text: str) -> bool:
    """Say whether a file's text claims to be locked."""
    return text.startswith(HEAD)


def lock(
    text: str, passphrase: bytes, *, salt: bytes, nonce: bytes, effort: Effort | None = None
) -> str:
    """Return the locked form of `text`. `salt` and `nonce`: random bytes, never used before."""
    cost = effort or Effort()
    head = (
        f"{HEAD} 1\nargon2id passes={cost.passes} mebibytes={cost.mebibytes} "
        f"salt={salt.hex()}\nnonce {nonce.hex()}\n"
    )
    sealed = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
        text.encode(), head.encode(), nonce, _key(passphrase, salt, cost)
    )
    return f"{head}{sealed.hex()}\n"


def unlock(text: str, passphrase: bytes, name: str) -> str:
    """Return what was locked. `name` is the file's, for messages.

    Raises:
        InvalidSetting: not the locked form, out of bounds, damaged, or another passphrase.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise InvalidSetting(
            f"{name} is locked in a form that is not known here",
            code="bad-key",
            remedy="Restore the file from a backup, or use the version that locked it.",
        )
    head, passes, mebibytes, salt, nonce, sealed = found.groups()
    effort = Effort(int(passes), int(mebibytes))
    if (
        not 1 <= effort.passes <= PASSES_MAX
        or not MEBIBYTES_MIN <= effort.mebibytes <= MEBIBYTES_MAX
    ):
        raise InvalidSetting(
            f"{name} asks for {passes} passes over {mebibytes} MiB; allowed are 1 to {PASSES_MAX} "
            f"passes over {MEBIBYTES_MIN} to {MEBIBYTES_MAX} MiB",
            code="bad-key",
            remedy="The file was changed; restore it from a backup.",
        )
    try:
        opened = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            bytes.fromhex(sealed),
            head.encode(),
            bytes.fromhex(nonce),
            _key(passphrase, bytes.fromhex(salt), effort),
        )
    except (nacl.exceptions.CryptoError, ValueError):  # the latter: shorter than a seal is
        raise InvalidSetting(
            f"{name} does not open: another passphrase locked it, or the file is damaged",
            code="wrong-passphrase",
            remedy="Give the passphrase with which it was locked, or restore it from a backup.",
        ) from None
    return bytes(opened).decode()


def _key(passphrase: bytes, salt: bytes, effort: Effort) -> bytes:
    key: bytes = nacl.pwhash.argon2id.kdf(
        _KEY_BYTES,
        passphrase,
        salt,
        opslimit=effort.passes,
        memlimit=effort.mebibytes * 1024 * 1024,
    )
    return key
