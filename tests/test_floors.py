"""The house rules that a machine can see: imports go down, one door a library, bounded lengths.

Source: the floors and the rules beneath them in docs/adr/0001-floors.md.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

FLOORS = {
    "base": 0,
    "raft": 1,
    "ledger": 1,
    "replica": 2,
    "tracing": 3,
    "runtime": 3,
    "api": 4,
    "client": 4,
    "data": 5,
    "exit_pack": 5,
    "backup": 5,
    "bridge": 5,
    "export": 5,
    "recovery": 5,
    "cli": 5,
    "node": 5,
    "production": 5,
    "signer": 5,
    "daemon": 5,
    "reload": 5,
    "config": 5,
    "config_sections": 5,
    "identity": 5,
    "__main__": 5,
}
ALLOWED_BY_FLOOR_RULES = {
    "raft": {"base"},
    "ledger": {"base"},
    "tracing": {"base"},
    "client": {"base", "ledger", "tracing"},
    "data": set(),  # what comes with a pack, and runs where nothing of ours is installed
    "exit_pack": {"base", "ledger", "replica", "runtime", "api", "client", "data"},
    "signer": {"base", "ledger", "runtime"},
    "backup": {"base", "ledger", "replica", "runtime"},
    "bridge": {"base", "ledger", "runtime", "client", "backup"},
    "export": {"base", "ledger", "runtime", "api", "client", "backup", "bridge", "exit_pack"},
    "recovery": {"base", "ledger", "replica", "runtime"},
    "runtime": {"base", "raft", "ledger", "replica", "tracing"},
    "api": {"base", "raft", "ledger", "replica", "runtime"},
}
# Which third-party package may be imported where: a package, or a module of it.
DOORS: dict[str, tuple[str, ...]] = {
    "cbor2": ("govchaind.base.encoding",),
    "msgspec": ("govchaind.base.encoding", "govchaind.config", "govchaind.config_sections",
                "govchaind.ledger", "govchaind.signer", "govchaind.runtime.greetings",
                "govchaind.runtime.signer_frames"),
    "nacl": ("govchaind.base.crypto", "govchaind.client.sealing", "govchaind.client.locked_file",
             "govchaind.client.side_sealing", "govchaind.data.exit.verify"),
    "pyarrow": ("govchaind.exit_pack.tables",),
    "pg8000": ("govchaind.bridge.postgres",),
    "lmdb": tuple(
        f"govchaind.runtime.{name}" for name in ("lmdb_storage", "compaction", "stopped_store")
    ),
    "opentelemetry": ("govchaind.tracing.otlp",),
    "structlog": ("govchaind.runtime.telemetry",),
    "prometheus_client": ("govchaind.runtime", "govchaind.api", "govchaind.bridge.gauges"),
    "cryptography": ("govchaind.runtime.tls",),
    "trio": ("govchaind.runtime", "govchaind.api", "govchaind.client", "govchaind.bridge",
             "govchaind.export", "govchaind.cli",
             "govchaind.node", "govchaind.daemon", "govchaind.signer", "govchaind.__main__",
             "govchaind.backup.keeping"),
    "hypercorn": ("govchaind.api",),
    "fastapi": ("govchaind.api",),
    "starlette": ("govchaind.api",),
    "pydantic": ("govchaind.api",),
    "jinja2": ("govchaind.api",),
    "markupsafe": ("govchaind.api",),
    "babel": ("govchaind.api",),
    "httpx": ("govchaind.client",),
    "click": ("govchaind.cli", "govchaind.__main__"),
    "rich": ("govchaind.cli",),
}  # fmt: skip
# What pure code (floors 0 to 2) may take from the standard library, and nothing else.
PURE_STANDARD = {
    "__future__", "bisect", "hmac", "collections", "contextlib", "copy", "dataclasses", "datetime",
    "enum",
    "functools", "hashlib", "heapq", "itertools", "math", "operator", "random", "re", "struct",
    "types", "typing", "unicodedata",
}  # fmt: skip
# Loops of a generated table or of templates may be long; nothing else is.
LONG_FILES: dict[str, str] = {
    "govchaind.data.exit.verify": "one file, for an auditor to read and to run with nothing else",
}


def sources(*places: str) -> Iterator[tuple[str, Path]]:
    for place in places:
        for path in sorted((ROOT / place).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every import of a file, those in function bodies too, absolute."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            assert node.module is not None
            yield node.lineno, node.module


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def breaches(module: str, imported: str) -> str | None:
    """Say what is wrong with `module` importing `imported`, or None."""
    top = imported.split(".", maxsplit=1)[0]
    here = room(module)
    if top == "netsim":
        return "no floor knows that the simulator exists"
    if top == "govchaind":
        there = room(imported)
        if here in ("", there):
            return None
        if there == "":
            return None
        if FLOORS[there] > FLOORS[here]:
            return f"{here} (floor {FLOORS[here]}) imports upward from {there}"
        allowed = ALLOWED_BY_FLOOR_RULES.get(here)
        if allowed is not None and there not in allowed:
            return f"{here} may not import {there}"
        return None
    if top in sys.stdlib_module_names:
        if FLOORS.get(here, 5) <= 2 and top not in PURE_STANDARD:
            return f"pure code takes no {top}"
        return None
    doors = DOORS.get(top)
    if doors is None:
        return f"unknown package {top}"
    if not any(module == door or module.startswith(door + ".") for door in doors):
        return f"{top} enters through {', '.join(doors)} only"
    return None


def test_imports_go_down() -> None:
    found = [
        f"{module}:{line}: {wrong}"
        for module, path in sources("govchaind")
        for line, imported in imports(path)
        if (wrong := breaches(module, imported)) is not None
    ]
    assert found == []


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("govchaind.raft.core", "govchaind.ledger.block"),
        ("govchaind.base.merkle", "govchaind.raft.log"),
        ("govchaind.replica.pool", "trio"),
        ("govchaind.ledger.apply", "time"),
        ("govchaind.client.client", "govchaind.replica.events"),
        ("govchaind.api.app", "lmdb"),
        ("govchaind.runtime.drive", "netsim.world"),
        ("govchaind.api.app", "requests"),
    ],
)
def test_a_breach_is_seen(module: str, imported: str) -> None:
    assert breaches(module, imported) is not None


def test_every_room_has_a_floor() -> None:
    rooms = {room(module) for module, _ in sources("govchaind")} - {""}
    assert rooms == set(FLOORS)


def test_files_and_functions_are_short() -> None:
    long: list[str] = []
    for module, path in sources("govchaind", "netsim", "tests"):
        lines = path.read_text().count("\n")
        if lines > FILE_LINES_MAX and module not in LONG_FILES:
            long.append(f"{module}: {lines} lines")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    long.append(f"{module}.{node.name}: {length} lines")
    assert long == []


PURE_FORBIDDEN_CALLS = {"open", "print", "input", "breakpoint", "exec", "eval"}
# Days are counted with datetime, but what day it is now is an argument.
_READS_THE_CLOCK = re.compile(r"(datetime\.)?(datetime|date)\.(now|utcnow|today)")


def test_pure_floors_await_nothing_and_draw_nothing() -> None:
    found: list[str] = []
    for module, path in sources("govchaind/base", "govchaind/raft", "govchaind/ledger",
                                "govchaind/replica"):  # fmt: skip
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith):
                found.append(f"{module}:{node.lineno}: asynchronous")
            if isinstance(node, ast.Call):
                target = ast.unparse(node.func)
                if target in PURE_FORBIDDEN_CALLS or _READS_THE_CLOCK.fullmatch(target) or (
                    target.startswith("random.") and target != "random.Random"
                    and module != "govchaind.raft.core"
                ):  # fmt: skip
                    found.append(f"{module}:{node.lineno}: calls {target}")
    assert found == []


def test_no_mutable_state_at_module_level() -> None:
    """Many nodes live in one process (netsim): what a module holds must never change."""
    found: list[str] = []
    for module, path in sources("govchaind"):
        for node in ast.parse(path.read_text()).body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            names = (
                [ast.unparse(target) for target in node.targets]
                if isinstance(node, ast.Assign)
                else [ast.unparse(node.target)]
                if isinstance(node, ast.AnnAssign)
                else []
            )
            constant = all(name.lstrip("_").isupper() or name == "__all__" for name in names)
            if isinstance(value, ast.List | ast.Dict | ast.Set) and not constant:
                found.append(f"{module}:{node.lineno}: {', '.join(names)}")
            if isinstance(node, ast.Global):
                found.append(f"{module}:{node.lineno}: global")
    assert found == []


def test_words_that_say_nothing_stand_in_no_name() -> None:
    bad = {"utils", "helpers", "common", "manager", "handler", "service", "data", "info"}
    found = [
        str(path.relative_to(ROOT))
        for _, path in sources("govchaind", "netsim")
        if set(path.stem.split("_")) & bad
    ]
    assert found == []


def test_packages_below_the_entry_have_empty_inits() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "govchaind").rglob("__init__.py"))
        if path.parent.name != "cli" and path.read_text().strip()
    ]
    assert found == []
