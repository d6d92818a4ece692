"""Time for tests of the client against scripted nodes."""

from __future__ import annotations

import pytest
from trio.testing import MockClock


@pytest.fixture
def fast(mock_clock: MockClock) -> MockClock:
    """Let time pass only while client and scripted nodes all wait: at once, to the next deadline.

    A clock that merely runs faster would let a slow machine turn an answer into a time-out.
    """
    mock_clock.autojump_threshold = 0.02  # real seconds; loopback delivers well within them
    return mock_clock
