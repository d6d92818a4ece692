"""Each operation and each motion is a sentence in two languages; what is misshapen is called so."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from govchaind.api.motion_words import (
    KIND_WORDS,
    day_words,
    end_words,
    moment_words,
    motion_words,
    notice_words,
    share_words,
)
from govchaind.api.sentence import Sentence, listed, of_day, tell, tell_many
from govchaind.api.sentences import headline, sentences
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.motions import MOTIONS
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.transaction import Transaction, build_body, read_transaction, sign_body
from govchaind.ledger.working_days import working_days
from tests.api.node import key

DAY = 86_400_000
MARCH = 1_772_294_400_000  # 1 March 2026, 00:00 in the zone of UTC+8
CHINESE = re.compile("[\u4e00-\u9fff]")
SEAT = [bytes(32), "Chief", 0, None]
HEAD = ["head", "Head office", 1, [SEAT]]
MANDATE = ["law", "共享条例", "第809号", "国务院", bytes(32), MARCH, MARCH + 306 * DAY, "old"]
HOLIDAYS = {date(2026, 1, 1)}
MOTIONS_TOLD: list[tuple[int, list[Any], str, str]] = [
    (1, ["rail", "Rail", "voluntary", [HEAD]], "admit the institution rail (Rail)",
     "接纳机构 rail（Rail）"),
    (2, ["n-1", "rail", "observer", bytes(32), b"\x01" * 32, bytes(16), []],
     "have the node n-1 of rail take part as an observer", "让 rail 的节点 n-1 作为观察节点参加"),
    (3, ["n-1"], "remove the node n-1", "移除节点 n-1"),
    (4, ["n-1", bytes(16)], "take the node n-1 back with its new store",
     "重新接纳更换了存储的节点 n-1"),
    (71, ["n-1", b"\x02" * 32, b"\x03" * 32],
     "give the node n-1, which keeps its store, the key 0202020202020202… to sign with, and a new "
     "one for its links", "为保留其存储的节点 n-1 更换签名密钥（0202020202020202…）和连接密钥"),
    (5, [8, 2, 3, 7 * DAY],
     "have adopting a mandate take the votes of more than 2/3 of all institutions, and 7 days of "
     "notice", "规定通过依据文件须经超过 2/3 的机构同意，公示 7 天"),
    (5, [99, 1, 1, 0], "have motions of the unknown kind 99 take the votes of all institutions, "
     "and no notice", "规定未知类别 99须经全部机构同意，无需公示"),
    (6, ["bank", "head", 1, [SEAT, [b"\x01" * 32, "B", 0, None]]],
     "give the office bank/head new keys, of which 1 of 2 sign for it",
     "为岗位 bank/head 更换密钥，2 把中须有 1 把共同签名"),
    (7, ["china", 2026, 2, 480, working_days(2026, HOLIDAYS, set())],
     "adopt version 2 of the calendar china for 2026, with 260 working days",
     "采用工作日历 china 2026 年第 2 版，共 260 个工作日"),
    (8, MANDATE,
     "adopt the mandate law (共享条例; 第809号, 国务院), in force from 1 March 2026 to the end of "
     "31 December 2026, in place of old",
     "通过依据文件 law（共享条例；第809号，国务院），自2026年3月1日起施行，"
     "至2026年12月31日（含当日），取代 old"),
    (20, ["law", "china", 480, [10, True], [5, True], "provider", [7, False], [1, False], None,
          ["no-basis"], ["court", "head"]],
     "have requests under the mandate law answered within 10 working days, appealed within 7 days "
     "and ruled on by court/head within 1 day",
     "规定依据文件 law 项下的请求须在10 个工作日内答复，可在7 天内申诉，"
     "由 court/head 在1 天内裁定"),
    (9, ["law", MARCH], "repeal the mandate law from 1 March 2026",
     "自2026年3月1日起废止依据文件 law"),
    (10, ["bank", "silence", None], "suspend the institution bank, on the ground silence",
     "暂停机构 bank，理由代码 silence"),
    (11, ["bank"], "let the suspended institution bank take part again", "恢复被暂停的机构 bank"),
    (12, ["bank", "merger", bytes(32)],
     "remove the suspended institution bank for good, on the ground merger",
     "将被暂停的机构 bank 永久除名，理由代码 merger"),
    (13, ["quiet-days", 30],
     "set the parameter quiet-days, the days without an act after which an office is listed as "
     "quiet, to 30", "将参数 quiet-days（岗位多少天没有动作即列为沉寂）设为 30"),
    (13, ["luck", 7], "set the unknown parameter luck to 7", "将未知参数 luck 设为 7"),
    (14, [2, 0], "activate version 2 of the ledger", "启用账本第 2 版"),
    (14, [2, 5], "activate version 2 of the ledger once 5 validators or more are ready for it",
     "启用账本第 2 版，须有至少 5 个验证节点就绪"),
    (15, ["law", MARCH, None], "bring the ended mandate law back into force from 1 March 2026",
     "自2026年3月1日起恢复已失效的依据文件 law"),
    (15, ["law", MARCH, MARCH + 306 * DAY],
     "bring the ended mandate law back into force from 1 March 2026 to the end of "
     "31 December 2026", "自2026年3月1日起恢复已失效的依据文件 law，至2026年12月31日（含当日）"),
    (70, ["bank", b"\x12" * 32, "personal-data"],
     "have all nodes remove the sealed text 1212121212121212… of bank for good, on the ground "
     "personal-data",
     "要求所有节点永久移除 bank 的密封文本 1212121212121212…，理由代码：personal-data"),
]  # fmt: skip
DATA_SET = ["births", "Births", "civil", [["day", "Day", "date"]], "daily", "unconditional", [],
            None, "law"]  # fmt: skip
DELIVERY = ["bank", "r-1", 2]
ASSETS_TOLD: list[tuple[int, list[Any], str, str]] = [
    (60, ["voucher", "Vouchers", "answers", "law", ["court", "audit"], ["a", "b"], MARCH],
     "created the asset voucher (Vouchers), counted in answers, under the mandate law, for a, b, "
     "to the end of 28 February 2026; court/audit supervises it.",
     "依据文件 law 设立了资产 voucher（Vouchers），单位：answers，用途限于 a、b，"
     "至2026年2月28日（含当日），由 court/audit 监督。"),
    (60, ["voucher", "Vouchers", "answers", "law", ["court", "audit"], [], None],
     "for any purpose, without an end; court/audit", "用途不限，无到期日，由 court/audit 监督。"),
    (61, ["voucher", ["bank", "branch"], 1_200, "lookups"],
     "ministry/head issued 1,200 of the asset voucher to bank/branch, for lookups.",
     "ministry/head 向 bank/branch 发行了资产 voucher 1,200，用途：lookups。"),
    (62, ["voucher", ["bank", "branch"], 5, "lookups", None],
     "ministry/head transferred 5 of the asset voucher to bank/branch, for lookups.",
     "ministry/head 向 bank/branch 转让了资产 voucher 5，用途：lookups。"),
    (62, ["voucher", ["bank", "branch"], 5, "lookups",
          ["ministry", "req-17", 3, False]],
     "for lookups, to settle delivery 3 under the request req-17 of ministry.",
     "用途：lookups，用于结算 ministry 的请求 req-17 下的第 3 次交付。"),
    (62, ["voucher", ["bank", "branch"], 5, "lookups", ["ministry", "req-9", 2, True]],
     "to settle delivery 2 under the request req-9 of ministry, which was received and is not "
     "disputed.", "用于结算 ministry 的请求 req-9 下的第 2 次交付（已签收且无争议）。"),
    (63, ["voucher", 5, "lookups"], "gave 5 of the asset voucher back to its issuer, for lookups.",
     "向发行方交回了资产 voucher 5，用途：lookups。"),
    (64, ["voucher", ["bank", "branch"], "lookups", 5, "court-order", bytes(32)],
     "froze 5 of what bank/branch holds of the asset voucher for lookups; ground: court-order.",
     "冻结了 bank/branch 所持资产 voucher（用途：lookups）中的 5，理由代码：court-order。"),
    (64, ["voucher", ["bank", "branch"], "lookups", None, "court-order", None],
     "froze all of what bank/branch holds of the asset voucher for lookups",
     "冻结了 bank/branch 所持资产 voucher（用途：lookups）的全部"),
    (65, ["voucher", ["bank", "branch"], "lookups", 5, "court-order"],
     "thawed 5 of what bank/branch holds of the asset voucher for lookups; ground: court-order.",
     "解冻了 bank/branch 所持资产 voucher（用途：lookups）中的 5，理由代码：court-order。"),
    (65, ["voucher", ["bank", "branch"], "lookups", None, "court-order"],
     "ended the freeze of what bank/branch holds of the asset voucher for lookups",
     "解除了对 bank/branch 所持资产 voucher（用途：lookups）的冻结"),
]  # fmt: skip
TOLD: list[tuple[int, list[Any], str, str]] = [
    (10, ["towns", "Towns", [], "clear", []], "created the register towns", "创建了登记册 towns"),
    (11, ["towns", b"1", ["x"], None], "entered record 1", "登记了记录 1"),
    (12, ["towns", b"\xff"], "retired record ff", "停用了"),
    (20, ["audit", "Audit", 1, [SEAT, SEAT]], "created the office audit", "设立了岗位 audit"),
    (21, ["audit", 1, [SEAT]], "set new keys", "设定了新的密钥"),
    (22, ["audit", bytes(32), bytes(32), "New", None, 5], "handed a seat", "交接"),
    (23, ["audit", bytes(32)], "revoked a key", "吊销"),
    (
        27,
        ["audit", bytes(32), bytes(32), "Deputy", 0, MARCH],
        "(Deputy) for a seat of the office audit, until 1 March 2026.",
        "（Deputy），至2026年3月1日止",
    ),
    (24, [0, 3, ["n-1"]], "ministry/head voted to remove the node n-1.", "投票赞成移除节点 n-1。"),
    (25, [b"\xab" * 32], "took back its vote for the motion abababababababab….", "撤回了对议案"),
    (
        28,
        ["n-1", 2],
        "ministry/head declared that the node n-1 is ready for version 2 of the ledger.",
        "ministry/head 声明节点 n-1 已为账本第 2 版就绪。",
    ),
    (26, [b"\xab" * 32], "put the motion abababababababab… into effect", "公示期满后使议案"),
    (30, ["civil", "Civil", "head", "law"], "gave the duty civil (Civil) to", "将职责 civil"),
    (31, ["civil"], "ended the duty civil.", "终止了职责 civil。"),
    (32, DATA_SET, "put the data set births (Births; fields: 1) into the catalogue: shared without "
     "condition, under law.", "编入目录：无条件共享。"),
    (33, [*DATA_SET, 1], "revised the data set births (Births): shared without", "修订了数据集"),
    (34, ["births"], "took the data set births out of the catalogue.", "移出目录"),
    (40, ["r-1", "registry", "births", ["day"], "law", bytes(32)],
     "asked registry for day of its data set births, under law (request r-1).",
     "向 registry 请求数据集 births 的 day"),
    (40, ["r-1", "registry", "births", list("abcdef"), "law", bytes(32)],
     "for a, b, c, d, e … of its", "a、b、c、d、e等"),
    (41, ["bank", "r-1", ["on-site"], MARCH, 3], "granted the request r-1 of bank, until 1 March "
     "2026, for 3 uses, on the conditions on-site.", "止，可使用 3 次，条件为 on-site。"),
    (42, ["bank", "r-1", "no-basis", None], "refused the request r-1 of bank, on the ground",
     "以 no-basis 为由拒绝了"),
    (43, ["bank", "r-1"], "extended the time to answer the request r-1 of bank.", "延长了答复"),
    (44, ["r-1", bytes(32)], "appealed in the matter of its request r-1.", "提出申诉"),
    (45, ["bank", "r-1", True, "law", None], "ruled that the request r-1 of bank must be granted",
     "裁定须同意"),
    (45, ["bank", "r-1", False, "law", None], "upheld the refusal of the request r-1", "维持了"),
    (46, ["r-1", 2, bytes(32)], "signed for use 2 of its grant r-1.", "第 2 次使用"),
    (47, ["bank", "r-1", "misuse", None], "revoked the grant r-1 of bank, on the ground misuse.",
     "撤销了 bank 的授权 r-1"),
    (48, ["r-1"], "withdrew its request r-1.", "撤回了其请求 r-1"),
    (50, [bytes(32), 0, None], "published its delivery key.", "公布了其交付密钥。"),
    (50, [bytes(32), 0, ["n-1", "h:1"]], "sealed files for it go to the node n-1.", "送往节点 n-1"),
    (51, [*DELIVERY, bytes(32), 1200, 20, bytes(32), bytes(32)], "delivered to bank under its "
     "grant r-1 (delivery 2: 20 rows, 1,200 bytes).", "第 2 次：20 行，1,200 字节"),
    (52, [*DELIVERY, bytes(32)], "received delivery 2 under the grant r-1 of bank, and found",
     "签收了bank 的授权 r-1 项下的第 2 次交付"),
    (53, [*DELIVERY, "wrong", bytes(32)], "of bank: its content is wrong.", "提出异议：内容有误"),
    (54, [*DELIVERY, bytes(32), 3, bytes(32), 5, None, bytes(32)],
     "corrected delivery 2 under the grant r-1 of bank by delivery 3 (5 bytes).",
     "以第 3 次交付更正了"),
    (55, [*DELIVERY, bytes(32), 5, 1, bytes(32)], "gave data back under its grant r-1",
     "回流了数据"),
    (56, [*DELIVERY, MARCH, [["bank", "head"], ["bank", "pair"]]], "ordered bank/head, bank/pair "
     "to erase delivery 2 under the grant r-1 of bank by 1 March 2026.", "于2026年3月1日前销毁"),
    (57, [*DELIVERY, "destroyed"], "confirmed of delivery 2 under the grant r-1 of bank: its keys",
     "确认：其密钥和副本均已销毁"),
    (58, [*DELIVERY, "stolen"], "of bank lost: a copy is out of its", "遗失：副本失窃"),
    (70, [b"\xab" * 32, bytes(32), 900, [["court", "head"], ["bank", "head"]], None],
     "recorded a sealed text (abababababababab…) for court/head, bank/head.",
     "登记了密封给 court/head、bank/head 的文本（abababababababab…）。"),
    (80, ["node-a", b"\x01", bytes(64), b"\x02", bytes(64)],
     "reported that the node node-a has signed two different statements of one "
     "height.",
     "举报节点 node-a 对同一高度签署了两份不同的声明。"),
    (70, [b"\xab" * 32, bytes(32), 900, [["court", "head"]], ["bank", "r-1"]],
     "for court/head, about the request r-1 of bank.",
     "（abababababababab…），涉及 bank 的请求 r-1。"),
    *ASSETS_TOLD,
]  # fmt: skip
MISSHAPEN: list[tuple[int, list[Any]]] = [
    (24, [0, 99, ["x"]]),
    (24, [0, [], ["x"]]),
    (24, [0, 3, "n-1"]),
    (24, [0, 1, ["rail", "Rail", "voluntary", []]]),
    (25, ["abc"]),
    (26, []),
    (11, []),
    (53, [*DELIVERY, "because", bytes(32)]),
    (61, ["voucher", "bank", 1, "lookups"]),
    (62, ["voucher", ["bank", "branch"], "many", "lookups", None]),
    (62, ["voucher", ["bank", "branch"], 5, "lookups", ["ministry", "TEXT", 3]]),
    (64, ["voucher", ["bank", "branch"], "lookups"]),
    (11, [True, b"1", ["x"], None]),
    (10, [["towns"], "Towns", [], "clear", []]),
    (20, ["audit", None, 1, [SEAT]]),
    (999, [1]),
]


def signed(*operations: tuple[int, list[Any]]) -> Transaction:
    body = build_body(
        chain_id=bytes(32),
        institution="ministry",
        office="head",
        operations=list(operations),
        valid_until=1,
        salt=bytes(16),
    )
    return read_transaction(sign_body(body, [key("head")]))


def told(kind: int, arguments: list[Any]) -> Sentence:
    made = signed((kind, arguments))
    [sentence] = sentences(made, 5)
    assert headline(made) == sentence
    refused = headline(made, refused=True)
    assert refused.english == f"Refused, and not done: {sentence.english}"
    assert refused.chinese == f"被拒绝，未执行：{sentence.chinese}"
    return sentence


@pytest.mark.parametrize(("kind", "arguments", "english", "chinese"), TOLD)
def test_each_operation_is_a_sentence(
    kind: int, arguments: list[Any], english: str, chinese: str
) -> None:
    sentence = told(kind, arguments)
    assert english in sentence.english
    assert chinese in sentence.chinese


@pytest.mark.parametrize(("kind", "arguments", "english", "chinese"), MOTIONS_TOLD)
def test_each_motion_is_a_sentence(
    kind: int, arguments: list[Any], english: str, chinese: str
) -> None:
    sentence = told(Kind.VOTE, [0, kind, arguments])
    assert sentence.english == f"ministry/head voted to {english}."
    assert sentence.chinese == f"ministry/head 投票赞成{chinese}。"


@pytest.mark.parametrize(("kind", "arguments"), MISSHAPEN)
def test_what_is_misshapen_is_called_so(kind: int, arguments: list[Any]) -> None:
    sentence = told(kind, arguments)
    assert "in a form that the ledger does not know" in sentence.english
    assert "无法识别" in sentence.chinese


def test_no_operation_and_no_motion_is_without_a_sentence_in_both_languages() -> None:
    assert set(OPERATIONS) == {int(kind) for kind in Kind} == {kind for kind, *_ in TOLD}
    assert set(MOTIONS) == {int(kind) for kind in MotionKind}
    assert set(MOTIONS) == {kind for kind, *_ in MOTIONS_TOLD} == set(KIND_WORDS)
    pairs = [told(kind, arguments) for kind, arguments, *_ in TOLD]
    words = [motion_words(kind, arguments) for kind, arguments, *_ in MOTIONS_TOLD]
    plain: list[Sentence] = [*KIND_WORDS.values(), *pairs]
    for pair in (*plain, *words):
        assert CHINESE.search(pair.chinese), pair
    assert [pair.english for pair in plain if CHINESE.search(pair.english)] == []


def test_chinese_sentences_hold_no_english_but_names() -> None:
    for kind, arguments, *_ in TOLD:
        chinese = told(kind, arguments).chinese
        for name in ("ministry/head", *_texts(arguments), "ab" * 8, "UTC+8"):
            chinese = chinese.replace(name, "")
        assert re.findall("[A-Za-z]{2,}", chinese) == [], kind
    for kind, arguments, *_ in MOTIONS_TOLD:
        chinese = motion_words(kind, arguments).chinese
        for name in _texts(arguments):
            chinese = chinese.replace(name, "")
        assert re.findall("[A-Za-z]{2,}", chinese) == [], kind


def _texts(value: Any) -> list[str]:
    """Return every text in the arguments of an operation, the longest first."""
    if isinstance(value, list):
        return sorted((text for item in value for text in _texts(item)), key=len, reverse=True)
    if isinstance(value, bytes):
        return [value.decode(errors="ignore") or value.hex()]
    return [value] if isinstance(value, str) and value else []


class _Titled:
    """Titles as a ledger's state may have them."""

    def institution(self, name: str) -> str:
        return {"ministry": "Ministry of Civil Affairs", "bank": "A Bank"}.get(name, name)

    def data_set(self, institution: str, name: str) -> str:
        return {("bank", "loans"): "Loans, by citizen number"}.get((institution, name), name)


