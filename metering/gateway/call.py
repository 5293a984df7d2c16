"""The life of a metered call, in the order of design section 4.

authenticate, attribute, resolve, estimate, admit, forward, settle, answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from identities.client_generation import knows_provider_orq
from metering.admission import Account, Estimate
from metering.calls import Call, Outcome, Status
from metering.gateway import echo, requests
from metering.gateway.answers import invoke_answer
from metering.gateway.attribution import Profiles, attribute
from metering.gateway.auth import Caller, KeyRing
from metering.gateway.catalog import (
    ECHO,
    Catalog,
    Route,
    bound_media_tokens,
    bound_output_tokens,
)
from metering.gateway.errors import GatewayError, unavailable, unrecorded
from metering.gateway.refusals import headroom_headers, rate_headers, refuse
from metering.gateway.requests import Prompt
from metering.gateway.store import Store
from metering.gateway.upstream import Completion, Upstream, UpstreamFailure
from metering.gateway.usage import guess_usage, read_usage
from metering.ledger.actor import Ledger, LedgerUnavailableError
from metering.matching import Facts
from metering.pricing import Price, Tokens, worst_cost_usd
from orqstudio.lib import ids
from orqstudio.lib.clock import utc_now

logger = logging.getLogger(__name__)

INVOKE, CHAT = "invoke", "chat"


@dataclass(frozen=True, slots=True)
class Services:
    """What calls of one process share."""

    store: Store
    keys: KeyRing
    catalog: Catalog
    profiles: Profiles
    ledger: Ledger
    upstream: Upstream
    output_tokens_bound: int
    sends_retry_after: bool
    clock: Callable[[], datetime] = utc_now


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, authenticated and read."""

    call_id: UUID
    operation: str
    caller: Caller
    body: dict[str, Any]
    headers: dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """Body and headers of a good answer."""

    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Run:
    """One call from its resolution on."""

    call: Call
    route: Route
    prompt: Prompt
    price: Price | None
    started_s: float
    headers: dict[str, str] = field(default_factory=dict)


async def serve(services: Services, asked: Asked) -> Answer:
    """Make one metered call.

    Raises:
        GatewayError: the call was refused or failed; its outcome is recorded when
            it had been admitted.
    """
    started_s, now = time.perf_counter(), services.clock()
    caller = asked.caller
    attribution = attribute(
        asked.body,
        asked.headers,
        caller.bound_external_id,
        prefix=caller.bound_prefix,
        owner=caller.owner_external_id,
    )
    route, prompt = await _resolve(services, asked)
    await services.profiles.upsert(caller.workspace_id, attribution)
    price = await services.catalog.find_price(caller.workspace_id, route, now)
    call = Call(
        id=asked.call_id,
        workspace_id=caller.workspace_id,
        occurred_at=now,
        external_id=attribution.external_id,
        api_key_id=caller.key_id,
        deployment_key=route.deployment_key,
        operation=asked.operation,
        provider_key=route.provider.key,
        model=route.model,
        project_id=caller.project_id,
    )
    run = _Run(call, route, prompt, price, started_s)
    run = await _admit(services, asked, run)
    completion, accounts = await _complete(services, run)
    return Answer(
        _render(asked, run, completion),
        run.headers | headroom_headers(accounts, services.clock()),
    )


async def _complete(
    services: Services, run: _Run
) -> tuple[Completion, tuple[Account, ...]]:
    """Make the admitted call and record its one outcome, whatever happens."""
    try:
        completion = await _forward(services, run)
        return completion, await _settle(services, run, completion)
    except GatewayError:
        raise
    except (Exception, asyncio.CancelledError):
        # A fault of ours, or the server's end: the hold must not stay for ever.
        fault = GatewayError(500, "internal_error", "The call broke off.")
        await _settle_failed(services, run, fault, None)
        raise


async def _resolve(services: Services, asked: Asked) -> tuple[Route, Prompt]:
    workspace_id = asked.caller.workspace_id
    if asked.operation == INVOKE:
        key = requests.deployment_key(asked.body)
        route = await services.catalog.find_deployment(workspace_id, key)
        return route, requests.deployment_prompt(asked.body, route)
    name = requests.model_name(asked.body)
    route = await services.catalog.find_model(workspace_id, name)
    return route, requests.chat_prompt(asked.body, route)


