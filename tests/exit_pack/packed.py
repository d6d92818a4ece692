"""A chain in memory with everything that a pack can hold, and the pack that is made of it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from govchaind.base.encoding import encode
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import WriteBatch
from govchaind.data.exit.verify import SEALED, main, manifest_text
from govchaind.exit_pack.container import listed
from govchaind.exit_pack.pack import Written, write_pack
from govchaind.exit_pack.source import Source
from govchaind.ledger.commitment import make_commitment
from govchaind.ledger.membership import membership_of, next_steps
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.working_days import working_days
from govchaind.replica.store import APPLIED, store_batch
from tests.ledger.chain import START, Chain, key, with_register

DAY = 24 * 3600 * 1000
SECRET_NAME = "a citizen's name"
SALT = b"salt of one case"
SMALL_FILES = 3000  # bytes of one file of records, so that there are several


def eventful() -> Chain:
    """Return a chain with registers, commitments, new keys, decisions and new validators."""
    chain = with_register()
    put = int(Kind.PUT)
    assert chain.do(Kind.CREATE_REGISTER, "cases", "Cases", [], "commitment", []) == 0
    hidden = make_commitment(SALT, [SECRET_NAME])
    assert chain.do(put, "cases", b"case 1", hidden, None) == 0
    for number in range(12):
        assert chain.do(put, "divisions", b"%d" % number, [f"{number}", number], None) == 0
    assert chain.do(put, "divisions", b"7", ["7", 8], 1) == 0
    assert chain.do(put, "divisions", b"7", ["7", 9], 1) == 105  # refused
    assert chain.do(Kind.RETIRE, "divisions", b"3") == 0
    chain.apply(
        *[
            chain.raw((put, ["divisions", bytes([200 + i]), ["x", i], None]), (put, ["no", b"", 0]))
            for i in range(3)
        ]
    )
    rotated = [
        *("pair", key("court one").public, key("court new").public, "New holder", None),
        START + DAY,
    ]
    assert chain.do(Kind.ROTATE_KEY, *rotated, institution="court") == 0
    signers = ["court new", "court two"]
    paired = {"institution": "court", "office_name": "pair", "signers": signers}
    assert chain.do(put, "divisions", b"1", ["1", 1], None, **paired) == 102  # no writer
    assert chain.do(Kind.REVOKE_KEY, "pair", key("court three").public, institution="court") == 0
    decide(chain)
    return chain


def decide(chain: Chain) -> None:
    voters = ("bank", "court", "ministry")
    law = ["law", "共享条例", "第809号", "State Council", bytes(32), START, None, None]
    assert chain.vote(MotionKind.ADOPT_MANDATE, law, *voters) == [0, 0, 0]
    year = ["china", 2026, 1, 480, working_days(2026, set(), set())]
    assert chain.vote(MotionKind.ADOPT_CALENDAR, year, *voters) == [0, 0, 0]
    assert chain.vote(MotionKind.REMOVE_NODE, ["node-d"], "bank") == [0]
    removed = ["node-c"]
    assert chain.vote(MotionKind.REMOVE_NODE, removed, *voters) == [0, 0, 0]
    while True:
        wanted, ordered_at = chain.ledger.wanted_members(chain.store)
        steps = next_steps(chain.membership, wanted, ordered_at)
        if not steps:
            break
        chain.apply(membership=steps[0])
    assert chain.membership == membership_of(wanted, ordered_at)
    assert len(chain.membership.voters()) == 2
    assert chain.do(Kind.PUT, "divisions", b"last", ["l", 0], None) == 0
    chain.apply(after=DAY)


def store(chain: Chain, *, certified: int | None = None) -> Chain:
    """Add what a node stores beside the ledger: log, memberships, certificates up to a height."""
    batch = store_batch(chain.genesis, bytes(16))
    heads = {k: v for k, v in batch.changes.items() if k[:1] in (b"m", b"k") and v is not None}
    rows = WriteBatch()
    for name, value in heads.items():
        rows.put(name, value)
    for step in chain.steps:
        block = step.block
        rows.put(height_key(Table.LOG, block.height), encode([block.term, block.raw]))
        if block.membership is not None:
            rows.put(height_key(Table.MEMBERSHIP, block.height), block.membership.encode())
        if certified is None or block.height <= certified:
            certificate = chain.certificate(block.height)
            rows.put(height_key(Table.CERTIFICATE, block.height), certificate.encode())
    rows.put(APPLIED, encode(chain.ledger.height))
    chain.store.apply(rows)
    return chain


def pack(chain: Chain, folder: Path, **settings: Any) -> Written:
    """Write the pack of a stored chain."""
    until = settings.pop("until", None)
    folder.mkdir()
    source = Source(chain.store, chain.genesis, until)
    return write_pack(source, folder, file_bytes_max=SMALL_FILES, **settings)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How `verify.py` ended."""

    code: int
    output: str
    errors: str


def verify(folder: Path, *arguments: object, python: str = sys.executable) -> Verdict:
    """Run the pack's own program, without anything of this project on its path."""
    ended = subprocess.run(
        [python, "-I", str(folder / "verify.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=folder,
    )
    return Verdict(ended.returncode, ended.stdout, ended.stderr)


def verify_here(folder: Path, *arguments: object) -> Verdict:
    """Run the same program in this process: a fifth of the time, for many small changes."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        code = main(["--pack", str(folder), *map(str, arguments)])
    return Verdict(code, output.getvalue(), errors.getvalue())


def seal(folder: Path, **facts: Any) -> None:
    """Make the manifest anew, as somebody would who has changed the pack with care."""
    manifest = json.loads((folder / SEALED[0]).read_text())
    manifest.update(facts, files=listed(folder, SEALED))
    text = manifest_text(manifest)
    (folder / SEALED[0]).write_text(text)
    name = hashlib.sha256(text.encode()).hexdigest()
    (folder / SEALED[1]).write_text(f"{name}  {SEALED[0]}\n")
