"""What the API calls states and roles by one word, as people say it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from govchaind.api.sentence import Sentence, Value, tell

_WORDS: Mapping[str, Sentence] = MappingProxyType(
    {
        "unknown": tell("unknown"),
        "pending": tell("pending"),
        "committed": tell("committed"),
        "certified": tell("certified"),
        "refused": tell("refused"),
        "expired": tell("expired"),
        "valid": tell("valid"),
        "not-yet-valid": tell("not yet valid"),
        "revoked": tell("revoked"),
        "validator": tell("validator"),
        "learner": tell("learner"),
        "observer": tell("observer"),
        "leader": tell("leader"),
        "follower": tell("follower"),
        "candidate": tell("candidate"),
        "pre-candidate": tell("about to be a candidate"),
        "real-time": tell("at once"),
        "daily": tell("daily"),
        "weekly": tell("weekly"),
        "monthly": tell("monthly"),
        "quarterly": tell("each quarter"),
        "yearly": tell("yearly"),
        "irregular": tell("when there is something new"),
        "once": tell("never again"),
        "text": tell("text"),
        "number": tell("number"),
        "date": tell("date"),
        "boolean": tell("yes or no"),
        "image": tell("image"),
        "file": tell("file"),
        "suspended": tell("suspended"),
        "removed": tell("removed"),
        "unreachable": tell("no answer"),
        "self": tell("this node"),
        "up": tell("up"),
        "down": tell("down"),
        "open": tell("open"),
        "carried": tell("carried"),
        "enacted": tell("enacted"),
        "not-yet": tell("not yet in force"),
        "in-force": tell("in force"),
        "ended": tell("ended"),
    }
)
LEVEL_WORDS: Mapping[str, Sentence] = MappingProxyType(
    {
        "fine": tell("fine"),
        "near": tell("near"),
        "failing": tell("failing"),
        "lost": tell("out of reach"),
    }
)


def state_word(name: str) -> Value:
    """Return the words for a state or a role; the name itself where there are none."""
    return _WORDS.get(name, name)
