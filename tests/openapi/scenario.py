"""One story told to a running server; its requests and answers are the examples.

`make examples` writes them anew, tests/openapi/test_examples.py compares. What differs
from run to run (ids, secrets, the time) becomes the same in every run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import httpx

from orqstudio.lib.clock import utc_now
from orqstudio.openapi.examples import PATH
from tests.serving import Server

DAY = date(2026, 2, 25)
TIME = "08:32:31.153"
EPOCH_S = 1772008351
ID = "01KJ9V5TQ8ZBX4M2W6N7R3F{:03}"
SECRET = "0123456789abcdef" * 4
DAILY = {"period": "BUDGET_PERIOD_DAILY", "amount": 0.02}
JANE = {
    "external_id": "user_12345",
    "display_name": "Jane Doe",
    "email": "jane.doe@example.com",
    "avatar_url": "https://example.com/avatars/jane.png",
    "tags": ["premium", "beta-user"],
    "metadata": {"department": "Engineering", "role": "Senior Developer"},
}
CHAT = {
    "model": "orq/echo",
    "messages": [{"role": "user", "content": "Hello from orqstudio."}],
}
ONLY_REPORTS = {"permission_mode": "restricted", "access": {"reporting": "read"}}


class Step(NamedTuple):
    """One request.

    Attributes:
        name: of the operation, or `errors`, `call_errors` for an example of those.
        status: what the server must answer.
        path: with names in braces for what earlier steps have kept.
        keep: name -> where it stands in the answer, by dots.
        as_whom: name of a kept token; empty: the first key; None: nobody.
    """

    name: str
    status: int
    method: str
    path: str
    body: Any = None
    keep: tuple[str, str] | None = None
    as_whom: str | None = ""
    headers: dict[str, str] = {}  # noqa: RUF012 - a named tuple's default, never written


IDENTITIES, BUDGETS, KEYS = "/v2/identities", "/v2/budgets", "/v2/api-keys"
CONTACTS, INVOKE = "/v2/contacts", "/v2/deployments/invoke"
ROUTER = "/router/chat/completions"
AS_JANE = {"X-ORQ-IDENTITY-ID": "user_12345"}
STORY = (
    Step("check_health", 200, "GET", "/healthz", as_whom=None),
    Step("check_readiness", 200, "GET", "/readyz", as_whom=None),
    Step("create_identity", 201, "POST", IDENTITIES, JANE, ("identity", "_id")),
    Step(
        "create_budget",
        200,
        "POST",
        BUDGETS,
        {
            "scope": {"identity": {"identity_external_id": "user_12345"}},
            "limits": DAILY,
        },
        ("budget", "budget.budgetId"),
    ),
    Step("invoke_deployment", 200, "POST", INVOKE, {"key": "demo"}, headers=AS_JANE),
    Step(
        "create_chat_completion",
        200,
        "POST",
        f"/v2{ROUTER}",
        {**CHAT, "orq": {"identity": {"id": "user_12345", "tags": ["premium"]}}},
    ),
    Step("call_errors", 429, "POST", INVOKE, {"key": "demo"}, headers=AS_JANE),
    Step("create_chat_completion_v3", 200, "POST", f"/v3{ROUTER}", CHAT),
    Step("retrieve_identity", 200, "GET", f"{IDENTITIES}/user_12345"),
    Step(
        "list_identities",
        200,
        "GET",
        f"{IDENTITIES}?limit=10&filter_by.tags=premium"
        "&include_metrics=true&include_budget=true",
    ),
    Step(
        "update_identity",
        200,
        "PATCH",
        f"{IDENTITIES}/user_12345",
        {"display_name": "Jane Smith", "email": "", "tags": ["premium"]},
    ),
    Step("list_budgets", 200, "GET", f"{BUDGETS}?is_active=true"),
    Step("get_budget", 200, "GET", f"{BUDGETS}/{{budget}}"),
    Step("budget_consumption", 200, "GET", f"{BUDGETS}/{{budget}}/consumption"),
    Step(
        "update_budget",
        200,
        "PATCH",
        f"{BUDGETS}/{{budget}}",
        {"limits": {"amount": 5}, "rate_limit": {"requests_per_minute": 60}},
    ),
    Step("reset_budget", 200, "POST", f"{BUDGETS}/{{budget}}/reset-consumption", {}),
    Step(
        "create_api_key",
        200,
        "POST",
        KEYS,
        {"name": "Reports", **ONLY_REPORTS},
        ("api_key", "id"),
    ),
    Step("retrieve_api_key", 200, "GET", f"{KEYS}/{{api_key}}"),
    Step("list_api_keys", 200, "GET", f"{KEYS}?permission_mode=restricted"),
    Step("update_api_key", 200, "PATCH", f"{KEYS}/{{api_key}}", {"name": "Dashboard"}),
    Step(
        "rotate_api_key",
        200,
        "POST",
        f"{KEYS}/{{api_key}}/rotate",
        {"overlap_seconds": 0},
        ("reporter", "token"),
    ),
    Step("list_capabilities", 200, "GET", f"{KEYS}/capabilities"),
    Step(
        "query_report",
        200,
        "POST",
        "/v2/reporting",
        {
            "metric": "genai.cost",
            "from": "{today}T00:00:00Z",
            "to": "{tomorrow}T00:00:00Z",
            "grain": "day",
            "group_by": ["identity"],
            "include_totals": True,
        },
        as_whom="reporter",
    ),
    Step("errors", 400, "POST", IDENTITIES, {"external_id": "x", "email": "jane"}),
    Step("errors", 401, "GET", IDENTITIES, as_whom=None),
    Step("errors", 403, "GET", BUDGETS, as_whom="reporter"),
    Step("errors", 404, "GET", f"{IDENTITIES}/nobody"),
    Step("errors", 409, "POST", IDENTITIES, {"external_id": "user_12345"}),
    Step("errors", 413, "POST", IDENTITIES, {"external_id": "x" * 2**21}),
    Step("call_errors", 400, "POST", f"/v2{ROUTER}", {"model": "orq/echo"}),
    Step("call_errors", 401, "POST", INVOKE, {"key": "demo"}, as_whom=None),
    Step("call_errors", 403, "POST", INVOKE, {"key": "demo"}, as_whom="reporter"),
    Step("call_errors", 404, "POST", INVOKE, {"key": "unknown"}),
    Step("call_errors", 413, "POST", INVOKE, {"key": "x" * 20 * 2**20}),
    Step("call_errors", 502, "POST", f"/v2{ROUTER}", CHAT | {"model": "openai/gpt-4o"}),
    Step("create_contact", 201, "POST", CONTACTS, {"external_id": "team_7"}),
    Step("retrieve_contact", 200, "GET", f"{CONTACTS}/team_7"),
    Step("list_contacts", 200, "GET", f"{CONTACTS}?limit=1"),
    Step("update_contact", 200, "PATCH", f"{CONTACTS}/team_7", {"tags": ["team"]}),
    Step("delete_contact", 204, "DELETE", f"{CONTACTS}/team_7"),
    Step("delete_budget", 200, "DELETE", f"{BUDGETS}/{{budget}}"),
    Step("delete_identity", 200, "DELETE", f"{IDENTITIES}/{{identity}}"),
    Step("delete_api_key", 204, "DELETE", f"{KEYS}/{{api_key}}"),
)


class Told(NamedTuple):
    """A step and what came of it."""

    step: Step
    path: str
    sent: Any
    answer: httpx.Response


def tell(server: Server) -> Iterator[Told]:
    """Make every request of the story in its order."""
    today = utc_now().date()
    kept = {
        "": server.shown("API key"),
        "today": str(today),
        "tomorrow": str(today + timedelta(days=1)),
    }
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for step in STORY:
            path = step.path.format(**kept)
            headers = dict(step.headers)
            if step.as_whom is not None:
                headers["Authorization"] = f"Bearer {kept[step.as_whom]}"
            body = None if step.body is None else _fill(step.body, kept)
            answer = client.request(step.method, path, json=body, headers=headers)
            assert answer.status_code == step.status, (step, answer.text)
            if step.keep:
                kept[step.keep[0]] = _dig(answer.json(), step.keep[1])
            yield Told(step, path, body, answer)


def gather(told: Iterable[Told]) -> dict[str, dict[str, Any]]:
    """Return what examples.json shall hold."""
    examples: dict[str, dict[str, Any]] = {}
    same = Sameness()
    for step, path, sent, answer in told:
        shown = examples.setdefault(step.name, {})
        if not step.name.endswith("errors"):
            shown["path"] = same.in_text(path)
            if step.headers:
                shown["headers"] = step.headers
            if sent is not None:
                shown["request"] = same.in_value(sent)
        if answer.content:
            shown[str(step.status)] = same.in_value(answer.json())
    return examples


def write(server: Server) -> None:
    """Write the examples of the document anew."""
    text = json.dumps(gather(tell(server)), indent=1, ensure_ascii=False)
    PATH.write_text(f"{text}\n", encoding="utf-8")


class Sameness:
    """Replaces what differs from run to run; equal things stay equal."""

    _DAY = re.compile(
        r"(?P<day>2\d{3}-\d\d-\d\d)(?:(?P<mark>T)(?P<time>[\d:.]+))?", re.ASCII
    )
    _ID = re.compile(r"\b0[0-9A-HJKMNP-TV-Z]{25}\b")
    _SECRET = re.compile(r"\b[0-9a-f]{64}\b")

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._today = utc_now().date()

    def in_value(self, value: Any, name: str = "") -> Any:
        """Return the same JSON value in every run."""
        if isinstance(value, dict):
            return {key: self.in_value(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.in_value(inner) for inner in value]
        if name == "created" and isinstance(value, int):
            return EPOCH_S
        return self.in_text(value) if isinstance(value, str) else value

    def in_text(self, text: str) -> str:
        """Return the same text in every run."""
        text = self._ID.sub(lambda match: self._id(match[0]), text)
        text = self._SECRET.sub(SECRET, text)
        return self._DAY.sub(self._moment, text)

    def _id(self, found: str) -> str:
        return self._ids.setdefault(found, ID.format(len(self._ids) + 1))

    def _moment(self, match: re.Match[str]) -> str:
        day = date.fromisoformat(match["day"]) - self._today + DAY
        if not match["mark"]:
            return str(day)
        is_midnight = match["time"].startswith("00:00:00")
        return f"{day}T{match['time'] if is_midnight else TIME}"


def _fill(value: Any, kept: dict[str, str]) -> Any:
    """Put what was kept into the texts of a body that ask for it."""
    if isinstance(value, dict):
        return {name: _fill(inner, kept) for name, inner in value.items()}
    if isinstance(value, str) and value.startswith("{"):
        return value.format(**kept)
    return value


def _dig(body: Any, place: str) -> Any:
    for name in place.split("."):
        body = body[name]
    return body
