"""The ASGI application of metered calls: routes, bodies, errors, life cycle."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from uuid import UUID

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from metering.gateway.call import CHAT, INVOKE, Asked, Services, serve
from metering.gateway.errors import GatewayError
from metering.ledger.keeper import Keeper
from orqstudio.lib import ids
from orqstudio.lib.errors import DomainError
from orqstudio.web.json_body import read_object

logger = logging.getLogger(__name__)

OPERATIONS = {
    "/v2/deployments/invoke": INVOKE,
    "/v2/router/chat/completions": CHAT,
    "/v3/router/chat/completions": CHAT,
}
PREFIXES = ("/v2/router/", "/v3/router/")
_HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def is_metered(path: str) -> bool:
    """Tell whether a path belongs to the gateway."""
    return path in OPERATIONS or path.startswith(PREFIXES)


def make_app(make_services: Callable[[], Services], body_max_bytes: int) -> Starlette:
    """Return the application; its services are made when the server starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        services = make_services()
        keeper = Keeper(services.ledger)
        await services.store.open()
        services.ledger.start()
        keeper.start()
        app.state.services = services
        try:
            yield
        finally:
            await keeper.stop()
            await services.ledger.stop()
            await services.upstream.close()
            await services.store.close()

    async def handle(request: Request) -> Response:
        call_id = ids.new_id()
        trace_id = ids.show(call_id)
        try:
            body, headers = await _answer(request, call_id, body_max_bytes)
        except GatewayError as error:
            return _json(error.status, error.body(), error.headers, trace_id)
        return Response(
            body, headers={**_HEADERS, **headers, "x-orq-trace-id": trace_id}
        )

    app = Starlette(
        routes=[Route(path, handle, methods=["POST"]) for path in OPERATIONS],
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, Exception: _fault},
    )
    app.router.redirect_slashes = False
    return app


async def _answer(
    request: Request, call_id: UUID, body_max_bytes: int
) -> tuple[bytes, dict[str, str]]:
    """Authenticate before the body is read, then make the call."""
    services: Services = request.app.state.services
    headers = dict(request.scope["headers"])
    authorization = headers.get(b"authorization", b"").decode("latin-1")
    caller = await services.keys.authenticate(authorization)
    caller.require_calls()
    body = _read(await _receive(request, body_max_bytes))
    operation = OPERATIONS[request.scope["path"]]
    asked = Asked(call_id, operation, caller, body, headers)
    answer = await serve(services, asked)
    return answer.body, answer.headers


async def _receive(request: Request, most_bytes: int) -> bytes:
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > most_bytes:
                message = f"The request body has more than {most_bytes} bytes."
                raise GatewayError(413, "body_too_large", message)
            parts.append(part)
    except ClientDisconnect as error:
        message = "The request body ended before all of it had arrived."
        raise GatewayError(400, "body_invalid", message) from error
    return b"".join(parts)


def _read(raw: bytes) -> dict[str, object]:
    try:
        return read_object(raw)
    except DomainError as error:
        raise GatewayError(400, error.code, str(error)) from error


def _json(
    status: int, body: dict[str, object], headers: dict[str, str], trace_id: str
) -> Response:
    return Response(
        json.dumps(body).encode(),
        status,
        {**_HEADERS, **headers, "x-orq-trace-id": trace_id},
    )


async def _http_error(request: Request, error: Exception) -> Response:
    """Answer unknown routes and wrong methods in the envelope."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    code = (
        "method_not_allowed"
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        else "not_found"
    )
    message = f"There is nothing at {request.method} {request.scope['path'][:200]}."
    found = GatewayError(error.status_code, code, message)
    headers = dict(error.headers or {})
    return _json(error.status_code, found.body(), headers, ids.show(ids.new_id()))


async def _fault(request: Request, error: Exception) -> Response:
    """Answer a fault of our own; the log has the rest."""
    trace_id = ids.show(ids.new_id())
    logger.error("gateway: fault trace_id=%s", trace_id, exc_info=error)
    fault = GatewayError(500, "internal_error", f"Internal error, trace {trace_id}.")
    return _json(500, fault.body(), {}, trace_id)
