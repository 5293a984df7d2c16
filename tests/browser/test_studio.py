"""What people do in the Studio, by mouse, by keyboard and without script."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from identities.models import Identity
from metering.models import Budget
from tests.make import make_budget, make_event, make_identity

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(live_server, open_tab, alice):
    opened = open_tab(live_server.url)
    opened.sign_in("alice")
    return opened


def test_the_panel_creates_an_identity_with_its_budget(tab):
    page = tab.page
    page.get_by_role("link", name="Create identity").first.click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_label("External ID")).to_be_focused()
    expect(panel.get_by_label("Period")).to_be_hidden()

    panel.get_by_label("External ID").fill("user_12345")
    panel.get_by_label("Display name").fill("Jane Smith")
    panel.get_by_role("switch").check()
    expect(panel.locator("#sentence")).to_contain_text("after $10.00 in a month.")
    panel.get_by_label("Period").select_option("daily")
    panel.get_by_label("Amount").fill("0.25")
    expect(panel.locator("#sentence")).to_contain_text("after $0.25 in a day.")
    panel.get_by_role("button", name="Create", exact=True).click()

    expect(panel).to_be_hidden()
    expect(
        page.get_by_role("status").get_by_text("Jane Smith was created.")
    ).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("Jane Smith"))).to_contain_text(
        "$0.25"
    )
    assert Budget.objects.get().amount_usd == Decimal("0.25")


def test_the_panel_by_keyboard_alone(tab):
    page = tab.page
    page.keyboard.press("n")
    expect(page.get_by_label("External ID")).to_be_focused()
    page.keyboard.type("user_1")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.type("hr, nl")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("switch")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Period")).to_be_focused()
    page.keyboard.press("w")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("3")
    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_text("user_1 was created.")).to_be_visible()
    made = Budget.objects.get()
    assert (made.period, made.amount_usd) == ("weekly", 3)
    assert Identity.objects.get().tags == ["hr", "nl"]


def test_escape_closes_the_panel_and_gives_the_focus_back(tab):
    page = tab.page
    opener = page.get_by_role("link", name="Create identity").first
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(opener).to_be_focused()


def test_what_was_typed_is_not_dropped_without_asking(tab):
    page = tab.page
    asked = []
    page.on("dialog", lambda box: (asked.append(box.message), box.dismiss()))
    page.get_by_role("link", name="Create identity").first.click()
    page.get_by_label("External ID").fill("user_1")

    page.get_by_role("button", name="Close").click()

    assert asked == ["Discard what you typed?"]
    expect(page.get_by_label("External ID")).to_have_value("user_1")


def test_a_wrong_field_keeps_the_panel_open_and_the_focus_on_the_summary(tab):
    tab.forgive("422")
    page = tab.page
    page.get_by_role("link", name="Create identity").first.click()
    page.get_by_label("External ID").fill("user_1")
    page.get_by_label("Email").fill("nobody")

    page.get_by_role("button", name="Create", exact=True).click()

    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Enter a valid email address.")
    expect(page.get_by_label("External ID")).to_have_value("user_1")
    page.get_by_label("Email").fill("jane@example.com")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_search_sort_range_and_back(tab, workspace):
    for name in ("anna", "bert", "carl"):
        make_identity(workspace, name)
    make_event(workspace, "carl", cost_usd="3")
    page = tab.page
    page.goto("/studio/identities/")
    rows = page.locator("tbody tr")

    page.keyboard.press("/")
    page.keyboard.type("ber")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/identities/\?q=ber$"))
    page.get_by_label("Search identities").fill("")
    expect(rows).to_have_count(3)
    expect(page).to_have_url(re.compile(r"/identities/$"))

    page.get_by_role("link", name="Identity", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?sort=name$"))
    expect(rows.first).to_contain_text("anna")
    page.get_by_text("7d", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?range=7d&sort=name$"))

    page.go_back()
    expect(page).to_have_url(re.compile(r"\?sort=name$"))
    expect(page.get_by_role("radio", name="30d")).to_be_checked()
    page.wait_for_load_state()  # going back loads the page anew
    page.go_back()
    expect(page).to_have_url(re.compile(r"/identities/$"))
    expect(rows.first).to_contain_text("carl")
    page.wait_for_load_state()
    page.go_forward()
    expect(rows.first).to_contain_text("anna")


def test_filters_by_state_and_tag(tab, workspace):
    make_identity(workspace, "full", tags=["hr"])
    make_identity(workspace, "free", tags=["hr"])
    make_identity(workspace, "other")
    make_budget(workspace, "full", amount_usd=Decimal(1))
    make_event(workspace, "full", cost_usd="2")
    page = tab.page
    page.goto("/studio/identities/")

    page.get_by_role("link", name="hr", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Budget", exact=True).select_option("blocked")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?state=blocked&tag=hr$"))
    page.get_by_role("link", name="Remove tag hr").click()
    expect(page).to_have_url(re.compile(r"\?state=blocked$"))
    expect(page).to_have_title("(1 blocked) Identity Analytics · orqstudio")


def test_a_budget_is_set_reset_and_removed_on_the_page(tab, workspace):
    jane = make_identity(workspace, "user_1")
    make_event(workspace, "user_1", cost_usd="2")
    page = tab.page
    page.goto(f"/studio/identities/{jane.public_id}/")

    page.get_by_role("link", name="Set a budget").click()
    page.get_by_label("Amount").fill("1.5")
    page.get_by_role("button", name="Save budget").click()
    expect(page.get_by_text("Blocked.")).to_be_visible()
    expect(page.get_by_text("of $1.50 used (133%)")).to_be_visible()

    page.get_by_role("link", name="Reset", exact=True).click()
    page.get_by_role("button", name="Reset budget").click()
    expect(page.get_by_text("of $1.50 used (0%)")).to_be_visible()
    expect(page.get_by_text("Blocked.")).to_be_hidden()

    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove budget").click()
    expect(page.get_by_role("link", name="Set a budget")).to_be_visible()


def test_a_budget_of_any_kind_is_created_in_the_panel(tab, workspace):
    page = tab.page
    page.goto("/studio/budgets/")
    page.get_by_role("link", name="Create budget").click()

    expect(page.get_by_label("External ID")).to_be_visible()
    expect(page.get_by_label("Model")).to_be_hidden()
    page.get_by_label("Limits").select_option("Model")
    expect(page.get_by_label("External ID")).to_be_hidden()
    page.get_by_label("Model").fill("orq/echo")
    page.get_by_label("Requests per minute").fill("60")
    expect(page.get_by_text("or 60 requests in any 60 seconds")).to_be_visible()
    page.get_by_role("button", name="Create budget").click()

    expect(page.get_by_text("The budget was created.")).to_be_visible()
    expect(page.get_by_role("row", name="Model orq/echo")).to_be_visible()


def test_an_identity_is_edited_and_deleted(tab, workspace):
    jane = make_identity(workspace, "user_1", display_name="Jane")
    page = tab.page
    page.goto(f"/studio/identities/{jane.public_id}/")

    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Display name").fill("Jane Doe")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Jane Doe")).to_be_visible()

    page.get_by_role("link", name="Delete").click()
    page.get_by_label("Type user_1 to confirm").fill("user_1")
    page.get_by_role("button", name="Delete identity").click()
    page.wait_for_url("**/studio/identities/")
    expect(page.get_by_text("Jane Doe was deleted.")).to_be_visible()


def test_a_new_key_is_shown_until_the_panel_closes(tab):
    page = tab.page
    page.goto("/studio/keys/")
    page.get_by_role("link", name="Create key").click()
    page.get_by_label("Name").fill("Backend")
    page.get_by_role("button", name="Create key").click()
    secret = page.locator("[data-secret]")
    expect(secret).to_contain_text("sk-orq-")
    token = secret.text_content()

    page.get_by_role("link", name="Done").click()

    expect(page.get_by_role("row", name=re.compile("Backend"))).to_be_visible()
    assert token not in page.content()


def test_a_theme_is_chosen_in_the_menu(tab):
    page = tab.page
    page.locator("summary.account").click()
    page.get_by_role("button", name="Dark").click()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_css("background-color", "rgb(20, 21, 18)")


def test_pointing_at_a_chart_reads_its_bucket(tab, workspace):
    jane = make_identity(workspace, "user_1")
    make_event(workspace, "user_1", cost_usd="2")
    page = tab.page
    page.goto(f"/studio/identities/{jane.public_id}/")

    page.locator(".chart__slot").nth(30).hover()

    expect(page.locator(".chart__read").first).to_contain_text("$2.00")


def test_a_command_is_copied(live_server, open_tab, alice, workspace):
    jane = make_identity(workspace, "user_1")
    opened = open_tab(
        live_server.url, permissions=["clipboard-read", "clipboard-write"]
    )
    opened.sign_in("alice")
    page = opened.page
    page.goto(f"/studio/identities/{jane.public_id}/")

    page.get_by_role("button", name="Copy command").click()

    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"curl {live_server.url}/v2/deployments/invoke")
    assert "$ORQ_API_KEY" in copied


def test_a_lost_server_is_told_and_what_was_typed_stays(tab):
    tab.forgive("ERR_FAILED")
    tab.forgive("htmx:")
    page = tab.page
    page.get_by_role("link", name="Create identity").first.click()
    page.get_by_label("External ID").fill("user_1")
    page.route("**/identities/new/", lambda route: route.abort())

    page.get_by_role("button", name="Create", exact=True).click()

    expect(page.get_by_text("You seem to be offline.")).to_be_visible()
    expect(page.get_by_label("External ID")).to_have_value("user_1")
    expect(page.get_by_role("button", name="Create", exact=True)).to_be_enabled()


def test_an_ended_session_leads_to_the_sign_in_page(tab, workspace):
    make_identity(workspace)
    tab.page.goto("/studio/identities/")
    tab.context.clear_cookies()

    tab.page.get_by_role("link", name="Requests").click()

    expect(tab.page).to_have_url(re.compile("/accounts/login/"))
    expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_everything_works_without_script(live_server, open_tab, alice, workspace):
    tab = open_tab(live_server.url, java_script_enabled=False)
    tab.sign_in("alice")
    page = tab.page

    page.get_by_role("link", name="Create identity").first.click()
    page.get_by_label("External ID").fill("user_1")
    expect(page.get_by_label("Period")).to_be_hidden()
    page.get_by_role("switch").check()
    expect(page.get_by_label("Period")).to_be_visible()
    page.get_by_label("Amount").fill("2")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("user_1 was created.")).to_be_visible()
    expect(page.get_by_text("of $2.00 used (0%)")).to_be_visible()

    page.get_by_role("link", name="Reset", exact=True).click()
    page.get_by_role("button", name="Reset budget").click()
    expect(page.get_by_text("The budget was reset")).to_be_visible()

    page.goto("/studio/identities/")
    page.get_by_label("Search identities").fill("nobody")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("No identity matches")).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    page.get_by_role("link", name="user_1").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_label("Type user_1 to confirm").fill("user_1")
    page.get_by_role("button", name="Delete identity").click()
    expect(page.get_by_text("No identities yet")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Copy"))).to_have_count(0)
