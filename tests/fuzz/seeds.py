"""Good bytes for each target, from which a fuzzer begins: `python -m tests.fuzz.seeds` writes them.

The files in `corpus/` are these, and what a fuzzer once found a fault with (`fault-…`).
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from govchaind.backup.part import Head, PartWriter, Tip
from govchaind.base.encoding import encode
from govchaind.bridge.changes import Register
from govchaind.cli.node_files import card_text
from govchaind.client.keyfile import new_key
from govchaind.client.locked_file import MEBIBYTES_MIN, Effort, lock
from govchaind.export.manifest import MANIFEST, File, Manifest, Part, write_manifest
from govchaind.ledger.certificate import read_certificate
from govchaind.ledger.trust import TrustStep, encode_advance
from govchaind.recovery.tail import Tail
from govchaind.runtime import codec
from govchaind.runtime.signer_frames import reply_bytes, request_bytes
from tests.client.test_sealing import sealed
from tests.fuzz.targets import CORPUS
from tests.ledger.chain import Chain, filled
from tests.ledger.recovering import record
from tests.ledger.snapshots import snapshot
from tests.ledger.test_receipt import sample
from tests.runtime.test_codec import every_message

VECTORS = Path(__file__).parent.parent / "ledger" / "vectors"
HISTORY = b"""INFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]
12:01:07.113 [worker-0] INFO  jepsen.util - 0\t:ok\t:cas\t[1 2]
1 :invoke :read nil
1 :info :read :timed-out
2 :invoke :write [7 "text"]
2 :fail :write [7 "text"] :no-leader
"""
TOKENS = b"# clients\nportal read,submit " + b"0" * 64 + b"\nwatcher read " + b"1" * 64 + b"\n"

NATS = (
    b'INFO {"server_id":"one","max_payload":1048576,"headers":true}\r\n+OK\r\nPING\r\nPONG\r\n'
    b"MSG _INBOX.a.0 1 5\r\nhello\r\nHMSG _INBOX.a.1 1 16 18\r\nNATS/1.0 503\r\n\r\nok\r\n"
    b"-ERR 'no'\r\n"
)


def _tip(chain: Chain) -> Tip:
    last = chain.steps[-1].block
    return Tip(last.height, last.hash, last.time, 0, chain.membership)


def _part(chain: Chain) -> bytes:
    file = io.BytesIO()
    head = Head(chain.genesis.chain_id, 1, None, chain.genesis.bytes)
    part = PartWriter(file.write, head)
    part.page(
        [(each.block.raw, chain.certificate(each.block.height).encode()) for each in chain.steps]
    )
    part.end(_tip(chain))
    return file.getvalue()


def _manifest(chain: Chain) -> bytes:
    tip = _tip(chain)
    registers = {"counties": Register("counties", "Counties", "open", (("name", "text"),))}
    parts = (Part(1, tip.height, (File("table=transactions", 3, 900, bytes(32).hex()),)),)
    with tempfile.TemporaryDirectory() as folder:
        write_manifest(Path(folder), Manifest(chain.genesis.chain_id, 1, tip, registers, parts))
        return (Path(folder) / MANIFEST).read_bytes()


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Yield (target, name, bytes)."""
    values = [0, -1, 2**64 - 1, b"bytes", "text", True, None, [1, [2]], {"a": 1, "bb": [b""]}]
    for number, value in enumerate(values):
        yield "cbor", f"value-{number}", encode(value)
    for message in every_message():
        frame = codec.frame_of(message)
        yield "frame", type(message).__name__, frame[codec.LENGTH_BYTES :]
    yield "frame-head", "small", (100).to_bytes(codec.LENGTH_BYTES, "big")
    receipt, present, absent, _ = sample()
    yield "receipt", "receipt", receipt
    yield "state-proof", "present", present
    yield "state-proof", "absent", absent
    frozen = {path.stem: json.loads(path.read_text()) for path in sorted(VECTORS.glob("*.json"))}
    yield "transaction", "put", bytes.fromhex(frozen["transaction"]["raw"])
    yield "block", "transactions", bytes.fromhex(frozen["block"]["raw"])
    yield "block", "configuration", bytes.fromhex(frozen["block"]["configuration"])
    yield "genesis", "genesis", bytes.fromhex(frozen["genesis"]["bytes"])
    yield "trust", "trust", bytes.fromhex(frozen["genesis"]["trust"])
    certificate = bytes.fromhex(frozen["result"]["certificate"])
    yield "signer-request", "who", request_bytes("who")
    statement = read_certificate(certificate).statement
    yield "signer-request", "attest", request_bytes("attest", [statement])
    yield "signer-reply", "signed", reply_bytes(bytes(32), 9, [(bytes(64), ""), (b"", "no")])
    yield "advance", "none", encode_advance([])
    yield (
        "advance",
        "step",
        encode_advance([TrustStep(read_certificate(certificate), (bytes(32),))]),
    )
    yield "certificate", "certificate", certificate
    yield "carriage", "leave", bytes.fromhex(frozen["delivery"]["leave"])
    yield "office-leave", "leave", bytes.fromhex(frozen["leaves"]["office"])
    yield "read-leave", "leave", bytes.fromhex(frozen["leaves"]["read"])
    offer = [1, bytes(32), "bank", "loan-7", 1, bytes(32), 1000]
    yield "carry-offer", "offer", encode(offer)
    yield "carry-words", "want", encode(["want", 0, None])
    yield "carry-words", "no", encode(["no", "not-the-box", "not this node"])
    head, chunk, _, _ = snapshot()
    yield "snapshot-chunk", "whole", chunk
    yield "snapshot-head", "head", head
    yield "sealed-file", "small", sealed(b"a small file")[0]
    yield "sealed-header", "small", sealed(b"a small file")[0]
    chain, _ = filled()
    yield "recovery", "record", record(chain).encode()
    blocks = tuple((step.block.term, step.block.raw) for step in chain.steps[:3])
    yield "recovery-blocks", "three", Tail(chain.genesis.chain_id, 1, blocks).encode()
    yield "backup-part", "first", _part(chain)
    office = new_key(institution="ministry", office="head", title="Head", seed=bytes(32))
    yield "key-file", "private", office.text(private=True).encode()
    yield "key-file", "card", office.text(private=False).encode()
    effort = Effort(1, MEBIBYTES_MIN)
    text = lock("a key", b"passphrase", salt=bytes(16), nonce=bytes(24), effort=effort)
    yield "locked-file", "small", text.encode()
    yield "node-card", "validator", card_text(chain.membership.members[0]).encode()
    yield "export-manifest", "small", _manifest(chain)
    yield "nats", "taken", NATS
    yield "history", "jepsen", HISTORY
    yield "tokens", "two", TOKENS


def main() -> None:
    """Write the seeds into the corpus; what else is there stays."""
    for target, name, data in seeds():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
