"""Every reader of bytes from outside, as a function that a fuzzer can call.

Rules it keeps: a target returns, or raises `Refused` after the reader has refused the bytes with
an error that it promises; anything else that comes out is a fault. What is accepted is held to what
its reader promises: it is written again to the same bytes, or proves only what is true.
"""

from __future__ import annotations

import atexit
import io
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import MappingProxyType

import trio

from govchaind.api.tokens import parse_tokens
from govchaind.backup.part import MAGIC, PartReader
from govchaind.base.encoding import decode, encode
from govchaind.base.errors import Invalid, InvalidSetting, PeerError
from govchaind.base.limits import TRANSACTION_BYTES_MAX
from govchaind.bridge import nats_wire
from govchaind.cli.node_files import read_card
from govchaind.client.keyfile import read_key_file
from govchaind.client.locked_file import MEBIBYTES_MIN, unlock
from govchaind.client.sealing import DeliveryKey, read_header, unseal
from govchaind.export.manifest import MANIFEST, read_manifest
from govchaind.ledger.block import read_block
from govchaind.ledger.carriage import Offer, Words, read_leave
from govchaind.ledger.certificate import read_certificate
from govchaind.ledger.genesis import read_genesis
from govchaind.ledger.office_leave import read_office_leave
from govchaind.ledger.read_leave import read_read_leave
from govchaind.ledger.receipt import verify_receipt
from govchaind.ledger.recovery import read_recovery
from govchaind.ledger.sealed_file import Place
from govchaind.ledger.shapes import read_shape
from govchaind.ledger.snapshot_chunk import judge_chunk
from govchaind.ledger.snapshot_head import judge_head
from govchaind.ledger.state_proof import verify_state_proof
from govchaind.ledger.statement import read_statement
from govchaind.ledger.transaction import read_transaction
from govchaind.ledger.trust import read_advance, read_trust
from govchaind.recovery.tail import read_tail
from govchaind.runtime import codec
from govchaind.runtime.signer_frames import read_reply, read_request, reply_bytes, request_bytes
from netsim.checker.jepsen import HistoryError, read_history
from tests.ledger.snapshots import snapshot
from tests.ledger.test_receipt import sample
from tests.runtime.made import none_known

CORPUS = Path(__file__).parent / "corpus"
KEY = DeliveryKey(b"receiver".ljust(32, b"."))
PLACE = Place(bytes(32), "bank", "loan-7", 1, ("ministry", "head"), ("bank", "branch"))
SAID_BYTES_MAX = 4096


class Refused(Exception):
    """The reader has refused the bytes, in the way that it promises."""


def _cbor(data: bytes) -> None:
    value = decode(data, bytes_max=65_536)
    assert encode(value) == data


def _transaction(data: bytes) -> None:
    read = read_transaction(data)
    assert read.raw == data
    assert len(data) <= TRANSACTION_BYTES_MAX


def _block(data: bytes) -> None:
    read = read_block(data)
    assert read.raw == data
    for item in read.transactions:
        assert read_transaction(item.raw).identity == item.identity


def _frame(data: bytes) -> None:
    message = codec.read(codec.split(data), none_known)
    assert codec.frame_of(message)[codec.LENGTH_BYTES :] == data
    codec.transactions_of(message)


def _frame_head(data: bytes) -> None:
    assert codec.frame_length(data[: codec.LENGTH_BYTES]) > 0


def _receipt(data: bytes) -> None:
    genuine, _, _, trust = sample()
    true = verify_receipt(genuine, trust)
    found = verify_receipt(data, trust)
    assert (found.transaction_id, found.outcome) == (true.transaction_id, true.outcome)


def _state_proof(data: bytes) -> None:
    _, present, absent, trust = sample()
    true = [verify_state_proof(proof, trust) for proof in (present, absent)]
    found = verify_state_proof(data, trust)
    if found.key == true[0].key:
        assert found.value == true[0].value
    else:
        assert found.value is None  # the path of an absence proves that of neighbours too


def _certificate(data: bytes) -> None:
    assert read_certificate(data).encode() == data
    read_statement(read_certificate(data).statement)


def _trust(data: bytes) -> None:
    read_trust(data)


def _advance(data: bytes) -> None:
    read_advance(data)


def _genesis(data: bytes) -> None:
    read_genesis(data)


def _carriage(data: bytes) -> None:
    read_leave(data)


def _office_leave(data: bytes) -> None:
    read_office_leave(data)


def _read_leave(data: bytes) -> None:
    read_read_leave(data)


def _carry_words(data: bytes) -> None:
    read_shape(data, Words, bytes_max=SAID_BYTES_MAX)


def _carry_offer(data: bytes) -> None:
    read_shape(data, Offer, bytes_max=SAID_BYTES_MAX)


def _signer_request(data: bytes) -> None:
    read = read_request(data)
    assert request_bytes(read.what, read.messages) == data


