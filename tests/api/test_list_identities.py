"""GET /v2/identities."""

from __future__ import annotations

import json

import pytest

from identities.models import Identity
from tests.make import make_budget, make_event, make_identity, utc


def external_ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [item["external_id"] for item in answer.json()["data"]]


@pytest.fixture
def five(workspace, other_workspace):
    """u0 (oldest) to u4 (newest), and a stranger who must never show."""
    make_identity(other_workspace, "stranger", tags=["a", "b"], display_name="u")
    return [make_identity(workspace, f"u{number}") for number in range(5)]


def test_an_empty_list_has_all_its_keys(api):
    assert api.get("/v2/identities").json() == {
        "object": "list",
        "data": [],
        "has_more": False,
    }


def test_items_are_flat_records_newest_first(api, five):
    answer = api.get("/v2/identities")

    newest_first = sorted(five, key=lambda each: each.pk, reverse=True)
    assert external_ids(answer) == [each.external_id for each in newest_first]
    assert "identity" not in answer.json()["data"][0]
    assert "metrics" not in answer.json()["data"][0]


def test_ten_is_the_default_limit(api, workspace):
    for number in range(11):
        make_identity(workspace, f"u{number}")

    answer = api.get("/v2/identities")

    assert len(answer.json()["data"]) == 10
    assert answer.json()["has_more"] is True


@pytest.mark.parametrize("limit", ["1", "2.0", "10.0", "200", "05"])
def test_limits_are_whole_numbers_however_old_clients_write_them(api, five, limit):
    answer = api.get("/v2/identities", limit=limit)

    assert len(answer.json()["data"]) == min(5, int(float(limit)))


@pytest.mark.parametrize("by", ["public_id", "external_id"])
def test_pages_join_without_gap_in_both_directions(api, five, by):
    order = sorted(five, key=lambda each: each.pk, reverse=True)
    names = [each.external_id for each in order]

    middle = api.get("/v2/identities", limit=2, starting_after=getattr(order[1], by))
    before = api.get("/v2/identities", limit=2, ending_before=getattr(order[3], by))
    last = api.get("/v2/identities", limit=2, starting_after=getattr(order[3], by))
    first = api.get("/v2/identities", limit=2, ending_before=getattr(order[2], by))

    assert (external_ids(middle), middle.json()["has_more"]) == (names[2:4], True)
    assert (external_ids(before), before.json()["has_more"]) == (names[1:3], True)
    assert (external_ids(last), last.json()["has_more"]) == (names[4:], False)
    assert (external_ids(first), first.json()["has_more"]) == (names[:2], False)


def test_a_cursor_of_another_workspace_is_unknown(api, five, other_workspace):
    answer = api.get("/v2/identities", starting_after="stranger")

    assert answer.status_code == 400
    assert answer.json()["code"] == 3


def test_search_looks_into_id_name_and_email_in_any_case(api, workspace, five):
    make_identity(workspace, "x-1", display_name="Émile NEEDLE")
    make_identity(workspace, "x-2", email="a.needle@example.com")
    make_identity(workspace, "needle-3")

    found = external_ids(api.get("/v2/identities", search="Needle"))

    assert set(found) == {"x-1", "x-2", "needle-3"}


@pytest.mark.parametrize("text", ["100%", "a_b", "back\\slash", "'; --"])
def test_search_takes_every_character_for_itself(api, workspace, five, text):
    make_identity(workspace, "wild", display_name=f"<{text}>")

    assert external_ids(api.get("/v2/identities", search=text)) == ["wild"]


TAG_SPELLINGS = [
    {"filter_by.tags": ["a", "y z"]},
    {"filter_by": json.dumps({"tags": ["a", "y z"]})},
    {"tags": "a,y z"},
    {"tags": "['a', 'y z']"},
    {"tags": '["a", "y z"]'},
    {"tags": ["a", "y z"]},
]


@pytest.mark.parametrize("query", TAG_SPELLINGS)
def test_all_tags_must_match_in_every_spelling(api, workspace, five, query):
    make_identity(workspace, "one", tags=["a"])
    make_identity(workspace, "both", tags=["y z", "other", "a"])

    assert external_ids(api.get("/v2/identities", **query)) == ["both"]


@pytest.mark.parametrize("query", TAG_SPELLINGS)
def test_one_tag_is_enough_where_the_operator_says_so(
    api, workspace, five, settings, query
):
    settings.TAGS_MATCH_ANY = True
    make_identity(workspace, "one", tags=["a"])
    make_identity(workspace, "both", tags=["y z", "other", "a"])
    make_identity(workspace, "neither", tags=["other"])

    assert external_ids(api.get("/v2/identities", **query)) == ["both", "one"]
    assert len(external_ids(api.get("/v2/identities"))) == 8


