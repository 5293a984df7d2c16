"""From a chat completion to the answer of each route (contract 8.1, 9). Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from metering.gateway.catalog import Route

KNOWN_PROVIDERS = frozenset(
    {"openai", "azure", "anthropic", "google", "aws", "cohere", "groq", "mistral"}
    | {"litellm"}
)
"""Provider names that every SDK's closed list holds; the rest is `openailike`, but
`orq` for clients that know it."""


def invoke_answer(
    completion: dict[str, Any],
    route: Route,
    *,
    call_id: str,
    created_at: datetime,
    is_orq_known: bool = True,
) -> dict[str, Any]:
    """Return the body of /v2/deployments/invoke; nothing in it is null but content."""
    key = route.provider.key
    is_known = key in KNOWN_PROVIDERS or (key == "orq" and is_orq_known)
    body: dict[str, Any] = {
        "id": call_id,
        "created": _timestamp(created_at),
        "object": "chat",
        "model": str(completion.get("model") or route.model),
        "provider": key if is_known else "openailike",
        "is_final": True,
        "telemetry": {"trace_id": call_id, "span_id": call_id},
        "choices": [
            _choice(position, choice)
            for position, choice in enumerate(completion["choices"])
            if isinstance(choice, dict)
        ],
    }
    usage = completion.get("usage")
    if isinstance(usage, dict):
        body["usage"] = {k: v for k, v in usage.items() if v is not None}
    return body


def _timestamp(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _choice(position: int, choice: dict[str, Any]) -> dict[str, Any]:
    index = choice.get("index")
    answer = {
        "index": index if isinstance(index, int) else position,
        "message": _message(choice.get("message")),
    }
    if isinstance(choice.get("finish_reason"), str):
        answer["finish_reason"] = choice["finish_reason"]
    return answer


def _message(message: object) -> dict[str, Any]:
    parts = message if isinstance(message, dict) else {}
    role = parts.get("role") if isinstance(parts.get("role"), str) else "assistant"
    if parts.get("tool_calls"):
        return {"type": "tool_calls", "role": role, "tool_calls": parts["tool_calls"]}
    return {"type": "content", "role": role, "content": parts.get("content")}
