"""I-32: the older release judges the same chains alike, and each way not to is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from govchaind.ledger import apply, versions
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Shape
from govchaind.ledger.working_state import Act, WorkingState
from netsim import beside as module
from netsim.beside import Compared, Older
from netsim.cli.beside import judged
from netsim.cli.main import main
from netsim.run import Verdict
from tests.releases.older import wheel

SEEDS = range(8)


@pytest.fixture(name="older")
def the_older_ledger() -> Older:
    return Older(wheel())


@pytest.mark.parametrize("seed", SEEDS)
def test_both_releases_come_to_the_same_and_the_older_stops_in_time(
    older: Older, seed: int
) -> None:
    verdict, compared = judged(seed, older)
    assert verdict.violation is None
    assert compared is not None
    assert compared.transactions > 20
    assert compared.activated == compared.heights


def violation(found: tuple[Verdict, Compared | None]) -> str:
    verdict, compared = found
    assert compared is None
    assert verdict.violation is not None
    property_id, _, text, _ = verdict.violation
    assert property_id == "I-32"
    return text


class Anything(Shape):
    """No arguments."""


def applied(_: Anything, __: Act, ___: WorkingState) -> int:
    return Code.APPLIED


def with_a_newer_operation(patch: pytest.MonkeyPatch) -> None:
    """Have this code know the operation that the older release is asked about."""
    newer = Operation(module.NOBODYS, "newer", "tests", 100, Anything, applied)
    defaults = dict(apply.Ledger.__init__.__kwdefaults__ or {})
    defaults["operations"] = {**OPERATIONS, module.NOBODYS: newer}
    patch.setattr(apply.Ledger.__init__, "__kwdefaults__", defaults)


def test_a_newer_operation_that_waits_for_its_version_is_equal(
    older: Older, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_a_newer_operation(monkeypatch)
    verdict, compared = judged(0, older)
    assert verdict.violation is None
    assert compared is not None


def test_a_newer_operation_that_does_not_wait_is_found(
    older: Older, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_a_newer_operation(monkeypatch)
    monkeypatch.setattr(apply, "knows_operation", lambda version, kind: True)
    assert "another result at height" in violation(judged(0, older))


def test_an_operation_that_has_changed_under_its_number_is_found(
    older: Older, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "note_act", lambda act, working: None)
    assert "another result at height" in violation(judged(0, older))


def test_an_older_release_that_goes_on_past_the_vote_is_found(
    older: Older, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if this code had not noticed that its own vote goes beyond the older one."""
    monkeypatch.setattr(module, "STOPPED", "stopped for another reason")
    assert "says stopped upgrade-needed at height" in violation(judged(0, older))


def test_an_older_release_that_fails_is_told(older: Older, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHILD", Path(__file__).with_name("__init__.py"))
    assert "says nothing at height 1" in violation(judged(0, older))
    monkeypatch.setattr(module, "CHILD", Path(__file__).with_name("nowhere.py"))
    assert "the older release ends with an error" in violation(judged(0, older))


def test_the_command_tells_each_seed_and_what_is_no_wheel(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["beside", str(wheel()), "--seeds", "1"]) == 0
    assert "transactions: equal; stops at" in capsys.readouterr().out
    assert main(["beside", str(wheel()), "--seeds", "1:2", "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)["seeds"]
    assert (told["seed"], told["violation"]) == (1, None)
    assert main(["beside", str(tmp_path / "absent.whl")]) == 2
    assert "error[no-wheel]" in capsys.readouterr().err


def test_the_command_ends_with_1_where_a_result_differs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "note_act", lambda act, working: None)
    assert main(["beside", str(wheel()), "--seeds", "1"]) == 1
    assert "I-32 does not hold" in capsys.readouterr().out


def test_the_version_of_the_ledger_that_is_voted_is_one_that_the_older_does_not_know() -> None:
    assert max(versions.OPERATIONS_OF) == versions.KNOWN_VERSION - 1
