"""Judges an export: its files against the manifest, and its rows against verified blocks.

Every row is made again out of verified heights and compared. Where the heights come from is the
caller's: from a node, or from the export itself, whose `table=chain` has them to the byte; both are
judged from genesis by what a quorum has signed, so an export needs no node to be believed.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from govchaind.base.errors import Invalid, InvalidProof, InvalidSetting
from govchaind.base.limits import GENESIS_BYTES_MAX
from govchaind.base.types import Hash
from govchaind.bridge.changes import Created, Register, changes_of
from govchaind.bridge.feed import Judge, Verified
from govchaind.export.layout import GENESIS, PART, ROWS, told_in
from govchaind.export.manifest import Manifest, Part
from govchaind.export.part import PartWriter, chain_rows, same_rows
from govchaind.ledger.genesis import Genesis, read_genesis
from govchaind.ledger.trust import TrustRoot


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found to hold."""

    since: int
    height: int
    block_hash: str
    parts: int
    files: int
    rows: int


class Checker:
    """Checks one export, height by height."""

    def __init__(self, folder: Path, manifest: Manifest, scratch: Path) -> None:
        self._folder = folder
        self._manifest = manifest
        self._scratch = scratch
        self._due = iter(manifest.parts)
        self._part: Part | None = next(self._due, None)
        self._writer: PartWriter | None = None
        self._registers: dict[str, Register] = {}
        self._newest: Verified | None = None

    def files(self) -> None:
        """Compare every file with the manifest. Raises Invalid: one is missing, changed, or new."""
        listed = {part.name for part in self._manifest.parts}
        for one in sorted(self._folder.iterdir()):
            if PART.fullmatch(one.name) and one.name not in listed:
                raise _damaged(one, "the manifest does not name it")
        for part in self._manifest.parts:
            named = {one.folder: one for one in part.files}
            place = self._folder / part.name
            present = {path.parent.name for path in place.glob(f"*/{ROWS}")}
            every = {path for path in place.rglob("*") if path.is_file()}
            if present != set(named) or len(every) != len(named):
                raise _damaged(place, "its files are not those that the manifest names")
            for folder, stated in named.items():
                path = place / folder / ROWS
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                if (path.stat().st_size, digest) != (stated.bytes, stated.sha256):
                    raise _damaged(path, "it is not the file that was written")

    def take(self, one: Verified) -> None:
        """Make the rows of the next height again; compare at the end of a part.

        Raises:
            InvalidProof: rows are not those that follow from the blocks.
        """
        self._newest = one
        part = self._part
        if one.height < self._manifest.since or part is None:
            for change in changes_of(one):
                if isinstance(change, Created):
                    self._registers[change.register.name] = change.register
            return
        if self._writer is None:
            self._writer = PartWriter(self._scratch / part.name, self._registers)
        self._writer.add(one)
        if one.height == part.last:
            self._compare(self._writer, part)
            self._writer, self._part = None, next(self._due, None)

    def _compare(self, writer: PartWriter, part: Part) -> None:
        made = {one.folder: one.rows for one in writer.end()}
        if made != {one.folder: one.rows for one in part.files}:
            raise _does_not_hold(part.name, "it has not the rows that follow from its blocks")
        for folder in made:
            path = self._folder / part.name / folder / ROWS
            again = self._scratch / part.name / folder / ROWS
            if not same_rows(path, again):
                raise _does_not_hold(
                    f"{part.name}/{folder}", "its rows do not follow from its blocks"
                )
            again.unlink()

    def end(self) -> Checked:
        """Compare where the manifest says the export ends. Raises InvalidProof."""
        manifest, newest = self._manifest, self._newest
        if newest is None or newest.tip != manifest.tip or self._part is not None:
            raise _does_not_hold("manifest.json", "it does not end where its blocks do")
        if self._registers != dict(manifest.registers):
            raise _does_not_hold("manifest.json", "its registers are not those of its blocks")
        files = [one for part in manifest.parts for one in part.files]
        return Checked(
            manifest.since,
            manifest.tip.height,
            manifest.tip.block_hash.hex(),
            len(manifest.parts),
            len(files),
            sum(one.rows for one in files),
        )

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()


def own_genesis(folder: Path, chain_id: Hash) -> Genesis:
    """Return the genesis that an export has. Raises InvalidSetting: it is of another chain."""
    try:
        with (folder / GENESIS).open("rb") as file:
            genesis = read_genesis(file.read(GENESIS_BYTES_MAX + 1))
    except (OSError, Invalid):
        raise _damaged(folder / GENESIS, "it is not the genesis") from None
    if genesis.chain_id != chain_id:
        raise InvalidSetting(
            f"{folder} is an export of chain {genesis.chain_id.hex()}, not of {chain_id.hex()}",
            code="other-chain",
            remedy="Check the trust that you gave, and which folder you name.",
        )
    return genesis


def own_heights(
    folder: Path, manifest: Manifest, genesis: Genesis, trust: TrustRoot | None
) -> Iterator[Verified]:
    """Yield the heights that an export holds itself, each judged.

    Raises:
        InvalidSetting: it begins later than genesis, so that it cannot be judged by itself.
        InvalidProof: one does not hold.
    """
    if manifest.since > 1:
        raise InvalidSetting(
            f"{folder} begins at height {manifest.since}: what comes before is not in it",
            code="export-begins-late",
            remedy="Name a node with --node, which has what comes before.",
        )
    judge = Judge(genesis, None, trust)
    for part in manifest.parts:
        for row in chain_rows(folder / part.name):
            try:
                told = told_in(row["codes"], row["refused"])
            except (ValueError, KeyError, TypeError):
                raise _does_not_hold(part.name, "it tells outcomes in no known form") from None
            yield judge.take(row["block"], row["certificate"], told)


async def check(folder: Path, manifest: Manifest, heights: AsyncIterator[Verified]) -> Checked:
    """Return what holds of an export. Raises Invalid."""
    with tempfile.TemporaryDirectory(prefix="govchaind-export-") as scratch:
        checker = Checker(folder, manifest, Path(scratch))
        checker.files()
        try:
            async for one in heights:
                checker.take(one)
            return checker.end()
        finally:
            checker.abandon()


def _damaged(path: Path, what: str) -> Invalid:
    return Invalid(
        f"{path}: {what}",
        code="export-damaged",
        remedy="Make the export anew in another folder, or restore the file.",
    )


def _does_not_hold(name: str, what: str) -> InvalidProof:
    return InvalidProof(
        f"{name}: {what}",
        code="export-does-not-hold",
        remedy="Do not rely on it; make the export anew in another folder.",
    )
