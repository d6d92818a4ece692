"""Every locked package has a known licence that is allowed; the bill of materials is whole."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sbom_parts.bill import bill, bill_text
from sbom_parts.locked import Licences, locked, locked_here, read_licences

ROOT = Path(__file__).parent.parent
# How packages call their licences, where not by SPDX's name.
SAID = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "Artistic License": "Artistic-1.0-Perl",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
}


def test_the_table_has_the_locked_packages_and_no_others() -> None:
    assert [package.name for package in locked_here()] == sorted(read_licences().of)


def test_every_licence_is_allowed_where_it_is_used() -> None:
    licences = read_licences()
    wrong = [
        f"{package.name}: {package.licence}"
        for package in locked_here()
        if not licences.allows(package.licence, runs=package.runs)
    ]
    assert wrong == []


def test_the_table_says_what_installed_packages_say_of_themselves() -> None:
    compared, wrong = 0, []
    for package in locked_here():
        try:
            metadata = importlib.metadata.metadata(package.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of another system
        expression = metadata.json.get("license_expression")
        classifiers = [line.split(" :: ")[-1] for line in metadata.get_all("Classifier") or []
                       if line.startswith("License :: ")]  # fmt: skip
        if expression is not None:
            compared += 1
            if expression != package.licence:
                wrong.append(f"{package.name}: {expression}, not {package.licence}")
            continue
        for said in classifiers:
            compared += said in SAID
            if SAID.get(said, "") not in package.licence:
                wrong.append(f"{package.name}: {said}, not {package.licence}")
    assert wrong == []
    assert compared > 80


@pytest.mark.parametrize(
    ("expression", "runs", "expected"),
    [
        ("MIT", True, True),
        ("GPL-3.0-or-later", True, False),
        ("GPL-3.0-or-later", False, True),
        ("MIT OR AGPL-3.0-only", True, True),
        ("MIT AND AGPL-3.0-only", True, False),
        ("", False, False),
    ],
)
def test_expressions(expression: str, runs: bool, expected: bool) -> None:
    licences = Licences({}, frozenset({"MIT"}), frozenset({"GPL-3.0-or-later"}))

    assert licences.allows(expression, runs=runs) is expected


def test_a_lock_is_read_with_markers_hashes_and_who_asks() -> None:
    lock = (
        "one==1.0 ; sys_platform == 'linux' \\\n    --hash=sha256:" + "a" * 64 + " \\\n"
        "    --hash=sha256:" + "b" * 64 + "\n    # via\n    #   govchaind (pyproject.toml)\n"
        "    #   two\ntwo==2.0 \\\n    --hash=sha256:" + "c" * 64 + "\n    # via govchaind (x)\n"
    )
    one, two = locked(lock, lock.partition("two==")[0], Licences({}, frozenset(), frozenset()))

    assert (one.version, one.marker, one.via) == ("1.0", "sys_platform == 'linux'", ("two",))
    assert one.hashes == ("a" * 64, "b" * 64)
    assert (one.direct, one.runs, two.direct, two.runs) == (True, True, True, False)


def test_the_bill_names_everything_with_hashes_and_the_same_twice() -> None:
    packages = locked_here()
    document: dict[str, Any] = bill(packages)
    references = {item["bom-ref"] for item in document["components"]}
    own = document["metadata"]["component"]["bom-ref"]

    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    assert len(references) == len(packages)
    assert all(item["hashes"] for item in document["components"])
    assert {item["ref"] for item in document["dependencies"]} == references | {own}
    reached, pending = {own}, [own]
    edges = {item["ref"]: item["dependsOn"] for item in document["dependencies"]}
    while pending:
        for found in edges[pending.pop()]:
            if found not in reached:
                reached.add(found)
                pending.append(found)
    assert reached == references | {own}
    assert bill_text(packages) == bill_text(packages)


def test_the_script_prints_what_a_running_node_needs() -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "sbom"), "--run"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = [item["name"] for item in json.loads(ended.stdout)["components"]]
    run_lock = (ROOT / "requirements-run.lock").read_text()

    assert names == sorted(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", run_lock, re.MULTILINE))
