"""What a provider says a call used, in our normal form. Pure."""

from __future__ import annotations

from typing import Any

from metering.pricing import Tokens

BYTES_PER_TOKEN = 4
"""Of usual English text; for answers whose provider reports no usage."""

TOKENS_MOST = 10**9
"""More than any call can use; a number beyond it is a fault of the provider."""


def read_usage(completion: dict[str, Any]) -> Tokens | None:
    """Return the tokens of an OpenAI-style `usage`, None when there is none usable.

    OpenAI's prompt_tokens include the cached ones, completion_tokens the reasoning.
    Zero is an answer, not a missing value.
    """
    usage = completion.get("usage")
    if not isinstance(usage, dict):
        return None
    read, written = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if read is None or written is None:
        return None
    cached = _detail(usage, "prompt_tokens_details", "cached_tokens")
    reasoning = _detail(usage, "completion_tokens_details", "reasoning_tokens")
    return Tokens(
        input=read,
        cached=min(cached, read),
        output=written,
        reasoning=min(reasoning, written),
        audio_input=min(_detail(usage, "prompt_tokens_details", "audio_tokens"), read),
        audio_output=min(
            _detail(usage, "completion_tokens_details", "audio_tokens"), written
        ),
    )


def guess_usage(input_bytes: int, completion: dict[str, Any]) -> Tokens:
    """Return tokens counted from the text; the event is flagged as estimated."""
    output_bytes = sum(
        len(text.encode(errors="replace")) for text in _texts(completion)
    )
    return Tokens(input=_tokens(input_bytes), output=_tokens(output_bytes))


def count_tokens(text: str) -> int:
    """Return the tokens of a text by the echo model's fixed rule: 4 bytes each."""
    return _tokens(len(text.encode()))


def _tokens(byte_count: int) -> int:
    return -(-byte_count // BYTES_PER_TOKEN)


def _count(usage: dict[str, Any], key: str) -> int | None:
    value = usage.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= TOKENS_MOST else None


def _detail(usage: dict[str, Any], group: str, key: str) -> int:
    details = usage.get(group)
    return (_count(details, key) or 0) if isinstance(details, dict) else 0


def _texts(completion: dict[str, Any]) -> list[str]:
    choices = completion.get("choices")
    found = []
    for choice in choices if isinstance(choices, list) else []:
        message = choice.get("message") if isinstance(choice, dict) else None
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            found.append(content)
    return found
