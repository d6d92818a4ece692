"""One TOML file becomes one frozen `Config`; its settings are declared in `config_sections.py`.

Rules: an unknown name is refused (and the nearest known one suggested), a wrong value is refused
with its path, and relative paths count from the file's folder, so a node directory can be moved.
Only `node.py` and `cli/` see the whole `Config`; others get the values that they use. No setting
comes from the environment, and nothing secret is a setting: keys are files of their own
(`identity.py`).
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import ARCHIVED_AT_BYTES_MAX
from govchaind.config_sections import (
    ADDRESS,
    ApiSection,
    AttestationSection,
    DeliverySection,
    LogSection,
    MetricsSection,
    NodeSection,
    PeerSection,
    RaftSection,
    ShutdownSection,
    SnapshotSection,
    StorageSection,
    TraceSection,
)
from govchaind.tracing.collector import traces_address

CONFIG_FILE = "govchaind.toml"
CONFIG_BYTES_MAX = 256 * 1024

_NAME = r"^[a-z0-9][a-z0-9-]{0,31}$"


class Config(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole of a node's settings; paths in it are absolute once `load_config` returned it."""

    node: NodeSection = NodeSection()
    peer: PeerSection = PeerSection()
    api: ApiSection = ApiSection()
    metrics: MetricsSection = MetricsSection()
    storage: StorageSection = StorageSection()
    delivery: DeliverySection = DeliverySection()
    snapshot: SnapshotSection = SnapshotSection()
    log: LogSection = LogSection()
    trace: TraceSection = TraceSection()
    shutdown: ShutdownSection = ShutdownSection()
    attestation: AttestationSection = AttestationSection()
    raft: RaftSection = RaftSection()

    @property
    def data_directory(self) -> Path:
        """The folder of keys, genesis, guard and store."""
        return Path(self.node.data_directory)

    @property
    def store_directory(self) -> Path:
        """The folder of the store."""
        return Path(self.storage.directory)


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table of settings."""

    path: str
    kind: str
    default: Any
    bounds: str
    meaning: str


def load_config(path: Path) -> Config:
    """Read a settings file.

    Raises:
        InvalidSetting: not readable, not TOML, an unknown name, a wrong value.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidSetting(
            f"cannot read the settings file {path}: {error.strerror}",
            remedy="Name a node directory made by `govchaind init`, or its govchaind.toml.",
        ) from None
    if len(data) > CONFIG_BYTES_MAX:
        raise InvalidSetting(f"{path} is larger than {CONFIG_BYTES_MAX} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise InvalidSetting(f"{path} is not UTF-8 text") from None
    return parse_config(text, folder=path.resolve().parent, source=str(path))


def parse_config(text: str, *, folder: Path, source: str = "settings") -> Config:
    """Return the settings in `text`; relative paths count from `folder`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidSetting(f"{source} is not valid TOML: {error}") from None
    except RecursionError:
        raise InvalidSetting(f"{source} is not valid TOML: it nests too deeply") from None
    try:
        config = msgspec.convert(table, Config, strict=True)
    except msgspec.ValidationError as error:
        raise InvalidSetting(_explain(str(error), source)) from None
    _check_together(config, source)
    data_directory = (folder / config.node.data_directory).resolve()
    store = (data_directory / config.storage.directory).resolve()
    deliveries = (data_directory / config.delivery.directory).resolve()
    archive = config.storage.archive_directory
    if archive is not None:
        archive = str((data_directory / archive).resolve())
    sides = (data_directory / config.delivery.side_directory).resolve()
    tokens = config.api.token_file
    if tokens is not None:
        tokens = str((data_directory / tokens).resolve())
    sockets = {
        name: str((data_directory / value).resolve())
        for name in ("signer", "next_signer")
        if (value := getattr(config.attestation, name)) is not None
    }
    return msgspec.structs.replace(
        config,
        attestation=msgspec.structs.replace(config.attestation, **sockets),
        api=msgspec.structs.replace(config.api, token_file=tokens),
        node=msgspec.structs.replace(config.node, data_directory=str(data_directory)),
        storage=msgspec.structs.replace(
            config.storage, directory=str(store), archive_directory=archive
        ),
        delivery=msgspec.structs.replace(
            config.delivery, directory=str(deliveries), side_directory=str(sides)
        ),
    )


def _explain(message: str, source: str) -> str:
    """Turn msgspec's message into one that names the setting by path and suggests the nearest."""
    head, _, place = message.partition(" - at `$")
    path = place.rstrip("`").lstrip(".")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", head)
    if unknown is None:
        wanted = _wanted(path) or head[:1].lower() + head[1:]
        return f"{source}: {path or 'the file'}: {wanted}"
    name = unknown.group(1)
    full = f"{path}.{name}" if path else name
    return f"{source}: unknown setting {full}" + _suggestion(path, name)


def _suggestion(section: str, name: str) -> str:
    candidates = [setting.path for setting in settings()]
    if section:
        here = [path.partition(".")[2] for path in candidates if path.startswith(f"{section}.")]
        near = difflib.get_close_matches(name, here, n=1, cutoff=0.5)
        if near:
            return f"; did you mean {section}.{near[0]}?"
    else:
        sections = sorted({path.partition(".")[0] for path in candidates})
        near = difflib.get_close_matches(name, sections, n=1, cutoff=0.5)
        if near:
            return f"; did you mean the section [{near[0]}]?"
    elsewhere = [path for path in candidates if path.rpartition(".")[2] == name]
    return f"; did you mean {elsewhere[0]}?" if elsewhere else ""


def _wanted(path: str) -> str:
    """Say in words what a known setting must be; empty for what is no setting."""
    plain = re.sub(r"\[.*?\]", "", path)
    for setting in settings():
        if setting.path != plain:
            continue
        if setting.kind.endswith("host:port"):
            return f'must be {setting.kind}, such as "127.0.0.1:7400"'
        return f"must be {setting.kind} {setting.bounds}".rstrip()
    return ""


def check_archived_at(text: str, what: str) -> None:
    """Raise InvalidSetting unless `text` may be told to whoever asks for a removed block."""
    if not text.isprintable() or not 1 <= len(text.encode()) <= ARCHIVED_AT_BYTES_MAX:
        raise InvalidSetting(f"{what}: one line of 1 to {ARCHIVED_AT_BYTES_MAX} bytes")


def _check_together(config: Config, source: str) -> None:
    """Refuse values that are each possible but not together."""
    name = config.node.name
    if name is not None and not re.fullmatch(_NAME, name):
        raise InvalidSetting(
            f"{source}: node.name: a name is 1 to 32 of a-z, 0-9 and '-', not {name!r}"
        )
    for path, address in addresses(config):
        if not re.fullmatch(ADDRESS, address):
            raise InvalidSetting(f"{source}: {path}: must be host:port, not {address!r}")
        if int(address.rpartition(":")[2]) > 65_535:
            raise InvalidSetting(f"{source}: {path}: {address} has no port of 0 to 65535")
    if config.api.reading_needs_token and config.api.token_file is None:
        raise InvalidSetting(
            f"{source}: api.reading_needs_token without api.token_file would shut everybody out"
        )
    if config.storage.archived_at is not None:
        check_archived_at(config.storage.archived_at, f"{source}: storage.archived_at")
    if config.trace.endpoint is not None:
        try:
            traces_address(config.trace.endpoint)
        except InvalidSetting as error:
            raise InvalidSetting(f"{source}: trace.endpoint: {error.message}") from None
    raft = config.raft
    if raft.election_timeout_seconds_min >= raft.election_timeout_seconds_max:
        raise InvalidSetting(
            f"{source}: raft.election_timeout_seconds_min must be below "
            "raft.election_timeout_seconds_max; equal time-outs make elections collide"
        )
    if raft.heartbeat_seconds * 2 > raft.election_timeout_seconds_min:
        raise InvalidSetting(
            f"{source}: raft.heartbeat_seconds must be at most half of "
            "raft.election_timeout_seconds_min; else a calm network holds elections"
        )
    listeners: dict[str, str] = {}
    for path, address in addresses(config):
        if path == "peer.dial" or address.endswith(":0"):
            continue
        if address in listeners:
            raise InvalidSetting(
                f"{source}: {path} and {listeners[address]} are both {address}; "
                "each listener needs a port of its own"
            )
        listeners[address] = path


def addresses(config: Config) -> Iterator[tuple[str, str]]:
    """Yield each setting that is an address, with its value."""
    yield "peer.listen", config.peer.listen
    for address in config.peer.dial:
        yield "peer.dial", address
    yield "api.listen", config.api.listen
    if config.metrics.enabled:
        yield "metrics.listen", config.metrics.listen
    if config.delivery.enabled and config.delivery.listen is not None:
        yield "delivery.listen", config.delivery.listen


def split_address(address: str) -> tuple[str, int]:
    """Return host (without brackets) and port of "host:port"."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def settings() -> list[Setting]:
    """Return every setting with its kind, default, bounds and meaning, in the file's order."""
    table = []
    for section, section_type in get_type_hints(Config).items():
        hints = get_type_hints(section_type, include_extras=True)
        defaults = section_type()
        for name, hint in hints.items():
            base, *notes = get_args(hint)
            meta: Meta = notes[0]
            table.append(
                Setting(
                    path=f"{section}.{name}",
                    kind=_kind(base, meta),
                    default=getattr(defaults, name),
                    bounds=_bounds(base, meta),
                    meaning=meta.description or "",
                )
            )
    return table


def _kind(base: Any, meta: Meta) -> str:
    if meta.pattern == ADDRESS or (meta.description or "").startswith("host:port"):
        return "host:port"
    if get_origin(base) is Literal:
        return "one of"
    if get_origin(base) is tuple:
        return "list of host:port"
    names = {int: "an integer", float: "a number", bool: "true or false", str: "text"}
    return names.get(base, "text")


def _bounds(base: Any, meta: Meta) -> str:
    if get_origin(base) is Literal:
        return ", ".join(get_args(base))
    low = f"more than {meta.gt}" if meta.gt is not None else None
    low = f"at least {meta.ge}" if meta.ge is not None else low
    high = f"at most {meta.le}" if meta.le is not None else None
    return ", ".join(part for part in (low, high) if part)


def value_of(config: Config, path: str) -> Any:
    """Return a setting's value by its path ("log.level")."""
    section, _, name = path.partition(".")
    return getattr(getattr(config, section), name)


def with_value(config: Config, path: str, value: Any) -> Config:
    """Return the settings with another value, which `parse_config` has judged, at a path."""
    section, _, name = path.partition(".")
    changed = msgspec.structs.replace(getattr(config, section), **{name: value})
    return msgspec.structs.replace(config, **{section: changed})


def toml_value(value: Any) -> str:
    """Return a setting's value as TOML text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return repr(value)


def render_config(chosen: dict[str, Any]) -> str:
    """Return a settings file: `chosen` (path → value) in force, all others shown as comments."""
    lines = [
        "# Settings of one govchaind node; `govchaind config --explain` tells what each means."
    ]
    section = ""
    for setting in settings():
        head, _, name = setting.path.partition(".")
        if head != section:
            section = head
            lines += ["", f"[{section}]"]
        if setting.path in chosen:
            lines.append(f"{name} = {toml_value(chosen[setting.path])}")
        elif setting.default is not None:
            lines.append(f"# {name} = {toml_value(setting.default)}")
    return "\n".join(lines) + "\n"
