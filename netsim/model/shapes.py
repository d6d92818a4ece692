"""What arguments of operations may look like, said anew: the model believes no shape of the code.

A shape is a tuple of judges, one for each argument; a judge says whether one plain value will do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Judge = Callable[[Any], bool]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_ADDRESS = re.compile(r"([a-zA-Z0-9.-]+|\[[0-9a-fA-F:.]+\]):[1-9][0-9]{0,4}")
COUNT_MAX = 2**63 - 1


def name(value: Any) -> bool:
    return type(value) is str and _NAME.fullmatch(value) is not None


def title(value: Any) -> bool:
    return type(value) is str and 1 <= len(value) <= 200


def count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= COUNT_MAX


def hash32(value: Any) -> bool:
    return type(value) is bytes and len(value) == 32


def store(value: Any) -> bool:
    return type(value) is bytes and len(value) == 16


def record_key(value: Any) -> bool:
    return type(value) is bytes and 1 <= len(value) <= 128


def record_value(value: Any) -> bool:
    return type(value) in (list, bytes)


def calendar_days(value: Any) -> bool:
    return type(value) is bytes and len(value) == 46


def between(least: int, most: int) -> Judge:
    return lambda value: type(value) is int and least <= value <= most


def threshold(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 16


def address(value: Any) -> bool:
    return type(value) is str and len(value) <= 262 and _ADDRESS.fullmatch(value) is not None


def truth(value: Any) -> bool:
    return type(value) is bool


def one_of(*words: str) -> Judge:
    return lambda value: type(value) is str and value in words


def or_none(judge: Judge) -> Judge:
    return lambda value: value is None or judge(value)


def array(judge: Judge, least: int, most: int) -> Judge:
    return lambda value: (
        type(value) is list and least <= len(value) <= most and all(judge(item) for item in value)
    )


def fields(*judges: Judge) -> Judge:
    return lambda value: (
        type(value) is list
        and len(value) == len(judges)
        and all(judge(item) for judge, item in zip(judges, value, strict=True))
    )


def amount(value: Any) -> bool:
    return type(value) is int and 1 <= value < 2**64


def statement(value: Any) -> bool:
    return type(value) is bytes and 1 <= len(value) <= 256


def signature(value: Any) -> bool:
    return type(value) is bytes and len(value) == 64


def anything(value: Any) -> bool:
    return True


PLACE = fields(name, name)
KEYS = array(fields(hash32, title, count, or_none(count)), 1, 16)
OFFICE = fields(name, title, threshold, KEYS)
FIELD_TYPE = one_of("text", "integer", "boolean", "bytes")
ROLE = one_of("validator", "learner", "observer")
CLASS = one_of("duty-bound", "voluntary")
FIELD = fields(name, title, one_of("text", "number", "date", "boolean", "image", "file"))
CYCLE = one_of(
    "real-time", "daily", "weekly", "monthly", "quarterly", "yearly", "irregular", "once"
)
DATA_SET = (
    name,
    title,
    name,
    array(FIELD, 1, 100),
    CYCLE,
    one_of("unconditional", "conditional", "not-shared"),
    array(fields(name, title), 0, 32),
    or_none(title),
    name,
)
CLOCK = fields(between(1, 366), truth)
USES = between(1, 2**53 - 1)
NUMBER = between(1, 2**32 - 1)
DELIVERY = (name, name, NUMBER)
DISPUTE_GROUND = one_of("wrong", "incomplete", "outdated", "not-asked-for", "unreadable")

OPERATIONS: dict[int, Judge] = {
    10: fields(
        name,
        title,
        array(fields(name, FIELD_TYPE), 0, 64),
        one_of("clear", "commitment"),
        array(fields(name, name), 0, 64),
    ),
    11: fields(name, record_key, record_value, or_none(count)),
    12: fields(name, record_key),
    20: fields(name, title, threshold, KEYS),
    21: fields(name, threshold, KEYS),
    22: fields(name, hash32, hash32, title, or_none(count), count),
    23: fields(name, hash32),
    24: fields(count, count, array(anything, 0, 1 << 20)),
    25: fields(hash32),
    26: fields(hash32),
    27: fields(name, hash32, hash32, title, count, count),
    60: fields(name, title, title, name, PLACE, array(name, 0, 64), or_none(count)),
    61: fields(name, PLACE, amount, name),
    62: fields(name, PLACE, amount, name, or_none(fields(*DELIVERY, truth))),
    63: fields(name, amount, name),
    64: fields(name, PLACE, name, or_none(amount), name, or_none(hash32)),
    65: fields(name, PLACE, name, or_none(amount), name),
    30: fields(name, title, name, name),
    31: fields(name),
    32: fields(*DATA_SET),
    33: fields(*DATA_SET, count),
    34: fields(name),
    40: fields(name, name, name, array(name, 1, 100), name, hash32),
    41: fields(name, name, array(name, 0, 32), count, or_none(USES)),
    42: fields(name, name, name, or_none(hash32)),
    43: fields(name, name),
    44: fields(name, hash32),
    45: fields(name, name, truth, name, or_none(hash32)),
    46: fields(name, USES, hash32),
    47: fields(name, name, name, or_none(hash32)),
    48: fields(name),
    50: fields(hash32, count, or_none(fields(name, address))),
    51: fields(*DELIVERY, hash32, count, or_none(count), hash32, hash32),
    52: fields(*DELIVERY, hash32),
    53: fields(*DELIVERY, DISPUTE_GROUND, hash32),
    54: fields(*DELIVERY, hash32, NUMBER, hash32, count, or_none(count), hash32),
    55: fields(*DELIVERY, hash32, count, or_none(count), hash32),
    56: fields(*DELIVERY, count, array(fields(name, name), 1, 16)),
    57: fields(*DELIVERY, one_of("destroyed", "never-had")),
    58: fields(*DELIVERY, one_of("on-the-way", "stolen", "key-lost")),
    28: fields(name, between(1, 65535)),
    70: fields(
        hash32,
        hash32,
        between(1, 64 * 1024),
        array(fields(name, name), 1, 16),
        or_none(fields(name, name)),
    ),
    80: fields(name, statement, signature, statement, signature),
}

MOTIONS: dict[int, Judge] = {
    1: fields(name, title, CLASS, array(OFFICE, 1, 16)),
    2: fields(name, name, ROLE, hash32, hash32, store, array(address, 0, 4)),
    3: fields(name),
    4: fields(name, store),
    5: fields(count, between(1, 100), between(1, 100), between(0, 366 * 24 * 3600 * 1000)),
    6: fields(name, name, threshold, KEYS),
    7: fields(name, between(2000, 2199), between(1, 65535), between(-840, 840), calendar_days),
    8: fields(name, title, title, title, hash32, count, or_none(count), or_none(name)),
    9: fields(name, count),
    20: fields(
        name,
        or_none(name),
        between(-840, 840),
        CLOCK,
        or_none(CLOCK),
        one_of("provider", "supervisor"),
        CLOCK,
        CLOCK,
        or_none(CLOCK),
        array(name, 1, 32),
        fields(name, name),
    ),
    10: fields(name, name, or_none(hash32)),
    11: fields(name),
    12: fields(name, name, or_none(hash32)),
    13: fields(name, count),
    14: fields(between(1, 65535), count),
    15: fields(name, count, or_none(count)),
    70: fields(name, hash32, name),
    71: fields(name, hash32, hash32),
}
