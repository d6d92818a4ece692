"""Prints, as JSON, what the govchaind that is imported says of its formats: run it on any release.

python told.py          without anything of the tests on its path
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import msgspec


def told() -> dict[str, Any]:
    """Return numbers, names, costs and shapes. Only names that release 0.1.0 has are used."""
    table = importlib.import_module("govchaind.ledger.operations.table")
    motions = importlib.import_module("govchaind.ledger.operations.motions")
    parameters = importlib.import_module("govchaind.ledger.operations.parameters")
    outcomes = importlib.import_module("govchaind.ledger.outcomes")
    limits = importlib.import_module("govchaind.base.limits")
    codec = importlib.import_module("govchaind.runtime.codec")
    costs = importlib.import_module("govchaind.ledger.operations.costs")
    store = importlib.import_module("govchaind.replica.store")
    consensus = ("BLOCK_", "TRANSACTION_", "LIVE_IDS", "LIFETIME", "STATE_", "CHECKPOINT", "NAME_",
                 "TITLE_", "SALT_", "OFFICE", "INSTITUTIONS", "NODES_", "VALIDATORS_")  # fmt: skip
    return {
        "operations": {
            str(int(kind)): [each.name, each.cost_microseconds, shape(each.shape)]
            for kind, each in table.OPERATIONS.items()
        },
        "motions": {
            str(int(kind)): [each.name, shape(each.shape)] for kind, each in motions.MOTIONS.items()
        },
        "parameters": {
            name: [each.least, each.most, each.default]
            for name, each in parameters.PARAMETERS.items()
        },
        "outcomes": {
            str(int(code)): [row.name, row.consumes_id] for code, row in outcomes.OUTCOMES.items()
        },
        "messages": {str(row.number): [row.kind.__name__, shape(row.shape)] for row in codec._ROWS},
        "limits": {
            name: value
            for name, value in sorted(vars(limits).items())
            if name.startswith(consensus) and isinstance(value, int)
        },
        "single": {
            "protocol": codec.PROTOCOL_VERSION,
            "store": store.FORMAT,
            "cost of the unknown": costs.UNKNOWN_COST_MICROSECONDS,
        },
    }


def shape(found: Any) -> str:
    """Return the schema of a shape: its places with their types and bounds."""
    [schema], parts = msgspec.json.schema_components([found])
    return json.dumps([schema, parts], sort_keys=True)


if __name__ == "__main__":
    json.dump(told(), sys.stdout)
