"""What the older release says of its formats still holds, and what came later waits for a vote."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from govchaind.ledger import versions
from govchaind.runtime.speech import FIRST_NUMBERS
from tests.releases import told as telling
from tests.releases.older import RECORD, WHEEL_BYTES_MAX, OlderRelease, wheel
from tests.releases.told import told

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", name="older")
def what_the_older_says(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    release = OlderRelease(tmp_path_factory.mktemp("releases") / "older")
    said: dict[str, Any] = json.loads(release.python(str(telling.__file__)))
    return said


def test_the_wheel_is_the_one_that_was_built_and_small() -> None:
    assert wheel().stat().st_size < WHEEL_BYTES_MAX
    assert [path.name for path in wheel().parent.glob("*.whl")] == [wheel().name]
    assert re.fullmatch(r"[0-9a-f]{40}", RECORD["commit"])
    assert RECORD["tag"] == f"v{RECORD['version']}"
    assert f"\n## {RECORD['version']} (" in (ROOT / "CHANGELOG.md").read_text()


OPENS = """
from govchaind.base.encoding import encode
from govchaind.base.keyvalue import MemoryReader, WriteBatch
from govchaind.replica.store import FORMAT_KEY, check_store
reader, batch = MemoryReader(), WriteBatch()
batch.put(FORMAT_KEY, encode(2))
reader.apply(batch)
try:
    check_store(reader, None)
except Exception as error:
    print(error.code, error, error.remedy)
"""


def test_the_older_release_refuses_a_store_that_does_not_begin_with_block_1(
    tmp_path: Path,
) -> None:
    said = OlderRelease(tmp_path / "older").python("-c", OPENS)
    assert said.startswith("store-format the store has format 2; this release reads format 1")
    assert "Start it with the release that made it" in said


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def test_this_code_is_of_a_later_release_and_says_so_everywhere() -> None:
    here = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert numbers(here) > numbers(RECORD["version"])
    assert version("govchaind") == here


@pytest.mark.parametrize("what", ["operations", "motions", "parameters", "outcomes", "messages"])
def test_what_the_older_release_has_means_the_same_here(older: dict[str, Any], what: str) -> None:
    here = json.loads(json.dumps(told()))[what]
    changed = {key: value for key, value in older[what].items() if here.get(key) != value}
    assert changed == {}


def test_bounds_that_blocks_are_judged_by_and_single_numbers_are_the_same(
    older: dict[str, Any],
) -> None:
    here = json.loads(json.dumps(told()))
    assert len(older["limits"]) > 10
    for what in ("limits", "single"):
        changed = {key: value for key, value in older[what].items() if here[what].get(key) != value}
        assert changed == {}, what


def test_version_1_of_the_ledger_and_the_first_messages_are_what_the_older_release_has(
    older: dict[str, Any],
) -> None:
    assert {int(kind) for kind in older["operations"]} == versions.OPERATIONS_OF[1]
    assert {int(kind) for kind in older["motions"]} == versions.MOTIONS_OF[1]
    assert set(older["parameters"]) == versions.PARAMETERS_OF[1]
    assert {int(number) for number in older["messages"]} == FIRST_NUMBERS
