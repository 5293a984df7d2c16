"""Ground of the v2 resources: JSON in, JSON out, one error envelope, no nulls.

Nothing of Django's or DRF's own error shapes leaves here: the official clients
parse `{"code", "message"}` and choke on the rest. Source: contract 12.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orqstudio.lib.errors import DomainError, Kind
from orqstudio.web.facts import id_of, instant_of
from orqstudio.web.json_body import JSONBodyParser

STATUS_OF = {
    Kind.INVALID: HTTPStatus.BAD_REQUEST,
    Kind.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Kind.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Kind.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Kind.CONFLICT: HTTPStatus.CONFLICT,
    Kind.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
GRPC_CODE_OF = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 6, 413: 3, 429: 8}
"""HTTP status -> integer code of the envelope; a 5xx has none (contract 12.2)."""
INVALID_ARGUMENT = 3
SHOWN_ERRORS = 5
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="orqstudio"'}
METHODS = ["get", "head", "post", "put", "patch", "delete"]
TRY_SOON = {"Retry-After": "1"}
HEADERS_OF = {Kind.UNAUTHENTICATED: CHALLENGE, Kind.UNAVAILABLE: TRY_SOON}


class InvalidInput(DomainError):
    """A value of the request cannot be used; the message names it."""

    code = "invalid_argument"
    sentence = "%(message)s"

    def __init__(self, message: object) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client is told of an error."""

    status: int
    message: object
    headers: dict[str, str] = field(default_factory=dict)


class JSONAlways(BaseContentNegotiation):
    """There is one parser and one renderer, whatever the headers ask for."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the JSON parser."""
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        """Return the JSON renderer."""
        return renderers[0], renderers[0].media_type


class ApiView(APIView):
    """One resource: JSON only, strict about input, errors in the envelope."""

    parser_classes = (JSONBodyParser,)
    content_negotiation_class = JSONAlways
    metadata_class = None  # no OPTIONS: it would describe DRF, not the API
    http_method_names = METHODS

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then refuse a query string no row could ever match."""
        super().initial(request, *args, **kwargs)
        for name, values in request.query_params.lists():
            if any("\x00" in value for value in [name, *values]):
                raise InvalidInput(_("The query contains a NUL character."))

    @property
    def now(self) -> datetime:
        """The request's one instant, aware UTC."""
        return instant_of(self.request)

    def read_body(self) -> dict[str, Any]:
        """Return the body's object; without a body an empty one.

        Raises:
            BodyInvalid, BodyTooLarge: see `orqstudio.web.json_body`.
        """
        return dict(self.request.data)


def format_timestamp(moment: datetime) -> str:
    """Return `2026-02-25T08:32:31.153Z`; every generation of the clients parses it."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def envelope(status: int, message: object, request_id: str = "") -> dict[str, Any]:
    """Return the body of an error: `code` for a 4xx, `message` and `error` as text."""
    text = str(message)
    code = GRPC_CODE_OF.get(status, INVALID_ARGUMENT)
    body: dict[str, Any] = (
        {} if status >= HTTPStatus.INTERNAL_SERVER_ERROR else {"code": code}
    )
    body |= {"message": text, "error": text}
    return body | ({"request_id": request_id} if request_id else {})


def render_error(request: HttpRequest, status: int, message: object) -> JsonResponse:
    """Return the envelope outside a view: bad hosts, unknown routes, our own faults."""
    return JsonResponse(envelope(status, message, id_of(request)), status=status)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to an error a view raised; None for a fault of our own.

    The one place where errors of the resources become HTTP.
    """
    refusal = describe(error)
    if refusal is None:
        return None
    body = envelope(refusal.status, refusal.message, id_of(context["request"]))
    return Response(body, status=refusal.status, headers=refusal.headers)


def describe(error: Exception) -> Refusal | None:
    """Return status and sentence of an error, or None when it is not a known one.

    A database that is away answers 503, never anything that could pass for data.
    """
    if isinstance(error, DomainError):
        return _describe_ours(error)
    if isinstance(error, exceptions.APIException):
        return Refusal(error.status_code, " ".join(_sentences(error.detail)))
    if isinstance(error, OperationalError | InterfaceError):
        return Refusal(503, _("The database is not available."), TRY_SOON)
    if isinstance(error, SuspiciousOperation):
        return Refusal(400, _("The request cannot be read."))
    return None


def _describe_ours(error: DomainError) -> Refusal:
    return Refusal(STATUS_OF[error.kind], error, HEADERS_OF.get(error.kind, {}))


def _sentences(detail: Any) -> list[str]:
    """Return the first sentences of DRF's nested details, each with its field."""
    found = _flatten(detail, "")
    return [sentence for sentence, _ in zip(found, range(SHOWN_ERRORS), strict=False)]


def _flatten(detail: Any, path: str) -> Iterator[str]:
    if isinstance(detail, dict):
        for key, value in detail.items():
            is_whole = key == "non_field_errors"
            yield from _flatten(value, path if is_whole else f"{path}.{key}".strip("."))
    elif isinstance(detail, list):
        for value in detail:
            yield from _flatten(value, path)
    else:
        yield f"{path}: {detail}" if path else str(detail)
