"""Which settings change while a node runs, and which wait for the next start."""

from __future__ import annotations

from pathlib import Path

import pytest

from govchaind.base.errors import InvalidSetting
from govchaind.config import parse_config, settings, value_of
from govchaind.reload import CHANGEABLE, compare

FOLDER = Path("/nodes/ada")


def test_what_may_change_changes_and_the_rest_is_named() -> None:
    old = parse_config('[log]\nlevel = "info"\n', folder=FOLDER)
    new = parse_config(
        '[log]\nlevel = "debug"\nformat = "json"\n'
        '[peer]\ndial = ["b:1"]\nlisten = "127.0.0.1:9"\n[api]\nwait_seconds_max = 5.0\n',
        folder=FOLDER,
    )
    found = compare(old, new)
    assert sorted(found.changed) == ["api.wait_seconds_max", "log.level", "peer.dial"]
    assert sorted(found.need_restart) == ["log.format", "peer.listen"]
    assert found.config.log.level == "debug"
    assert found.config.log.format == "auto"
    assert found.config.peer.dial == ("b:1",)
    assert found.config.peer.listen == old.peer.listen
    again = compare(found.config, new)
    assert again.changed == ()
    assert again.need_restart == found.need_restart  # said each time, until it was restarted


def test_the_same_file_changes_nothing() -> None:
    text = '[log]\nlevel = "warning"\n'
    same = compare(parse_config(text, folder=FOLDER), parse_config(text, folder=FOLDER))
    assert (same.changed, same.need_restart) == ((), ())


def test_what_may_change_is_a_setting() -> None:
    assert sorted(CHANGEABLE - {setting.path for setting in settings()}) == []


def test_every_setting_has_a_value_by_its_path() -> None:
    config = parse_config("", folder=FOLDER)
    moved = {
        "node.data_directory",
        "storage.directory",
        "delivery.directory",
        "delivery.side_directory",
    }  # made absolute
    values = {s.path: value_of(config, s.path) for s in settings() if s.path not in moved}
    assert values == {s.path: s.default for s in settings() if s.path not in moved}


def test_a_file_that_nests_without_end_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="nests too deeply"):
        parse_config("a = " + "[" * 100_000, folder=FOLDER)
