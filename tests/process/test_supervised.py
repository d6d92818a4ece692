"""A real node under a supervisor: READY, STATUS, the watchdog, settings read anew, a louder log."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from govchaind.api.tokens import Token, digest_of, token_text
from govchaind.config import CONFIG_FILE
from tests.process.conftest import MakeNetwork
from tests.process.network import Network, govchaind

WATCHDOG_SECONDS = 1.0


class Supervisor:
    """Stands where systemd does: a socket that a started node is told of, and what it heard."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self.messages: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(self.address)

    def command(self, *arguments: str) -> list[str]:
        watchdog = f"WATCHDOG_USEC={int(WATCHDOG_SECONDS * 1_000_000)}"
        return ["env", f"NOTIFY_SOCKET={self.address}", watchdog, sys.executable, "-m", *arguments]

    def listen(self) -> list[str]:
        """Take what has come; return all that has, a line each."""
        while True:
            try:
                self.messages += self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self.messages

    def wait(self, network: Network, beginning: str, *, after: int = 0) -> int:
        """Wait until a line with this beginning has come; return the place behind it."""

        def place() -> int | None:
            lines = self.listen()
            places = [at for at in range(after, len(lines)) if lines[at].startswith(beginning)]
            return places[0] + 1 if places else None

        return network.wait_for(place, f"{beginning} is not said: {self.messages[after:]}")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path)
    yield made
    made.close()


def test_a_node_that_waits_for_others_has_started_and_says_what_it_waits_for(
    make_network: MakeNetwork, supervisor: Supervisor
) -> None:
    network = make_network()
    name = network.names[0]
    network.start_as(name, supervisor.command("govchaind", "run", str(network.folder(name))))
    after = supervisor.wait(network, "READY=1")
    assert "not ready: no leader" in supervisor.messages[after]
    assert not network.ready(name)
    network.start(*network.names[1:])
    network.wait_ready(*network.names)
    after = supervisor.wait(network, "STATUS=", after=len(supervisor.listen()))
    supervisor.wait(network, "WATCHDOG=1", after=after)
    assert any(line.endswith("; ready") for line in supervisor.messages)
    assert network.stop(name) == 0
    after = supervisor.wait(network, "STOPPING=1")
    assert "not ready: stopping" in supervisor.messages[after]
    assert supervisor.messages.count("READY=1") == 1


def test_a_loop_that_hangs_is_not_fed_although_the_process_answers(
    make_network: MakeNetwork, supervisor: Supervisor, tmp_path: Path
) -> None:
    network = make_network(validators=1)
    [name] = network.names
    file = tmp_path / "hang"
    altered = ("tests.process.altered_node", str(network.folder(name)), "--hang-file", str(file))
    network.start_as(name, supervisor.command(*altered))
    after = supervisor.wait(network, "READY=1")
    for _ in range(3):
        after = supervisor.wait(network, "WATCHDOG=1", after=after)
    file.touch()
    time.sleep(WATCHDOG_SECONDS)  # what was under way
    fed = supervisor.listen().count("WATCHDOG=1")
    end = time.monotonic() + 3 * WATCHDOG_SECONDS
    while time.monotonic() < end:
        assert network.get(name, "/healthz").status_code == 200
        time.sleep(0.1)
    assert supervisor.listen().count("WATCHDOG=1") == fed
    network.daemons[name].send(signal.SIGQUIT)  # as the unit's watchdog does
    assert network.wait_end(name) == -signal.SIGQUIT
    assert "most recent call first" in network.log_path(name).read_text()
    network.start(name)  # it takes its store for good
    network.wait_ready(name)


