"""Tables in docs/ that come from code, between marks: made here, compared by a test.

    <!-- table: settings -->
    …
    <!-- /table -->

`python -m tests.docs.tables` writes them anew.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from govchaind.base import limits
from govchaind.base.crypto import Domain
from govchaind.base.keyspace import Table
from govchaind.config import settings, toml_value
from govchaind.exit_pack import tables as exit_tables
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.reload import CHANGEABLE
from govchaind.runtime import codec
from govchaind.runtime.metrics import Metrics
from netsim.mutants.inapplicable import INAPPLICABLE
from netsim.mutants.table import MUTANTS, OPEN
from netsim.mutants.whole.table import WHOLE

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
_MARKED = re.compile(r"(<!-- table: ([a-z-]+) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n"
                   for line in lines)  # fmt: skip


def settings_table() -> str:
    rows = [
        [
            f"`{setting.path}`",
            "(none)" if setting.default is None else f"`{toml_value(setting.default)}`",
            f"{setting.kind} {setting.bounds}".strip(),
            setting.meaning,
        ]
        for setting in settings()
    ]
    return _table(["setting", "default", "may be", "meaning"], rows)


def reload_table() -> str:
    """Return the settings that change without a restart."""
    rows = [[f"`{each.path}`", each.meaning] for each in settings() if each.path in CHANGEABLE]
    return _table(["changes at once", "meaning"], rows)


def metric_names() -> list[tuple[str, str, str]]:
    """Return (name as scraped, type, help) of every metric."""
    found = []
    for metric in Metrics(version="0").registry.collect():
        name = metric.name + ("_total" if metric.type == "counter" else "")
        found.append((name, metric.type, metric.documentation))
    return sorted(found)


def metrics_table() -> str:
    rows = [[f"`{name}`", kind, text] for name, kind, text in metric_names()]
    return _table(["metric", "type", "meaning"], rows)


def outcomes_table() -> str:
    rows = [
        [
            str(code),
            f"`{row.name}`",
            row.kind,
            row.text,
            row.cause,
            row.remedy,
            "–" if row.door else ("yes" if row.consumes_id else "no"),
        ]
        for code, row in OUTCOMES.items()
    ]
    return _table(["code", "name", "class", "text", "cause", "remedy", "uses up the id"], rows)


def operations_table() -> str:
    rows = [
        [str(kind), f"`{row.name}`", row.family, str(row.cost_microseconds), _fields(row.shape)]
        for kind, row in sorted(OPERATIONS.items())
    ]
    return _table(["kind", "name", "family", "cost, µs", "arguments, in order"], rows)


def motions_table() -> str:
    rows = [
        [str(kind), f"`{row.name}`", _fields(row.shape)] for kind, row in sorted(MOTIONS.items())
    ]
    return _table(["kind", "name", "arguments, in order"], rows)


def _fields(shape: type) -> str:
    return ", ".join(name.replace("_", " ") for name in shape.__annotations__)


def domains_table() -> str:
    rows = [[f"{domain:02x}", domain.name.lower().replace("_", " ")] for domain in Domain]
    return _table(["byte", "domain"], rows)


def messages_table() -> str:
    rows = [
        [
            str(row.number),
            f"`{row.kind.__name__}`",
            ", ".join(row.kind.__dataclass_fields__).replace("_", " ") or "(nothing)",
        ]
        for row in codec._ROWS
    ]
    return _table(["number", "message", "fields, in order"], rows)


def tables_table() -> str:
    rows = [[f"`{table.value.decode()}`", table.name] for table in Table]
    return _table(["first byte", "rows"], rows)


def bounds_table() -> str:
    """Return every bound of base/limits.py with its comment; the sections marked consensus."""
    source = (ROOT / "govchaind" / "base" / "limits.py").read_text()
    comments: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments[token.start[0]] = token.string.lstrip("# ").rstrip()
    sections = {line: text for line, text in comments.items() if text.startswith("---")}
    rows = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign):
            continue
        above = max(line for line in sections if line < node.lineno)
        if "consensus" not in sections[above] or "not consensus" in comments.get(node.lineno, ""):
            continue
        name = node.targets[0]
        assert isinstance(name, ast.Name)
        value: int = getattr(limits, name.id)
        rows.append([f"`{name.id}`", f"{value:,}", comments.get(node.lineno, "")])
    return _table(["bound", "value", "note"], rows)


def planted_table() -> str:
    """Return every planted bug, what finds it, and where."""
    rows = [
        [
            mutant.source or "own",
            mutant.text.rstrip("."),
            mutant.property_id,
            f"`python -m netsim mutants {mutant.name}`",
            str(mutant.seed) + (f", nodes {mutant.nodes}" if mutant.nodes else ""),
        ]
        for mutant in MUTANTS
    ]
    return _table(["known as", "planted bug", "found by", "command", "seed"], rows)


def planted_whole_table() -> str:
    """Return every bug planted in whole nodes, what finds it, and where."""
    rows = [
        [each.text.rstrip("."), each.property_id,
         f"`python -m netsim mutants --gear2 {each.name}`", str(each.seed)]
        for each in WHOLE
    ]  # fmt: skip
    return _table(["planted bug", "found by", "command", "seed"], rows)


def open_table() -> str:
    rows = [[each.source or "own", each.text.rstrip("."), each.property_id] for each in OPEN]
    return _table(["known as", "planted bug", "to be found by"], rows)


def inapplicable_table() -> str:
    return _table(["known as", "why it cannot be planted"], [list(i) for i in INAPPLICABLE.items()])


def exit_tables_table() -> str:
    """Return each table of an exit pack with its columns; text where no type stands."""
    rows = [
        [f"`{name}`", ", ".join(c if kind == "text" else f"{c} ({kind})" for c, kind in columns)]
        for name, columns in exit_tables.TABLES.items()
    ]
    return _table(["table", "columns"], rows)


TABLES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "settings": settings_table,
        "reload": reload_table,
        "metrics": metrics_table,
        "outcomes": outcomes_table,
        "operations": operations_table,
        "motions": motions_table,
        "domains": domains_table,
        "messages": messages_table,
        "tables": tables_table,
        "bounds": bounds_table,
        "exit-tables": exit_tables_table,
        "planted": planted_table,
        "planted-whole": planted_whole_table,
        "not-found": open_table,
        "inapplicable": inapplicable_table,
    }
)


def pages() -> list[Path]:
    """Return every page that may hold a table."""
    return sorted([*DOCS.glob("*.md"), *DOCS.glob("netsim/*.md"), *DOCS.glob("operate/*.md")])


def fresh(text: str) -> str:
    """Return the page's text with all its tables made anew."""

    def make(match: re.Match[str]) -> str:
        return match[1] + TABLES[match[2]]() + match[4]

    return _MARKED.sub(make, text)


def marked(text: str) -> list[str]:
    """Return the names of the tables that a page holds."""
    return [match[2] for match in _MARKED.finditer(text)]


def main() -> None:
    for page in pages():
        before = page.read_text()
        after = fresh(before)
        if after != before:
            page.write_text(after)


if __name__ == "__main__":
    main()
