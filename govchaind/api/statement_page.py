"""A statement as a page to read and to print: one file, no scripts, nothing loaded from outside."""

from __future__ import annotations

from typing import Any, Protocol

import jinja2

WORDS = {
    "asked": ("Requests", "请求"),
    "granted": ("Granted", "同意"),
    "refused": ("Refused", "拒绝"),
    "in_time": ("Answered in time", "按时答复"),
    "late": ("Answered late", "逾期答复"),
    "extended": ("Time extended", "延期"),
    "appealed": ("Appealed", "被申诉"),
    "upheld": ("Refusals upheld", "拒绝获维持"),
    "overturned": ("Refusals overturned", "拒绝被撤销"),
    "withdrawn": ("Withdrawn", "撤回"),
    "used": ("Uses signed", "签署的使用"),
    "revoked": ("Grants revoked", "撤销的授权"),
    "delivered": ("Delivered", "交付"),
    "received": ("Received", "签收"),
    "disputed": ("Disputed", "提出异议"),
    "corrected": ("Corrected", "更正"),
}
SHOWN = ("asked", "granted", "refused", "in_time", "late", "appealed", "overturned", "used")


class Proved(Protocol):
    """What a statement proves, as far as it is shown."""

    @property
    def institution(self) -> str: ...

    @property
    def month(self) -> str: ...

    @property
    def height(self) -> int: ...

    @property
    def gave(self) -> dict[str, int]: ...

    @property
    def took(self) -> dict[str, int]: ...

    @property
    def rows(self) -> tuple[Any, ...]: ...


def statement_page(statement: Proved, chain: str) -> str:
    """Return the page. `chain`: the chain's id in hex."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("govchaind.api", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    year, month = statement.month.split("-")
    return templates.get_template("statement.html").render(
        statement=statement,
        chain=chain,
        words=WORDS,
        shown=SHOWN,
        english_month=_MONTHS[int(month) - 1] + f" {year}",
        chinese_month=f"{year}年{int(month)}月",
    )


_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
