"""The 429 of a budget, and the head-room headers of a good answer (contract 6.7)."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from metering.admission import Account, Dimension, Mode, Reason, Refusal
from metering.gateway.errors import GatewayError
from orqstudio.lib.money import json_number, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

HELD_RETRY_S = 1
_KIND_WORDS = {"identity": "identity", "workspace": "the workspace"}


def refuse(
    refusal: Refusal, *, model: str, now: datetime, sends_retry_after: bool
) -> GatewayError:
    """Return the error of a refused call.

    `x-should-retry: false` keeps clients from retrying what cannot succeed before
    the reset. `Retry-After` is the true number of seconds until then; the Python SDK
    sleeps all of it when retries are switched on, hence the setting.
    """
    if refusal.reason is Reason.UNPRICED:
        return _refuse_unpriced(refusal, model)
    headers = _retry_headers(refusal, now, sends_retry_after=sends_retry_after)
    return GatewayError(
        429,
        refusal.code,
        _sentence(refusal),
        extra=_scope(refusal) | {"dimension": refusal.dimension.value},
        details=_details(refusal),
        headers=headers,
    )


def headroom_headers(accounts: Iterable[Account], now: datetime) -> dict[str, str]:
    """Return x-ratelimit-* of the tightest limit in each dimension.

    Suffix -cost in USD, -tokens in tokens; the reset is in whole seconds with an `s`
    and left out for budgets that never reset.
    """
    headers: dict[str, str] = {}
    enforced = [a for a in accounts if a.mode != Mode.SHADOW]
    for dimension in Dimension:
        rooms = [room for a in enforced if (room := _room(a, dimension)) is not None]
        if rooms:
            remaining, limit, account = min(rooms, key=lambda room: room[0])
            headers[f"x-ratelimit-limit-{dimension}"] = plain(limit)
            headers[f"x-ratelimit-remaining-{dimension}"] = plain(remaining)
            resets_at = account.window.resets_at
            if resets_at is not None:
                seconds = _seconds_until(resets_at, now)
                headers[f"x-ratelimit-reset-{dimension}"] = f"{seconds}s"
    return headers


def _room(
    account: Account, dimension: Dimension
) -> tuple[Decimal, Decimal, Account] | None:
    if dimension is Dimension.COST:
        limit, settled = account.amount_usd, account.settled_usd
    else:
        tokens = account.token_limit
        limit = None if tokens is None else Decimal(tokens)
        settled = Decimal(account.settled_tokens)
    if limit is None:
        return None
    return max(limit - settled, Decimal(0)), limit, account


def _refuse_unpriced(refusal: Refusal, model: str) -> GatewayError:
    message = (
        f"Model {model} has no known price, and a budget in US dollars applies to "
        "this call. Set a price for the model, or allow unpriced models in the "
        "workspace."
    )
    return GatewayError(400, refusal.code, message, extra=_scope(refusal))


def _scope(refusal: Refusal) -> dict[str, str]:
    scope = {"scope_kind": refusal.scope_kind.upper()}
    if refusal.scope_target:
        scope["scope_target_id"] = refusal.scope_target
    return scope


def _sentence(refusal: Refusal) -> str:
    kind = "Cost" if refusal.dimension is Dimension.COST else "Token"
    whom = f"{_KIND_WORDS[refusal.scope_kind]} {refusal.scope_target}".strip()
    if refusal.reason is Reason.HELD:
        return (
            f"{kind} budget of {whom} is held by calls that are still running. "
            "Try again in a second."
        )
    return f"{kind} budget exceeded for {whom}.{_reset_words(refusal)}"


def _reset_words(refusal: Refusal) -> str:
    if refusal.resets_at is None:
        return " It does not reset by itself."
    return f" It resets at {refusal.resets_at:%Y-%m-%d %H:%M} UTC."


def _details(refusal: Refusal) -> dict[str, object]:
    """Return the figures: US dollars or tokens, by `unit`."""
    details: dict[str, object] = {
        "reason": refusal.reason.value,
        "unit": "usd" if refusal.dimension is Dimension.COST else "tokens",
        "limit": json_number(refusal.limit),
        "settled": json_number(refusal.settled),
        "held": json_number(refusal.held),
    }
    if refusal.resets_at is not None:
        details["resets_at"] = f"{refusal.resets_at:%Y-%m-%dT%H:%M:%S}.000Z"
    return details


def _retry_headers(
    refusal: Refusal, now: datetime, *, sends_retry_after: bool
) -> dict[str, str]:
    if refusal.reason is Reason.HELD:
        return {"Retry-After": str(HELD_RETRY_S)}
    headers = {"x-should-retry": "false"}
    suffix = refusal.dimension.value
    headers[f"x-ratelimit-limit-{suffix}"] = plain(refusal.limit)
    headers[f"x-ratelimit-remaining-{suffix}"] = "0"
    if refusal.resets_at is not None:
        seconds = _seconds_until(refusal.resets_at, now)
        headers[f"x-ratelimit-reset-{suffix}"] = f"{seconds}s"
        if sends_retry_after:
            headers["Retry-After"] = str(seconds)
    return headers


def _seconds_until(moment: datetime, now: datetime) -> int:
    return max(0, math.ceil((moment - now).total_seconds()))
