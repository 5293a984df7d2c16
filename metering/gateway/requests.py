"""Bodies of metered calls, checked and brought into one form. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from metering.gateway.catalog import Route
from metering.gateway.errors import GatewayError, bad_request

OWN_KEYS = frozenset({"orq", "identity", "contact", "thread", "stream"})
"""Keys of ours that a provider must not see."""
METADATA_MAX, METADATA_KEY_MAX, METADATA_VALUE_MAX = 16, 64, 512
MODEL_MAX = 200
OUTPUT_KEYS = ("max_completion_tokens", "max_tokens")
OUTPUT_MOST = 10_000_000
_WHOLE_MOST = {"n": 128, **dict.fromkeys(OUTPUT_KEYS, OUTPUT_MOST)}
_VARIABLE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What goes to the provider, and how much it can become.

    Attributes:
        payload: body of the provider's chat completions request.
        input_bound: input tokens at the most; a token is at least one byte.
        output_bound: output tokens at the most, None when the caller set no bound.
        answers: how many answers are asked for; each can reach the bound.
        has_media: parts that stand for more tokens than bytes, such as a link to a
            picture.
        metadata: the caller's own pairs, kept with the usage event.
    """

    payload: dict[str, Any]
    input_bound: int
    output_bound: int | None
    answers: int
    has_media: bool
    metadata: dict[str, str]


def deployment_key(body: dict[str, Any]) -> str:
    """Return the deployment's key of an invoke body.

    Raises:
        GatewayError: 400.
    """
    _refuse_stream(body)
    key = body.get("key")
    if not isinstance(key, str) or not key:
        raise bad_request("key_missing", "key must name a deployment.")
    return key


def model_name(body: dict[str, Any]) -> str:
    """Return the model of a chat body.

    Raises:
        GatewayError: 400.
    """
    _refuse_stream(body)
    model = body.get("model")
    if not isinstance(model, str) or not 1 <= len(model) <= MODEL_MAX:
        message = f"model must be a text of 1 to {MODEL_MAX} characters."
        raise bad_request("model_missing", message)
    return model


def chat_prompt(body: dict[str, Any], route: Route) -> Prompt:
    """Return the prompt of a chat completions body, passed on as it came.

    Raises:
        GatewayError: 400.
    """
    metadata = _metadata(body)
    payload = {key: value for key, value in body.items() if key not in OWN_KEYS}
    payload |= {"model": route.model, "messages": _messages(body, "messages")}
    return _prompt(payload, metadata)


def deployment_prompt(body: dict[str, Any], route: Route) -> Prompt:
    """Return the prompt of an invoke body: the deployment's and the caller's messages.

    System messages of the deployment come first, then `prefix_messages`, the rest of
    the deployment, and `messages`. `{{name}}` in the deployment's texts is replaced
    by `inputs`; `extra_params` win over the deployment's parameters.

    Raises:
        GatewayError: 400.
    """
    own = _fill(route.messages, _object(body, "inputs"))
    system = [m for m in own if m.get("role") in {"system", "developer"}]
    rest = [m for m in own if m not in system]
    messages = [
        *system,
        *_messages(body, "prefix_messages", least=0),
        *rest,
        *_messages(body, "messages", least=0),
    ]
    if not messages:
        message = f"Deployment {route.deployment_key} has no messages; send some."
        raise bad_request("messages_missing", message)
    payload = {**route.parameters, **_object(body, "extra_params")}
    payload = {key: value for key, value in payload.items() if key not in OWN_KEYS}
    payload |= {"model": route.model, "messages": messages}
    return _prompt(payload, _metadata(body))


def _prompt(payload: dict[str, Any], metadata: dict[str, str]) -> Prompt:
    payload = payload | _wholes(payload)
    text = json.dumps(
        {key: value for key, value in payload.items() if key != "model"},
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return Prompt(
        payload=payload,
        input_bound=len(text.encode()),
        output_bound=_output_bound(payload),
        answers=payload.get("n") or 1,
        has_media=any(map(_has_media, payload["messages"])),
        metadata=metadata,
    )


def _has_media(message: dict[str, Any]) -> bool:
    parts = message.get("content")
    return isinstance(parts, list) and any(
        not isinstance(part, dict) or part.get("type") != "text" for part in parts
    )


def _wholes(payload: dict[str, Any]) -> dict[str, int]:
    """Return the parameters that bound the output; 3.0 is a whole number too."""
    return {
        key: _whole(payload[key], key, most)
        for key, most in _WHOLE_MOST.items()
        if payload.get(key) is not None
    }


def _whole(value: object, key: str, most: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is int and 1 <= value <= most:
        return value
    message = f"{key} must be a whole number from 1 to {most}."
    raise bad_request("invalid_parameter", message)


def _output_bound(payload: dict[str, Any]) -> int | None:
    """Return max tokens of one answer."""
    told = [payload[key] for key in OUTPUT_KEYS if payload.get(key) is not None]
    # Providers differ in which of two they obey.
    return max(told) if told else None


def _messages(
    body: dict[str, Any], name: str, *, least: int = 1
) -> list[dict[str, Any]]:
    messages = body.get(name)
    if messages is None:
        messages = []
    is_list = isinstance(messages, list) and len(messages) >= least
    if not is_list or not all(_is_message(message) for message in messages):
        message = f"{name} must be a list of objects with a role."
        raise bad_request("invalid_messages", message)
    return list(messages)


def _is_message(message: object) -> bool:
    return isinstance(message, dict) and isinstance(message.get("role"), str)


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request("invalid_parameter", f"{name} must be an object.")
    return value


def _metadata(body: dict[str, Any]) -> dict[str, str]:
    """Return the caller's pairs, at most 16 short ones (contract 9)."""
    pairs = _object(body, "metadata")
    is_small = len(pairs) <= METADATA_MAX and all(
        len(key) <= METADATA_KEY_MAX and len(_text(value)) <= METADATA_VALUE_MAX
        for key, value in pairs.items()
    )
    if not is_small:
        message = (
            f"metadata holds at most {METADATA_MAX} pairs of at most "
            f"{METADATA_KEY_MAX} and {METADATA_VALUE_MAX} characters."
        )
        raise bad_request("invalid_metadata", message)
    return {key: _text(value) for key, value in pairs.items()}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _fill(
    messages: list[dict[str, Any]], inputs: dict[str, Any]
) -> list[dict[str, Any]]:
    """Replace `{{name}}` in text contents.

    Raises:
        GatewayError: 400, a variable has no input.
    """
    missing: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if match[1] not in inputs:
            missing.append(match[1])
            return ""
        return _text(inputs[match[1]])

    filled = [
        message | {"content": _VARIABLE.sub(replace, message["content"])}
        if isinstance(message.get("content"), str)
        else message
        for message in messages
    ]
    if missing:
        names = ", ".join(dict.fromkeys(missing))
        raise bad_request("inputs_missing", f"inputs lacks values for: {names}.")
    return filled


def _refuse_stream(body: dict[str, Any]) -> None:
    stream = body.get("stream")
    if stream is None or stream is False:
        return
    raise GatewayError(
        400,
        "stream_not_supported",
        "Streaming is not supported yet; send stream: false.",
    )
