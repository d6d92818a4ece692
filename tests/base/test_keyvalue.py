"""Overlay and MemoryReader against a dictionary."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govchaind.base.keyspace import Table, height_key, named_key
from govchaind.base.keyvalue import KeyValueReader, MemoryReader, Overlay, WriteBatch, prefix_end

KEYS = st.binary(max_size=3).map(lambda key: bytes(byte & 3 for byte in key))
CHANGES = st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=2)), max_size=8)


def batch_of(changes: Sequence[tuple[bytes, bytes | None]]) -> WriteBatch:
    batch = WriteBatch()
    for key, value in changes:
        if value is None:
            batch.delete(key)
        else:
            batch.put(key, value)
    return batch


def applied(batches: Sequence[Sequence[tuple[bytes, bytes | None]]]) -> dict[bytes, bytes]:
    model: dict[bytes, bytes] = {}
    for changes in batches:
        for key, value in changes:
            if value is None:
                model.pop(key, None)
            else:
                model[key] = value
    return model


def check(reader: KeyValueReader, model: dict[bytes, bytes], start: bytes, end: bytes) -> None:
    expected = sorted((key, value) for key, value in model.items() if start <= key < end)
    assert list(reader.scan(start, end)) == expected
    assert list(reader.scan(start, end, reverse=True)) == expected[::-1]
    assert all(reader.get(key) == model.get(key) for key in (start, end, *model))


@given(st.lists(CHANGES, max_size=4), KEYS, KEYS)
def test_an_overlay_shows_what_writing_would(
    batches: list[list[tuple[bytes, bytes | None]]], start: bytes, end: bytes
) -> None:
    model = applied(batches)
    for written in range(len(batches) + 1):
        base = MemoryReader()
        for changes in batches[:written]:
            base.apply(batch_of(changes))
        overlay = Overlay(base, [batch_of(changes) for changes in batches[written:]])
        check(overlay, model, start, end)
        check(Overlay(overlay, []), model, b"", b"\xff")


def test_a_batch_counts_and_the_last_change_wins() -> None:
    batch = WriteBatch()
    assert not batch
    batch.put(b"a", b"12")
    batch.delete(b"a")
    batch.put(b"b", b"1")
    assert (len(batch), batch.bytes, bool(batch)) == (2, 6, True)
    assert batch.changes == {b"a": None, b"b": b"1"}


@given(st.binary(min_size=1, max_size=4), st.binary(max_size=4))
def test_prefix_end_bounds_exactly_the_keys_with_the_prefix(prefix: bytes, key: bytes) -> None:
    assert prefix <= prefix + key < prefix_end(prefix)
    assert key.startswith(prefix) == (prefix <= key < prefix_end(prefix))


def test_every_table_has_a_byte_of_its_own() -> None:
    values = [table.value for table in Table]
    assert len(set(values)) == len(list(Table.__members__))
    assert all(len(value) == 1 for value in values)


@pytest.mark.parametrize("height", [0, 1, 255, 256, (1 << 63) - 1])
def test_heights_sort_as_numbers(height: int) -> None:
    key = height_key(Table.RESULT, height)
    assert (key[:1], int.from_bytes(key[1:], "big")) == (Table.RESULT.value, height)
    assert key < height_key(Table.RESULT, height + 1)
    assert named_key(Table.STATE, b"x") == b"sx"
