"""The catalogue as DCAT, CSVW and ODRL: terms of the W3C's vocabularies, in the shapes they ask."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from pyshacl import validate
from rdflib import DCAT, DCTERMS, FOAF, ODRL2, RDF, XSD, Graph, URIRef
from rdflib.namespace import CSVW

from govchaind.cli.catalogue_export import COLUMNS, as_csv, as_dcat

# rdflib's own parser of JSON-LD still uses it.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is:DeprecationWarning")
CHAIN = "ab" * 32
VOCABULARIES: tuple[Any, ...] = (CSVW, DCAT, DCTERMS, FOAF, ODRL2)
DCAT_3 = URIRef("http://www.w3.org/ns/dcat#version")  # new in DCAT 3; rdflib knows DCAT 2
# What DCAT 3, DCAT-AP 3, CSVW and ODRL 2.2 ask of each: cardinalities and classes, in SHACL.
SHAPES = """
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix odrl: <http://www.w3.org/ns/odrl/2/> .
@prefix csvw: <http://www.w3.org/ns/csvw#> .
@prefix e: <urn:shapes:> .
e:catalog a sh:NodeShape ; sh:targetClass dcat:Catalog ;
  sh:property [ sh:path dcterms:title ; sh:minCount 1 ; sh:nodeKind sh:Literal ] ;
  sh:property [ sh:path dcterms:description ; sh:minCount 1 ; sh:nodeKind sh:Literal ] ;
  sh:property [ sh:path dcterms:publisher ; sh:minCount 1 ; sh:maxCount 1 ; sh:class foaf:Agent ] ;
  sh:property [ sh:path dcat:dataset ; sh:class dcat:Dataset ] .
e:dataset a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:nodeKind sh:IRI ;
  sh:property [ sh:path dcterms:title ; sh:minCount 1 ] ;
  sh:property [ sh:path dcterms:description ; sh:minCount 1 ; sh:nodeKind sh:Literal ] ;
  sh:property [ sh:path dcterms:identifier ; sh:minCount 1 ; sh:maxCount 1 ] ;
  sh:property [ sh:path dcterms:publisher ; sh:minCount 1 ; sh:maxCount 1 ; sh:class foaf:Agent ] ;
  sh:property [ sh:path dcterms:accrualPeriodicity ; sh:maxCount 1 ; sh:nodeKind sh:IRI ;
                sh:class dcterms:Frequency ] ;
  sh:property [ sh:path dcat:distribution ; sh:class dcat:Distribution ] ;
  sh:property [ sh:path csvw:tableSchema ; sh:minCount 1 ; sh:class csvw:Schema ] ;
  sh:property [ sh:path odrl:hasPolicy ; sh:minCount 1 ; sh:maxCount 1 ;
                sh:or ( [ sh:class odrl:Set ] [ sh:class odrl:Offer ] ) ] .
e:distribution a sh:NodeShape ; sh:targetClass dcat:Distribution ;
  sh:property [ sh:path dcat:accessURL ; sh:minCount 1 ; sh:nodeKind sh:IRI ] .
e:policy a sh:NodeShape ; sh:targetObjectsOf odrl:hasPolicy ;
  sh:property [ sh:path odrl:uid ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] ;
  sh:or ( [ sh:property [ sh:path odrl:permission ; sh:minCount 1 ] ]
          [ sh:property [ sh:path odrl:prohibition ; sh:minCount 1 ] ] ) .
e:rule a sh:NodeShape ; sh:targetObjectsOf odrl:permission , odrl:prohibition ;
  sh:property [ sh:path odrl:action ; sh:minCount 1 ] ;
  sh:property [ sh:path odrl:target ; sh:minCount 1 ; sh:class dcat:Dataset ] ;
  sh:property [ sh:path odrl:assigner ; sh:minCount 1 ; sh:maxCount 1 ] .
e:duty a sh:NodeShape ; sh:targetClass odrl:Duty ;
  sh:property [ sh:path odrl:action ; sh:minCount 1 ; sh:class odrl:Action ] .
