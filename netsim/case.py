"""A case: one run, whole, as a file that plays anywhere and does not hang on how seeds are drawn.

It is TOML and meant to be read: every option, every fault that happens, every act, and what came of
it when it was written. Taking lines out of it, or changing numbers, makes another case.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

import msgspec
from msgspec import Struct

from netsim.forms import Reading
from netsim.options import Options
from netsim.plan import Act, Occurrence, Plan
from netsim.run import Verdict
from netsim.sites import Sites
from netsim.toml_places import place, value_place
from netsim.words import words, wrong
from netsim.world_file import read_toml, read_world, world_plan


class Found(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What came of the case when it was written."""

    property: str
    node: str
    at: float
    text: str
    digest: str


class _ActAt(Struct, frozen=True, forbid_unknown_fields=True):
    seconds: float
    act: str
    lasts_seconds: float | None = None


class _Case(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    options: Options
    plant: str = ""
    liveness: bool = True
    safety_share: float
    deployed_mesh: bool = False
    fault: tuple[Occurrence, ...] | None = None
    act: tuple[_ActAt, ...] = ()
    world: str = ""  # a world file's text: where its nodes stand
    found: Found


def write_case(
    plan: Plan, verdict: Verdict, *, plant: str, world: str, head: list[str], told: list[str]
) -> str:
    """Return the text of a case.

    `head` is what its first lines say; `told` are lines of its trace, of which those about a fault
    are written beside it.
    """
    lines = [*(f"# {line}".rstrip() for line in head), ""]
    if plant:
        lines.append(f"plant = {json.dumps(plant)}")
    lines += [
        f"liveness = {json.dumps(plan.liveness)}",
        f"safety_share = {plan.safety_share!r}",
        f"deployed_mesh = {json.dumps(plan.deployed_mesh)}",
    ]
    if plan.sites.of:
        lines.append(f"world = {json.dumps(world, ensure_ascii=False)}")
    if plan.occurrences is not None and not plan.occurrences:
        lines.append("fault = []")
    if verdict.violation is not None:
        property_id, node, text, at = verdict.violation
        said = {"property": property_id, "node": node, "at": at, "text": text}
        lines += ["", "[found]"]
        lines += _rows({**said, "digest": verdict.digest})
    lines += ["", "[options]"]
    lines += _rows({item.name: getattr(plan.options, item.name) for item in fields(plan.options)})
    for each in plan.occurrences or ():
        began = f"{each.at:.6f} "
        lines += ["", *(f"# {line}" for line in told if line.startswith(began))]
        lines += ["[[fault]]", *_rows({"kind": each.kind, "at": each.at, "drawn": each.drawn})]
    for act in plan.acts:
        lasts = {} if act.lasts is None else {"lasts_seconds": act.lasts}
        lines += ["", "[[act]]", *_rows({"seconds": act.at, "act": act.line, **lasts})]
    return "\n".join(lines) + "\n"


def _rows(values: dict[str, Any]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in values.items()]


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return json.dumps(list(value))
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def is_case(text: str) -> bool:
    """Return whether a text is meant as a case: it says what was found, as no world file does."""
    return re.search(r"^\[found\]", text, re.MULTILINE) is not None


def _acts(case: _Case, text: str, source: str) -> tuple[Act, ...]:
    numbers = (("n", case.options.voters), ("s", case.options.spares),
               ("o", case.options.observers))  # fmt: skip
    names = [f"{letter}{place}" for letter, count in numbers for place in range(count)]
    reading, found = Reading(names, any_name=True), list[Act]()
    for number, act in enumerate(case.act):
        at = value_place(text, ("act", number, "act"))
        line = words(act.act, source, *at)
        if not line:
            raise wrong(source, *at, f"act.{number}.act: no verb")
        reading.check(line)
        found.append(Act(act.seconds, act.act, act.lasts_seconds, source, *at))
    return tuple(found)


def read_case(text: str, source: str) -> tuple[Plan, str, Found]:
    """Return a case's run, its planted bug, and what was found. Raises InvalidSetting."""
    raw = read_toml(text, source)
    try:
        case = msgspec.convert(raw, _Case)
    except msgspec.ValidationError as error:
        said = str(error)
        path = tuple(said.rpartition("`$.")[2].rstrip("`").split("."))
        raise wrong(source, *place(text, path), said) from None
    known = {item.name for item in fields(Options)}
    for name in raw["options"]:
        if name not in known:
            raise wrong(source, *place(text, ("options", name)), f"unknown option {name}")
    acts = _acts(case, text, source)
    sites = Sites()
    if case.world:
        world = read_world(case.world, source)
        sites = world_plan(world, case.world, source, case.options.seed).sites
    plan = Plan(
        options=case.options,
        sites=sites,
        acts=acts,
        occurrences=case.fault,
        safety_share=case.safety_share,
        liveness=case.liveness,
        deployed_mesh=case.deployed_mesh,
    )
    return plan, case.plant, case.found
