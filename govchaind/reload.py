"""Which settings may change while a node runs, and how they come into force.

Rules kept here:
- The file is judged whole, as at a start; one that is refused changes nothing.
- A setting may change only if nothing was built upon its old value: no listener, no file, no
  thread, nothing that other nodes rely on. All others keep theirs until the next start, by name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from govchaind.api.access import Access
from govchaind.config import Config, settings, value_of, with_value
from govchaind.node import Running
from govchaind.runtime.carried import SECONDS_A_DAY
from govchaind.runtime.log_level import LogLevel

CHANGEABLE = frozenset(
    (
        "api.author_transactions_per_second_max",
        "api.event_streams_max",
        "api.reading_needs_token",
        "api.reads",
        "api.requests_per_second_max",
        "api.token_file",
        "api.wait_seconds_max",
        "delivery.bytes_per_second_max",
        "delivery.hold_days",
        "delivery.quota_bytes",
        "delivery.reserve_bytes",
        "delivery.side_bytes_max",
        "log.level",
        "peer.dial",
        "storage.reserve_bytes",
        "trace.ratio",
    )
)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of reading the settings anew.

    Attributes:
        config: the settings in force now.
        changed: paths of settings that have a new value in force.
        need_restart: paths of those that keep the old one until the next start.
    """

    config: Config
    changed: tuple[str, ...]
    need_restart: tuple[str, ...]


def compare(old: Config, new: Config) -> Reloaded:
    """Say what `new` changes of `old`, and which settings are then in force."""
    differing = [s.path for s in settings() if value_of(old, s.path) != value_of(new, s.path)]
    changed = tuple(path for path in differing if path in CHANGEABLE)
    config = old
    for path in changed:
        config = with_value(config, path, value_of(new, path))
    need_restart = tuple(path for path in differing if path not in CHANGEABLE)
    return Reloaded(config, changed, need_restart)


def put_in_force(config: Config, running: Running, level: LogLevel, access: Access) -> None:
    """Give the parts of a running node what `config` says of the settings that may change.

    `access` is made of these settings: its file of tokens may have changed though they have not.
    """
    level.setting = config.log.level
    running.mesh.set_further_addresses(config.peer.dial)
    running.drive.set_reserve(config.storage.reserve_bytes)
    context = running.context
    context.access.take_over(access)
    context.limits = replace(
        context.limits,
        wait_seconds_max=config.api.wait_seconds_max,
        event_streams_max=config.api.event_streams_max,
    )
    if context.traces is not None:
        context.traces.set_ratio(config.trace.ratio)
    if context.shelf is not None:
        delivery = config.delivery
        context.shelf.set_bounds(delivery.side_bytes_max, delivery.reserve_bytes)
    if context.carrier is not None:
        context.carrier.set_bounds(
            bytes_per_second_max=config.delivery.bytes_per_second_max,
            quota_bytes=config.delivery.quota_bytes,
            reserve_bytes=config.delivery.reserve_bytes,
            hold_seconds=config.delivery.hold_days * SECONDS_A_DAY,
        )
