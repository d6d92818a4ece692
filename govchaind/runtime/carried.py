"""Makes a node's carrier and its shelf of side values: settings, and what the ledger says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from govchaind.base.encoding import decode
from govchaind.base.types import NodeId
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.membership import Member
from govchaind.ledger.office_leave import side_subject
from govchaind.ledger.operations import delivery_keys
from govchaind.ledger.operations.deliveries import (
    CORRECTED_BY,
    ERASURE,
    LOST,
    RECEIVED,
    RECEIVER,
    SEALED,
    SIZE,
)
from govchaind.ledger.sealed_file import length_max
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import delivery_key, delivery_key_key
from govchaind.runtime.carrier import Carrier, Judge, Recorded
from govchaind.runtime.environment import Environment, Snapshot, Storage
from govchaind.runtime.side_shelf import SideName, SideShelf, side_judge
from govchaind.runtime.spool import Parcel, Spool
from govchaind.runtime.telemetry import Telemetry

NUMBER_MAX = 0xFFFFFFFF
SECONDS_A_DAY = 24 * 3600


class DeliverySettings(Protocol):
    """Those of `config.py` that a carrier takes."""

    @property
    def directory(self) -> str: ...
    @property
    def side_directory(self) -> str: ...
    @property
    def side_bytes_max(self) -> int: ...
    @property
    def quota_bytes(self) -> int: ...
    @property
    def reserve_bytes(self) -> int: ...
    @property
    def hold_days(self) -> float: ...
    @property
    def carries_max(self) -> int: ...
    @property
    def bytes_per_second_max(self) -> int: ...


def make_carrier(
    settings: DeliverySettings,
    environment: Environment,
    genesis: Genesis,
    name: NodeId,
    members: Callable[[], Sequence[Member]],
    telemetry: Telemetry,
) -> Carrier | None:
    """Return the carrier of a node; None where its world carries nothing.

    Raises InvalidSetting: the folder of sealed files cannot be used.
    """
    doors = environment.delivery
    if doors is None:
        return None

    def removed(parcel: Parcel, reason: str) -> None:
        named = "/".join(map(str, parcel.delivery))
        telemetry.event("delivery.removed", delivery=named, reason=reason)

    return Carrier(
        name=name,
        chain_id=genesis.chain_id,
        spool=Spool(
            Path(settings.directory),
            quota_bytes=settings.quota_bytes,
            hold_seconds=settings.hold_days * SECONDS_A_DAY,
            reserve_bytes=settings.reserve_bytes,
            threads=doors.threads,
            wall_milliseconds=environment.wall_milliseconds,
            removed=removed,
        ),
        network=doors.network,
        judge=judge_by(environment.storage),
        members=members,
        telemetry=telemetry,
        carries_max=settings.carries_max,
        bytes_per_second_max=settings.bytes_per_second_max,
    )


def make_shelf(
    settings: DeliverySettings, environment: Environment, telemetry: Telemetry
) -> SideShelf | None:
    """Return the side values of a node; None where its world carries nothing.

    Raises InvalidSetting: their folder cannot be used.
    """
    doors = environment.delivery
    if doors is None:
        return None

    def removed(name: SideName) -> None:
        telemetry.event("side_value.removed", side_value=side_subject(*name))

    shelf = SideShelf(
        Path(settings.side_directory),
        bytes_max=settings.side_bytes_max,
        reserve_bytes=settings.reserve_bytes,
        threads=doors.threads,
        judge=side_judge(environment.storage),
        removed=removed,
    )
    telemetry.metrics.side_values.set_function(lambda: float(shelf.count))
    return shelf


def judge_by(storage: Storage) -> Judge:
    """Return what tells of a delivery by the newest state in a store."""

    def judge(delivery: tuple[str, str, int]) -> Recorded | None:
        if not 1 <= delivery[2] <= NUMBER_MAX:
            return None
        snapshot = storage.snapshot()
        try:
            return recorded(snapshot, delivery)
        finally:
            snapshot.close()

    return judge


def recorded(reader: Snapshot, delivery: tuple[str, str, int]) -> Recorded | None:
    """Return what may be carried of a delivery; None: nothing is recorded, or it is over."""
    value = _stored(reader, delivery_key(*delivery))
    if value is None or any(
        value[at] is not None for at in (RECEIVED, LOST, ERASURE, CORRECTED_BY)
    ):
        return None
    published = _stored(reader, delivery_key_key(*value[RECEIVER]))
    box = None if published is None else published[delivery_keys.BOX]
    return Recorded(
        digest=value[SEALED],
        length_max=length_max(value[SIZE]),
        box=None if box is None else (box[0], box[1]),
    )


def _stored(reader: Snapshot, key: bytes) -> Any:
    value = State().get(reader, key)
    return None if value is None else decode(value, bytes_max=len(value))