def test_who_acts_is_told_by_title_where_titles_are_known() -> None:
    made = signed((11, ["towns", b"1", ["x"], None]), (12, ["towns", b"2"]))
    request = ["r-1", "bank", "loans", ["day"], "law", bytes(32)]
    [asked] = sentences(signed((40, request)), 1, titles=_Titled())
    assert asked.english == (
        "Ministry of Civil Affairs asked A Bank for day of its data set Loans, by citizen number, "
        "under law (request r-1)."
    )
    first, second = sentences(made, 5, titles=_Titled())
    assert first.english == ("Ministry of Civil Affairs entered record 1 in the register towns.")
    assert second.chinese == "Ministry of Civil Affairs 停用了登记册 towns 中的记录 2。"
    assert headline(made).english == (
        "ministry/head entered record 1 in the register towns. And 1 more."
    )
    assert headline(made).chinese == "ministry/head 在登记册 towns 中登记了记录 1。另有 1 项操作。"


def test_numbers_days_and_lists_are_written_as_each_language_does() -> None:
    assert tell("in block %(height)s", height=1234567) == Sentence(
        "in block 1,234,567", "区块 1,234,567"
    )
    assert of_day(date(2026, 3, 3)) == Sentence("3 March 2026", "2026年3月3日")
    assert listed(["a", 1000, of_day(date(2026, 3, 3))]) == Sentence(
        "a, 1,000, 3 March 2026", "a、1,000、2026年3月3日"
    )
    assert tell_many("%(count)s day", "%(count)s days", count=1) == Sentence("1 day", "1 天")
    assert tell_many("%(count)s day", "%(count)s days", count=0).english == "0 days"
    assert tell("100%% of %(what)s", what="%(what)s").english == "100% of %(what)s"
    assert tell("nobody has translated this").chinese == "nobody has translated this"
    for wrong in (None, True, b"", 1.5, ["x"]):
        with pytest.raises(TypeError):
            tell("in block %(height)s", height=wrong)  # type: ignore[arg-type]  # hostile


def test_moments_shares_and_notices_in_words() -> None:
    noon = day_words(MARCH + DAY // 2)
    assert (noon.english, noon.chinese) == (
        "1 March 2026, 12:00 (UTC+8)",
        "2026年3月1日12:00（UTC+8）",
    )
    second = moment_words(MARCH + 1000)
    assert second == Sentence("1 March 2026, 00:00:01 (UTC+8)", "2026年3月1日00:00:01（UTC+8）")
    assert moment_words(1 << 62) == Sentence(f"{1 << 62} ms", f"{1 << 62} 毫秒")
    assert day_words(1 << 62).english == f"{1 << 62} ms"
    assert end_words(MARCH).english == "to the end of 28 February 2026"
    assert end_words(MARCH + 60_000).english == "until 1 March 2026, 00:01 (UTC+8)"
    assert share_words(1, 2).english == "more than half of all institutions"
    assert share_words(1, 1).chinese == "全部机构"
    assert [notice_words(n).english for n in (0, DAY, 7_200_000, 60_000, 5000, 7)] == [
        "no notice",
        "1 day of notice",
        "2 hours of notice",
        "1 minute of notice",
        "5 seconds of notice",
        "7 ms of notice",
    ]
