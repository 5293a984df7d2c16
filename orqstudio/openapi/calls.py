"""Metered calls: deployments and the router, in their own room. Contract 5, 8 and 9."""

from __future__ import annotations

from typing import Any

from identities.models import EXTERNAL_ID_COLUMN
from metering.gateway.answers import KNOWN_PROVIDERS
from metering.gateway.attribution import METADATA_MAX as IDENTITY_METADATA_MAX
from metering.gateway.attribution import TAG_LENGTH, TAGS_MAX, TEXT_MAX
from metering.gateway.requests import (
    METADATA_KEY_MAX,
    METADATA_MAX,
    METADATA_VALUE_MAX,
    MODEL_MAX,
    OUTPUT_KEYS,
    OUTPUT_MOST,
)
from orqstudio.openapi.errors import CALL_ERRORS, CALL_HEADERS, LIMIT_HEADERS
from orqstudio.openapi.operation import Answer, Family, Parts, header
from orqstudio.openapi.schema import (
    Schema,
    flag,
    list_of,
    map_of,
    moment,
    one_of,
    or_null,
    own_id,
    record,
    ref,
    text,
    whole,
)

CALLS = Family(
    "Metered calls",
    "Calls of models. Each is admitted against all budgets that match it before it is "
    "made, and on record before it is answered.",
    refusals=CALL_ERRORS,
    headers={**CALL_HEADERS, **LIMIT_HEADERS},
    errors=frozenset(CALL_ERRORS),
)
WHO = """\
Whom a call belongs to, the first that is there: the identity the API key is bound to;
`identity` in the body; `orq.identity`; the deprecated `contact` and `orq.contact`; the
header `X-ORQ-IDENTITY-ID`; the deprecated `X-ORQ-CONTACT-ID`; the owner of the API key.
One in the body also creates or updates its record."""
# No `maxLength`: where the body names somebody, the headers are not read.
MOST = f"at most {EXTERNAL_ID_COLUMN} characters."
HEADERS = [
    header(
        "X-ORQ-IDENTITY-ID",
        text(f"external_id of whose call it is, {MOST}", format="external-id"),
    ),
    header(
        "X-ORQ-CONTACT-ID",
        text(f"The same, for clients before 4.10, {MOST}", format="external-id"),
        deprecated=True,
    ),
]
IGNORED: Schema = {"description": "Taken, and not used by this server."}


def paths() -> dict[str, Parts]:
    """Return the addresses; those of the router stand below two prefixes."""
    return {
        "/v2/deployments/invoke": {"post": _invoke()},
        "/v2/router/chat/completions": {"post": _chat("v2")},
        "/v3/router/chat/completions": {"post": _chat("v3", "_v3")},
    }


def schemas() -> dict[str, Schema]:
    """Return the bodies."""
    return {
        "InvokeRequest": record(
            {"key": text("Of a deployment.", minLength=1)}, _asked()
        ),
        "Invocation": _invocation(),
        "ChatRequest": record(_chat_required(), _chat_optional(), _PASSED_ON),
        "ChatCompletion": _completion(),
        "CallIdentity": _identity(),
        "CallMetadata": map_of(
            {"anyOf": [text(maxLength=METADATA_VALUE_MAX), *_NO_TEXTS]},
            "Kept with the usage event; what is no text as JSON, of the same length.",
            maxProperties=METADATA_MAX,
            propertyNames={"maxLength": METADATA_KEY_MAX},
        ),
        "Message": _message(),
        "Usage": record(
            {
                "prompt_tokens": whole(0),
                "completion_tokens": whole(0),
                "total_tokens": whole(0),
            },
            description="As the model's provider reports it.",
            additionalProperties=True,
        ),
    }


_PASSED_ON = (
    "An OpenAI chat completions body. Fields not named here go to the provider as they "
    "are; `orq`, `identity`, `contact` and `thread` do not."
)
_NO_TEXTS = [{"type": kind} for kind in ("number", "boolean", "null")]


def _invoke() -> Parts:
    return CALLS.operation(
        "invoke_deployment",
        "Invoke a deployment",
        description=WHO,
        parameters=HEADERS,
        body=ref("InvokeRequest"),
        answers={200: Answer("The model's answer.", ref("Invocation"))},
    )


