"""How fast somebody may go on: token buckets, one for each name, bounded in number.

Rules it keeps:
- Nothing is kept of somebody who has asked for nothing lately, and never of more than `names_max`:
  the one longest unheard of is forgotten first, and comes back with a full bucket.
- `wait_seconds` only looks, `charge` only takes; what is charged may leave a debt, so that one
  large batch passes and the next waits for it.
- Time is an argument, in seconds that never go back.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

NAMES_MAX = 65_536
BURST_SECONDS = 4  # of full speed, that somebody who was quiet may use at once
IPV6_CLIENT_BITS = 64  # one client has a whole network of so many bits, at the least


class Allowance:
    """Token buckets that fill at one speed."""

    def __init__(
        self, per_second: float, *, burst_seconds: float = BURST_SECONDS, names_max: int = NAMES_MAX
    ) -> None:
        """A bucket holds `per_second * burst_seconds`; `per_second` 0: no bound at all."""
        self._per_second = per_second
        self._burst = per_second * burst_seconds
        self._names_max = names_max
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, when

    def __len__(self) -> int:
        return len(self._buckets)

    def wait_seconds(self, name: str, now: float) -> float:
        """Return after how many seconds `name` may go on; 0: now."""
        if not self._per_second or name not in self._buckets:
            return 0.0
        left = self._left(name, now)
        return 0.0 if left >= 1 else (1 - left) / self._per_second

    def charge(self, name: str, now: float, amount: int = 1) -> None:
        """Take `amount` from the bucket of `name`."""
        if not self._per_second:
            return
        self._buckets[name] = (self._left(name, now) - amount, now)
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._names_max:
            self._buckets.popitem(last=False)

    def _left(self, name: str, now: float) -> float:
        left, then = self._buckets.get(name, (self._burst, now))
        return min(self._burst, left + (now - then) * self._per_second)


def client_name(host: str) -> str:
    """Return whose bucket a client's address uses: an IPv6 network counts as one client."""
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, IPV6_CLIENT_BITS), strict=False))
