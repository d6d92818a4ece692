"""What one's own machine keeps of a delivery: keys, folders, and names that come from outside."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from govchaind.base.errors import Invalid, InvalidProof, InvalidSetting
from govchaind.client.delivery_folder import DeliveryFolder, destroy
from govchaind.client.delivery_keyfile import new_delivery_key, read_delivery_key
from govchaind.client.incoming import Expected, open_into, plain_name, take
from govchaind.client.sealing import DeliveryKey, new_letter, seal
from govchaind.identity import write_private
from govchaind.ledger.sealed_file import Place

SECRET = b"secret of the branch".ljust(32, b".")
KEY = DeliveryKey(SECRET)
DELIVERY = ("bank", "loan-7", 1)
PLACE = Place(bytes(32), *DELIVERY, ("ministry", "head"), ("bank", "branch"))
CONTENT = b"4711,married\n" * 9000


def sealed(path: Path, content: bytes = CONTENT, name: str = "loans.csv") -> Expected:
    """Seal to `path`; return what the ledger would say of it."""
    (path.parent / "source").write_bytes(content)
    letter = new_letter(name, len(content), 9000, os.urandom)
    with (path.parent / "source").open("rb") as source, path.open("wb") as target:
        made = seal(
            source, target, place=PLACE, letter=letter, receiver_key=KEY.public, entropy=os.urandom
        )
    return Expected(PLACE, made.commitment, made.digest, made.size, made.rows, received=False)


# --- keys -----------------------------------------------------------------------------------------


def test_a_delivery_key_is_written_read_and_never_shown(tmp_path: Path) -> None:
    made = new_delivery_key("bank", "branch", SECRET)
    path = tmp_path / "branch.delivery-key"
    write_private(path, made.text())
    assert path.stat().st_mode & 0o077 == 0
    read = read_delivery_key(path)
    assert (read, read.key.public) == (made, KEY.public)
    assert SECRET.hex() not in repr(read)
    with pytest.raises(InvalidSetting):
        new_delivery_key("Bank", "branch", SECRET)


def test_what_is_no_delivery_key_is_refused(tmp_path: Path) -> None:
    good = new_delivery_key("bank", "branch", SECRET).text()
    path = tmp_path / "key"
    for text, code in (
        ("nonsense", "bad-key"),
        (good.replace('office = "branch"', 'office = "B"'), "bad-key"),
        (good + 'more = "x"\n', "bad-key"),
        (good.replace(SECRET.hex(), SECRET.hex()[2:]), "bad-key"),
        (good.replace(SECRET.hex(), "00" * 32), "wrong-key"),
    ):
        path.unlink(missing_ok=True)
        write_private(path, text)
        with pytest.raises(InvalidSetting) as caught:
            read_delivery_key(path)
        assert caught.value.code == code, text
    path.write_text(good)
    path.chmod(0o640)
    with pytest.raises(InvalidSetting) as caught:
        read_delivery_key(path)
    assert caught.value.code == "key-readable"
    with pytest.raises(InvalidSetting) as caught:
        read_delivery_key(tmp_path / "nothing")
    assert caught.value.code == "no-key-file"


# --- the folder -----------------------------------------------------------------------------------


def test_the_folder_is_the_owners_and_keeps_what_was_noted(tmp_path: Path) -> None:
    folder = DeliveryFolder(tmp_path / "d", "in", DELIVERY)
    assert folder.facts() == {}
    folder.note(size=5)
    assert folder.note(done=True) == {"size": 5, "done": True}
    folder.keep_content_key(b"k" * 32)
    assert folder.path.stat().st_mode & 0o077 == 0
    assert folder.content_key.stat().st_mode & 0o077 == 0
    assert json.loads((folder.path / "facts.json").read_text()) == {"size": 5, "done": True}
    (folder.path / "facts.json").write_text("[")
    with pytest.raises(InvalidSetting) as caught:
        folder.facts()
    assert caught.value.code == "bad-facts"
    folder.keep_transaction(b"raw")
    folder.give_up()
    assert (folder.transaction.exists(), folder.content_key.exists()) == (False, True)
    out = DeliveryFolder(tmp_path / "d", "out", DELIVERY)
    out.keep_transaction(b"raw")
    out.give_up()
    assert not out.path.exists()


@pytest.mark.parametrize(
    "delivery", [("../x", "loan-7", 1), ("bank", "a/b", 1), ("bank", "", 1), ("bank", "loan-7", 0)]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, delivery: tuple[str, str, int]) -> None:
    with pytest.raises(InvalidSetting):
        DeliveryFolder(tmp_path, "in", delivery)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidSetting) as caught:
        DeliveryFolder(tmp_path / "file", "in", DELIVERY).make()
    assert caught.value.code == "no-folder"


def test_what_is_destroyed_was_overwritten_first(tmp_path: Path) -> None:
    path, link = tmp_path / "content.key", tmp_path / "link"
    path.write_bytes(SECRET)
    os.link(path, link)  # the same bytes on the disk under another name
    assert destroy(path) is True
    assert not path.exists()
    assert (len(link.read_bytes()), SECRET in link.read_bytes()) == (len(SECRET), False)
    assert destroy(path) is False
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidSetting) as caught:
        destroy(tmp_path / "folder")
    assert caught.value.code == "not-destroyed"


# --- taking and opening ---------------------------------------------------------------------------


def test_a_file_by_another_channel_is_taken_only_if_it_is_the_recorded_one(tmp_path: Path) -> None:
    wanted = sealed(tmp_path / "courier")
    folder = DeliveryFolder(tmp_path / "d", "in", DELIVERY)
    with pytest.raises(InvalidProof) as caught:
        take(folder, tmp_path / "courier", bytes(32))
    assert (caught.value.code, folder.part.exists()) == ("not-the-recorded-file", False)
    take(folder, tmp_path / "courier", wanted.sealed)
    assert folder.sealed.read_bytes() == (tmp_path / "courier").read_bytes()
    with pytest.raises(InvalidSetting):
        take(folder, tmp_path / "nothing", wanted.sealed)


def ready(tmp_path: Path, **letter: Any) -> tuple[DeliveryFolder, Expected]:
    wanted = sealed(tmp_path / "courier", **letter)
    folder = DeliveryFolder(tmp_path / "d", "in", DELIVERY)
    take(folder, tmp_path / "courier", wanted.sealed)
    return folder, wanted


def test_the_plain_file_appears_whole_and_never_in_place_of_another(tmp_path: Path) -> None:
    folder, wanted = ready(tmp_path)
    output = tmp_path / "out.csv"
    with pytest.raises(InvalidSetting) as caught:
        open_into(folder, output, wanted, None)
    assert caught.value.code == "no-key-file"
    with pytest.raises(Invalid):
        open_into(folder, output, wanted, DeliveryKey(b"other".ljust(32, b".")))
    assert (output.exists(), folder.content_key.exists()) == (False, False)
    path, opened = open_into(folder, output, wanted, KEY)
    assert (path, output.read_bytes(), opened.letter.rows) == (output, CONTENT, 9000)
    assert output.stat().st_mode & 0o077 == 0
    with pytest.raises(InvalidSetting) as caught:
        open_into(folder, output, wanted, KEY)
    assert caught.value.code == "already-there"
    again, _ = open_into(folder, tmp_path / "again.csv", wanted, None)  # by the content key
    assert again.read_bytes() == CONTENT
    with pytest.raises(InvalidSetting) as caught:
        open_into(folder, tmp_path / "no" / "out.csv", wanted, KEY)
    assert caught.value.code == "no-folder"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_file_that_is_not_what_was_committed_to_never_appears(tmp_path: Path) -> None:
    folder, wanted = ready(tmp_path)
    for wrong in (
        Expected(PLACE, bytes(32), wanted.sealed, wanted.size, wanted.rows, received=False),
        Expected(PLACE, wanted.commitment, wanted.sealed, 1, wanted.rows, received=False),
        Expected(PLACE, wanted.commitment, wanted.sealed, wanted.size, None, received=False),
    ):
        with pytest.raises(InvalidProof) as caught:
            open_into(folder, tmp_path / "out.csv", wrong, KEY)
        assert caught.value.code == "not-what-was-committed"
    assert not (tmp_path / "out.csv").exists()
    assert not folder.content_key.exists()


def test_in_a_folder_it_gets_the_senders_name_if_that_is_only_a_name(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    folder, wanted = ready(tmp_path, name="../../etc/passwd")
    path, _ = open_into(folder, tmp_path / "out", wanted, KEY)
    assert path == tmp_path / "out" / "bank.loan-7.1"
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["bank.loan-7.1"]


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".bashrc", "../x", "a/b", "a\\b", "-rf", "~", "a\0b", "a\nb", "a\x1b[2J",
     "x" * 121, "a:b", "a\u202eb"],
)  # fmt: skip
def test_a_name_from_outside_is_taken_only_if_it_is_harmless(name: str) -> None:
    assert plain_name(name, "otherwise") == "otherwise"


def test_a_harmless_name_is_taken() -> None:
    assert plain_name("住户 2026.csv", "otherwise") == "住户 2026.csv"
