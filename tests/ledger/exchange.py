"""A chain on which institutions share data: a mandate, terms, a duty, a data set, and requests.

The registry provides, the bank asks, the court supervises.
"""

from __future__ import annotations

from typing import Any

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.state_keys import (
    account_key,
    account_sum_key,
    data_set_key,
    grant_key,
    request_key,
)
from govchaind.ledger.working_state import WorkingState
from tests.ledger.chain import INSTITUTIONS, START, Chain

DAY = 24 * 3600 * 1000
FIELDS = [["number", "Citizen number", "text"], ["status", "Marriage status", "text"]]
CONDITIONS = [["no-copies", "The answer is not kept"], ["on-site", "Used on site only"]]
GROUNDS = ["no-basis", "too-broad"]
DETAILS = b"d" * 32
REASON = b"r" * 32
# changes of what `data_set` makes, by place
SHARING, CONDITIONS_AT, MANDATE_AT = 5, 6, 8


def value(chain: Chain, state_key: bytes) -> Any:
    return WorkingState(chain.ledger._state, chain.store, {}).decoded(state_key)


def adopt_mandate(chain: Chain, name: str, *, until: int | None = None) -> None:
    arguments = [name, "Sharing of data", "809", "State Council", bytes(32), START, until, None]
    assert chain.vote(MotionKind.ADOPT_MANDATE, arguments, *INSTITUTIONS[:3])[-1] == 0


def terms(mandate: str = "law", **changes: Any) -> list[Any]:
    """Return arguments of `set-terms`: days of the calendar, in Beijing's zone."""
    named: dict[str, Any] = {
        "calendar": None,
        "offset": 480,
        "reply": [10, False],
        "extension": [5, False],
        "extender": "supervisor",
        "appeal": [7, False],
        "ruling": [15, False],
        "delivery": [3, False],
        "grounds": GROUNDS,
        "supervisor": ["court", "head"],
    }
    return [mandate, *{**named, **changes}.values()]


def set_terms(chain: Chain, arguments: list[Any], turn: int = 0) -> int:
    return chain.vote(MotionKind.SET_TERMS, arguments, *INSTITUTIONS[:3], turn=turn)[-1]


def data_set(name: str = "marriages", **places: Any) -> list[Any]:
    """Return arguments of `publish-data-set`; `places` are sharing, conditions, mandate, fields."""
    return [
        name,
        "Marriages",
        places.get("duty", "civil"),
        places.get("fields", FIELDS),
        "daily",
        places.get("sharing", "conditional"),
        places.get("conditions", CONDITIONS),
        None,
        places.get("mandate", "law"),
    ]


def with_catalogue(**changed_terms: Any) -> Chain:
    """Return a chain with mandate, terms, duty and one data set of the registry."""
    chain = Chain()
    adopt_mandate(chain, "law")
    assert set_terms(chain, terms(**changed_terms)) == 0
    assert chain.do(Kind.ASSIGN_DUTY, "civil", "Civil status", "head", "law") == 0
    assert chain.do(Kind.PUBLISH_DATA_SET, *data_set()) == 0
    return chain


def ask(chain: Chain, reference: str = "r-1", **changes: Any) -> int:
    """Have the bank ask the registry."""
    arguments = [
        reference,
        changes.pop("provider", "registry"),
        changes.pop("data_set", "marriages"),
        changes.pop("fields", ["status"]),
        changes.pop("mandate", "law"),
        DETAILS,
    ]
    return chain.do(Kind.REQUEST, *arguments, **{"institution": "bank", **changes})


def with_request(**changed_terms: Any) -> Chain:
    chain = with_catalogue(**changed_terms)
    assert ask(chain) == 0
    return chain


def grant(chain: Chain, *conditions: str, uses: int | None = None, **author: Any) -> int:
    until = author.pop("until", chain.ledger.time + 30 * DAY)
    return chain.do(Kind.GRANT, "bank", "r-1", list(conditions), until, uses, **author)


def refuse(chain: Chain, ground: str = "no-basis", **author: Any) -> int:
    return chain.do(Kind.REFUSE, "bank", "r-1", ground, REASON, **author)


def appeal(chain: Chain, **author: Any) -> int:
    return chain.do(Kind.APPEAL, "r-1", DETAILS, **{"institution": "bank", **author})


def rule(chain: Chain, *, overturned: bool, **author: Any) -> int:
    ruling = ["bank", "r-1", overturned, "no-basis", None]
    return chain.do(Kind.RULE, *ruling, **{"institution": "court", **author})


def use(chain: Chain, number: int, **author: Any) -> int:
    return chain.do(Kind.USE_GRANT, "r-1", number, DETAILS, **{"institution": "bank", **author})


def asked(chain: Chain) -> Any:
    return value(chain, request_key("bank", "r-1"))


def granted(chain: Chain) -> Any:
    return value(chain, grant_key("bank", "r-1"))


def entry(chain: Chain, name: str = "marriages") -> Any:
    return value(chain, data_set_key("registry", name))


def sums(chain: Chain, month: int, institution: str) -> Any:
    return value(chain, account_sum_key(month, institution))


def account(chain: Chain, month: int) -> Any:
    return value(chain, account_key(month, "registry", "marriages", "bank"))
