"""Private files under a passphrase: they open to it alone, whole, and at a bounded price."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from govchaind.base.errors import InvalidSetting
from govchaind.client.keyfile import new_key
from govchaind.client.locked_file import NONCE_BYTES, SALT_BYTES, Effort, is_locked, lock, unlock
from govchaind.identity import write_private

SECRET = b"correct horse battery staple"
CHEAP = Effort(passes=1, mebibytes=8)
TEXT = 'seed = "00ff"\n# Schlüssel\n'


def cheaply(text: str = TEXT) -> str:
    return lock(text, SECRET, salt=b"s" * SALT_BYTES, nonce=b"n" * NONCE_BYTES, effort=CHEAP)


def test_what_is_locked_opens_to_its_passphrase_alone() -> None:
    sealed = cheaply()
    assert is_locked(sealed)
    assert not is_locked(TEXT)
    assert "00ff" not in sealed
    assert unlock(sealed, SECRET, "a.key") == TEXT
    with pytest.raises(InvalidSetting, match=r"a\.key does not open") as refused:
        unlock(sealed, SECRET + b"!", "a.key")
    assert refused.value.code == "wrong-passphrase"


def test_the_form_is_frozen() -> None:
    head = (
        "govchaind-locked 1\nargon2id passes=1 mebibytes=8 salt=" + "73" * SALT_BYTES
        + "\nnonce " + "6e" * NONCE_BYTES + "\n"
    )  # fmt: skip
    assert cheaply("x").startswith(head)
    assert cheaply("x").removeprefix(head) == "6d9494f1709b683f08df16a2c8cb551d07\n"


def test_damage_anywhere_is_found() -> None:
    sealed = cheaply()
    for place in range(len(sealed) - 1):
        other = "0" if sealed[place] != "0" else "1"
        with pytest.raises(InvalidSetting):
            unlock(sealed[:place] + other + sealed[place + 1 :], SECRET, "a.key")
    for cut in (0, 10, len(sealed) // 2, len(sealed) - 3):
        with pytest.raises(InvalidSetting):
            unlock(sealed[:cut], SECRET, "a.key")


@pytest.mark.parametrize(
    ("passes", "mebibytes"), [(0, 8), (11, 8), (999, 8), (1, 7), (1, 1025), (1, 99999)]
)
def test_a_price_out_of_bounds_is_not_paid(passes: int, mebibytes: int) -> None:
    asked = cheaply().replace("passes=1 mebibytes=8", f"passes={passes} mebibytes={mebibytes}")
    with pytest.raises(InvalidSetting, match="asks for") as refused:
        unlock(asked, SECRET, "a.key")
    assert refused.value.code == "bad-key"


class Desk:
    """Runs the real command with a passphrase in a descriptor, in a credential, or nowhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self, *arguments: object, secret: bytes | None = None, credential: bytes | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "COVERAGE"}
        descriptors: tuple[int, ...] = ()
        if secret is not None:
            reader, writer = os.pipe()
            os.write(writer, secret)
            os.close(writer)
            descriptors = (reader,)
            environment["GOVCHAIND_PASSPHRASE_FD"] = str(reader)
        if credential is not None:
            (self.folder / "govchaind-passphrase").write_bytes(credential)
            environment["CREDENTIALS_DIRECTORY"] = str(self.folder)
        try:
            return subprocess.run(
                [sys.executable, "-m", "govchaind", *map(str, arguments)],
                capture_output=True, text=True, check=False, timeout=60, env=environment,
                pass_fds=descriptors, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        finally:
            for descriptor in descriptors:
                os.close(descriptor)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "registrar.key"
    made = new_key(institution="registry", office="head", title="Registrar", seed=b"\x07" * 32)
    write_private(path, made.text(private=True))
    return path


def test_a_key_is_locked_used_and_unlocked(desk: Desk, key: Path) -> None:
    before = key.read_text()
    done = desk("keys", "lock", key, secret=SECRET + b"\n")
    assert (done.returncode, done.stderr) == (0, f"Locked {key}.\n")
    assert is_locked(key.read_text())
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for given in ({"secret": SECRET}, {"credential": SECRET + b"\n"}):
        shown = desk("keys", "show", key, **given)
        assert "holder   Registrar" in shown.stdout
    nobody = desk("keys", "show", key)
    assert nobody.returncode == 2
    assert nobody.stderr.startswith("error[key-locked]: a private key is locked")
    assert "GOVCHAIND_PASSPHRASE_FD" in nobody.stderr
    wrong = desk("keys", "unlock", key, secret=b"another long passphrase")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith(f"error[wrong-passphrase]: {key} does not open")
    again = desk("keys", "lock", key, secret=SECRET)
    assert again.stderr.startswith(f"error[already-locked]: {key} is locked already")
    done = desk("keys", "unlock", key, secret=SECRET)
    assert done.returncode == 0
    assert key.read_text() == before


def test_a_poor_passphrase_locks_nothing(desk: Desk, key: Path) -> None:
    before = key.read_bytes()
    for secret, said in (
        (b"short", "a passphrase has at least 12 characters"),
        (b"", "gives no passphrase"),
        (b"x" * 1025, "gives too long a passphrase"),
    ):
        refused = desk("keys", "lock", key, secret=secret)
        assert refused.returncode == 2
        assert refused.stderr.startswith("error[bad-passphrase]: ")
        assert said in refused.stderr
    (key.parent / "public.card").write_text("x")
    card = desk("keys", "lock", key, key.parent / "public.card", secret=SECRET)
    assert card.stderr.startswith("error[bad-key]: ")
    assert key.read_bytes() == before
