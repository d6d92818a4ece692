"""What each kind of operation is declared to cost, and its number. Numbers are for ever.

Costs are microseconds of one node's time, apply and state tree together, rounded up; a block may
hold BLOCK_COST_MICROSECONDS_MAX of them (consensus). None is above a block's bound divided by the
operations of one transaction, so every transaction fits a block. This file stands apart from the
table so that a transaction can be weighed without knowing what its operations do.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from govchaind.ledger.versions import FIRST_VERSION, OPERATIONS_OF


class Kind(IntEnum):
    """The number of each operation."""

    CREATE_REGISTER = 10
    PUT = 11
    RETIRE = 12
    CREATE_OFFICE = 20
    SET_KEY_POLICY = 21
    ROTATE_KEY = 22
    REVOKE_KEY = 23
    VOTE = 24
    WITHDRAW = 25
    ENACT = 26
    NAME_ACTING = 27
    DECLARE_READY = 28
    ASSIGN_DUTY = 30
    END_DUTY = 31
    PUBLISH_DATA_SET = 32
    REVISE_DATA_SET = 33
    RETIRE_DATA_SET = 34
    REQUEST = 40
    GRANT = 41
    REFUSE = 42
    EXTEND = 43
    APPEAL = 44
    RULE = 45
    USE_GRANT = 46
    REVOKE_GRANT = 47
    WITHDRAW_REQUEST = 48
    PUBLISH_DELIVERY_KEY = 50
    DELIVER = 51
    RECEIVE = 52
    DISPUTE = 53
    CORRECT = 54
    RETURN_FLOW = 55
    ORDER_ERASURE = 56
    CONFIRM_ERASURE = 57
    REPORT_LOST = 58
    CREATE_ASSET = 60
    ISSUE_ASSET = 61
    TRANSFER_ASSET = 62
    REDEEM_ASSET = 63
    FREEZE_ASSET = 64
    THAW_ASSET = 65
    RECORD_SIDE_VALUE = 70
    REPORT_DOUBLE_SIGNING = 80


COST_MICROSECONDS = MappingProxyType(
    {
        int(Kind.CREATE_REGISTER): 80,
        int(Kind.PUT): 40,
        int(Kind.RETIRE): 40,
        int(Kind.CREATE_OFFICE): 100,
        int(Kind.SET_KEY_POLICY): 100,
        int(Kind.ROTATE_KEY): 100,
        int(Kind.REVOKE_KEY): 100,
        int(Kind.VOTE): 200,
        int(Kind.WITHDRAW): 100,
        int(Kind.ENACT): 200,
        int(Kind.NAME_ACTING): 100,
        int(Kind.DECLARE_READY): 100,
        int(Kind.ASSIGN_DUTY): 80,
        int(Kind.END_DUTY): 80,
        int(Kind.PUBLISH_DATA_SET): 80,
        int(Kind.REVISE_DATA_SET): 80,
        int(Kind.RETIRE_DATA_SET): 80,
        int(Kind.REQUEST): 80,
        int(Kind.GRANT): 80,
        int(Kind.REFUSE): 80,
        int(Kind.EXTEND): 80,
        int(Kind.APPEAL): 80,
        int(Kind.RULE): 80,
        int(Kind.USE_GRANT): 80,
        int(Kind.REVOKE_GRANT): 80,
        int(Kind.WITHDRAW_REQUEST): 80,
        int(Kind.PUBLISH_DELIVERY_KEY): 80,
        int(Kind.DELIVER): 80,
        int(Kind.RECEIVE): 80,
        int(Kind.DISPUTE): 80,
        int(Kind.CORRECT): 80,
        int(Kind.RETURN_FLOW): 80,
        int(Kind.ORDER_ERASURE): 80,
        int(Kind.CONFIRM_ERASURE): 80,
        int(Kind.REPORT_LOST): 80,
        int(Kind.CREATE_ASSET): 80,
        int(Kind.ISSUE_ASSET): 60,
        int(Kind.TRANSFER_ASSET): 80,
        int(Kind.REDEEM_ASSET): 60,
        int(Kind.FREEZE_ASSET): 60,
        int(Kind.THAW_ASSET): 60,
        int(Kind.RECORD_SIDE_VALUE): 80,
        int(Kind.REPORT_DOUBLE_SIGNING): 200,
    }
)
UNKNOWN_COST_MICROSECONDS = 20  # refused at the first look


def operations_cost(operations: Iterable[tuple[int, list[Any]]]) -> int:
    """Return the declared cost of `operations`, in microseconds."""
    cost = COST_MICROSECONDS.get
    return sum(cost(kind, UNKNOWN_COST_MICROSECONDS) for kind, _ in operations)


def least_cost(operations: Iterable[tuple[int, list[Any]]]) -> int:
    """Return what `operations` cost for the release that gives them the least.

    A leader of another release fills its blocks by what it knows: an operation that it does not
    know costs it UNKNOWN_COST_MICROSECONDS, and its block is a good one for all that.
    """
    first = OPERATIONS_OF[FIRST_VERSION]
    cost = COST_MICROSECONDS.get
    return sum(
        cost(kind, UNKNOWN_COST_MICROSECONDS) if kind in first else UNKNOWN_COST_MICROSECONDS
        for kind, _ in operations
    )
