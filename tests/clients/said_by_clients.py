"""What every generation of the clients must be given, whatever their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orqstudio.lib import ids

OWN = {"id", "workspace_id", "created", "updated"}
PAGES = [[["2", "1"], True], [["0"], False], [["2", "1"], False]]
"""What remains of three identities in pages of two: forward, on, and back."""


def profile_of(user: str, **changes: Any) -> dict[str, Any]:
    """Return the record of the scripts' identity, without what the server gives it."""
    profile = {
        "external_id": user,
        "display_name": "Jane Doe",
        "email": "jane@example.com",
        "avatar_url": "https://example.com/jane.jpg",
        "tags": [user, "b c"],
        **changes,
    }
    return {name: value for name, value in profile.items() if value is not None}


def assert_identity(record: dict[str, Any], profile: dict[str, Any]) -> None:
    """Check what the server gave, and that the rest is the profile and nothing else."""
    assert ids.parse(record["id"])
    assert ids.parse(record.get("workspace_id", record["id"]))
    assert parse(record["created"]) <= parse(record["updated"])
    assert {name: record[name] for name in set(record) - OWN} == profile


def assert_refused(
    error: dict[str, Any], status: int, code: int, name: str | None = None
) -> dict[str, Any]:
    """Check that an error is the client's own, and that its body came through."""
    assert error["error"] not in {None, "ResponseValidationError"}, error
    assert "OrqError" in error.get("bases", ["OrqError"])
    assert error["status"] == status, error
    assert error["body"]["code"] == code
    assert error["body"]["message"]
    if name:
        assert error["error"] == name
    return error["body"]


def assert_over_budget(error: dict[str, Any], spent: str) -> None:
    """Check the body of a 429 that a budget of nothing caused."""
    body = assert_refused(error, 429, 8)
    assert body["error"]["code"] == "cost_budget_exceeded"
    assert body["error"]["scope_target_id"] == spent
    assert body["details"]["limit"] == 0


def assert_pages(pages: list[Any], user: str) -> None:
    """Check the walk over three identities."""
    shown = [
        [[name.removeprefix(f"{user}-") for name in names], has_more]
        for names, has_more in pages
    ]
    assert shown == PAGES


def assert_said(answer: dict[str, Any], provider: str) -> None:
    """Check the answer of deployment `demo`."""
    assert (answer["object"], answer["model"]) == ("chat", "orq/echo")
    assert (answer["provider"], answer["is_final"]) == (provider, True)
    [choice] = answer["choices"]
    assert choice["message"] == {
        "type": "content",
        "role": "assistant",
        "content": "Hello from orqstudio.",
    }
    assert choice["finish_reason"] == "stop"
    assert parse(answer["created"])


def parse(text: str) -> datetime:
    """Return the aware instant that a client shows as text."""
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is not None
    return moment