"""


def entry(name: str, **changes: Any) -> dict[str, Any]:
    """Return a data set as the API tells it."""
    return {
        "institution": "civil-affairs",
        "name": name,
        "revision": 2,
        "title": "婚姻登记 Marriages",
        "duty": "marriages",
        "mandate": "law",
        "cycle": "daily",
        "sharing": "conditional",
        "conditions": [{"name": "no-copies", "text": "Not kept"}],
        "service": "https://share.example/a b",
        "fields": [
            {"name": "status", "title": "Status", "type": "text"},
            {"name": "day", "title": "Day", "type": "date"},
        ],
        **changes,
    }


DATA_SETS = [
    entry("marriages"),
    entry("roads", sharing="unconditional", conditions=[], service=None, cycle="once"),
    entry("adoptions", sharing="not-shared", conditions=[], service="room 12"),
]


def graph_of(data_sets: list[dict[str, Any]]) -> Graph:
    return Graph().parse(data=as_dcat(data_sets, CHAIN), format="json-ld")


def terms_of(space: Any) -> set[URIRef]:
    """Return every term that a vocabulary defines."""
    return {term for term in dir(space) if isinstance(term, URIRef)}


def conforms(graph: Graph) -> bool:
    shapes = Graph().parse(data=SHAPES, format="turtle")
    agrees, _, _ = validate(graph, shacl_graph=shapes)
    return bool(agrees)


def test_an_export_keeps_the_shapes() -> None:
    assert conforms(graph_of(DATA_SETS))
    assert conforms(graph_of([]))


@pytest.mark.parametrize("part", ["dcterms:identifier", "odrl:hasPolicy", "csvw:tableSchema"])
def test_the_shapes_find_what_is_missing(part: str) -> None:
    table = json.loads(as_dcat(DATA_SETS, CHAIN))
    del table["dcat:dataset"][0][part]
    assert not conforms(Graph().parse(data=json.dumps(table), format="json-ld"))


def test_every_term_is_one_of_its_vocabulary() -> None:
    used = {
        term for triple in graph_of(DATA_SETS) for term in triple[1:] if isinstance(term, URIRef)
    }
    known = {DCAT_3} | {term for space in VOCABULARIES for term in terms_of(space)}
    spaces = tuple(str(space._NS) for space in VOCABULARIES)
    assert {term for term in used if str(term).startswith(spaces)} - known == set()
    assert used - known - {term for term in used if term.startswith("urn:govchaind:")} == {
        *(RDF.type, RDF.first, RDF.rest, RDF.nil),
        URIRef("http://purl.org/cld/freq/daily"),
        URIRef("https://share.example/a%20b"),
    }
    assert XSD.string not in used


def test_a_query_finds_what_may_be_done_on_which_condition() -> None:
    found: Any = graph_of(DATA_SETS).query(
        "PREFIX odrl: <http://www.w3.org/ns/odrl/2/> PREFIX dcterms: <http://purl.org/dc/terms/> "
        "SELECT ?name ?condition WHERE { ?data dcterms:identifier ?name ; odrl:hasPolicy ?policy . "
        "?policy odrl:permission ?rule . OPTIONAL { ?rule odrl:duty/dcterms:title ?condition } }"
    )
    rows = sorted(tuple(None if cell is None else str(cell) for cell in row) for row in found)
    assert rows == [("civil-affairs/marriages", "no-copies"), ("civil-affairs/roads", None)]


def test_csv_is_a_line_a_data_set_and_no_cell_is_a_formula() -> None:
    text = as_csv([entry("marriages", title="=HYPERLINK(1)"), entry("roads", conditions=[])])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["title"] == "'=HYPERLINK(1)"
    assert rows[0]["conditions"] == "no-copies: Not kept"
    assert (rows[1]["fields"], rows[1]["revision"]) == ("status (text); day (date)", "2")
