"""The real Chromium, and tabs that fail the test at the first thing gone wrong."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.programs import find_program

QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOPBACK = {"localhost", "127.0.0.1"}
PATIENCE_MS = 15_000
TELL = """document.addEventListener("securitypolicyviolation", (event) =>
    console.error("policy", event.violatedDirective, event.blockedURI));"""


@pytest.fixture(scope="module")
def chromium():
    """One browser a module: playwright's loop must not run beside other tests'."""
    program = os.environ.get("ORQSTUDIO_CHROMIUM") or find_program(
        "chromium",
        "chromium-browser",
        "google-chrome",
        needed_for="browser",
        install="apt install chromium",
    )
    flags = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    # Django guards the ORM against running loops; this one only drives the browser.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Tab:
    """A page of its own context that writes down what went wrong."""

    def __init__(self, browser, address: str, **options) -> None:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        options.setdefault("reduced_motion", "reduce")
        self.context = browser.new_context(base_url=address, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.wrong: list[str] = []
        self.forgiven: list[str] = []
        self.context.route("**/*", self._guard)
        self.context.add_init_script(TELL)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def _guard(self, route) -> None:
        if urlsplit(route.request.url).hostname in LOOPBACK:
            route.continue_()
        else:
            self.wrong.append(f"foreign request {route.request.url}")
            route.abort()

    def _hear(self, message) -> None:
        if message.type in {"error", "warning"}:
            self.wrong.append(message.text)

    def forgive(self, text: str) -> None:
        """Expect a console line that holds this text: an answer of 422, say."""
        self.forgiven.append(text)

    def sign_in(self, name: str, password: str | None = None) -> None:
        """Sign in by the form, as people do."""
        self.page.goto("/accounts/login/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password or f"{name}-password")
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/studio/identities/")

    def check(self) -> None:
        """Fail if anything went wrong that was not expected."""
        left = [t for t in self.wrong if not any(f in t for f in self.forgiven)]
        assert left == []

    def check_accessibility(self) -> None:
        """Fail if axe finds a rule broken on the page as it stands."""
        options = {"runOnly": RULES, "resultTypes": ["violations"]}
        found = Axe().run(self.page, options=options).response["violations"]
        told = [
            f"{rule['id']}: {node['target']} {node['failureSummary']}"
            for rule in found
            for node in rule["nodes"]
        ]
        assert told == [], self.page.url

    def check_reflow(self) -> None:
        """Fail if the page itself scrolls sideways."""
        wide = self.page.evaluate(
            "(page => page.scrollWidth - page.clientWidth)(document.documentElement)"
        )
        assert wide <= 0, self.page.url


@pytest.fixture
def open_tab(chromium):
    """Open tabs; each is checked and closed when the test ends."""
    tabs: list[Tab] = []

    def open_one(address: str, **options) -> Tab:
        tabs.append(Tab(chromium, address, **options))
        return tabs[-1]

    yield open_one
    for tab in tabs:
        tab.context.close()
    for tab in tabs:
        tab.check()
