"""The table of operations: kind → what it is. A new family is a new file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from govchaind.ledger.operations import (
    ballots,
    catalogue,
    duties,
    grants,
    institutions,
    registers,
    requests,
)
from govchaind.ledger.operations.operation import Operation

OPERATIONS: Mapping[int, Operation] = MappingProxyType(
    {
        operation.kind: operation
        for family in (
            registers.OPERATIONS,
            institutions.OPERATIONS,
            ballots.OPERATIONS,
            duties.OPERATIONS,
            catalogue.OPERATIONS,
            requests.OPERATIONS,
            grants.OPERATIONS,
        )
        for operation in family
    }
)