def _signer_reply(data: bytes) -> None:
    read = read_reply(data)
    assert reply_bytes(read.public, read.highest, read.answers) == data


def _snapshot_chunk(data: bytes) -> None:
    _, chunk, place, _ = snapshot()
    judge_chunk(data, place, 1)
    assert data == chunk


def _snapshot_head(data: bytes) -> None:
    head, _, _, standing = snapshot()
    judged = judge_head(data, standing)
    assert judged.result_row == judge_head(head, standing).result_row


def _sealed_header(data: bytes) -> None:
    read_header(io.BytesIO(data))


def _sealed_file(data: bytes) -> None:
    unseal(io.BytesIO(data), io.BytesIO(), place=PLACE, key=KEY)


def _tokens(data: bytes) -> None:
    again = "".join(token.line() for token in parse_tokens(data, Path("tokens")))
    assert "".join(token.line() for token in parse_tokens(again.encode(), Path("tokens"))) == again


def _history(data: bytes) -> None:
    calls = read_history(data.decode("utf-8-sig", errors="replace").split("\n"))
    assert [call.begun for call in calls] == sorted(call.begun for call in calls)


@cache
def _folder() -> Path:
    """Return a folder for readers that want a file."""
    path = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def _file(data: bytes, name: str = "file") -> Path:
    path = _folder() / name
    path.touch(mode=0o600)
    path.write_bytes(data)
    return path


def _recovery(data: bytes) -> None:
    assert read_recovery(data).encode() == data


def _recovery_blocks(data: bytes) -> None:
    assert read_tail(data).encode() == data


def _backup_part(data: bytes) -> None:
    file = io.BytesIO(data)
    part = PartReader(file.read, "part", file.read(len(MAGIC)))
    for _ in part.pages():
        pass


def _key_file(data: bytes) -> None:
    found = read_key_file(_file(data))
    again = found.text(private=found.seed is not None).encode()
    assert read_key_file(_file(again)) == found


def _locked_file(data: bytes) -> None:
    """The cost of what opens a file is bounded by its reader; here only what is cheap is opened."""
    text = data.decode("utf-8", "replace")
    cost = re.search(r"passes=(\d+) mebibytes=(\d+)", text)
    if cost is not None and (int(cost[1]) > 1 or int(cost[2]) > MEBIBYTES_MIN):
        text = text.replace(cost[0], f"passes=1 mebibytes={MEBIBYTES_MIN}", 1)
    unlock(text, b"passphrase", "the file")


def _node_card(data: bytes) -> None:
    read_card(_file(data))


def _export_manifest(data: bytes) -> None:
    read_manifest(_file(data, MANIFEST).parent)


class _Said(trio.abc.Stream):
    """A server that says what it says, whatever it is told, and hangs up."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        return self._data.read(100)

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def _nats(data: bytes) -> None:
    async def asked() -> None:
        connection = await nats_wire._greeted(_Said(data), nats_wire.Server("localhost", 4222))
        with suppress(PeerError):  # it hangs up: all has been read by then
            await connection.request("subject", b"payload")

    trio.run(asked)


TARGETS: Mapping[str, Callable[[bytes], None]] = MappingProxyType(
    {
        "advance": _advance,
        "backup-part": _backup_part,
        "block": _block,
        "carriage": _carriage,
        "office-leave": _office_leave,
        "read-leave": _read_leave,
        "carry-offer": _carry_offer,
        "carry-words": _carry_words,
        "cbor": _cbor,
        "certificate": _certificate,
        "export-manifest": _export_manifest,
        "frame": _frame,
        "frame-head": _frame_head,
        "genesis": _genesis,
        "history": _history,
        "key-file": _key_file,
        "locked-file": _locked_file,
        "nats": _nats,
        "node-card": _node_card,
        "receipt": _receipt,
        "recovery": _recovery,
        "recovery-blocks": _recovery_blocks,
        "snapshot-chunk": _snapshot_chunk,
        "snapshot-head": _snapshot_head,
        "sealed-file": _sealed_file,
        "sealed-header": _sealed_header,
        "signer-reply": _signer_reply,
        "signer-request": _signer_request,
        "state-proof": _state_proof,
        "tokens": _tokens,
        "transaction": _transaction,
        "trust": _trust,
    }
)
_PROMISED: Mapping[str, tuple[type[Exception], ...]] = MappingProxyType(
    {
        "history": (HistoryError,),
        "frame-head": (PeerError,),
        "nats": (PeerError, InvalidSetting),
        **dict.fromkeys(("key-file", "locked-file", "node-card", "tokens"), (InvalidSetting,)),
    }
)


def call(name: str, data: bytes) -> None:
    """Give bytes to a target. Raises Refused, or whatever else came out: a fault."""
    try:
        TARGETS[name](data)
    except _PROMISED.get(name, (Invalid,)) as error:
        raise Refused(str(error)) from None
