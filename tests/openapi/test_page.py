"""`/docs` shows the whole document, without script and without a foreign host."""

from __future__ import annotations

import re

import pytest

from orqstudio.openapi.document import make_document
from orqstudio.openapi.page import describe, make_page
from orqstudio.openapi.schema import list_of, map_of, one_of, or_null, ref, text, whole
from tests.documented import operations


@pytest.fixture
def page(client, db) -> str:
    """The page as everybody gets it."""
    answer = client.get("/docs")
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_operation_schema_and_error_is_there(page):
    components = make_document()["components"]
    anchors = set(re.findall(r'\bid="([^"]+)"', page))

    assert {each.id for each in operations()} <= anchors
    assert {f"schema-{name}" for name in components["schemas"]} <= anchors
    assert {f"error-{name}" for name in components["responses"]} <= anchors


def test_every_link_within_leads_somewhere_and_names_are_unique(page):
    anchors = re.findall(r'\bid="([^"]+)"', page)

    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(page):
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page)
    assert set(re.findall(r'(?:src|rel="stylesheet" href)="(.)', page)) == {"/"}


def test_commands_name_this_server_and_no_key(page):
    assert "curl &#x27;http://testserver/v2/identities" in page
    assert "Authorization: Bearer $ORQ_API_KEY" in page


def test_it_asks_the_database_nothing(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        client.get("/docs")


def test_fields_in_camel_case_stand_there_once(page):
    assert "budget_id" in page
    names = [
        row.name
        for schema in make_page("http://x").schemas
        for row in schema.rows
        if schema.name == "Budget"
    ]
    assert "created_at" in names
    assert "createdAt" not in names


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (text(maxLength=9), "text, 0 to 9 characters"),
        (text(format="date-time"), "text, RFC 3339"),
        (or_null(whole(1, 1000)), "whole number, 1 to 1,000 or null"),
        (whole(0), "whole number"),
        (list_of(text(), maxItems=3), "list of text; at most 3"),
        (map_of(text()), "map of text"),
        (map_of({}), "map of anything"),
        ({"type": "boolean"}, "true or false"),
        ({"anyOf": [text(), {"enum": ["", None]}]}, "text or empty or null"),
    ],
)
def test_kinds_of_values_in_words(schema, words):
    assert describe(schema).words == words


def test_links_and_choices_of_values():
    assert describe(or_null(ref("Usage"))).links == ("Usage",)
    assert describe(list_of(one_of(["a", "b"]))).choices == ("a", "b")