def test_settings_are_read_anew_and_a_broken_file_changes_nothing(
    make_network: MakeNetwork, supervisor: Supervisor
) -> None:
    network = make_network(validators=1)
    [name] = network.names
    network.start_as(name, supervisor.command("govchaind", "run", str(network.folder(name))))
    after = supervisor.wait(network, "READY=1")
    network.wait_ready(name)
    network.set(name, api__event_streams_max=0, api__connections_max=9, log__level="warning")
    network.daemons[name].send(signal.SIGHUP)
    after = supervisor.wait(network, "RELOADING=1", after=after)
    after = supervisor.wait(network, "MONOTONIC_USEC=", after=after)
    after = supervisor.wait(network, "READY=1", after=after)
    told = network.wait_event(name, "settings.need_restart")
    assert told["settings"] == ["api.connections_max"]
    assert network.get(name, "/v1/events?from=1").status_code == 503  # no stream is allowed now
    assert network.events(name, "settings.reloaded") == []  # of level info, which is not shown now
    settings = network.folder(name) / CONFIG_FILE
    good = settings.read_text()
    settings.write_text(good.replace("event_streams_max", "event_stream_max"))
    network.daemons[name].send(signal.SIGHUP)
    refused = network.wait_event(name, "settings.refused")
    assert "did you mean api.event_streams_max?" in refused["problem"]
    after = supervisor.wait(network, "READY=1", after=after)
    assert network.get(name, "/v1/events?from=1").status_code == 503
    settings.write_text(good.replace("event_streams_max = 0", "event_streams_max = 3"))
    network.set(name, log__level="info")
    network.daemons[name].send(signal.SIGHUP)
    told = network.wait_event(name, "settings.reloaded")
    assert sorted(told["changed"]) == ["api.event_streams_max", "log.level"]
    address = f"{network.nodes[name].api}/v1/events?from=1"
    with httpx.stream("GET", address, trust_env=False, timeout=30) as reply:
        assert reply.status_code == 200


def test_a_token_that_is_taken_out_ends_with_a_reload(make_network: MakeNetwork) -> None:
    network = make_network(validators=1)
    [name] = network.names
    folder = network.folder(name)
    network.start(name)
    network.wait_ready(name)
    network.set(name, api__token_file="tokens", api__reading_needs_token=True)
    said = govchaind("token", "new", "portal", "--directory", str(folder), "--json")
    token = json.loads(said[: said.index("}") + 1])["token"]
    network.daemons[name].send(signal.SIGHUP)
    network.wait_event(name, "settings.reloaded")
    assert "token-missing" in network.get(name, "/v1/status").text
    shown = network.get(name, "/v1/status", authorization=f"Bearer {token}")
    assert shown.status_code == 200
    good = (folder / "tokens").read_text()
    (folder / "tokens").write_text("no token at all\n")
    network.daemons[name].send(signal.SIGHUP)
    network.wait_event(name, "settings.refused")
    assert network.get(name, "/v1/status", authorization=f"Bearer {token}").status_code == 200
    kept = [line for line in good.splitlines() if not line.startswith("portal")]
    (folder / "tokens").write_text("\n".join(kept))
    network.daemons[name].send(signal.SIGHUP)
    network.wait_event(name, "settings.reloaded", changed=[])
    shown = network.get(name, "/v1/status", authorization=f"Bearer {token}")
    assert "token-unknown" in shown.text


def test_an_operator_makes_the_log_loud_by_http_and_it_ends_by_itself(
    make_network: MakeNetwork,
) -> None:
    network = make_network()
    name = network.names[0]
    network.set(name, api__token_file="tokens", log__level="warning")
    secret = token_text(b"o" * 32)
    token = Token("operator", frozenset({"operate"}), digest_of(secret))
    (network.folder(name) / "tokens").write_text(token.line())
    network.start(name)
    network.wait_for(lambda: network.status_or_none(name), f"{name} does not answer")
    reply = httpx.put(
        f"{network.nodes[name].api}/v1/operate/log-level",
        json={"level": "debug", "seconds": 2},
        headers={"authorization": f"Bearer {secret}"},
    )
    assert reply.status_code == 200, reply.text
    assert network.wait_event(name, "log.level_changed", shown="debug")["seconds"] == 2
    network.wait_event(name, "log.level_changed", shown="warning", reason="its time is over")


def test_a_signal_makes_the_log_loud_and_another_quiet_again(make_network: MakeNetwork) -> None:
    network = make_network()
    name, second, third = network.names
    network.set(name, log__level="warning")
    network.start(name)
    network.wait_for(lambda: network.status_or_none(name), f"{name} does not answer")
    network.daemons[name].send(signal.SIGUSR1)
    told = network.wait_event(name, "log.level_changed", shown="debug")
    assert told["seconds"] == 900
    network.start(second)
    network.wait_event(name, "link.up", peer=second)
    network.daemons[name].send(signal.SIGUSR2)
    network.wait_event(name, "log.level_changed", shown="warning", reason="asked for")
    loud = len(network.events(name))
    network.start(third)
    network.wait_ready(*network.names)
    network.wait_for(lambda: third in network.status(name)["peers_linked"], "no link")
    assert [told for told in network.events(name)[loud:] if told["level"] == "info"] == []
