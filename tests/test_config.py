"""Settings: each kind of mistake is refused with the path of the setting that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from govchaind.base import limits
from govchaind.base.errors import InvalidSetting
from govchaind.config import (
    Config,
    load_config,
    parse_config,
    render_config,
    settings,
    split_address,
)

FOLDER = Path("/nodes/north")


def test_an_empty_file_gives_the_defaults() -> None:
    config = parse_config("", folder=FOLDER)

    assert config.peer.listen == "127.0.0.1:7400"
    assert config.api.connections_max == limits.HTTP_CONNECTIONS_MAX
    assert config.raft.heartbeat_seconds == limits.HEARTBEAT_SECONDS
    assert config.raft.election_timeout_seconds_max == limits.ELECTION_TIMEOUT_SECONDS_MAX


def test_relative_paths_count_from_the_files_folder() -> None:
    config = parse_config('[storage]\ndirectory = "disk"', folder=FOLDER)

    assert config.data_directory == FOLDER
    assert config.store_directory == FOLDER / "disk"


def test_absolute_paths_stay() -> None:
    config = parse_config('[storage]\ndirectory = "/fast/store"', folder=FOLDER)

    assert config.store_directory == Path("/fast/store")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[peer]\nlisen = "a:1"', "unknown setting peer.lisen; did you mean peer.listen?"),
        ("[stroage]\n", "unknown setting stroage; did you mean the section [storage]?"),
        ("grace_seconds = 1", "unknown setting grace_seconds; did you mean shutdown."),
        ("[api]\nzzz = 1", "unknown setting api.zzz"),
        ("[api]\nconnections_max = 0", "api.connections_max: must be an integer at least 1"),
        ("[api]\nreading_needs_token = true", "without api.token_file would shut everybody out"),
        ("[api]\nrequests_per_second_max = -1", "api.requests_per_second_max: must be a number"),
        (
            '[api]\ntokens_file = "t"',
            "unknown setting api.tokens_file; did you mean api.token_file",
        ),
        ("[api]\nconnections_max = true", "api.connections_max: must be an integer"),
        ('[peer]\nlisten = "7400"', "peer.listen: must be host:port, such as"),
        ('[peer]\nlisten = "a:70000"', "peer.listen: a:70000 has no port of 0 to 65535"),
        ('[peer]\ndial = ["nowhere"]', "peer.dial[0]: must be list of host:port"),
        ('[log]\nlevel = "loud"', "log.level: must be one of debug, info, warning, error"),
        ('[node]\nname = "North 1"', "node.name: a name is 1 to 32 of a-z"),
        ("[storage]\nmap_bytes_max = 5", "storage.map_bytes_max: must be an integer at least"),
        ("[storage]\nkeep_blocks = -1", "storage.keep_blocks: must be an integer at least 0"),
        (
            '[trace]\nendpoint = "10.0.0.1:4318"',
            "trace.endpoint: must be an address like",
        ),
        ('[trace]\nendpoint = "http://a:b@c"', "trace.endpoint: must be an address without a pass"),
        ("[trace]\nratio = 1.5", "trace.ratio: must be a number at least 0, at most 1"),
        ("[trace]\nratio = nan", "trace.ratio: must be a number at least 0, at most 1"),
        ('[storage]\narchived_at = "a\\nb"', "storage.archived_at: one line of 1 to 512 bytes"),
        ("[shutdown]\ngrace_seconds = nan", "shutdown.grace_seconds"),
        (
            "[raft]\nelection_timeout_seconds_min = 4.0",
            "raft.election_timeout_seconds_min must be below",
        ),
        ("[raft]\nheartbeat_seconds = 1.0", "raft.heartbeat_seconds must be at most half"),
        (
            '[metrics]\nlisten = "127.0.0.1:7500"',
            "metrics.listen and api.listen are both 127.0.0.1:7500",
        ),
        ("listen :", "is not valid TOML"),
    ],
)
def test_a_wrong_setting_is_named_by_its_path(text: str, expected: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        parse_config(text, folder=FOLDER, source="govchaind.toml")

    assert expected in caught.value.message
    assert caught.value.message.startswith("govchaind.toml")


def test_two_listeners_may_both_ask_for_any_port() -> None:
    text = '[api]\nlisten = "127.0.0.1:0"\n[metrics]\nlisten = "127.0.0.1:0"'

    assert parse_config(text, folder=FOLDER).api.listen == "127.0.0.1:0"


def test_a_file_that_cannot_be_read_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="cannot read the settings file"):
        load_config(tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "govchaind.toml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(InvalidSetting, match="not UTF-8"):
        load_config(path)


def test_every_setting_says_what_it_means() -> None:
    table = settings()

    sections = Config.__struct_fields__
    assert [section for section in sections if any(s.path.startswith(section) for s in table)] == [
        *sections
    ]
    assert [setting.path for setting in table if not setting.meaning.endswith(".")] == []


def test_a_rendered_file_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "govchaind.toml"
    path.write_text(
        render_config({"node.name": "north", "peer.dial": ("a:1", "b:2"), "log.level": "debug"})
    )

    config = load_config(path)

    assert (config.node.name, config.peer.dial) == ("north", ("a:1", "b:2"))
    assert config.log.level == "debug"
    assert config.data_directory == tmp_path


def test_every_rendered_comment_is_a_setting_that_reads() -> None:
    text = render_config({})
    uncommented = "\n".join(line.removeprefix("# ") for line in text.splitlines()[1:])

    assert parse_config(uncommented, folder=FOLDER) == parse_config("", folder=FOLDER)


def test_an_address_splits_into_host_and_port() -> None:
    assert split_address("[::1]:7400") == ("::1", 7400)
    assert split_address("node.example:80") == ("node.example", 80)
