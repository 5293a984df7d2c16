"""The main job end to end: a budget in the browser, calls, the refusal in both."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_calls_fill_the_bar_until_they_are_refused(installation, open_tab):
    with installation.serve() as server:
        tab = open_tab(server.url)
        tab.sign_in("admin", server.shown("Password"))
        page = tab.page
        page.get_by_role("link", name="Create identity").first.click()
        page.get_by_label("External ID").fill("user_12345")
        page.get_by_role("switch").check()
        page.get_by_label("Amount").fill("0.05")
        page.get_by_role("button", name="Create", exact=True).click()
        page.get_by_role("link", name="View").click()
        expect(page.get_by_text("of $0.05 used (0%)")).to_be_visible()

        assert server.call("user_12345")[0] == 200
        page.reload()
        expect(page.get_by_text("Blocked.")).to_be_hidden()
        expect(page.get_by_text("of $0.05 used (0%)")).to_have_count(0)
        statuses = [server.call("user_12345")[0] for _ in range(30)]
        assert statuses[-1] == 429
        spent = statuses.count(200) + 1

        page.reload()
        expect(page.get_by_text("Blocked.")).to_be_visible()
        refused = page.locator("dt", has_text="Refused").locator("+ dd")
        expect(refused).to_have_text(f"{statuses.count(429)} calls")
        requests = page.locator("dt", has_text=re.compile("^Requests$"))
        expect(requests.locator("+ dd")).to_have_text(str(spent))

        page.get_by_role("link", name="Reset", exact=True).click()
        page.get_by_role("button", name="Reset budget").click()
        expect(page.get_by_text("of $0.05 used (0%)")).to_be_visible()
        assert server.call("user_12345")[0] == 200
