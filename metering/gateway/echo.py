"""The built-in model `orq/echo`: says back what the user said last. Pure.

It needs no key and no network, so the first call works at once. Its price is fixed
(metering/pricing.py), its tokens are four bytes of UTF-8 each.
"""

from __future__ import annotations

from typing import Any

from metering.gateway.usage import BYTES_PER_TOKEN, count_tokens

SILENCE = "..."


def answer(payload: dict[str, Any], *, call_id: str, created: int) -> dict[str, Any]:
    """Return an OpenAI chat completion; `created` in epoch seconds."""
    messages = payload["messages"]
    read = sum(count_tokens(_text(message)) for message in messages)
    text = next((_text(m) for m in reversed(messages) if m["role"] == "user"), "")
    said, finish_reason = _cut(text or SILENCE, _most_tokens(payload))
    written = count_tokens(said)
    return {
        "id": f"chatcmpl-{call_id}",
        "object": "chat.completion",
        "created": created,
        "model": "orq/echo",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": said},
                "finish_reason": finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        },
    }


def bound_output(payload: dict[str, Any]) -> int:
    """Return the most it can write: it never says more than it was told."""
    told = sum(count_tokens(_text(message)) for message in payload["messages"])
    return max(told, count_tokens(SILENCE))


def _most_tokens(payload: dict[str, Any]) -> int | None:
    return payload.get("max_completion_tokens") or payload.get("max_tokens")


def _cut(text: str, most_tokens: int | None) -> tuple[str, str]:
    if most_tokens is None or count_tokens(text) <= most_tokens:
        return text, "stop"
    cut = text.encode()[: most_tokens * BYTES_PER_TOKEN]
    return cut.decode(errors="ignore"), "length"


def _text(message: dict[str, Any]) -> str:
    """Return a message's text; parts that are no text are left out."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return " ".join(text for text in texts if isinstance(text, str))