def _chat(version: str, mark: str = "") -> Parts:
    return CALLS.operation(
        f"create_chat_completion{mark}",
        f"Create a chat completion ({version})",
        description=f"The same at `/v2/router` and `/v3/router`.\n\n{WHO}",
        parameters=HEADERS,
        body=ref("ChatRequest"),
        answers={
            200: Answer(
                "The model's answer, as its provider gave it.", ref("ChatCompletion")
            )
        },
    )


def _asked() -> dict[str, Schema]:
    messages = or_null(list_of(ref("Message")))
    told: dict[str, Any] = {
        "prefix_messages": "Between the deployment's system messages and its others.",
        "messages": "After the deployment's own.",
    }
    return {
        "inputs": or_null(map_of({}, "Values of the `{{variables}}`.")),
        **{name: {**messages, "description": words} for name, words in told.items()},
        "extra_params": or_null(
            map_of({}, "Parameters of the model; they win over the deployment's.")
        ),
        "metadata": or_null(ref("CallMetadata")),
        "stream": _no_stream(),
        **_whose(),
        "context": IGNORED,
    }


def _chat_required() -> dict[str, Schema]:
    return {
        "model": text(
            "`provider/model`; without a provider it is `openai`.",
            minLength=1,
            maxLength=MODEL_MAX,
        ),
        "messages": list_of(ref("Message"), minItems=1),
    }


def _chat_optional() -> dict[str, Schema]:
    most = or_null(whole(1, OUTPUT_MOST))
    return {
        **dict.fromkeys(OUTPUT_KEYS, most),
        "n": or_null(whole(1, 128, "How many answers.")),
        "metadata": or_null(ref("CallMetadata")),
        "stream": _no_stream(),
        **_whose(),
    }


def _whose() -> dict[str, Schema]:
    """Return the places in a body where an identity may stand."""
    places = {
        "identity": or_null(ref("CallIdentity")),
        "contact": {**or_null(ref("CallIdentity")), "deprecated": True},
    }
    return {**places, "orq": or_null(record(optional=places))}


def _no_stream() -> Schema:
    return or_null({**flag("Streaming is not supported yet."), "enum": [False]})


def _message() -> Schema:
    content = {"description": "Text, or OpenAI's list of parts."}
    return record(
        {"role": text("`system`, `user`, `assistant`, `tool` ...")},
        {"content": content},
        "As OpenAI has them.",
    )


def _identity() -> Schema:
    texts = {name: or_null(text(maxLength=most)) for name, most in TEXT_MAX.items()}
    tag = text(minLength=1, maxLength=TAG_LENGTH)
    metadata = map_of({}, maxProperties=IDENTITY_METADATA_MAX)
    return record(
        {
            "id": text(
                "The external_id.",
                minLength=1,
                maxLength=EXTERNAL_ID_COLUMN,
                format="external-id",
            )
        },
        {
            **texts,
            "tags": or_null(list_of(tag, maxItems=TAGS_MAX)),
            "metadata": {
                "anyOf": [metadata, list_of(metadata), {"type": "null"}],
                "description": "An object; of a list of objects all, the last wins.",
            },
        },
        "Whose call it is, and what their record shall say; what is not named stays.",
    )


def _invocation() -> Schema:
    message = record(
        {"type": one_of(["content", "tool_calls"]), "role": text()},
        {
            "content": {"description": "Text, a list of parts, or null."},
            "tool_calls": list_of({"type": "object"}),
        },
    )
    choice = record(
        {"index": {"type": "integer"}, "message": message}, {"finish_reason": text()}
    )
    return record(
        {
            "id": own_id(),
            "created": moment(),
            "object": one_of(["chat"]),
            "model": text(),
            "provider": one_of(sorted({*KNOWN_PROVIDERS, "openailike", "orq"})),
            "is_final": {"type": "boolean", "enum": [True]},
            "telemetry": record({"trace_id": own_id(), "span_id": own_id()}),
            "choices": list_of(choice),
        },
        {"usage": ref("Usage")},
    )


def _completion() -> Schema:
    return record(
        {"choices": list_of({"type": "object"})},
        {
            "id": text(),
            "object": text("`chat.completion`"),
            "created": whole(0, description="Seconds since 1970, as OpenAI has it."),
            "model": text(),
            "usage": or_null(ref("Usage")),
        },
        "OpenAI's chat completion; a provider may add to it.",
        additionalProperties=True,
    )
