"""How errors look: of the resources, and of metered calls. Contract 6.7 and 12."""

from __future__ import annotations

from metering.gateway.errors import TYPES
from orqstudio.openapi.examples import find_example
from orqstudio.openapi.operation import ERRORS, Parts, optional_header, response
from orqstudio.openapi.schema import (
    Schema,
    moment,
    number,
    one_of,
    own_id,
    record,
    ref,
    text,
    whole,
)
from orqstudio.web.api import GRPC_CODE_OF

REQUEST_ID = own_id("Names the request in the server's log.")
TRACE_ID = own_id("Names the call; also the id of its usage event.")
RESOURCE_HEADERS = {"X-Request-Id": REQUEST_ID}
CALL_HEADERS = {"x-orq-trace-id": TRACE_ID}
CHALLENGE = {"WWW-Authenticate": text("How to authenticate.")}
RETRY_AFTER = text(
    "Seconds until it makes sense to try again; a provider's own, as it came.",
    minLength=1,
)
WORDS = {
    400: "The request cannot be used; the message names what is wrong with it.",
    401: "No API key, or one that is unknown, revoked or expired.",
    403: "The API key's rights do not go so far.",
    404: "There is no such thing in the API key's workspace.",
    409: "It exists already.",
    413: "The body is larger than the server takes.",
    503: "The database is away; nothing was done. Try again.",
}
CALL_WORDS = WORDS | {
    404: "There is no such deployment or model, or the provider says so.",
    409: "The provider refused the call with this status.",
    415: "The provider refused the call with this status.",
    422: "The provider refused the call with this status.",
    429: "A budget is spent or its limit of requests a minute reached; running calls "
    "hold the rest of it; or the provider limits the rate of calls.",
    502: "The provider could not be reached, failed, or refused our credentials.",
    503: "Usage cannot be recorded at the moment; the call was not made. Try again.",
    504: "The provider did not answer in time.",
}
CALL_ERRORS = {
    **{status: f"Call{name}" for status, name in ERRORS.items()},
    **{status: f"Provider{status}" for status in (409, 415, 422)},
    429: "CallRefused",
    502: "ProviderFailed",
    504: "ProviderTimeout",
}
REFUSAL_CODES = (
    "cost_budget_exceeded",
    "token_budget_exceeded",
    "requests_per_minute_exceeded",
)
LIMIT_HEADERS = {
    f"x-ratelimit-{part}{suffix}": optional_header(
        text(f"{words}{unit}; there when a budget limits it.")
    )
    for suffix, unit in (
        ("-cost", " in US dollars"),
        ("-tokens", " in tokens"),
        ("", " in requests a minute"),
    )
    for part, words in (
        ("limit", "Limit of the tightest budget"),
        ("remaining", "What is left of it"),
        ("reset", "Seconds until it begins anew, with an `s` behind"),
    )
}


def schemas() -> dict[str, Schema]:
    """Return the bodies of errors."""
    return {"Error": _error(), "CallError": _call_error(), "RefusalDetails": _details()}


def responses() -> dict[str, Parts]:
    """Return the answers that operations refer to."""
    resources = {
        ERRORS[status]: response(
            words,
            ref("Error"),
            headers=RESOURCE_HEADERS | _more_headers(status),
            example=find_example("errors", str(status)),
        )
        for status, words in WORDS.items()
    }
    calls = {
        CALL_ERRORS[status]: response(
            words,
            ref("CallError"),
            headers=CALL_HEADERS | _more_headers(status),
            example=find_example("call_errors", str(status)),
        )
        for status, words in CALL_WORDS.items()
    }
    return resources | calls


def _more_headers(status: int) -> dict[str, Schema]:
    if status == 401:  # noqa: PLR2004 - the statuses speak for themselves here
        return CHALLENGE
    if status == 503:  # noqa: PLR2004
        return {"Retry-After": RETRY_AFTER}
    if status == 429:  # noqa: PLR2004
        no_retry = text("`false` when trying again cannot help before the reset.")
        return LIMIT_HEADERS | {
            "Retry-After": optional_header(RETRY_AFTER),
            "x-should-retry": optional_header(no_retry),
        }
    return {}


def _error() -> Schema:
    code = one_of(
        sorted(set(GRPC_CODE_OF.values())), "The gRPC status; absent from a 5xx."
    )
    return record(
        {
            "message": text("One sentence for people.", minLength=1),
            "error": text("The same, for clients before 4.10."),
            "request_id": REQUEST_ID,
        },
        {"code": code},
        "What every resource answers when something is wrong.",
    )


def _call_error() -> Schema:
    inner = record(
        {
            "message": text("One sentence for people.", minLength=1),
            "type": one_of([*dict.fromkeys(TYPES.values()), "api_error"]),
            "param": {"type": "null"},
            "code": text(
                "What programs compare: `deployment_not_found`, `model_not_found`, "
                "`unpriced_model`, `upstream_timeout`, and for budgets "
                + ", ".join(f"`{code}`" for code in REFUSAL_CODES)
                + "."
            ),
        },
        {
            "scope_kind": text("Of the budget that refused, such as `IDENTITY`."),
            "scope_target_id": text("Whom or what that budget limits."),
            "dimension": one_of(["cost", "tokens", "requests"]),
            "details": ref("RefusalDetails"),
        },
    )
    return record(
        {
            "code": whole(0, 16, "The gRPC status."),
            "message": text("One sentence for people.", minLength=1),
            "error": inner,
        },
        {"details": ref("RefusalDetails")},
        "What a metered call answers when it is refused or fails; the shape that "
        "OpenAI's clients read, with the platform's own beside it.",
    )


def _details() -> Schema:
    return record(
        {
            "reason": one_of(
                ["spent", "held"],
                "`spent` lasts until the reset; `held` until running calls end.",
            ),
            "unit": one_of(["usd", "tokens", "requests"]),
            "limit": number(),
            "settled": number("What counts for good."),
            "held": number("What running calls may still use."),
        },
        {"resets_at": moment("Absent for a budget that never resets.")},
        "The figures behind a refusal.",
    )
