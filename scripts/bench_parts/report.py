"""The report: one table for people, one JSON document for machines, one verdict per floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench_parts.families import RATIO_MAX


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    workload: str
    result: str
    floor: str
    aim: str
    ok: bool | None  # None: nothing is asked of it


def rows(results: dict[str, Any]) -> list[Row]:
    """Return the table's rows for those workloads that were run."""
    found: list[Row] = []
    bound = results["bound"]["transactions_a_second"]
    if "single" in results:
        found += _single(results["single"]["median"], bound)
    if "batch" in results:
        rate = results["batch"]["median"]["operations_a_second"]
        waits = _waits(results["batch"]["median"])
        found.append(
            Row(
                "100 operations under one signature",
                f"{rate:,.0f} operations/s; {waits}",
                "8,000/s",
                "25,000/s",
                rate >= 8000,
            )
        )
    if "lone" in results:
        p50 = results["lone"]["p50"]
        shown = f"p50 {p50} ms, p99 {results['lone']['p99']} ms"
        found.append(
            Row("one client, one at a time: committed", shown, "p50 ≤ 5 ms", "2 ms", p50 <= 5)
        )
    if "lone_certified" in results:
        lone = results["lone_certified"]
        shown = f"p50 {lone['p50']} ms, p99 {lone['p99']} ms"
        found.append(Row("one client, one at a time: certified", shown, "–", "–", None))
    for key, title, floor, aim in (
        ("kill", "SIGKILL of the leader → next commit", 500, 200),
        ("cut", "power cut of the leader → next commit", 4000, 2000),
    ):
        if key in results:
            median = results[key]["median_ms"]
            shown = f"median {median:,.0f} ms, worst {results[key]['worst_ms']:,.0f} ms"
            found.append(Row(title, shown, f"≤ {floor:,} ms", f"{aim:,} ms", median <= floor))
    return [*found, *_verify(results), *_large(results), *_join(results), *_families(results)]


def _single(median: dict[str, Any], bound: float) -> list[Row]:
    rate = median["transactions_a_second"]
    ratio = rate / bound
    return [
        Row(
            "single-operation transactions",
            f"{rate:,.0f}/s; {_waits(median)}",
            "2,500/s",
            "–",
            rate >= 2500,
        ),
        Row(
            "… against the signature bound",
            f"{ratio:.2f} of {bound:,.0f}/s",
            "0.25",
            "0.60",
            ratio >= 0.25,
        ),
    ]


def _waits(median: dict[str, Any]) -> str:
    parts = []
    for name in ("committed", "certified"):
        wait = median[f"{name}_ms"]
        if wait:
            parts.append(f"{name} p50 {wait['p50']:.0f} ms, p99 {wait['p99']:.0f} ms")
    return "; ".join(parts)


def _large(results: dict[str, Any]) -> list[Row]:
    found: list[Row] = []
    if "large" not in results:
        return found
    large = results["large"]
    records = f"{large['records']:,} records"
    seconds = large["restart"]["median_seconds"]
    found.append(
        Row(f"restart with {records} → ready", f"{seconds} s", "≤ 3 s", "1 s", seconds <= 3)
    )
    memory = max(node["RssAnon"] for node in large["memory"].values())
    found.append(
        Row(f"memory of a node at {records}", f"{memory} MB", "≤ 250 MB", "120 MB", memory <= 250)
    )
    ratio = large["rate_ratio"]
    found.append(
        Row(
            f"throughput at {records} against {large['small_records']:,}",
            f"{ratio:.2f}",
            "≥ 0.7",
            "0.9",
            ratio >= 0.7,
        )
    )
    return found


def _join(results: dict[str, Any]) -> list[Row]:
    if "join" not in results:
        return []
    join = results["join"]
    title = f"a node without a store joins {join['records']:,} records"
    found = [Row(f"{title}, by blocks", f"{join['blocks_seconds']:,.1f} s", "–", "–", None)]
    for way, how in (("snapshot", "by snapshot"), ("ready", "… that lies ready")):
        times = join[f"{way}_times"]
        shown = f"{join[f'{way}_seconds']:,.1f} s, {times:.1f} times sooner"
        found.append(Row(how, shown, "≥ 10 times", "–", times >= 10))
    return found


def _verify(results: dict[str, Any]) -> list[Row]:
    """Return a row for each number of processes that checked a whole store."""
    if "verify" not in results:
        return []
    verify = results["verify"]
    found: list[Row] = []
    for jobs, measured in verify["processes"].items():
        share = measured["of_bound"]
        title = f"`verify` of {verify['transactions']:,} transactions, processes: {jobs}"
        shown = f"{measured['seconds']:,.1f} s, {share:.2f} of the signatures alone"
        found.append(Row(title, shown, "≥ 0.80", "–", share >= 0.8))
    return found


def _families(results: dict[str, Any]) -> list[Row]:
    """Return a row for each kind of operation: what one transaction costs against a put."""
    families = results.get("families")
    if families is None:
        return []
    put = families["put"]
    found = [Row("put: the measure of the kinds below", _microseconds(put), "–", "–", None)]
    for name, kind in families["kinds"].items():
        ratio = kind["ratio"]
        shown = f"{ratio:.2f} puts: {_microseconds(kind)}"
        found.append(Row(name, shown, f"≤ {RATIO_MAX:.0f} puts", "–", ratio <= RATIO_MAX))
    return found


def _microseconds(parts: dict[str, float]) -> str:
    return (
        f"decode {parts['decode']:.0f}, verify {parts['verify']:.0f}, apply {parts['apply']:.0f} "
        f"µs, {parts['rows']:.1f} rows"
    )


def show(results: dict[str, Any], console: Console) -> None:
    """Print machine, bound, table, and where the time goes."""
    machine, bound = results["machine"], results["bound"]
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['file_system']}, Linux {machine['kernel']}, Python {machine['python']}; "
        f"load average at the start {machine['load_average']}"
    )
    console.print(f"command: {results['command']}")
    console.print(
        f"verify {bound['verify_microseconds']} µs (PyNaCl's own {bound['pynacl_microseconds']} "
        f"µs); signature bound {bound['transactions_a_second']:,.0f} transactions/s; "
        f"fdatasync of 4 KiB {results['sync_ms']} ms"
    )
    table = Table("workload", "result", "at least", "aim", "")
    for row in rows(results):
        mark = "" if row.ok is None else "[green]ok[/green]" if row.ok else "[red]short[/red]"
        table.add_row(row.workload, row.result, row.floor, row.aim, mark)
    console.print(table)
    for key in ("single", "batch"):
        if key in results:
            _show_nodes(key, results[key], console)


def _show_nodes(key: str, result: dict[str, Any], console: Console) -> None:
    median = result["median"]
    names = list(median["nodes"])
    table = Table(f"{key}: {result['knee_connections']} connections", *names)
    for fact in next(iter(median["nodes"].values())):
        table.add_row(fact, *(str(median["nodes"][name][fact]) for name in names))
    console.print(table)