def test_a_tag_may_contain_a_comma_in_the_current_spelling(api, workspace):
    make_identity(workspace, "comma", tags=["a,b"])
    make_identity(workspace, "apart", tags=["a", "b"])

    found = external_ids(api.get("/v2/identities", **{"filter_by.tags": "a,b"}))

    assert found == ["comma"]


def test_metrics_come_with_the_flag_for_every_item(api, workspace, five):
    make_event(workspace, "u1", cost_usd="0.2")
    make_event(workspace, "u1", cost_usd="0.1", status="failed")

    items = api.get("/v2/identities", include_metrics="true").json()["data"]

    metrics = {item["external_id"]: item["metrics"] for item in items}
    assert metrics["u1"] == {
        "total_cost": 0.3,
        "total_tokens": 300,
        "total_requests": 2,
        "error_rate": 0.5,
    }
    assert metrics["u0"]["total_requests"] == 0


def test_usage_of_the_same_external_id_elsewhere_is_not_counted(
    api, workspace, other_workspace
):
    make_identity(workspace, "u1")
    make_event(other_workspace, "u1")

    [item] = api.get("/v2/identities", include_metrics="true").json()["data"]

    assert item["metrics"]["total_requests"] == 0


def test_budgets_come_with_the_flag_where_there_is_one(
    api, workspace, other_workspace, five
):
    make_budget(workspace, "u1")
    make_budget(other_workspace, "u2")

    items = api.get("/v2/identities", include_budget="true").json()["data"]

    assert [item["external_id"] for item in items if "budget" in item] == ["u1"]


def test_sorting_by_name_and_by_last_change(api, workspace):
    for name in ("b", "c", "a"):
        make_identity(workspace, name, display_name=name.upper())
        Identity.objects.filter(external_id=name).update(
            updated_at=utc(f"2026-03-0{ord(name) - 96}T00:00")
        )
    prefix = "IDENTITY_SORT_FIELD_"

    by_name = api.get("/v2/identities", sort_by=f"{prefix}DISPLAY_NAME")
    by_change = api.get("/v2/identities", sort_by=f"{prefix}UPDATED")
    as_ever = api.get("/v2/identities", sort_by=f"{prefix}UNSPECIFIED")

    assert external_ids(by_name) == ["a", "b", "c"]
    assert external_ids(by_change) == ["c", "b", "a"]
    assert external_ids(as_ever) == external_ids(api.get("/v2/identities"))


def test_the_exact_query_strings_of_the_official_clients_are_understood(api, workspace):
    make_identity(workspace, "old")
    make_identity(workspace, "hit", display_name="a b&c", tags=["x", "y z"])
    python = (
        "?limit=25&starting_after=old&search=a+b%26c&filter_by.tags=x"
        "&filter_by.tags=y+z&include_metrics=true"
        "&sort_by=IDENTITY_SORT_FIELD_DISPLAY_NAME&include_budget=false"
    )
    node = python.replace("+", "%20")

    for query in (python, node):
        answer = api.http.get(f"/v2/identities{query}")
        assert external_ids(answer) == ["hit"]
        assert "metrics" in answer.json()["data"][0]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "-1"},
        {"limit": "ten"},
        {"limit": "1.5"},
        {"limit": ""},
        {"limit": "9" * 5000},
        {"limit": "١"},
        {"starting_after": "nobody"},
        {"ending_before": "nobody"},
        {"starting_after": "u1", "ending_before": "u2"},
        {"starting_after": "x" * 501},
        {"search": "x" * 501},
        {"search": "a\x00b"},
        {"unknown": "\x00"},
        {"filter_by.tags": "\x00"},
        {"sort_by": "created"},
        {"sort_by": ""},
        {"sort_by": "BUDGET_SORT_FIELD_UPDATED_AT"},
        {"include_metrics": "yes"},
        {"include_metrics": ""},
        {"include_budget": "2"},
        {"filter_by": "{"},
        {"filter_by": "[]"},
        {"filter_by": '{"tags": "a"}'},
        {"filter_by": '{"tags": [1]}'},
        {"filter_by": '{"email": "x"}'},
        {"filter_by": "[" * 5000},
        {"tags": "[1, 2]"},
        {"tags": "['a'"},
        {"tags": "[__import__('os')]"},
        {"tags": "[" * 20_000},
        {"filter_by": r'{"tags": ["\u0000"]}'},
        {"filter_by": r'{"tags": ["a", "\ud800"]}'},
        {"tags": r"['\x00']"},
        {"tags": r"['\udfff']"},
    ],
)
def test_unknown_query_values_answer_400(api, five, query):
    answer = api.get("/v2/identities", **query)

    assert answer.status_code == 400, answer.content
    assert answer.json()["code"] == 3


def test_unknown_query_names_are_left_alone(api, five):
    assert len(external_ids(api.get("/v2/identities", format="xml", page=2))) == 5


def test_too_many_query_fields_answer_400(api, five):
    assert api.get("/v2/identities", a=["x"] * 1001).status_code == 400
