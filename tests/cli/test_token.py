"""`govchaind token new`, and commands that show a token to a node."""

from __future__ import annotations

import stat
from pathlib import Path

from govchaind.api.tokens import digest_of, find_token, read_tokens
from tests.cli.command import Command


def test_a_token_is_printed_once_and_only_its_hash_is_kept(
    govchaind: Command, tmp_path: Path
) -> None:
    path = tmp_path / "tokens"
    first = govchaind("token", "new", "portal", "--file", path)
    second = govchaind("token", "new", "watcher", "--scope", "read", "--file", path, "--json")

    assert first.code == 0
    assert second.json["scopes"] == ["read"]
    text = first.output.strip()
    assert text not in path.read_text()
    assert text not in first.errors
    tokens = read_tokens(path)
    found = find_token(tokens, text)
    assert found is not None
    assert (found.name, found.digest) == ("portal", digest_of(text))
    assert found.scopes == {"read", "submit"}
    assert tokens[1].digest == digest_of(second.json["token"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_is_the_one_that_the_settings_name(govchaind: Command, tmp_path: Path) -> None:
    (tmp_path / "govchaind.toml").write_text('[api]\ntoken_file = "clients"\n')

    assert govchaind("token", "new", "portal", "--directory", tmp_path).code == 0
    assert [token.name for token in read_tokens(tmp_path / "clients")] == ["portal"]


def test_what_is_wrong_is_said_on_one_line(govchaind: Command, tmp_path: Path) -> None:
    (tmp_path / "govchaind.toml").write_text("[api]\n")
    path = tmp_path / "tokens"
    govchaind("token", "new", "portal", "--file", path)
    before = path.read_text()
    (tmp_path / "spoilt").write_text("portal\n")

    unset = govchaind("token", "new", "portal", "--directory", tmp_path)
    twice = govchaind("token", "new", "portal", "--file", path)
    name = govchaind("token", "new", "Portal 1", "--file", path)
    spoilt = govchaind("token", "new", "portal", "--file", tmp_path / "spoilt")
    shown = govchaind("status", "--url", "http://127.0.0.1:1", "--token-file", tmp_path / "nothing")

    assert [ended.code for ended in (unset, twice, name, spoilt, shown)] == [2] * 5
    assert "api.token_file" in unset.errors
    assert "already" in twice.errors
    assert "line 1" in spoilt.errors
    assert "no file with a token" in shown.errors
    assert path.read_text() == before


def test_a_file_without_a_last_line_end_is_added_to(govchaind: Command, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    govchaind("token", "new", "one", "--file", path)
    path.write_text(path.read_text().rstrip("\n"))

    assert govchaind("token", "new", "two", "--file", path).code == 0
    assert [token.name for token in read_tokens(path)] == ["one", "two"]
