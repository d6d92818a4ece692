"""A newer node tells an older one nothing that the older one does not know."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import trio.testing

from govchaind.raft.messages import Heartbeat
from govchaind.replica.events import Received
from govchaind.replica.messages import Awaited, Head
from govchaind.runtime import codec
from govchaind.runtime.link import judge_hello
from govchaind.runtime.speech import (
    FIRST_NUMBERS,
    known_numbers,
    number_of,
    software_text,
    version_in,
)
from tests.runtime.made import member, self_of
from tests.runtime.test_codec import every_message
from tests.runtime.test_mesh import running, settled

LATER = 200


@dataclass(slots=True)
class Later:
    """A message that no release has had so far."""

    height: int


@pytest.fixture(name="later")
def a_later_message(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have this process write and read a further message."""
    row = codec._plain(LATER, Later, tuple[int])
    monkeypatch.setitem(codec._BY_KIND, Later, row)
    monkeypatch.setitem(codec._BY_NUMBER, LATER, row)
    return monkeypatch


def test_a_release_says_its_version_and_what_it_knows_beyond_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(codec, "NUMBERS", FIRST_NUMBERS)
    assert software_text("0.2.0") == "0.2.0"
    monkeypatch.setattr(codec, "NUMBERS", FIRST_NUMBERS | {42, 41})
    said = software_text("0.2.0")
    assert said == "0.2.0 speaks 41,42"
    assert known_numbers(said) == FIRST_NUMBERS | {41, 42}
    assert version_in(said) == "0.2.0"


@pytest.mark.parametrize(
    "said", ["0.1.0", "", "0.9 speaks", "0.9 speaks ", "0.9 speaks x", "0.9 speaks 41, 42",
             "0.9 speaks 1234567", "a b speaks 41", "0.9 speaks " + ",".join(["41"] * 65)]
)  # fmt: skip
def test_what_does_not_read_so_is_a_release_that_knows_the_first(said: str) -> None:
    assert known_numbers(said) == FIRST_NUMBERS
    assert len(version_in(said)) <= 64


def test_what_a_log_shows_of_a_peers_version_is_short_and_printable() -> None:
    assert version_in("9" * 500) == "9" * 64
    assert version_in("0.1\x1b[31m") == "?"


def test_every_message_is_found_by_its_number_in_its_frame() -> None:
    for message in every_message():
        assert number_of(codec.frame_of(message)) == codec._BY_KIND[type(message)].number
    assert FIRST_NUMBERS <= codec.NUMBERS
    assert max(codec.NUMBERS) < 256  # one byte behind its head


def test_a_hello_with_many_further_messages_fits_and_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(codec, "NUMBERS", FIRST_NUMBERS | set(range(100, 164)))
    ada, ben = self_of("ada"), self_of("ben")
    hello = ada.hello(ben.tls_key)
    assert len(codec.frame_of(hello)) < codec.HELLO_BYTES_MAX
    assert judge_hello(hello, ben, ada.tls_key, {"ada": member("ada")}.get).name == "ada"
    assert len(known_numbers(hello.software)) == len(FIRST_NUMBERS) + 64


@pytest.mark.parametrize("knows", [False, True])
async def test_a_message_leaves_only_for_a_peer_that_said_it_knows_it(
    later: pytest.MonkeyPatch, *, knows: bool
) -> None:
    later.setattr(codec, "NUMBERS", FIRST_NUMBERS | ({LATER} if knows else set()))
    async with running("ada", "ben") as shells:
        await settled(lambda: bool(shells["ada"].mesh.linked() and shells["ben"].mesh.linked()))
        ada, ben = shells["ada"].mesh, shells["ben"]
        for message in (Head(1), Later(7), Awaited(), Heartbeat(1, 1, 1)):
            ada.send("ben", codec.frame_of(message))  # type: ignore[arg-type]
        await trio.testing.wait_all_tasks_blocked(0.05)
        events = await ben.next(Received)
        heard = [type(event.message) for event in events if isinstance(event, Received)]
        assert heard == [Head, *([Later] if knows else []), Awaited, Heartbeat]
        assert ada.linked() == ["ben"]
        assert ada.linked(knowing=LATER) == (["ben"] if knows else [])
        [up] = [values for name, values in ben.log if name == "link.up"]
        assert up["software"] == self_of("ada").software
