"""What a first visit costs: bytes after compression, requests, no foreign host."""

from __future__ import annotations

import gzip

import pytest

from tests.make import make_budget, make_event, make_identity
from tests.serving import ROOT

pytestmark = pytest.mark.browser

KIB = 1024


def test_a_first_visit_is_light(live_server, open_tab, alice, workspace):
    for number in range(50):
        make_identity(workspace, f"user_{number}", tags=["hr", "nl"])
        make_budget(workspace, f"user_{number}")
        make_event(workspace, f"user_{number}", cost_usd="1.5")
    tab = open_tab(live_server.url)
    tab.sign_in("alice")
    answers = []

    def note(answer):
        answers.append(answer)

    fresh = open_tab(live_server.url)
    fresh.context.add_cookies(tab.context.cookies())
    fresh.page.on("response", note)

    fresh.page.goto("/studio/identities/?size=50", wait_until="networkidle")

    sizes = {each.url: len(gzip.compress(each.body())) for each in answers}
    document = next(size for url, size in sizes.items() if "/identities/" in url)
    assert document <= 14 * KIB, sizes
    assert sum(sizes.values()) <= 44 * KIB, sizes
    assert len(answers) <= 8, sizes


def test_our_own_files_stay_small():
    script = (ROOT / "static" / "js" / "studio.js").read_text()
    styles = sum(
        (ROOT / "static" / "css" / f"{name}.css").stat().st_size
        for name in ("tokens", "base", "components")
    )

    assert script.count("\n") <= 220
    assert len(script) <= 12 * KIB
    assert styles <= 30 * KIB
