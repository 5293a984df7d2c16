"""Runs a script of `generations/` in the environment of one generation, unmodified.

A script goes through everything its generation can do and prints what it was given as
JSON. Node's answers come back in snake_case, so that one test reads both languages.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.counting_proxy import CountingProxy, Exchange
from tests.programs import find_program, give_up
from tests.serving import ROOT, Server

SCRIPTS = Path(__file__).parent / "generations"
ENVIRONMENTS = ROOT / "build" / "clients"
PATIENCE_S = 120

FLAT = ("python-4.4.17", "python-4.9.30", "node-4.9.4")
WRAPPED = ("python-4.13.22", "node-4.11.10")
CONTACTS = ("python-3.14.45",)


@dataclass(frozen=True, slots=True)
class Run:
    """What a client was given, case by case, and what it sent."""

    client: str
    user: str
    spent: str
    _said: dict[str, Any]
    exchanges: list[Exchange]

    @property
    def is_node(self) -> bool:
        """Whether the client is the one for Node."""
        return self.client.startswith("node-")

    def said(self, case: str) -> Any:
        """Return what a case was given; it must have gone to its end."""
        value = self._said[case]
        assert not isinstance(value, dict) or "crash" not in value, value["crash"]
        return value

    def statuses(self, method: str, path: str) -> list[int]:
        """Return the statuses of all requests with a method to a path."""
        return [
            each.status
            for each in self.exchanges
            if (each.method, each.path.split("?")[0]) == (method, path)
        ]


def run_generation(client: str, script: str, server: Server, key: str) -> Run:
    """Run `script` (without its ending) with a client such as `python-4.9.30`."""
    user = f"{client}-{script}"
    spent = f"{user}-spent"
    _spend(server, key, spent)
    with CountingProxy(server.port) as proxy:
        variables = {
            "ORQ_URL": proxy.url,
            "ORQ_KEY": key,
            "ORQ_USER": user,
            "ORQ_SPENT": spent,
        }
        done = subprocess.run(
            _command(client, script),
            env={"PATH": os.environ["PATH"], "PYTHONWARNINGS": "ignore", **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        said = in_snake_case(said) if client.startswith("node-") else said
        return Run(client, user, spent, said, list(proxy.exchanges))


def in_snake_case(value: Any) -> Any:
    """Return objects with all keys in snake_case."""
    if isinstance(value, dict):
        return {
            re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", key): in_snake_case(
                each
            )
            for key, each in value.items()
        }
    return [in_snake_case(each) for each in value] if isinstance(value, list) else value


def _command(client: str, script: str) -> list[str]:
    environment = ENVIRONMENTS / client
    if not (environment / ".stamp").exists():
        give_up(f"{client} is not installed: `make old-clients`", needed_for="contract")
    if client.startswith("python-"):
        return [str(environment / "bin" / "python"), str(SCRIPTS / f"{script}.py")]
    node = find_program("node", needed_for="contract", install="apt install nodejs npm")
    for each in SCRIPTS.glob("*.mjs"):  # Node looks for clients beside the script
        shutil.copy(each, environment)
    return [node, str(environment / f"{script}.mjs")]


def _spend(server: Server, key: str, external_id: str) -> None:
    """Give an identity a budget of nothing."""
    limits = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 0}
    scope = {"identity": {"identity_external_id": external_id}}
    body = {"scope": scope, "limits": limits}
    assert server.request("POST", "/v2/budgets", body, token=key)[0] == 200
