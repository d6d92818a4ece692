"""The catalogue in forms that other systems read: DCAT 3 as JSON-LD with ODRL policies, and CSV.

DCAT (W3C Recommendation, 22 August 2024) says what a data set is, CSVW which columns it has, ODRL
what may be done with it: data that are shared without condition are permitted, data shared on
condition are offered with each condition as a duty, data that are not shared are prohibited.
Names are URNs under the chain's id, so that exports of two chains never mean the same thing. What
DCAT-AP 3 asks besides of a catalogue that others harvest is there too: who publishes it, and what
each data set is, in words.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from govchaind.api.exchange_words import CLASSES
from govchaind.api.sentence import Sentence, listed, tell

CONTEXT = {
    "csvw": "http://www.w3.org/ns/csvw#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "odrl": "http://www.w3.org/ns/odrl/2/",
}
_FREQUENCY = {
    "real-time": "continuous",
    "daily": "daily",
    "weekly": "weekly",
    "monthly": "monthly",
    "quarterly": "quarterly",
    "yearly": "annual",
    "irregular": "irregular",
}
_DATATYPE = {
    "text": "string",
    "number": "decimal",
    "date": "date",
    "boolean": "boolean",
    "image": "base64Binary",
    "file": "base64Binary",
}
_RULE = {
    "unconditional": "permission",
    "conditional": "permission",
    "not-shared": "prohibition",
}
_POLICY = {
    "unconditional": "odrl:Set",
    "conditional": "odrl:Offer",
    "not-shared": "odrl:Set",
}
COLUMNS = (
    "institution", "name", "revision", "title", "duty", "mandate", "cycle", "sharing",
    "conditions", "service", "fields",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_dcat(data_sets: list[dict[str, Any]], chain: str | None) -> str:
    """Return the catalogue as JSON-LD text. `chain`: the chain's id in hex, if it is known."""
    base = f"urn:govchaind:{chain or 'unknown'}"
    catalogue = {
        "@context": CONTEXT,
        "@id": f"{base}:catalogue",
        "@type": "dcat:Catalog",
        "dcterms:title": _in_both(tell("Catalogue of government data")),
        "dcterms:description": _in_both(
            tell("What data the institutions hold, and on which condition each is shared.")
        ),
        "dcterms:publisher": {
            "@id": f"{base}:institutions",
            "@type": "foaf:Agent",
            "foaf:name": _in_both(tell("the institutions of this ledger")),
        },
        "dcat:dataset": [_data_set(base, entry) for entry in data_sets],
    }
    return json.dumps(catalogue, ensure_ascii=False, indent=1) + "\n"


def _data_set(base: str, entry: dict[str, Any]) -> dict[str, Any]:
    institution, name = str(entry["institution"]), str(entry["name"])
    own = f"{base}:data-set:{institution}:{name}"
    publisher = f"{base}:institution:{institution}"
    made: dict[str, Any] = {
        "@id": own,
        "@type": "dcat:Dataset",
        "dcterms:identifier": f"{institution}/{name}",
        "dcterms:title": entry["title"],
        "dcterms:description": _in_both(_description(entry)),
        "dcterms:publisher": {
            "@id": publisher,
            "@type": "foaf:Agent",
            "foaf:name": institution,
        },
        "dcat:version": str(entry["revision"]),
        "dcterms:isReferencedBy": {"@id": f"{base}:mandate:{entry['mandate']}"},
        "csvw:tableSchema": {
            "@type": "csvw:Schema",
            "csvw:column": {"@list": [_column(field) for field in entry["fields"]]},
        },
        "odrl:hasPolicy": _policy(base, own, publisher, entry),
    }
    frequency = _FREQUENCY.get(str(entry["cycle"]))
    if frequency is not None:
        made["dcterms:accrualPeriodicity"] = {
            "@id": f"http://purl.org/cld/freq/{frequency}",
            "@type": "dcterms:Frequency",
        }
    service = entry.get("service")
    if isinstance(service, str) and service.startswith(("https://", "http://")):
        made["dcat:distribution"] = {
            "@type": "dcat:Distribution",
            "dcat:accessURL": {"@id": _iri(service)},
        }
    return made


def _description(entry: dict[str, Any]) -> Sentence:
    """Return what a data set is, in words."""
    words = tell(
        "%(institution)s holds it for its duty %(duty)s, %(sharing)s. Fields: %(fields)s.",
        institution=str(entry["institution"]),
        duty=str(entry["duty"]),
        sharing=CLASSES[str(entry["sharing"])],
        fields=listed([str(field["title"]) for field in entry["fields"]]),
    )
    service = entry.get("service")
    if service is None:
        return words
    return tell("%(words)s Service: %(service)s", words=words, service=str(service))


def _in_both(words: Sentence) -> list[dict[str, str]]:
    return [
        {"@value": words.english, "@language": "en"},
        {"@value": words.chinese, "@language": "zh"},
    ]


def _column(field: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "csvw:Column",
        "csvw:name": field["name"],
        "csvw:title": field["title"],
        "csvw:datatype": _DATATYPE.get(str(field["type"]), "string"),
    }


def _policy(base: str, own: str, publisher: str, entry: dict[str, Any]) -> dict[str, Any]:
    sharing = str(entry["sharing"])
    rule: dict[str, Any] = {
        "odrl:target": {"@id": own},
        "odrl:assigner": {"@id": publisher},
        "odrl:action": {"@id": "odrl:use"},
    }
    duties = [
        {
            "@id": f"{own}:condition:{condition['name']}",
            "@type": "odrl:Duty",
            "odrl:action": {
                "@id": f"{own}:action:{condition['name']}",
                "@type": "odrl:Action",
                "odrl:includedIn": {"@id": "odrl:use"},
                "dcterms:description": condition["text"],
            },
            "dcterms:title": condition["name"],
        }
        for condition in entry["conditions"]
    ]
    if duties:
        rule["odrl:duty"] = duties
    return {
        "@id": f"{own}:policy:{entry['revision']}",
        "@type": _POLICY[sharing],
        "odrl:profile": {"@id": f"{base}:profile"},  # its conditions are actions of our own
        "odrl:uid": {"@id": f"{own}:policy:{entry['revision']}"},
        f"odrl:{_RULE[sharing]}": rule,
    }


def _iri(address: str) -> str:
    """Return an address with what no IRI may hold written in percent."""
    return "".join(
        f"%{ord(sign):02X}" if sign in ' <>"{}|\\^`' or ord(sign) < 0x21 else sign
        for sign in address
    )


def as_csv(data_sets: list[dict[str, Any]]) -> str:
    """Return the catalogue as CSV (RFC 4180), a data set a line."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for entry in data_sets:
        conditions = "; ".join(f"{each['name']}: {each['text']}" for each in entry["conditions"])
        fields = "; ".join(f"{each['name']} ({each['type']})" for each in entry["fields"])
        cells = {**entry, "conditions": conditions, "fields": fields}
        writer.writerow([_cell(cells.get(column)) for column in COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
