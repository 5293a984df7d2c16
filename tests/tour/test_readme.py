"""README.md tells the truth: its tour runs as it stands, its links lead somewhere.

The bash and python blocks between the tour's marks run in one real bash against a
server on an empty data directory; what the page shows below a block is compared with
what came, ids and instants apart.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.programs import find_program
from tests.serving import ROOT, Installation

pytestmark = [pytest.mark.contract, pytest.mark.slow]

PAGE = (ROOT / "README.md").read_text()
TOUR = re.compile(r"<!-- tour -->(.*)<!-- end of tour -->", re.DOTALL)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"""\]\(([^)#]+)|(?:src|srcset)="([^"]+)\"""")
MARK = "--- next step ---"
PATIENCE_S = 120

VARIABLE = [
    (r"sk-orq-\w{26}-\w{64}|sk-orq-\.\.\.", "KEY"),
    (r"http://127\.0\.0\.1:\d+", "ADDRESS"),
    (r"(Password  )\S+", r"\1PASSWORD"),
    (r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "ULID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "INSTANT"),
    (r"\d{4}-\d\d-\d\d 00:00 UTC", "MIDNIGHT"),
    (r"((?:reset-cost|retry-after): )\d+", r"\1SECONDS"),
]
"""What differs from one run to the next, and the word it becomes."""


@dataclass(frozen=True)
class Step:
    """A block that is run, and what the page shows below it."""

    script: str
    shown: str


def blocks() -> list[tuple[str, str]]:
    """Return language and text of every block of the tour."""
    [tour] = TOUR.findall(PAGE)
    return BLOCK.findall(tour)


def steps() -> list[Step]:
    """Return what is run, each with the output block that follows it, if any."""
    found: list[Step] = []
    for language, text in blocks():
        if language == "bash":
            found.append(Step(text, ""))
        elif language == "python":
            found.append(Step(f"python3 - <<'END'\n{text}END\n", ""))
        elif found:
            found[-1] = Step(found[-1].script, text)
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """`manage.py serve` on an empty data directory."""
    installation = Installation(tmp_path_factory.mktemp("tour") / "var")
    with installation.serve() as running:
        yield running
    installation.remove()


def normal(text: str) -> str:
    """Return a text without what differs from run to run."""
    for pattern, word in VARIABLE:
        text = re.sub(pattern, word, text)
    return text


def documents(text: str) -> list:
    """Return the JSON documents that stand one after another."""
    decoder, found, rest = json.JSONDecoder(), [], text.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].lstrip()
    return found


def require_same(shown: str, came: str) -> None:
    """Compare as JSON, as an HTTP answer whose shown headers all came, or as text."""
    if shown.startswith("HTTP/"):
        shown_head, shown_body = shown.split("\n\n", 1)
        came_head, came_body = came.replace("\r", "").split("\n\n", 1)
        assert set(shown_head.splitlines()) <= set(came_head.splitlines())
        require_same(shown_body, came_body)
    elif shown.startswith("{"):
        assert documents(came) == documents(shown)
    else:
        assert came.strip() == shown.strip()


def test_the_tour_shows_what_happens(server):
    for program in ("bash", "curl"):
        find_program(program, needed_for="contract", install=f"apt install {program}")
    given = f"\nprintf '\\n%s\\n' '{MARK}'\n".join(step.script for step in steps())
    for placeholder, value in (
        ("http://127.0.0.1:8000", server.url),
        ("sk-orq-...", server.shown("API key")),
    ):
        assert placeholder in given
        given = given.replace(placeholder, value)

    done = subprocess.run(
        ["bash", "-eu"],
        input=given,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    came = done.stdout.split(f"\n{MARK}\n")
    assert len(came) == len(steps())
    for step, output in zip(steps(), came, strict=True):
        if step.shown:
            require_same(normal(step.shown), normal(output))


def test_the_first_start_prints_what_is_shown(server):
    printed = blocks()[0][1]

    assert normal(printed).strip() in normal(server.output)


def test_the_tour_shows_a_refusal_and_a_list():
    shown = "\n".join(step.shown for step in steps())

    assert "HTTP/1.1 429" in shown
    assert '"cost_budget_exceeded"' in shown
    assert '"total_cost": 0.054' in shown


def test_every_link_of_the_page_leads_to_a_file():
    targets = {a or b for a, b in LINK.findall(PAGE)}
    local = {target for target in targets if "://" not in target}

    assert local
    assert [target for target in sorted(local) if not (ROOT / target).exists()] == []
