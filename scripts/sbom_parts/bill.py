"""Locked packages as a CycloneDX 1.5 document; the same packages give the same bytes."""

from __future__ import annotations

import hashlib
import json
import tomllib
import uuid
from collections.abc import Sequence
from typing import Any

from sbom_parts.locked import ROOT, Package


def bill(packages: Sequence[Package]) -> dict[str, Any]:
    """Return the document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    own = f"pkg:pypi/{project['name']}@{project['version']}"
    components = [_component(package) for package in packages]
    depends = [{"ref": own, "dependsOn": sorted(_ref(item) for item in packages if item.direct)}]
    depends += [
        {
            "ref": _ref(package),
            "dependsOn": sorted(_ref(other) for other in packages if package.name in other.via),
        }
        for package in packages
    ]
    content = json.dumps([components, depends], sort_keys=True).encode()
    serial = uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(content).hexdigest())
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": project["name"],
                "version": project["version"],
                "purl": own,
                "licenses": [{"expression": project["license"]}],
            }
        },
        "components": components,
        "dependencies": depends,
    }


def bill_text(packages: Sequence[Package]) -> str:
    """Return the document as text."""
    return json.dumps(bill(packages), indent=2) + "\n"


def _ref(package: Package) -> str:
    return f"pkg:pypi/{package.name}@{package.version}"


def _component(package: Package) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": _ref(package),
        "name": package.name,
        "version": package.version,
        "scope": "required" if package.runs else "excluded",
        "purl": _ref(package),
        "licenses": [{"expression": package.licence}],
        "hashes": [{"alg": "SHA-256", "content": value} for value in package.hashes],
        "properties": [{"name": "marker", "value": package.marker}] if package.marker else [],
    }
