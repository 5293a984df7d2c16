"""Identity Analytics: what the list shows, finds, sorts and says."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from metering.selectors import metrics_for
from tests.make import make_budget, make_event, make_identity

LIST = "/studio/identities/"


def test_the_root_leads_to_the_list(owner):
    assert owner.client.get("/").url == LIST
    assert owner.client.get("/studio/").url == LIST


def test_a_visitor_is_asked_to_sign_in(db, client):
    answer = client.get(LIST)

    assert answer.status_code == 302
    assert answer.url == f"/accounts/login/?next={LIST}"


def test_without_identities_the_page_says_how_to_begin(owner):
    page = owner.visit(LIST)

    assert "No identities yet" in page.text
    assert "X-ORQ-IDENTITY-ID: user_12345" in page.text
    assert "$ORQ_API_KEY" in page.text


def test_a_viewer_is_not_invited_to_create_the_first_identity(viewer):
    page = viewer.visit(LIST)

    assert "Your role only reads" in page.text
    assert not page.all("a", href="/studio/identities/new/")


def test_a_row_shows_metrics_tags_source_and_last_seen(owner, workspace):
    make_identity(workspace, "user_1", display_name="Jane Doe", tags=["hr", "nl", "x"])
    make_event(workspace, "user_1", cost_usd="1.5")
    make_event(workspace, "user_1", cost_usd="0.25", status="failed")

    page = owner.visit(LIST)

    assert page.names == ["Jane Doe"]
    row = page.all("tr")[1].text
    for shown in ("user_1", "$1.75", "2", "300", "50.0%", "hr", "nl", "+1", "API"):
        assert shown in row
    assert "just now" in row
    assert "Unlimited" in row


def test_the_strip_adds_up_what_the_filters_found(owner, workspace):
    for name, cost in (("user_1", "1"), ("user_2", "2"), ("team_1", "4")):
        make_identity(workspace, name)
        make_event(workspace, name, cost_usd=cost)

    everyone = owner.visit(LIST).figures
    users = owner.visit(f"{LIST}?q=user").figures

    assert (everyone["Identities"], everyone["Cost"]) == ("3", "$7.00")
    assert (users["Identities"], users["Cost"], users["Requests"]) == (
        "2",
        "$3.00",
        "2",
    )


def test_another_workspace_does_not_show(owner, workspace, other_workspace):
    make_identity(workspace, "ours")
    make_identity(other_workspace, "theirs")
    make_event(other_workspace, "theirs", cost_usd="99")
    make_event(other_workspace, "ours", cost_usd="99")

    page = owner.visit(LIST)

    assert page.names == ["ours"]
    assert page.figures["Cost"] == "$0"


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("-cost", ["b", "c", "a"]),
        ("cost", ["a", "c", "b"]),
        ("-requests", ["c", "b", "a"]),
        ("-tokens", ["c", "b", "a"]),
        ("-errors", ["a", "c", "b"]),
        ("name", ["a", "b", "c"]),
        ("-name", ["c", "b", "a"]),
        ("created", ["a", "b", "c"]),
    ],
)
def test_sorting_holds_for_the_whole_workspace(owner, workspace, sort, order):
    make_identity(workspace, "a")
    make_identity(workspace, "b")
    make_identity(workspace, "c")
    make_event(workspace, "a", cost_usd="0.1", status="failed", input_tokens=1)
    make_event(workspace, "b", cost_usd="5")
    make_event(workspace, "c", cost_usd="1")
    make_event(workspace, "c", cost_usd="1", status="failed")

    page = owner.visit(f"{LIST}?sort={sort}")

    assert page.names == order


def test_the_sorted_column_says_so_and_turns_round(owner, workspace):
    make_identity(workspace)

    page = owner.visit(f"{LIST}?sort=-requests&q=user")

    header = page.one("th", aria_sort="descending")
    link = next(a for a in page.all("a", class_="sort") if a.text == "Requests")
    assert header.text == "Requests"
    assert link["href"] == f"{LIST}?q=user&sort=requests"


def test_the_dearest_of_many_is_on_the_first_page(owner, workspace):
    for number in range(30):
        make_identity(workspace, f"user_{number:02}")
    make_event(workspace, "user_07", cost_usd="3")

    first = owner.visit(LIST)
    last = owner.visit(f"{LIST}?page=2")

    assert first.names[0] == "user_07"
    assert (len(first.names), len(last.names)) == (25, 5)
    assert not set(first.names) & set(last.names)
    assert "26–30 of 30" in last.text


def test_a_page_past_the_end_is_the_last_one(owner, workspace):
    for number in range(30):
        make_identity(workspace, f"user_{number:02}")

    page = owner.visit(f"{LIST}?page=9999")

    assert len(page.names) == 5
    assert page.all("a", rel="prev")
    assert not page.all("a", rel="next")


def test_page_sizes_are_offered(owner, workspace):
    for number in range(30):
        make_identity(workspace, f"user_{number:02}")

    assert len(owner.visit(f"{LIST}?size=50").names) == 30


def test_search_finds_name_external_id_email_and_own_id(owner, workspace):
    jane = make_identity(
        workspace, "user_1", display_name="Jane Doe", email="jane@example.com"
    )
    make_identity(workspace, "user_2", display_name="Other")

    for text in ("jane", "DOE", "USER_1", "example.com", jane.public_id):
        assert owner.visit(f"{LIST}?q={text}").names == ["Jane Doe"], text


def test_search_takes_percent_and_underscore_as_they_are(owner, workspace):
    make_identity(workspace, "a_b")
    make_identity(workspace, "axb")

    assert owner.visit(f"{LIST}?q=a_b").names == ["a_b"]
    assert owner.visit(f"{LIST}?q=%25").names == []


def test_all_chosen_tags_must_be_there(owner, workspace):
    make_identity(workspace, "both", tags=["hr", "nl"])
    make_identity(workspace, "one", tags=["hr"])

    page = owner.visit(f"{LIST}?tag=hr&tag=nl")

    assert page.names == ["both"]
    chosen = [each.text for each in page.all("a", class_="chip--on")]
    assert sorted(chosen) == ["hr", "nl"]


def test_nothing_found_names_the_search_and_offers_a_way_back(owner, workspace):
    make_identity(workspace)

    page = owner.visit(f"{LIST}?q=nobody")

    assert "No identity matches" in page.text
    assert "“nobody”" in page.text
    assert [a["href"] for a in page.all("a", class_="button") if "Clear" in a.text] == [
        LIST
    ]


def test_states_narrow_to_budgets_that_are_ok_near_blocked_or_missing(owner, workspace):
    for name, spent in (
        ("ok", "1"),
        ("near", "8.5"),
        ("blocked", "10"),
        ("free", "50"),
    ):
        make_identity(workspace, name)
        make_event(workspace, name, cost_usd=spent)
        if name != "free":
            make_budget(workspace, name)

    for state in ("ok", "near", "blocked"):
        assert owner.visit(f"{LIST}?state={state}").names == [state]
    assert owner.visit(f"{LIST}?state=none").names == ["free"]


def test_the_title_and_the_icon_carry_the_worst_state(owner, workspace):
    make_identity(workspace)
    make_budget(workspace, "user_1", amount_usd=Decimal(1))
    make_event(workspace, "user_1", cost_usd="1.24")

    page = owner.visit(LIST)

    assert page.one("title").text == "(1 blocked) Identity Analytics · orqstudio"
    assert "favicon-alert" in page.one("link", rel="icon")["href"]
    assert "124% · blocked" in page.text


def test_a_budget_that_is_off_or_only_watches_blocks_nobody(owner, workspace):
    make_identity(workspace, "watched")
    make_identity(workspace, "off")
    make_budget(workspace, "watched", amount_usd=Decimal(1), mode="shadow")
    make_budget(workspace, "off", amount_usd=Decimal(1), is_active=False)
    make_event(workspace, "watched", cost_usd="2")
    make_event(workspace, "off", cost_usd="2")

    page = owner.visit(LIST)

    assert page.one("title").text == "Identity Analytics · orqstudio"
    assert "200% · over" in page.text
    assert owner.visit(f"{LIST}?state=blocked").names == []
    assert owner.visit(f"{LIST}?state=none").names == ["off"]


def test_a_used_up_workspace_budget_is_told_on_top(owner, workspace):
    make_identity(workspace)
    make_budget(workspace, "", amount_usd=Decimal(1))
    make_event(workspace, "user_1", cost_usd="2")

    assert "budget of the whole workspace is used up" in owner.visit(LIST).text


def test_has_errors_leaves_out_those_without(owner, workspace):
    make_identity(workspace, "good")
    make_identity(workspace, "bad")
    make_event(workspace, "good")
    make_event(workspace, "bad", status="lost")

    assert owner.visit(f"{LIST}?errors=1").names == ["bad"]


def test_unattributed_usage_and_unknown_ids_are_told(owner, workspace):
    make_identity(workspace, "known")
    make_event(workspace, "known", cost_usd="1")
    make_event(workspace, "", cost_usd="2")
    make_event(workspace, "stray/1", cost_usd="3")

    page = owner.visit(LIST)

    assert page.figures["Cost"] == "$1.00"
    assert "Unattributed: 1 request, $2.00, named no identity." in page.text
    assert "1 external ID has usage but no record." in page.text
    assert page.all("a", href="/studio/identities/new/?external_id=stray%2F1")


def test_an_unknown_cost_is_marked_and_never_zero(owner, workspace):
    make_identity(workspace)
    make_event(workspace, "user_1", cost_usd=None)

    page = owner.visit(LIST)

    assert "1 call of unknown price" in page.text
    assert page.one("abbr")["title"] == "1 call of unknown price"


@pytest.mark.parametrize(
    ("chosen", "cost"), [("24h", "$1.00"), ("7d", "$3.00"), ("30d", "$7.00")]
)
def test_a_range_counts_what_lies_in_it(owner, workspace, clock, chosen, cost):
    make_identity(workspace)
    now = timezone.now()
    for days, dollars in ((0.9, 1), (1.1, 2), (29.9, 4), (30.1, 8)):
        make_event(
            workspace,
            "user_1",
            occurred_at=now - timedelta(days=days),
            cost_usd=dollars,
        )

    page = owner.visit(f"{LIST}?range={chosen}")

    assert page.figures["Cost"] == cost


def test_thirty_days_are_the_numbers_of_the_api(owner, workspace, clock):
    make_identity(workspace)
    now = timezone.now()
    for hours in range(1, 24 * 32, 7):
        make_event(
            workspace,
            "user_1",
            occurred_at=now - timedelta(hours=hours),
            cost_usd=f"0.{hours:03}",
            status="failed" if hours % 3 == 0 else "ok",
        )

    page = owner.visit(LIST)
    metrics = metrics_for(workspace, ["user_1"], now=now)["user_1"]

    shown = next(
        each["title"]
        for each in page.all("dd", class_="figure__value")
        if each.text.startswith("$")
    )
    assert Decimal(shown.removeprefix("$")) == metrics.total_cost_usd
    assert page.figures["Requests"] == str(metrics.total_requests)
    assert page.figures["Error rate"] == f"{metrics.error_ratio * 100:.1f}%"


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202egnp.exe",
    "{{ 7|add:7 }}{% debug %}",
    "🦄" * 60,
    "x" * 120,
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(owner, workspace, name):
    make_identity(workspace, name, display_name=name, tags=[name])
    make_event(workspace, f"stray {name}"[:120])

    page = owner.visit(LIST)

    assert name in page.names
    assert not page.all("img")
    assert [each for each in page.all("script") if not each.get("src")] == []


def test_a_fragment_is_the_results_alone(owner, workspace):
    make_identity(workspace)

    page = owner.visit(f"{LIST}?q=user&state=&range=30d", htmx=True)

    assert not page.all("html")
    assert page.one("div", id="results")
    assert page.response["Vary"].count("HX-Request") == 1
    assert page.response["Cache-Control"] == "private, no-store"


def test_the_address_holds_only_what_was_chosen(owner, workspace):
    path = f"{LIST}?q=&state=&range=7d&sort=-cost&size=25&page=1"

    pushed = owner.visit(path, htmx=True).response
    typed = owner.visit(f"{LIST}?q=jane", htmx=True, HX_Trigger_Name="q").response
    refreshed = owner.visit(LIST, htmx=True, HX_Trigger="results").response

    assert pushed["HX-Push-Url"] == f"{LIST}?range=7d"
    assert typed["HX-Replace-Url"] == f"{LIST}?q=jane"
    assert "HX-Push-Url" not in refreshed
    assert "HX-Replace-Url" not in refreshed


def test_going_back_in_history_gets_the_whole_page(owner):
    page = owner.visit(LIST, htmx=True, HX_History_Restore_Request="true")

    assert page.all("html")


@pytest.mark.parametrize(
    "query",
    [
        "range=1y",
        "sort=evil;drop",
        "page=0",
        "page=-1",
        "page=abc",
        "page=99999999999999999999",
        "page=%D9%A3",
        "size=7",
        "state=gone",
        "q=%00",
        "q=%FF",
        "tag=%00&tag=",
        "q=" + "x" * 5000,
        "before=1",
        "sort=-",
    ],
)
def test_a_bad_parameter_falls_back(owner, workspace, query):
    make_identity(workspace)

    owner.visit(f"{LIST}?{query}")


def test_the_curl_line_asks_the_api_for_the_same(owner, workspace):
    make_identity(workspace)

    page = owner.visit(f"{LIST}?q=a%27b&tag=hr")

    line = page.all("code")[0].text
    assert "search=a%27b" in line
    assert "filter_by.tags=hr" in line
    assert "Bearer $ORQ_API_KEY" in line


def test_the_list_takes_a_bounded_number_of_queries(
    owner, workspace, django_assert_num_queries
):
    for number in range(40):
        make_identity(workspace, f"user_{number}", tags=["hr"])
        make_budget(workspace, f"user_{number}")
        make_event(workspace, f"user_{number}", cost_usd="9")
    make_event(workspace, "")

    # 1 session 2 person 3 memberships 4 budgets that may be near their limit
    # 5-8 these budgets, windows, sums, refusals 9 the table 10 stray usage 11 tags
    # 12 trends 13-16 budgets of the page, windows, sums, refusals
    with django_assert_num_queries(16):
        owner.visit(f"{LIST}?size=50")
