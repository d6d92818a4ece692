"""What a malicious member, a rogue and a vandal do, and that what stops them is looked at."""

from __future__ import annotations

import pytest

from govchaind.base.errors import Invalid, PeerError
from govchaind.raft.messages import AppendReply, Heartbeat, RequestVote, Vote
from govchaind.replica.messages import Attest, Head, Want
from govchaind.runtime import codec, gate, link
from netsim.gear2.liar import Liar, bodies, who_lies
from netsim.gear2.options import draw
from netsim.gear2.run import run
from netsim.gear2.world import World

ONLY = ("malicious",)
SAID = (
    Vote(3, True, False, b"s" * 16),
    AppendReply(3, b"s" * 16, True, 7),
    Heartbeat(3, 2, 1),
    RequestVote(3, 7, 2, False),
    Attest(4, b"statement", b"g" * 64),
    Head(9),
    Want([b"h" * 32]),
    codec.Ping(),
)


def liar(seed: int) -> Liar:
    return World(draw(seed, nodes=4, only=ONLY)).liar


def taken(made: bytes) -> codec.Anything:
    """Read one frame as a link does."""
    length = codec.frame_length(made[: codec.LENGTH_BYTES])
    return codec.read(codec.split(made[codec.LENGTH_BYTES :][:length]), lambda _: None)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_misshapen_no_decoder_takes(seed: int) -> None:
    """Else a lie about a disk or a vote might be among it, of which Raft promises nothing."""
    found = liar(seed)
    for message in SAID:
        for _ in range(40):
            made = found._misshapen(codec.frame_of(message)[codec.LENGTH_BYTES :])
            with pytest.raises((Invalid, PeerError)):
                taken(made)


def test_a_vote_is_repeated_to_its_own_candidate_only() -> None:
    found = liar(1)
    vote = codec.frame_of(SAID[0])
    other = codec.frame_of(Head(1))
    found._past.extend([("n0", vote), ("n2", other)])
    again = [found._again(codec.frame_of(Head(9))[codec.LENGTH_BYTES :], "n2") for _ in range(20)]
    assert {codec.frame_of(Head(9)) + other} == set(again)


def test_frames_are_told_apart() -> None:
    said = [codec.frame_of(message) for message in SAID]
    assert [codec.LENGTH_BYTES + len(body) for body in bodies(b"".join(said))] == list(
        map(len, said)
    )


def test_at_most_a_third_lies_and_an_observer_where_few_vote() -> None:
    voters, observers = ["n0", "n1", "n2", "n3"], ["o0"]
    options = draw(1, only=ONLY)
    assert who_lies(options, voters, observers) in voters
    assert who_lies(options, voters[:3], observers) == "o0"
    assert who_lies(options, voters[:3], []) is None
    assert who_lies(draw(1, only=()), voters, observers) is None
    assert draw(1, nodes=3, only=ONLY).observers == 1


def test_a_malicious_member_and_a_vandal_harm_nobody_else() -> None:
    """And they are there: their bytes are refused, their greetings, their connections."""
    reached: set[str] = set()
    for seed in (1, 6):
        verdict = run(draw(seed, nodes=4, only=("malicious", "vandal")))
        assert (verdict.violation, verdict.tail) == (None, [])
        reached |= verdict.marks
    assert reached >= {
        "lied",
        "liar-refused",
        "greeting-refused",
        "rogue-refused",
        "vandal-answered",
    }


def _split_carelessly(body: bytes) -> codec.Split:
    try:
        return careful(body)
    except Invalid as error:
        raise ValueError("not foreseen") from error


careful = codec.split


def test_a_codec_that_raises_what_nobody_foresees_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "split", _split_carelessly)
    violation = run(
        draw(1, nodes=4, seconds=15.0, only=ONLY), watched=frozenset({"I-30"})
    ).violation
    assert violation is not None
    assert violation[0] == "I-30"


def test_a_gate_that_believes_every_signature_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "verify", lambda *_: True)
    violation = run(draw(2, nodes=4, seconds=15.0, only=ONLY)).violation
    assert violation is not None
    assert violation[0] == "N-5"


def test_a_node_that_waits_for_a_greeting_for_ever_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "HANDSHAKE_SECONDS_MAX", 1e6)
    violation = run(draw(6, nodes=4, only=ONLY)).violation
    assert violation is not None
    assert violation[0] == "I-30"
