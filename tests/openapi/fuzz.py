"""Runs schemathesis, with all its checks, against a server that was just started.

`python -m tests.openapi.fuzz SECONDS` (`make fuzz`) is the long run by hand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.serving import ROOT, Installation, Server

NOBODY = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-none"}
KEY_ID_VARIABLE = "FUZZ_KEY_ID"
MAY_BE_SENSELESS = (
    # cursors of no row, `filter_by` that is no JSON
    "list_identities",
    "list_contacts",
    "list_budgets",
    # exactly one of scope and match, at least one limit, instants in the future
    "create_budget",
    "update_budget",
    "create_api_key",
    "update_api_key",
    # from before to
    "query_report",
)
"""Operations whose schema cannot say all: they may refuse what it allows."""
CALLS = "/(invoke|completions)$"

_CONFIG = """
hooks = "tests.openapi.fuzz_hooks"
continue-on-failure = true

[generation]
mode = "all"
database = "none"
allow-x00 = false  # told apart by tests/api/test_bad_input.py

[checks]
enabled = true

[auth.openapi.bearer]
bearer = "{key}"

[[operations]]
include-operation-id = {senseless}
checks.positive_data_acceptance.expected-statuses = [
  "2xx", 400, 401, 403, 404, 409, 413
]

# In a workspace of its own: budgets made up above would soon refuse every call.
[[operations]]
include-path-regex = "{calls}"
headers.Authorization = "Bearer {calls_key}"
# the provider `openai` cannot be reached here
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 502]
"""


class Run(NamedTuple):
    """How it ended: exit code, and all that was printed."""

    code: int
    output: str


def fuzz(
    installation: Installation, server: Server, *arguments: str, max_time_s: int
) -> Run:
    """Call the server with whatever its document allows and forbids."""
    key = server.shown("API key")
    config = installation.data_dir.with_name("schemathesis.toml")
    config.write_text(
        _CONFIG.format(
            key=key,
            senseless=json.dumps(MAY_BE_SENSELESS),
            calls=CALLS,
            calls_key=_key_of_another_workspace(installation),
        )
    )
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            *(program, "--config-file", config, "--no-color"),
            *("run", f"{server.url}/v2/openapi.json"),
            *("--max-time", str(max_time_s), *arguments),
        ],
        cwd=config.parent,  # it keeps notes where it runs
        env={**os.environ, KEY_ID_VARIABLE: key.split("-")[2], "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Run(done.returncode, done.stdout)


def _key_of_another_workspace(installation: Installation) -> str:
    made: Any = installation.run("create_workspace", "calls")
    assert made.returncode == 0, made.stderr
    made = installation.run("create_api_key", "--workspace", "calls")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def main(max_time_s: int) -> int:
    """Start a server, fuzz it, print what was found."""
    with tempfile.TemporaryDirectory() as directory:
        installation = Installation(Path(directory) / "var", NOBODY)
        with installation.serve() as server:
            run = fuzz(installation, server, max_time_s=max_time_s)
        installation.remove()
    sys.stdout.write(run.output)
    return run.code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
