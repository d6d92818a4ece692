"""Which trace a transaction is, and whether it is traced: both by its id alone.

Rules kept here: nobody is told of a trace, so client and nodes put their spans into one without
a word between them. Who traces more traces also what others trace who do less. The ratio is a
float only where it is read; what is compared are integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from govchaind.base.types import Hash

TRACE_BYTES = 16  # as W3C Trace Context has it
SPAN_BYTES = 8
_ROOT_END = TRACE_BYTES + SPAN_BYTES
_JUDGED_END = _ROOT_END + 4
EVERY = 1 << 32  # a threshold that chooses all


@dataclass(frozen=True, slots=True)
class TraceIds:
    """A transaction's trace: its id of 16 bytes, and its root span's of 8."""

    trace: bytes
    root: bytes


def trace_ids(transaction: Hash) -> TraceIds:
    """Return the trace that the id of a transaction (32 bytes) names."""
    return TraceIds(transaction[:TRACE_BYTES], transaction[TRACE_BYTES:_ROOT_END])


def threshold_of(ratio: float) -> int:
    """Return how many of 2**32 transactions are traced at a ratio from 0 to 1.

    Scaling by a power of two rounds nothing, so every machine comes to the same integer.
    """
    return floor(ratio * EVERY)


def is_traced(transaction: Hash, threshold: int) -> bool:
    """Say whether a transaction is traced: bytes 24 to 27 of its id are below the threshold."""
    return int.from_bytes(transaction[_ROOT_END:_JUDGED_END], "big") < threshold
