"""The page of one identity: figures, budget, charts, models, calls."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.make import make_budget, make_event, make_identity


@pytest.fixture
def jane(workspace):
    return make_identity(workspace, "user_1", display_name="Jane Doe", tags=["hr"])


@pytest.fixture
def address(jane):
    return f"/studio/identities/{jane.public_id}/"


def test_without_usage_it_says_how_to_send_the_header(owner, address):
    page = owner.visit(address)

    assert "No usage in the last 30 days" in page.text
    assert "-H 'X-ORQ-IDENTITY-ID: user_1'" in page.text
    assert "Unlimited." in page.text


def test_figures_tell_their_change_to_the_range_before(
    owner, workspace, address, clock
):
    now = timezone.now()
    make_event(workspace, "user_1", occurred_at=now - timedelta(days=1), cost_usd="3")
    make_event(workspace, "user_1", occurred_at=now - timedelta(days=31), cost_usd="2")
    make_event(workspace, "user_1", occurred_at=now - timedelta(days=61), cost_usd="9")

    page = owner.visit(address)

    assert page.figures["Cost"] == "$3.00"
    notes = [each.text for each in page.all("dd", class_="figure__note")]
    assert notes[:3] == ["+50%", "no change", "no change"]


@pytest.mark.parametrize("chosen", ["24h", "7d", "30d", "90d"])
def test_the_buckets_of_a_chart_add_up_to_its_figure(
    owner, workspace, address, clock, chosen
):
    now = timezone.now()
    for hours in range(0, 24 * 91, 5):
        make_event(
            workspace, "user_1", occurred_at=now - timedelta(hours=hours), cost_usd="1"
        )

    page = owner.visit(f"{address}?range={chosen}")

    read = [
        int(each["data-read"].split("Succeeded ")[1].split(",")[0])
        for each in page.all("rect", class_="chart__slot")
        if "Succeeded" in each["data-read"]
    ]
    assert sum(read) == int(page.figures["Requests"])
    assert page.figures["Cost"] == f"${sum(read):.2f}"


def test_a_chart_has_the_same_numbers_as_a_table(owner, workspace, address, clock):
    make_event(workspace, "user_1", occurred_at=timezone.now(), cost_usd="1.25")

    page = owner.visit(address)

    table = next(t for t in page.all("table") if "Cost by step, UTC" in t.text)
    assert "15 Mar so far $1.25" in table.text
    images = page.all("svg", role="img")
    assert images[0]["aria-label"] == "Cost, peak $1.25 on 15 Mar"


def test_models_are_listed_with_their_share(owner, workspace, address):
    make_event(workspace, "user_1", model="gpt-4o", cost_usd="3")
    make_event(workspace, "user_1", model="orq/echo", cost_usd="1")
    make_event(workspace, "user_1", model="mystery", cost_usd=None)

    page = owner.visit(address)

    table = next(t for t in page.all("table") if t.text.startswith("Usage by model"))
    assert "gpt-4o orq 1 150 $3.00 75%" in table.text
    assert "mystery orq 1 150 unknown 0%" in table.text


def test_a_call_shows_status_tokens_cost_and_latency(owner, workspace, address):
    make_event(workspace, "user_1", cost_usd="0.0123", latency_ms=2100)
    make_event(
        workspace,
        "user_1",
        cost_usd="0",
        status="failed",
        http_status=502,
        error_code="upstream_error",
    )

    page = owner.visit(address)

    table = next(t for t in page.all("table") if t.text.startswith("Recent calls"))
    assert "OK 150 $0.0123 2.1 s" in table.text
    assert "Failed 502" in table.text


def test_older_calls_follow_without_gap_or_repeat(owner, workspace, address, clock):
    now = timezone.now()
    for number in range(45):
        moment = now - timedelta(minutes=number // 3)
        make_event(workspace, "user_1", occurred_at=moment, latency_ms=number)

    seen, path = [], address
    while path:
        page = owner.visit(path)
        table = next(t for t in page.all("table") if t.text.startswith("Recent calls"))
        seen += table.text.split(" ms")[:-1]
        links = [a["href"] for a in page.all("a") if a.text == "Older calls"]
        path = links[0] if links else ""

    assert len(seen) == 45
    assert {int(each.split()[-1]) for each in seen} == set(range(45))


@pytest.mark.parametrize("before", ["x", "1-2", "9" * 30, "-", "1-" + "0" * 26])
def test_a_made_up_cursor_falls_back(owner, workspace, address, before):
    make_event(workspace, "user_1")

    owner.visit(f"{address}?before={before}")


def test_the_budget_card_tells_used_window_reset_held(owner, workspace, address, clock):
    make_budget(workspace, "user_1", amount_usd=Decimal("0.20"), period="daily")
    make_event(workspace, "user_1", occurred_at=timezone.now(), cost_usd="0.08")

    text = owner.visit(address).text

    assert "$0.08 of $0.20 used (40%)" in text
    assert "Since 15 Mar 2026 00:00 UTC" in text
    assert "in 12 h 0 min 16 Mar 2026 00:00 UTC" in text
    assert "Held nothing under way" in text
    assert "within limit" in text


def test_a_blocked_identity_says_until_when(owner, workspace, address, clock):
    make_budget(workspace, "user_1", amount_usd=Decimal(1))
    make_event(workspace, "user_1", occurred_at=timezone.now(), cost_usd="1")

    page = owner.visit(address)

    assert (
        "Blocked. The budget is used up: calls are refused with 429 until "
        "1 Apr 2026 00:00 UTC." in page.text
    )


def test_just_below_the_limit_is_not_shown_as_full(owner, workspace, address):
    make_budget(workspace, "user_1", amount_usd=Decimal(10))
    make_event(workspace, "user_1", cost_usd="9.999")

    text = owner.visit(address).text

    assert "(99%)" in text
    assert "Blocked." not in text


def test_metadata_is_text(owner, workspace):
    identity = make_identity(workspace, "m", metadata={"<b>k</b>": {"x": "<i>"}})

    page = owner.visit(f"/studio/identities/{identity.public_id}/")

    assert "<b>k</b>" in page.text
    assert not page.all("i")


def test_a_shell_cannot_be_reached_through_the_external_id(owner, workspace):
    identity = make_identity(workspace, "a'; rm -rf / #`id`$(id)")

    page = owner.visit(f"/studio/identities/{identity.public_id}/")

    line = page.one("code").text
    assert """'X-ORQ-IDENTITY-ID: a'"'"'; rm -rf / #`id`$(id)'""" in line


@pytest.mark.parametrize("suffix", ["", "edit/", "delete/", "budget/"])
def test_foreign_and_unknown_ids_are_the_same_404(
    owner, other_workspace, workspace, suffix
):
    theirs = make_identity(other_workspace, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    ours = make_identity(workspace, "01BX5ZZKBKACTAV9WEVGEMMVRZ")

    for public_id in (
        theirs.public_id,
        theirs.external_id,
        ours.external_id,
        "01ARZ3NDEKTSV4RRFFQ69G5FAW",
        "nothing",
        "%00",
    ):
        page = owner.visit(f"/studio/identities/{public_id}/{suffix}", status=404)
        assert "Nothing here" in page.text


def test_the_page_takes_a_bounded_number_of_queries(
    owner, workspace, address, django_assert_num_queries
):
    make_budget(workspace, "user_1")
    for number in range(30):
        make_event(workspace, "user_1", model=f"model-{number}")

    # 1 session 2 person 3 memberships 4 identity 5 trend 6 totals 7 totals before
    # 8 models 9 calls 10 budget 11 window 12 its sums 13 refusals
    with django_assert_num_queries(13):
        owner.visit(address)
