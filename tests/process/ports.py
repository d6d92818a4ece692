"""Ports on loopback that nobody uses: networks of several test runs live beside each other."""

from __future__ import annotations

import random
import socket

PORTS = range(20_000, 31_000, 20)  # below those that the kernel gives out by itself


def free_base_port() -> int:
    """Return a port from which on those of a network (peer, +100, +200, +300) are free."""
    bases = list(PORTS)
    random.shuffle(bases)
    for base in bases:
        if all(_is_free(base + offset + i) for offset in (0, 100, 200, 300) for i in range(6)):
            return base
    raise AssertionError("no free ports on loopback")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
