"""World files: what a run's network, faults, clients and expectations are, in TOML.

What a file does not give, the seed draws, as for a run without a file; fields with a stated default
are the exception. A field that is unknown or wrong is refused with its line and column.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from govchaind.base.errors import InvalidSetting
from govchaind.base.limits import VALIDATORS_MAX
from netsim.catalog import properties
from netsim.expectations import Expect
from netsim.forms import Reading
from netsim.marks import MARKS
from netsim.options import FAULTS, Options, draw
from netsim.plan import Act, Plan
from netsim.sites import Latency, Sites
from netsim.toml_places import Path, place, value_place
from netsim.words import words, wrong

Positive = Annotated[float, Meta(gt=0)]
Amount = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Refuse = Callable[[Path, str], InvalidSetting]
Count = Annotated[int, Meta(ge=0)]
MESSAGES_MAX = 1_000_000_000  # a world is bounded by its minutes


class Site(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One place, and which nodes stand there."""

    name: str
    voters: Count = 0
    spares: Count = 0
    observers: Count = 0
    min_ms: Amount | None = None  # one way between two nodes of this site
    mean_ms: Positive | None = None


class Between(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Measured one-way latency between two sites, in both directions."""

    sites: tuple[str, str]
    min_ms: Amount
    mean_ms: Positive


class NetworkTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How messages and links are; see the options of the same names."""

    loss: Share | None = None
    duplicate: Share | None = None
    reorder: Share | None = None
    hold: Share | None = None
    links_notice_cuts: bool = True
    mesh_is_strict: bool = True


class Timing(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Raft's time-outs and the disks' speed."""

    heartbeat_seconds: Positive = 0.5
    election_min_seconds: Positive = 1.5
    election_max_seconds: Positive = 3.0
    write_mean_ms: Positive = 2.0


class FaultAt(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One verb at a fixed time, once or again and again."""

    seconds: Amount
    act: str
    lasts_seconds: Positive | None = None
    every_seconds: Positive | None = None
    times: Annotated[int, Meta(ge=1)] | None = None  # with every_seconds only; else once


class FaultsTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Kinds of faults that happen by chance, and faults at fixed times."""

    on: tuple[str, ...] | None = None
    every_seconds: Positive | None = None
    last_seconds: Positive | None = None
    clock_skew_seconds: Amount | None = None
    power_cuts: Share | None = None
    at: tuple[FaultAt, ...] = ()


class WorkloadTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What clients do."""

    clients: Count | None = None
    think_seconds: Positive | None = None
    keys: Annotated[int, Meta(ge=1)] | None = None
    reads: Share | None = None
    cas: Share | None = None
    retry: Share | None = None
    abandon: Share | None = None
    duplicate: Share | None = None
    patience_seconds: Positive | None = None


class Duration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long the part with faults lasts, and whether liveness is demanded after it."""

    minutes: Positive = 10.0
    messages: Annotated[int, Meta(ge=1)] = MESSAGES_MAX
    liveness: bool = True


class Seeds(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which seeds a sweep takes if none are named; a run takes the first."""

    first: Count = 0
    count: Annotated[int, Meta(ge=1)] = 20


class WorldFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole world file."""

    title: str
    text: str = ""
    sites: tuple[Site, ...]
    latencies: tuple[Between, ...] = ()
    real_signatures: bool | None = None
    network: NetworkTable = NetworkTable()
    timing: Timing = Timing()
    faults: FaultsTable = FaultsTable()
    workload: WorkloadTable = WorkloadTable()
    duration: Duration = Duration()
    seeds: Seeds = Seeds()
    expect: Expect = Expect()


_AT = re.compile(r" - at `\$([^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
_SYNTAX = re.compile(r" \(at line (\d+), column (\d+)\)$")


def read_toml(text: str, source: str) -> dict[str, Any]:
    """Return what a TOML text holds. Raises InvalidSetting with path, line and column."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        where = _SYNTAX.search(said)
        line, column = (int(where[1]), int(where[2])) if where else (len(text.splitlines()), 1)
        raise wrong(source, line, column, _SYNTAX.sub("", said)) from None


def read_world(text: str, source: str) -> WorldFile:
    """Return what a world file says. Raises InvalidSetting with path, line and column."""
    found = read_toml(text, source)
    try:
        world = msgspec.convert(found, WorldFile)
    except msgspec.ValidationError as error:
        raise _explained(str(error), text, source) from None
    _check(world, text, source)
    return world


def _explained(said: str, text: str, source: str) -> InvalidSetting:
    where = _AT.search(said)
    path: list[str | int] = []
    for name, number in re.findall(r"\.([A-Za-z0-9_]+)|\[(\d+)\]", where[1] if where else ""):
        path.append(name or int(number))
    unknown = _UNKNOWN.search(said)
    if unknown is not None:
        path.append(unknown[1])
    shown = ".".join(map(str, path))
    what = _AT.sub("", said)
    return wrong(source, *place(text, tuple(path)), f"{shown}: {what}" if shown else what)


def _check(world: WorldFile, text: str, source: str) -> None:
    """What no type says: names that must be known, and nodes that must be there."""

    def refuse(path: Path, what: str) -> InvalidSetting:
        return wrong(source, *place(text, path), f"{'.'.join(map(str, path))}: {what}")

    _check_sites(world, refuse)
    timing = world.timing
    if not timing.heartbeat_seconds < timing.election_min_seconds < timing.election_max_seconds:
        raise refuse(("timing",), "heartbeat < election_min < election_max does not hold")
    for kind in world.faults.on or ():
        if kind not in FAULTS:
            raise refuse(("faults", "on"), f"there is no fault {kind!r}: {' '.join(FAULTS)}")
    for mark in world.expect.marks:
        if mark not in MARKS:
            raise refuse(("expect", "marks"), f"there is no mark {mark!r}")
    for property_id in world.expect.properties or ():
        if property_id not in properties():
            raise refuse(("expect", "properties"), f"there is no property {property_id!r}")
    _check_times(world, refuse)
    reading = Reading(name for name, _ in _sites(world).of)
    for act in sorted(acts(world, text, source), key=lambda act: act.at):
        reading.check(words(act.line, act.source, act.row, act.column))


def _check_sites(world: WorldFile, refuse: Refuse) -> None:
    """Sites: each one once, with voters among them; latencies that can be, one for each pair."""
    names = [site.name for site in world.sites]
    voters = 0
    for number, site in enumerate(world.sites):
        path: Path = ("sites", number)
        if names.index(site.name) != number:
            raise refuse((*path, "name"), f"there are two sites {site.name!r}")
        voters += site.voters
        if voters > VALIDATORS_MAX:
            raise refuse((*path, "voters"), f"{voters} voters so far; at most {VALIDATORS_MAX}")
        if site.min_ms is not None and site.mean_ms is None:
            raise refuse((*path, "min_ms"), "mean_ms is missing beside it")
        if site.min_ms is not None and site.mean_ms is not None and site.mean_ms < site.min_ms:
            raise refuse((*path, "mean_ms"), "it is below min_ms")
    if not voters:
        raise refuse(("sites", 0), "no site has voters")
    pairs: set[frozenset[str]] = set()
    for number, between in enumerate(world.latencies):
        path = ("latencies", number)
        for name in between.sites:
            if name not in names:
                raise refuse((*path, "sites"), f"there is no site {name!r}")
        if between.mean_ms < between.min_ms:
            raise refuse((*path, "mean_ms"), "it is below min_ms")
        pair = frozenset(between.sites)
        if len(pair) == 1:
            what = "one site twice: what is within a site stands beside its name"
            raise refuse((*path, "sites"), what)
        if pair in pairs:
            raise refuse((*path, "sites"), "the latency of these two sites is given already")
        pairs.add(pair)


def _check_times(world: WorldFile, refuse: Refuse) -> None:
    """Acts: each time of each lies within the run."""
    end = world.duration.minutes * 60
    for number, fault in enumerate(world.faults.at):
        path: Path = ("faults", "at", number)
        if fault.seconds >= end:
            raise refuse((*path, "seconds"), "the run is over by then: see duration.minutes")
        if fault.every_seconds is None and fault.times is not None:
            raise refuse((*path, "times"), "every_seconds is missing beside it")
        if fault.every_seconds is not None:
            if fault.times is None:
                raise refuse((*path, "every_seconds"), "times is missing beside it")
            if fault.seconds + (fault.times - 1) * fault.every_seconds >= end:
                raise refuse((*path, "times"), "the run is over before the last of them")


def acts(world: WorldFile, text: str, source: str) -> list[Act]:
    """Return every act at a fixed time, each time it comes."""
    found: list[Act] = []
    for number, fault in enumerate(world.faults.at):
        path: Path = ("faults", "at", number, "act")
        row, column = place(text, path)
        if not fault.act.split("#", maxsplit=1)[0].strip():
            raise wrong(source, row, column, f"faults.at.{number}.act: no verb")
        row, column = value_place(text, path)
        for turn in range(fault.times or 1):
            at = fault.seconds + turn * (fault.every_seconds or 0.0)
            found.append(Act(at, fault.act, fault.lasts_seconds, source, row, column))
    return found


def _sites(world: WorldFile) -> Sites:
    of: list[tuple[str, str]] = []
    for letter, field in (("n", "voters"), ("s", "spares"), ("o", "observers")):
        number = 0
        for site in world.sites:
            for _ in range(getattr(site, field)):
                of.append((f"{letter}{number}", site.name))
                number += 1
    latencies: list[tuple[tuple[str, str], Latency]] = []
    for site in world.sites:
        if site.mean_ms is not None:
            latency = Latency((site.min_ms or 0.0) / 1000, site.mean_ms / 1000)
            latencies.append(((site.name, site.name), latency))
    for between in world.latencies:
        latency = Latency(between.min_ms / 1000, between.mean_ms / 1000)
        one, other = between.sites
        latencies += [((one, other), latency), ((other, one), latency)]
    return Sites(tuple(of), tuple(latencies))


def _options(world: WorldFile, drawn: Options) -> Options:
    """Return the drawn options with what the file gives in their place."""
    faults, workload, network, timing = world.faults, world.workload, world.network, world.timing
    kinds = list(drawn.faults) if faults.on is None else list(faults.on)
    rates = {name: getattr(network, name) for name in ("loss", "duplicate", "reorder", "hold")}
    for kind, rate in rates.items():
        if rate is not None:
            kinds = [each for each in kinds if each != kind] + ([kind] if rate else [])
    given: dict[str, Any] = {
        **rates,
        "real_signatures": world.real_signatures,
        "fault_every": faults.every_seconds,
        "fault_lasts": faults.last_seconds,
        "clock_skew": faults.clock_skew_seconds,
        "power_cuts": faults.power_cuts,
        "clients": workload.clients,
        "think_mean": workload.think_seconds,
        "keys": workload.keys,
        "reads": workload.reads,
        "cas": workload.cas,
        "retry": workload.retry,
        "abandon": workload.abandon,
        "client_duplicate": workload.duplicate,
        "client_patience": workload.patience_seconds,
    }
    return replace(
        drawn,
        **{name: value for name, value in given.items() if value is not None},
        spares=sum(site.spares for site in world.sites),
        observers=sum(site.observers for site in world.sites),
        faults=tuple(kind for kind in FAULTS if kind in kinds),
        links_notice_cuts=network.links_notice_cuts,
        mesh_is_strict=network.mesh_is_strict,
        heartbeat=timing.heartbeat_seconds,
        election_min=timing.election_min_seconds,
        election_max=timing.election_max_seconds,
        delay_min=0.0003,  # where neither a site nor a pair of sites says otherwise
        delay_mean=0.0005,
        write_mean=timing.write_mean_ms / 1000,
        callers=0,
        rivals=0,
        clerks=0,
        eager=0.0,
    )


def world_plan(
    world: WorldFile,
    text: str,
    source: str,
    seed: int,
    *,
    minutes: float | None = None,
    messages: int | None = None,
    without: tuple[str, ...] = (),
) -> Plan:
    """Return the run of this world with this seed."""
    drawn = draw(
        seed,
        nodes=sum(site.voters for site in world.sites),
        minutes=minutes or world.duration.minutes,
        messages_max=messages or world.duration.messages,
        without=without,
    )
    options = _options(world, drawn)
    options = replace(options, faults=tuple(k for k in options.faults if k not in without))
    return Plan(
        options=options,
        sites=_sites(world),
        acts=tuple(acts(world, text, source)),
        safety_share=1.0,
        liveness=world.duration.liveness,
        deployed_mesh=True,
    )
