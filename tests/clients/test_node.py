"""@orq-ai/node, unmodified: the cases of node/lifecycle.mjs against the same server.

Node rejects what Python forgives, a null or a number as text, so its cases compare
whole objects.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.programs import find_program, give_up

pytestmark = [pytest.mark.contract, pytest.mark.slow]

FOLDER = Path(__file__).parent / "node"
PATIENCE_S = 60


@pytest.fixture(scope="module")
def node():
    """The path of Node, with the client installed beside the cases."""
    path = find_program("node", needed_for="contract", install="apt install nodejs npm")
    if not (FOLDER / "node_modules" / "@orq-ai" / "node").is_dir():
        give_up("`make node-clients` was not run", needed_for="contract")
    return path


@pytest.fixture
def run_case(node, proxy, key, user):
    """Run one case to its end; what it says is shown when it does not hold."""

    def run(case: str) -> None:
        variables = {"ORQ_URL": proxy.url, "ORQ_KEY": key, "ORQ_USER": user}
        done = subprocess.run(
            [node, "lifecycle.mjs", case],
            cwd=FOLDER,
            env={"PATH": os.environ["PATH"], **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    return run


@pytest.mark.parametrize(
    "case",
    ["identities", "budgets", "kinds", "calls", "keys", "reports", "errors"],
)
def test_the_client_understands(run_case, case):
    run_case(case)


def test_a_refusal_is_surfaced_and_asked_for_once(run_case, proxy):
    run_case("refusal")

    assert proxy.statuses("/v2/deployments/invoke") == [200, 200, 200, 429]
    assert proxy.statuses("/v2/router/chat/completions") == [429]
