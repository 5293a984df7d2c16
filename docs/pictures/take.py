"""Take the README's pictures of the real Studio: `python -m docs.pictures.take`.

Starts `manage.py serve --demo` on an empty directory, creates an identity in the
panel, calls until its budget refuses, and photographs the pages, light and dark.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.programs import find_program
from tests.serving import Installation, Server

FOLDER = Path(__file__).parent
SIZE = {"width": 1360, "height": 820}
USER = "user_12345"


def main() -> None:
    """Write list, create and detail, each light and dark, beside this file."""
    with tempfile.TemporaryDirectory() as directory:
        installation = Installation(Path(directory) / "var")
        try:
            with installation.serve("--demo") as server, sync_playwright() as driver:
                chromium = find_program(
                    "chromium", needed_for="browser", install="apt install chromium"
                )
                browser = driver.chromium.launch(executable_path=chromium)
                take_all(browser, server)
                browser.close()
        finally:
            installation.remove()


def take_all(browser: Browser, server: Server) -> None:
    """The panel first: its identity does not exist then."""
    pages = {scheme: sign_in(browser, server, scheme) for scheme in ("light", "dark")}
    for scheme, page in pages.items():
        fill_panel(page, server)
        take(page, f"create-{scheme}")
    pages["light"].get_by_role("button", name="Create", exact=True).click()
    pages["light"].get_by_role("link", name="View", exact=True).click()
    pages["light"].get_by_role("heading", name="Jane Doe").wait_for()
    address = pages["light"].url
    statuses = [server.call(USER)[0] for _ in range(4)]
    if statuses != [200, 200, 200, 429]:
        message = f"not what the tour shows: {statuses}"
        raise SystemExit(message)
    for scheme, page in pages.items():
        show(page, f"{server.url}/studio/identities/")
        take(page, f"list-{scheme}")
        show(page, address)
        take(page, f"detail-{scheme}")


def sign_in(browser: Browser, server: Server, scheme: str) -> Page:
    """Return a signed-in page in one colour scheme."""
    page = browser.new_page(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")
    page.goto(server.url)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(server.shown("Password"))
    page.get_by_role("button").last.click()
    page.wait_for_url(f"{server.url}/studio/identities/")
    return page


def fill_panel(page: Page, server: Server) -> None:
    """Open the panel and type what the README's tour has."""
    show(page, f"{server.url}/studio/identities/")
    page.get_by_role("link", name="Create identity").click()
    page.get_by_label("External ID").fill(USER)
    page.get_by_label("Display name").fill("Jane Doe")
    page.get_by_label("Email").fill("jane@example.com")
    page.get_by_role("textbox", name="Tags").fill("engineering")
    page.get_by_role("switch").check()
    page.get_by_label("Period").select_option("monthly")
    page.get_by_label("Amount").fill("0.05")
    page.get_by_text("after $0.05 in a month").wait_for()


def show(page: Page, address: str) -> None:
    """Open an address and wait until nothing moves."""
    page.goto(address)
    page.wait_for_load_state("networkidle")


def take(page: Page, name: str) -> None:
    """Write one picture."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled", caret="hide")


if __name__ == "__main__":
    main()
