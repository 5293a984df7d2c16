"""Errors of metered calls and the one body they have (contract 6.7, 12.2).

`{"code": int, "message": text, "error": {"message", "type", "param", "code"}}` is
read without trouble by every orq SDK and by the OpenAI clients.
"""

from __future__ import annotations

from typing import Any

GRPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 6, 413: 3, 429: 8}
GRPC_INTERNAL, GRPC_UNAVAILABLE = 13, 14
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
HTTP_SERVER_ERROR, HTTP_UNAVAILABLE = 500, 503


class GatewayError(Exception):
    """A metered call that ends without an answer of a model.

    Attributes:
        status: HTTP status the caller sees.
        code: short name that programs compare, for example `deployment_not_found`.
        message: one sentence for people; holds no secret and no other's figures.
        extra: further keys of the `error` object.
        details: the figures of a refusal, as `details`.
        headers: further response headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        extra: dict[str, Any] | None = None,
        details: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Keep the parts."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra or {}
        self.details = details
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        error = {
            "message": self.message,
            "type": TYPES.get(self.status, _type_of_rest(self.status)),
            "param": None,
            "code": self.code,
            **self.extra,
        }
        body = {
            "code": _grpc_code(self.status),
            "message": self.message,
            "error": error,
        }
        if self.details is not None:
            # Twice: OpenAI's clients show their callers the inner object only.
            error["details"] = body["details"] = self.details
        return body


def _type_of_rest(status: int) -> str:
    return "api_error" if status >= HTTP_SERVER_ERROR else "invalid_request_error"


def _grpc_code(status: int) -> int:
    if status in GRPC_CODES:
        return GRPC_CODES[status]
    if status == HTTP_UNAVAILABLE:
        return GRPC_UNAVAILABLE
    return GRPC_INTERNAL if status >= HTTP_SERVER_ERROR else GRPC_CODES[400]


def bad_request(code: str, message: str) -> GatewayError:
    """Return a 400."""
    return GatewayError(400, code, message)


def unrecorded() -> GatewayError:
    """Return the 503 of a call that was made and could not be recorded yet.

    The ledger keeps its outcome in memory; a second call would cost a second time.
    """
    return GatewayError(
        503,
        "outcome_not_recorded",
        "The call was made, but its outcome could not be recorded yet. Repeating it "
        "may cost twice.",
        headers={"x-should-retry": "false"},
    )


def unavailable() -> GatewayError:
    """Return the 503 of a ledger that cannot be asked: never a free pass."""
    return GatewayError(
        503,
        "ledger_unavailable",
        "Usage cannot be recorded at the moment, so the call was not made. Try again.",
        headers={"Retry-After": "1"},
    )
