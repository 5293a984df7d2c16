r"""The curl lines of the page this project began with, run by a real curl.

Copied from the page's text as they stand, with its line ends and its quirks: the
colon after the key, a Content-Type on a GET, `--compressed`. Only host and
placeholders are replaced.
"""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from orqstudio.lib import ids
from tests.programs import find_program

pytestmark = [pytest.mark.contract, pytest.mark.slow]

CREATE = """\
curl --location 'https://api.orq.ai/v2/identities' \\
--header 'Authorization: Bearer <your-api-key>:' \\
--header 'Content-Type: application/json' \\
--data-raw '{
    "external_id": "1234",
    "display_name": "Client A",
    "email": "[email protected]",
    "avatar_url": "https://gravatar.com/avatar/6c568aaa96fdbd3e466b500e6eb312dc?s=400&d=robohash&r=x",
    "metadata": {
      "role": "admin"
    }
}'
"""

INVOKE = """\
curl 'https://api.orq.ai/v2/deployments/invoke' \\
-H 'Authorization: Bearer {apiKey}' \\
-H 'X-ORQ-IDENTITY-ID: <external_id>' \\
-H 'Content-Type: application/json' \\
-H 'Accept: application/json' \\
--data-raw '{
   "key": "<deployment_key>",
   "context": {
      "environments": []
   }
}' \\
--compressed
"""

RETRIEVE = """\
curl --request GET \\
     --url https://api.orq.ai/v2/identities/<id> \\
     --header 'Accept: application/json' \\
     --header 'Content-Type: application/json' \\
     --header 'Authorization: Bearer ORQ_API_KEY'
"""

LIST = """\
curl --request GET \\
     --url 'https://api.orq.ai/v2/identities?include_metrics=true' \\
     --header 'Accept: application/json' \\
     --header 'Content-Type: application/json' \\
     --header 'Authorization: Bearer ORQ_API_KEY'
"""

RECORD_KEYS = {
    "_id",
    "external_id",
    "display_name",
    "email",
    "avatar_url",
    "tags",
    "metadata",
    "created",
    "updated",
}
"""The keys of the page's example record; we add workspace_id, which the SDKs want."""

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")


@pytest.fixture
def run_line(server, new_workspace_key):
    """Run one of the lines for a fresh workspace: status and JSON."""
    find_program("curl", needed_for="contract", install="apt install curl")

    def run(line: str, **placeholders: str) -> tuple[int, dict]:
        text = line.replace("https://api.orq.ai", server.url)
        for key in ("<your-api-key>", "{apiKey}", "ORQ_API_KEY"):
            text = text.replace(key, new_workspace_key)
        # The page's own e-mail addresses are hidden from programs that read it.
        text = text.replace("[email protected]", "client-a@example.com")
        for name, value in placeholders.items():
            text = text.replace(f"<{name}>", value)
        watched = text.replace("curl ", "curl -sS -w '\\n%{http_code}' ", 1)
        done = subprocess.run(
            ["bash", "-c", watched], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        body, status = done.stdout.rsplit("\n", 1)
        return int(status), json.loads(body)

    return run


def test_an_identity_is_created_and_retrieved_by_either_id(run_line):
    status, created = run_line(CREATE)
    assert status == 201

    for ref in (created["_id"], "1234"):
        status, record = run_line(RETRIEVE, id=ref)

        assert status == 200
        assert set(record) == RECORD_KEYS | {"workspace_id", "identity"}
        assert ids.parse(record["_id"])
        assert record["external_id"] == "1234"
        assert record["display_name"] == "Client A"
        assert record["email"] == "client-a@example.com"
        assert record["avatar_url"].endswith("?s=400&d=robohash&r=x")
        assert record["tags"] == []
        assert record["metadata"] == {"role": "admin"}
        assert INSTANT.fullmatch(record["created"])
        assert INSTANT.fullmatch(record["updated"])
        assert record["identity"].items() <= record.items()
        assert record == created


def test_calls_with_the_header_are_in_the_list_with_metrics(
    run_line, server, new_workspace_key
):
    run_line(CREATE)
    for _ in range(2):
        status, answer = run_line(INVOKE, external_id="1234", deployment_key="demo")
        assert status == 200
        assert answer["choices"][0]["message"]["content"] == "Hello from orqstudio."
    unreachable = {
        "model": "openai/gpt-4o",
        "messages": [{"role": "user", "content": "Hello"}],
        "orq": {"identity": {"id": "1234"}},
    }
    chat = "/v2/router/chat/completions"
    status, _ = server.request("POST", chat, unreachable, token=new_workspace_key)
    assert status == 502

    status, listed = run_line(LIST)

    assert status == 200
    assert set(listed) == {"object", "data", "has_more"}
    assert (listed["object"], listed["has_more"]) == ("list", False)
    [record] = listed["data"]
    assert set(record) == RECORD_KEYS | {"workspace_id", "metrics"}
    assert record["metrics"] == {
        "total_cost": 0.036,
        "total_tokens": 24,
        "total_requests": 3,
        "error_rate": 0.3333333333333333,
    }


def test_the_keyless_stranger_is_told_so(server):
    curl = find_program("curl", needed_for="contract", install="apt install curl")

    done = subprocess.run(
        [curl, "-sS", f"{server.url}/v2/identities"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout)["code"] == 16
