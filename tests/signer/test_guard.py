"""The signer's guard: one statement a height, nothing lower, durable, and never begun by itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govchaind.base.crypto import SigningKey
from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidSetting
from govchaind.ledger.statement import Statement
from govchaind.signer import guard as guard_module
from govchaind.signer.guard import REMEMBERED_MAX, SignerGuard, begin_guard, open_guard

KEY = SigningKey(bytes(32))
CHAIN = b"\x01" * 32


def statement(height: int, content: int = 0, chain: bytes = CHAIN) -> bytes:
    block = bytes([content]) * 32
    return Statement(chain, height, block, bytes(32), None, bytes(32)).encode()


@pytest.fixture(name="path")
def a_place_for_a_guard(tmp_path: Path) -> Path:
    return tmp_path / "guard"


def test_a_height_is_signed_once_with_one_content(path: Path) -> None:
    guard = begin_guard(path, KEY.public, 0)
    assert guard.judge([statement(5)]) == [""]
    assert guard.judge([statement(5)]) == [""]
    assert guard.judge([statement(5, 1)]) == ["another statement of height 5 is signed"]


def test_nothing_lower_is_signed_but_what_was_signed_before(path: Path) -> None:
    guard = begin_guard(path, KEY.public, 0)
    assert guard.judge([statement(5), statement(7)]) == ["", ""]
    refused = "height 6 is not above 7, up to which it has signed"
    assert guard.judge([statement(6), statement(5), statement(8)]) == [refused, "", ""]


def test_a_batch_is_judged_in_its_order(path: Path) -> None:
    guard = begin_guard(path, KEY.public, 0)
    reasons = guard.judge([statement(2), statement(2, 1), statement(1), statement(3)])
    assert [reason == "" for reason in reasons] == [True, False, False, True]


def test_what_was_signed_is_known_after_a_restart(path: Path) -> None:
    begin_guard(path, KEY.public, 0).judge([statement(5), statement(7)])
    again = open_guard(path, KEY.public)
    assert (again.highest, again.chain_id) == (7, CHAIN)
    assert again.judge([statement(7, 1), statement(6), statement(7), statement(5)]) == [
        "another statement of height 7 is signed",
        "height 6 is not above 7, up to which it has signed",
        "",
        "",
    ]


def test_a_guard_that_begins_above_a_height_signs_nothing_up_to_it(path: Path) -> None:
    begin_guard(path, KEY.public, 100)
    guard = open_guard(path, KEY.public)
    assert guard.judge([statement(100)]) == [
        "height 100 is not above 100, up to which it has signed"
    ]
    assert guard.judge([statement(101)]) == [""]


def test_another_chain_and_what_is_no_statement_are_refused(path: Path) -> None:
    guard = begin_guard(path, KEY.public, 0)
    guard.judge([statement(1)])
    assert guard.judge([statement(2, chain=bytes(32))]) == ["a statement of another chain"]
    [reason] = guard.judge([encode(["pay", "me"])])
    assert reason.startswith("not a statement: ")
    assert guard.highest == 1


def test_no_more_is_remembered_than_is_bounded(path: Path) -> None:
    guard = begin_guard(path, KEY.public, 0)
    count = REMEMBERED_MAX + 10
    for height in range(1, count + 1):
        assert guard.judge([statement(height)]) == [""]
    again = open_guard(path, KEY.public)
    first = count - REMEMBERED_MAX + 1
    assert again.judge([statement(first)]) == [""]
    [reason] = again.judge([statement(first - 1)])
    assert "is not above" in reason


def test_what_could_not_be_written_is_not_signed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = begin_guard(path, KEY.public, 0)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(guard_module, "replace_file", full)
        with pytest.raises(OSError, match="No space"):
            guard.judge([statement(1)])
    assert guard.judge([statement(1, 1)]) == [""]  # the first one was never signed
    assert guard.judge([statement(1)]) == ["another statement of height 1 is signed"]


def test_it_is_on_disk_before_it_answers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = begin_guard(path, KEY.public, 0)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    guard.judge([statement(1), statement(2)])
    assert len(synced) == 2  # the file and its folder, once for both
    guard.judge([statement(1)])
    assert len(synced) == 2  # nothing is new


def damaged(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("spoil", [damaged, lambda _: b"", lambda data: data[:-3]])
def test_a_damaged_guard_is_refused(path: Path, spoil: Callable[[bytes], bytes]) -> None:
    begin_guard(path, KEY.public, 0).judge([statement(1)])
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InvalidSetting, match="is damaged") as caught:
        open_guard(path, KEY.public)
    assert caught.value.code == "bad-guard"


def test_a_guard_is_neither_missing_nor_begun_twice_nor_of_another_key(path: Path) -> None:
    with pytest.raises(InvalidSetting) as caught:
        open_guard(path, KEY.public)
    assert caught.value.code == "no-guard"
    begin_guard(path, KEY.public, 0)
    with pytest.raises(InvalidSetting) as caught:
        begin_guard(path, KEY.public, 0)
    assert caught.value.code == "already-there"
    with pytest.raises(InvalidSetting) as caught:
        open_guard(path, SigningKey(b"\x01" * 32).public)
    assert caught.value.code == "wrong-key"


def test_one_signer_works_with_a_guard(path: Path) -> None:
    begin_guard(path, KEY.public, 0)
    first, second = open_guard(path, KEY.public), open_guard(path, KEY.public)
    first.lock()
    with pytest.raises(InvalidSetting, match="another signer works") as caught:
        second.lock()
    assert caught.value.code == "guard-in-use"
    first.close()
    second.lock()
    second.close()


@settings(max_examples=60, deadline=None)  # each example syncs a disk
@given(asked=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 2), st.booleans()), max_size=40))
def test_no_order_of_questions_and_restarts_makes_it_sign_two(
    asked: list[tuple[int, int, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("guard") / "guard"
    guard: SignerGuard = begin_guard(path, KEY.public, 0)
    signed: dict[int, int] = {}
    newest = 0
    for height, content, restart in asked:
        if restart:
            guard = open_guard(path, KEY.public)
        if guard.judge([statement(height, content)]) == [""]:
            assert signed.setdefault(height, content) == content
            assert height > newest or height in signed
            newest = max(newest, height)
    assert guard.highest == newest
