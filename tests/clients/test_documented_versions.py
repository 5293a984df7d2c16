"""The table of docs/api.md names the client versions that are tested, no others."""

from __future__ import annotations

import json
import re

from tests.clients.generation_runs import CONTACTS, FLAT, SCRIPTS, WRAPPED
from tests.serving import ROOT

NAMES = {"orq-ai-sdk": "python", "@orq-ai/node": "node"}


def read_documented() -> set[str]:
    """Return `python-4.9.30` and so on from the second column of the table."""
    text = (ROOT / "docs" / "api.md").read_text()
    section = text.split("## Which SDK generations work")[1].split("\n## ")[0]
    found = set()
    for row in re.findall(r"^\| [\d ].*", section, re.MULTILINE):
        for client, versions in re.findall(
            r"(\S+) ([\d., ]+)", row.split("|")[2].replace(";", " ")
        ):
            found |= {f"{NAMES[client]}-{each}" for each in versions.split(", ")}
    return {each.strip(" ,") for each in found}


def test_the_table_names_what_is_tested():
    pins = (ROOT / "tests" / "requirements.txt").read_text()
    [current] = re.findall(r"^orq-ai-sdk==(\S+)", pins, re.MULTILINE)
    package = json.loads((ROOT / "tests/clients/node/package.json").read_text())
    node = package["dependencies"]["@orq-ai/node"]

    tested = {*FLAT, *WRAPPED, *CONTACTS, f"python-{current}", f"node-{node}"}

    assert read_documented() == tested


def test_every_pinned_environment_is_run():
    pinned = {
        path.stem
        for pattern in ("python-*.txt", "node-*.json")
        for path in SCRIPTS.glob(pattern)
    }

    assert pinned == {*FLAT, *WRAPPED, *CONTACTS}


def test_no_lock_file_names_a_registry():
    for path in SCRIPTS.glob("node-*.json"):
        assert "resolved" not in path.read_text()
