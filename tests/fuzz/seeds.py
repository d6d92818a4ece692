"""Good bytes for each target, from which a fuzzer begins: `python -m tests.fuzz.seeds` writes them.

The files in `corpus/` are these, and what a fuzzer once found a fault with (`fault-…`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from govchaind.base.encoding import encode
from govchaind.ledger.certificate import read_certificate
from govchaind.ledger.trust import TrustStep, encode_advance
from govchaind.runtime import codec
from govchaind.runtime.signer_frames import reply_bytes, request_bytes
from tests.client.test_sealing import sealed
from tests.fuzz.targets import CORPUS
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