async def _admit(services: Services, asked: Asked, run: _Run) -> _Run:
    """Take the holds, or raise the refusal."""
    estimate = _estimate(services, asked.caller, run)
    facts = Facts(asked.headers, run.prompt.metadata)
    now = run.call.occurred_at
    try:
        admission = await services.ledger.admit(run.call, estimate, now, facts)
    except LedgerUnavailableError as error:
        raise unavailable() from error
    if admission.refusal is not None:
        raise refuse(
            admission.refusal,
            model=run.route.name,
            now=services.clock(),
            sends_retry_after=services.sends_retry_after,
        )
    headers = rate_headers(admission.accounts, now)
    return replace(run, call=admission.call, headers=headers)


def _estimate(services: Services, caller: Caller, run: _Run) -> Estimate:
    """Return the worst that the call can use."""
    tokens = _bound(services, run.route, run.prompt)
    cost_usd = worst_cost_usd(run.price, tokens) if run.price else None
    return Estimate(cost_usd, tokens.total, caller.refuses_unpriced)


def _bound(services: Services, route: Route, prompt: Prompt) -> Tokens:
    """Return the most tokens the call can use, as far as that can be known."""
    read, written = prompt.input_bound, prompt.output_bound
    if route.provider.kind == ECHO:
        told = echo.bound_output(prompt.payload)
        return Tokens(read, output=told if written is None else min(written, told))
    if prompt.has_media:
        read = max(read, bound_media_tokens(route))
    if written is None:
        written = bound_output_tokens(route, services.output_tokens_bound)
    return Tokens(read, output=written * prompt.answers)


async def _forward(services: Services, run: _Run) -> Completion:
    """Call the model; a failure is recorded before it is raised."""
    try:
        if run.route.provider.kind == ECHO:
            return _echo(run)
        return await services.upstream.complete(run.route.provider, run.prompt.payload)
    except UpstreamFailure as failure:
        cost_usd = Decimal(0) if failure.is_cost_known else None
        await _settle_failed(services, run, failure, cost_usd)
        raise


def _echo(run: _Run) -> Completion:
    created = int(run.call.occurred_at.timestamp())
    call_id = ids.show(run.call.id)
    body = echo.answer(run.prompt.payload, call_id=call_id, created=created)
    return Completion(json.dumps(body).encode(), body)


async def _settle(
    services: Services, run: _Run, completion: Completion
) -> tuple[Account, ...]:
    """Record what the call really used, before it is answered."""
    tokens = read_usage(completion.body)
    is_estimated = tokens is None
    if tokens is None:
        tokens = guess_usage(run.prompt.input_bound, completion.body)
    outcome = Outcome(
        settled_at=services.clock(),
        status=Status.OK,
        http_status=200,
        tokens=tokens,
        cost_usd=run.price.cost_usd(tokens) if run.price else None,
        price_source=run.price.source if run.price else "unknown",
        is_estimated=is_estimated,
        latency_ms=_elapsed_ms(run),
        metadata=dict(run.prompt.metadata),
    )
    return await _record(services, run, outcome)


async def _settle_failed(
    services: Services, run: _Run, failure: GatewayError, cost_usd: Decimal | None
) -> None:
    outcome = Outcome(
        settled_at=services.clock(),
        status=Status.FAILED,
        http_status=failure.status,
        cost_usd=cost_usd,
        price_source="none" if cost_usd is not None else "unknown",
        error_code=failure.code,
        latency_ms=_elapsed_ms(run),
        metadata=dict(run.prompt.metadata),
    )
    await _record(services, run, outcome)


async def _record(
    services: Services, run: _Run, outcome: Outcome
) -> tuple[Account, ...]:
    try:
        return (await services.ledger.settle(run.call, outcome)).accounts
    except LedgerUnavailableError as error:
        raise unrecorded() from error


def _elapsed_ms(run: _Run) -> int:
    return round((time.perf_counter() - run.started_s) * 1000)


def _render(asked: Asked, run: _Run, completion: Completion) -> bytes:
    if asked.operation == CHAT:
        return completion.raw
    user_agent = asked.headers.get(b"user-agent", b"").decode("latin-1")
    body = invoke_answer(
        completion.body,
        run.route,
        call_id=ids.show(run.call.id),
        created_at=run.call.occurred_at,
        is_orq_known=knows_provider_orq(user_agent),
    )
    return json.dumps(body).encode()
