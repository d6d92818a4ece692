"""Cells of tables and facts: our own words are told in Chinese, what people wrote is left alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from govchaind.api import asset_models, decision_models, exchange_models, models
from govchaind.api.delivery_words import ANSWERS, GROUNDS
from govchaind.api.delivery_words import STATUSES as DELIVERY_STATUSES
from govchaind.api.exchange_words import CLASSES
from govchaind.api.exchange_words import STATUSES as REQUEST_STATUSES
from govchaind.api.outlook_models import OutlookLevel
from govchaind.api.sentence import Sentence
from govchaind.api.state_words import LEVEL_WORDS
from govchaind.cli import deliveries
from govchaind.cli.output import part, print_facts, print_table, told, word
from tests.words.messages import untranslated

VOCABULARIES: list[tuple[tuple[str, ...], Mapping[str, Sentence] | None]] = [
    (get_args(decision_models.MotionState), None),
    (get_args(decision_models.MandateState), None),
    (get_args(asset_models.AssetState), None),
    (get_args(models.LinkState), None),
    (("validator", "learner", "observer", "leader", "follower", "candidate"), None),
    (("pre-candidate",), None),
    (get_args(exchange_models.SharingClass), CLASSES),
    (get_args(exchange_models.RequestStatus), REQUEST_STATUSES),
    (get_args(OutlookLevel), LEVEL_WORDS),
    (tuple(deliveries.STATUSES.choices), DELIVERY_STATUSES),
    (tuple(GROUNDS), GROUNDS),
    (tuple(ANSWERS), ANSWERS),
]
WORDS = [(each, words) for names, words in VOCABULARIES for each in names]


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(("name", "words"), WORDS)
def test_every_state_has_its_chinese(name: str, words: Mapping[str, Sentence] | None) -> None:
    cell = word(name, words)
    assert cell == name
    assert not untranslated(cell.told), cell.told


@pytest.mark.usefixtures("chinese")
def test_a_terminal_shows_our_words_in_chinese_and_names_as_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [["open", word("open"), word("3 days ago"), part(2, 3), word("2 nodes")]]
    columns = ["name", "state", "last act", "votes", "linked to"]
    print_table("", columns, rows)
    assert capsys.readouterr().out.split("\n")[1] == "open\topen\t3 days ago\t2 of 3\t2 nodes"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    print_table("", columns, rows)
    shown = capsys.readouterr().out.split()
    assert shown[-7:] == ["open", "进行中", "3", "天前", "2/3", "2", "个节点"]


def test_in_english_a_word_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    for name, words in WORDS:
        assert told(word(name, words)) == name


@pytest.mark.usefixtures("chinese")
def test_facts_stand_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    facts: list[tuple[str, Any]] = [("title", "open"), ("state", word("in-force")), ("", "more")]
    print_facts(facts, 10)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["全称" + " " * 7 + "open", "状态" + " " * 7 + "有效", " " * 11 + "more"]


def test_what_others_wrote_cannot_turn_a_word_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for language in ("C.UTF-8", "zh_CN.UTF-8"):
        monkeypatch.setenv("LC_ALL", language)
        assert word("open\u202e").told == "open⟨U+202E⟩"
