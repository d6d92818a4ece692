"""`govchaind config`: the settings in force for a node, or the meaning of all of them."""

from __future__ import annotations

from pathlib import Path

import click

from govchaind.cli.language import language
from govchaind.cli.options import json_option
from govchaind.cli.output import Word, print_json, print_table, told, word
from govchaind.config import CONFIG_FILE, Config, load_config, settings, toml_value


@click.command(short_help="Show the settings of a node, or explain all of them.")
@click.argument("path", required=False, type=click.Path(path_type=Path), metavar="[DIRECTORY|FILE]")
@click.option("--explain", is_flag=True, help="Show every setting with default and meaning.")
@json_option
def config(path: Path | None, explain: bool, as_json: bool) -> None:
    """Check a node's settings and show those in force; with --explain what each means.

    \b
    Example:
      govchaind config my-network/nodes/civil-affairs-1
      govchaind config --explain
    """
    if path is None and not explain:
        raise click.UsageError("name a node's directory or file, or give --explain")
    loaded: Config | None = None
    if path is not None:
        loaded = load_config(path / CONFIG_FILE if path.is_dir() else path)
        _check_files(path, loaded)
    rows = []
    for setting in settings():
        section, _, name = setting.path.partition(".")
        value = getattr(getattr(loaded, section), name) if loaded else setting.default
        rows.append((setting, value))
    if as_json:
        print_json(
            [
                {"path": s.path, "value": value, "default": s.default, "kind": s.kind,
                 "bounds": s.bounds, "meaning": s.meaning}
                for s, value in rows
            ]
        )  # fmt: skip
    elif explain:
        columns = ["setting", word("in force" if loaded else "default"), "kind", "meaning"]
        cells = [[s.path, _shown(v), _kind(s.kind, s.bounds), word(s.meaning)] for s, v in rows]
        print_table("", columns, cells)
    else:
        cells = [[s.path, _shown(v), word("" if v == s.default else "set")] for s, v in rows]
        print_table("", ["setting", "value", ""], cells)


def _check_files(path: Path, loaded: Config) -> None:
    """Judge what the settings name, as a start and a reload would. Raises InvalidSetting."""
    from govchaind.api.tokens import read_tokens
    from govchaind.identity import check_key_files

    if loaded.api.token_file is not None:
        read_tokens(Path(loaded.api.token_file))
    if path.is_dir():
        check_key_files(path)


def _kind(kind: str, bounds: str) -> Word:
    """Return what a setting may be, as a cell."""
    text = f"{kind} {bounds}".strip()
    if language() == "en":
        return Word(text, text)
    parts = bounds.split(", ") if bounds else []
    if kind != "one of":  # those are what is written in the file
        parts = [told(word(part)) for part in parts]
    return Word(text, " ".join([told(word(kind)), *parts]))


def _shown(value: object) -> str:
    return word("(none)") if value is None else toml_value(value)
