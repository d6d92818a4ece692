"""The table of operations: kind → what it is. A new family is a new file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from govchaind.ledger.operations import (
    assets,
    ballots,
    catalogue,
    deliveries,
    delivery_keys,
    duties,
    erasures,
    evidence,
    grants,
    institutions,
    registers,
    requests,
    side_values,
    upgrades,
)
from govchaind.ledger.operations.operation import Operation

OPERATIONS: Mapping[int, Operation] = MappingProxyType(
    {
        operation.kind: operation
        for family in (
            registers.OPERATIONS,
            institutions.OPERATIONS,
            ballots.OPERATIONS,
            upgrades.OPERATIONS,
            duties.OPERATIONS,
            catalogue.OPERATIONS,
            requests.OPERATIONS,
            grants.OPERATIONS,
            delivery_keys.OPERATIONS,
            deliveries.OPERATIONS,
            erasures.OPERATIONS,
            assets.OPERATIONS,
            side_values.OPERATIONS,
            evidence.OPERATIONS,
        )
        for operation in family
    }
)
