"""A trace of a signer's system calls: no signature leaves before its guard is on disk."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from pathlib import Path

from govchaind.base.crypto import SIGNATURE_BYTES
from govchaind.runtime.signer_frames import read_reply, request_bytes
from tests.process.conftest import MakeNetwork
from tests.process.network import Network
from tests.signer.test_guard import statement

ASKED = 5
_SENT = re.compile(r'"(?:\.\.\.)?, (\d+), ')
_CALL = re.compile(r"^\d+ +(\w+)\((.*)$")


def calls(trace: Path) -> list[str]:
    """Return what happened, in order: each a word."""
    found = []
    for line in trace.read_text().splitlines():
        call = _CALL.match(line)
        if call is None:
            continue
        name, arguments = call.groups()
        sent = _SENT.search(arguments)
        if name == "sendto" and sent is not None and int(sent[1]) > SIGNATURE_BYTES:
            found.append("told")
        elif name == "fsync":
            found.append("folder synced" if "guard" not in arguments else "guard synced")
        elif name.startswith("rename") and "guard.new" in arguments:
            found.append("in place")
    return found


def test_a_signature_leaves_only_when_the_guard_has_it(
    make_network: MakeNetwork, tmp_path: Path
) -> None:
    network: Network = make_network()
    folder = tmp_path / "signer"
    folder.mkdir(mode=0o700)
    (folder / "a.key").write_text("00" * 32)
    (folder / "a.key").chmod(0o600)
    path, trace = folder / "signer.sock", tmp_path / "trace"
    daemon = network.spawn_command(
        [
            *("strace", "-f", "-y", "-o", str(trace)),
            *("-e", "trace=fsync,rename,renameat,renameat2,sendto"),
            *(sys.executable, "-m", "govchaind", "signer", str(folder / "a.key")),
            *("--guard", str(folder / "guard"), "--socket", str(path), "--begin-above", "0"),
        ],
        tmp_path / "log",
    )
    network.daemons["signer"] = daemon
    network.wait_for(path.exists, "the signer does not listen")
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(path))
        for height in range(1, ASKED + 1):
            body = request_bytes("attest", [statement(height)])
            asking.sendall(len(body).to_bytes(4, "big") + body)
            [(signature, _)] = read_reply(asking.recv(4096)[4:]).answers
            assert len(signature) == 64
    os.killpg(daemon.pid, signal.SIGTERM)  # strace passes none on
    network.wait_end("signer")
    each = ["guard synced", "in place", "folder synced", "told"]
    begun = each[:3]  # the guard was made
    assert calls(trace) == begun + each * ASKED
