"""Ids with odd characters, typed at a shell: curl sends an address as it stands."""

from __future__ import annotations

import json
import subprocess
from urllib.parse import quote

import pytest

from tests.programs import find_program

pytestmark = [pytest.mark.contract, pytest.mark.slow]

ODD = ["team/a b", "é 50%", "a:b@c", "x?y#z", "..x", "a//b", "a+b&c=d", "\U0001f980"]


@pytest.fixture
def curl(server, key):
    """Run curl on a path; return status and JSON."""
    program = find_program("curl", needed_for="contract", install="apt install curl")

    def run(method, path, body=None):
        facts = ["--data-raw", json.dumps(body)] if body else []
        done = subprocess.run(
            [
                *(program, "--silent", "--show-error", "--request", method),
                *("--header", f"Authorization: Bearer {key}", *facts),
                *("--write-out", "\n%{http_code}", f"{server.url}{path}"),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        text, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(text or "null")

    return run


@pytest.mark.parametrize("safe", ["", "/"], ids=["encoded", "slashes as they are"])
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("family", ["identities", "contacts"])
def test_an_odd_id_is_created_read_changed_and_deleted(curl, user, family, odd, safe):
    external_id = f"{user}-{odd}"
    path = f"/v2/{family}/{quote(external_id, safe=safe)}"

    created = curl("POST", f"/v2/{family}", {"external_id": external_id})
    read = curl("GET", path)
    changed = curl("PATCH", path, {"display_name": "Odd"})
    deleted = curl("DELETE", path)

    assert created[0] == 201
    assert read == (200, created[1])
    assert (changed[0], changed[1]["display_name"]) == (200, "Odd")
    assert deleted == ((200, {}) if family == "identities" else (204, None))
    assert curl("GET", path)[0] == 404
