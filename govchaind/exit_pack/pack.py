"""Writes a pack: everything that a network has recorded, in files that outlive it.

    README.md, verify.py           what this is, and the program that checks it
    manifest.json, manifest.sha256 every file with its SHA-256, and the pack's fingerprint
    genesis.bin, trust.file        what is believed first, and the newest certified head
    blocks/NNNNNN.cbor             [block, certificate or null, state root or null,
                                    [[code, operation or null] …]]          in order of height
    state/NNNNNN.cbor              [state key, height, value or null]       by key, then height
    transactions.jsonl             id and place of each transaction
    institutions, offices, nodes, mandates, calendars .jsonl    each change of each of them
    outcomes.json                  what outcome codes mean
    tables/*.parquet               the same for whoever asks questions of it

What is written comes from the ledger alone: a node's keys, settings and addresses of its own, and
whatever the parties keep beside the ledger, have no way in. The manifest comes last, so a folder
with a manifest is a whole pack.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from govchaind.base.limits import EXIT_FILE_BYTES_MAX
from govchaind.data.exit.verify import (
    FORMAT,
    LISTS,
    SEALED,
    VERSION,
    json_line,
    list_line,
    manifest_text,
)
from govchaind.exit_pack.container import RecordFiles, listed
from govchaind.exit_pack.rows import StateRows, block_rows
from govchaind.exit_pack.source import PackedBlock, Source
from govchaind.exit_pack.tables import ParquetTables
from govchaind.exit_pack.titles import TitlesAt
from govchaind.ledger.outcomes import OUTCOMES
from govchaind.ledger.trust import ConfigurationBlock

SHIPPED = ("README.md", "verify.py")
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Written:
    """What a pack holds."""

    chain: str
    chain_id: str
    blocks: int
    certified: int
    transactions: int
    state_changes: int
    files: int
    bytes: int
    fingerprint: str  # SHA-256 of manifest.json: whoever has noted it knows this very pack


def write_pack(
    source: Source,
    folder: Path,
    *,
    tables: bool = True,
    file_bytes_max: int = EXIT_FILE_BYTES_MAX,
) -> Written:
    """Write a whole pack into an empty folder; see `PackWriter`."""
    writer = PackWriter(source, folder, tables=tables, file_bytes_max=file_bytes_max)
    writer.blocks()
    writer.state()
    return writer.end()


class PackWriter:
    """One pack while it is written: blocks first, then the state, then the end.

    Args:
        folder: empty.
        file_bytes_max: bound of one file of blocks or of state.

    Raises:
        StorageCorrupt: the store does not hold. InvalidSetting: pyarrow is missing.
    """

    def __init__(
        self,
        source: Source,
        folder: Path,
        *,
        tables: bool = True,
        file_bytes_max: int = EXIT_FILE_BYTES_MAX,
    ) -> None:
        self._source = source
        self._folder = folder
        self._bytes_max = file_bytes_max
        self._tables = ParquetTables(folder / "tables") if tables else None
        self._titles = TitlesAt(source)
        self._configurations: list[ConfigurationBlock] = []
        self._transactions = self._changes = self._checkpoint = 0
        self._times = array("q", [source.genesis.time])  # of each height: 8 bytes a block

    def _records(self, kind: str) -> RecordFiles:
        chain_id = self._source.genesis.chain_id
        return RecordFiles(self._folder, kind, chain_id, bytes_max=self._bytes_max)

    def _text(self, name: str) -> IO[str]:
        return (self._folder / name).open("x", encoding="utf-8", newline="\n")

    def blocks(self, progress: Progress = lambda _: None) -> None:
        """Write all blocks; `progress` is called with each number of further ones."""
        with self._records("blocks") as records, self._text("transactions.jsonl") as lines:
            for packed in self._source.blocks():
                records.add(_block_record(packed))
                lines.writelines(_transaction_lines(packed))
                self._note(packed)
                if self._tables is not None:
                    for table, row in block_rows(packed, self._titles):
                        self._tables.add(table, row)
                progress(1)

    def _note(self, packed: PackedBlock) -> None:
        """Keep what the trust file and the manifest need of a block."""
        block, certificate = packed.block, packed.certificate
        self._transactions += len(block.transactions)
        self._times.append(block.time)
        if certificate is None:
            return
        if packed.result.state_root is not None:
            self._checkpoint = block.height
        if block.membership is not None:
            membership = block.membership.encode()
            self._configurations.append(
                ConfigurationBlock(block.header, membership, certificate, block.record)
            )

    def state(self, progress: Progress = lambda _: None) -> None:
        """Write every change of the state; `progress` as above, of changes."""
        rows = StateRows(self._times.__getitem__)
        with ExitStack() as stack:
            records = stack.enter_context(self._records("state"))
            lists = {name: stack.enter_context(self._text(name)) for name, _, _ in LISTS.values()}
            for key, height, value in self._source.changes():
                self._changes += 1
                progress(1)
                records.add([key, height, value])
                line = list_line(key, height, value)
                if line is not None:
                    lists[line[0]].write(line[1])
                if self._tables is not None:
                    for table, row in rows.rows(key, height, value):
                        self._tables.add(table, row)
        if self._tables is not None:
            for table, row in rows.end():
                self._tables.add(table, row)
            self._tables.close()

    def end(self) -> Written:
        """Write what speaks for all of it, the manifest last."""
        source, folder = self._source, self._folder
        genesis = source.genesis
        trust = source.trust(self._configurations)
        (folder / "genesis.bin").write_bytes(genesis.bytes)
        (folder / "trust.file").write_bytes(trust.encode())
        with self._text("outcomes.json") as file:
            file.write(json.dumps(_outcomes(), ensure_ascii=False, indent=1) + "\n")
        for name in SHIPPED:
            shipped = files("govchaind") / "data" / "exit" / name
            (folder / name).write_bytes(shipped.read_bytes())
        certified = source.result(source.certified)
        contents = listed(folder, SEALED)
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "chain": genesis.name,
            "chain_id": genesis.chain_id.hex(),
            "blocks": source.height,
            "transactions": self._transactions,
            "state_changes": self._changes,
            "certified": source.certified,
            "block_hash": (genesis.chain_id if certified is None else certified.block_hash).hex(),
            "log_root": trust.log_root.hex(),
            "checkpoint": self._checkpoint,
            "tables": self._tables is not None,
            "files": contents,
        }
        text = manifest_text(manifest)
        fingerprint = hashlib.sha256(text.encode()).hexdigest()
        for name, content in zip(SEALED, (text, f"{fingerprint}  {SEALED[0]}\n"), strict=True):
            with self._text(name) as file:
                file.write(content)
        return Written(
            genesis.name,
            genesis.chain_id.hex(),
            source.height,
            source.certified,
            self._transactions,
            self._changes,
            len(contents) + len(SEALED),
            sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
            fingerprint,
        )


def _block_record(packed: PackedBlock) -> list[object]:
    certificate = None if packed.certificate is None else packed.certificate.encode()
    outcomes = [[code, operation] for _, _, code, operation in packed.result.outcomes]
    return [packed.block.raw, certificate, packed.result.state_root, outcomes]


def _transaction_lines(packed: PackedBlock) -> list[str]:
    return [
        json_line(
            {
                "height": packed.block.height,
                "position": position,
                "id": transaction.id.hex(),
                "identity": transaction.identity.hex(),
                "institution": transaction.institution,
                "office": transaction.office,
                "operations": len(transaction.operations),
                "code": code,
                "operation": operation,
            }
        )
        for position, (transaction, (_, _, code, operation)) in enumerate(
            zip(packed.block.transactions, packed.result.outcomes, strict=True)
        )
    ]


def _outcomes() -> dict[str, dict[str, str]]:
    """Return what each code on the ledger means."""
    return {
        str(row.code): {"name": row.name, "text": row.text, "cause": row.cause}
        for row in OUTCOMES.values()
        if not row.door
    }
