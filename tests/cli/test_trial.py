"""`propose --try`: a real node's history replayed, over its door and from its folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from govchaind.cli.main import INVALID, OK, REFUSED
from tests.cli.command import Command
from tests.cli.test_decisions import decide, key
from tests.cli.test_network import NETWORK, network

__all__ = ["network"]  # a fixture
RULE = ("propose", "rule", "set-parameter", "--more-than", "3/4", "--try")
SUSPEND = ("propose", "suspend", "railways", "--ground", "silence", "--try")


@pytest.mark.process
def test_what_would_have_come_out_differently(
    govchaind: Command, network: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    digest = decide(govchaind, "propose", "parameter", "quiet-days", 30)
    made = govchaind(
        "submit", "create-register", "towns", "--title", "Towns", *key("railways"), "--json"
    )
    strict = govchaind(*RULE, *NETWORK, "--json").json
    told = govchaind(*RULE, *NETWORK)
    chinese = govchaind("--lang", "zh", *RULE, *NETWORK)
    height = made.json[0]["height"]
    suspended = govchaind(*SUSPEND, *NETWORK, "--from-height", height)
    nothing = govchaind(*SUSPEND, *NETWORK, "--to-height", 1)
    refused = govchaind("propose", "restore", "railways", "--try", *NETWORK)
    beyond = govchaind(*SUSPEND, *NETWORK, "--to-height", 10_000)
    unsent = govchaind("motions", "--state", "open", *NETWORK, "--json").json["motions"]
    network.kill()
    network.wait()
    folder = ("--data", "net/nodes/civil-affairs-1")
    offline = govchaind(*RULE, *folder, "--json").json

    assert made.code == OK
    assert (strict["outcomes"], strict["outcomes_changed"]) == ([], 0)
    [motion] = strict["motions"]
    assert motion["digest"] == digest
    assert (motion["was"]["ballots"], motion["would"]["enacted_at"]) == (3, None)
    sentence = (
        "The motion to set the parameter quiet-days, the days without an act after which an office "
        f"is listed as quiet, to 30 took effect in block {motion['was']['enacted_at']}; it would "
        "have been so: it is not carried, with 3 votes."
    )
    assert motion["english"] == sentence
    assert told.output.splitlines()[0] == sentence
    assert chinese.output.endswith("生效；若所试议案已生效，则未获通过（3 票）。\n")
    assert told.errors.startswith("Blocks 1 to ")
    assert told.errors.endswith("and 1 motions. Nothing was signed or sent.\n")
    [line] = suspended.output.splitlines()
    assert line.startswith(f"Block {height}, 2")
    assert "railways/governing created the register towns (Towns)." in line
    assert line.endswith(
        "It came out as applied, and would have as institution-suspended: The institution is "
        "suspended."
    )
    assert nothing.output == ""
    assert (refused.code, "error[not-suspended]" in refused.errors) == (REFUSED, True)
    assert (beyond.code, "error[bad-stretch]" in beyond.errors) == (INVALID, True)
    assert unsent == []
    assert offline["motions"] == strict["motions"]


def test_options_of_a_trial_go_with_it(govchaind: Command) -> None:
    without = govchaind(*SUSPEND[:-1], "--from-height", 3, "--key", "k", "--url", "127.0.0.1:1")
    nobody = govchaind(*SUSPEND[:-1], "--url", "127.0.0.1:1")
    assert (without.code, "go with --try" in without.errors) == (INVALID, True)
    assert (nobody.code, "missing option '--key'" in nobody.errors) == (INVALID, True)
