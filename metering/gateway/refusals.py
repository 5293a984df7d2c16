"""The 429 of a budget, and the head-room headers of a good answer (contract 6.7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from metering.admission import MINUTE, Account, Dimension, Mode, Reason, Refusal
from metering.gateway.errors import GatewayError
from orqstudio.lib.money import json_number, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

HELD_RETRY_S = 1
_KIND_WORDS = {
    "workspace": "the workspace",
    "project": "project",
    "identity": "identity",
    "api_key": "API key",
    "provider": "provider",
    "model": "model",
}
_UNITS = {
    Dimension.COST: "usd",
    Dimension.TOKENS: "tokens",
    Dimension.REQUESTS: "requests",
}
_MATCH_WORDS = "the calls that its expression matches"
_DIMENSION_WORDS = {
    Dimension.COST: "Cost",
    Dimension.TOKENS: "Token",
    Dimension.REQUESTS: "Request",
}


def refuse(
    refusal: Refusal, *, model: str, now: datetime, sends_retry_after: bool
) -> GatewayError:
    """Return the error of a refused call.

    A limit on requests a minute says when the next one fits. For spent money or tokens
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
    """Return x-ratelimit-* of the tightest limit on cost and on tokens.

    Suffix -cost in USD, -tokens in tokens; the reset is in whole seconds with an `s`
    and left out for budgets that never reset.
    """
    headers: dict[str, str] = {}
    enforced = [a for a in accounts if a.mode != Mode.SHADOW]
    for dimension in (Dimension.COST, Dimension.TOKENS):
        rooms = [room for a in enforced if (room := _room(a, dimension)) is not None]
        if rooms:
            headers |= _limit_headers(min(rooms, key=_remaining), f"-{dimension}", now)
    return headers


def rate_headers(accounts: Iterable[Account], now: datetime) -> dict[str, str]:
    """Return x-ratelimit-* without suffix: the tightest limit on requests a minute."""
    rooms = [
        _Room(
            limit=Decimal(account.requests_per_minute),
            settled=Decimal(len(recent)),
            resets_at=min(recent, default=now) + MINUTE,
        )
        for account in accounts
        if account.requests_per_minute is not None and account.mode != Mode.SHADOW
        for recent in [[at for at in account.recent if at > now - MINUTE]]
    ]
    return _limit_headers(min(rooms, key=_remaining), "", now) if rooms else {}


@dataclass(frozen=True, slots=True)
class _Room:
    """A limit and what it has left."""

    limit: Decimal
    settled: Decimal
    resets_at: datetime | None


def _remaining(room: _Room) -> Decimal:
    return max(room.limit - room.settled, Decimal(0))


def _room(account: Account, dimension: Dimension) -> _Room | None:
    resets_at = account.window.resets_at
    if dimension is Dimension.COST:
        if account.amount_usd is None:
            return None
        return _Room(account.amount_usd, account.settled_usd, resets_at)
    if account.token_limit is None:
        return None
    settled = Decimal(account.settled_tokens)
    return _Room(Decimal(account.token_limit), settled, resets_at)


def _limit_headers(room: _Room, suffix: str, now: datetime) -> dict[str, str]:
    headers = {
        f"x-ratelimit-limit{suffix}": plain(room.limit),
        f"x-ratelimit-remaining{suffix}": plain(_remaining(room)),
    }
    if room.resets_at is not None:
        seconds = _seconds_until(room.resets_at, now)
        headers[f"x-ratelimit-reset{suffix}"] = f"{seconds}s"
    return headers


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
    kind, whom = _DIMENSION_WORDS[refusal.dimension], _whom(refusal)
    if refusal.reason is Reason.HELD:
        return (
            f"{kind} budget of {whom} is held by calls that are still running. "
            "Try again in a second."
        )
    if refusal.dimension is Dimension.REQUESTS:
        return (
            f"Limit of {plain(refusal.limit)} requests per minute reached for {whom}."
        )
    return f"{kind} budget exceeded for {whom}.{_reset_words(refusal)}"


def _whom(refusal: Refusal) -> str:
    if refusal.scope_kind not in _KIND_WORDS:
        return _MATCH_WORDS
    return f"{_KIND_WORDS[refusal.scope_kind]} {refusal.scope_target}".strip()


def _reset_words(refusal: Refusal) -> str:
    if refusal.resets_at is None:
        return " It does not reset by itself."
    return f" It resets at {refusal.resets_at:%Y-%m-%d %H:%M} UTC."


def _details(refusal: Refusal) -> dict[str, object]:
    """Return the figures, in US dollars, tokens or requests by `unit`."""
    details: dict[str, object] = {
        "reason": refusal.reason.value,
        "unit": _UNITS[refusal.dimension],
        "limit": json_number(refusal.limit),
        "settled": json_number(refusal.settled),
        "held": json_number(refusal.held),
    }
    if refusal.resets_at is not None:
        text = refusal.resets_at.isoformat(timespec="milliseconds")
        details["resets_at"] = text.replace("+00:00", "Z")
    return details


def _retry_headers(
    refusal: Refusal, now: datetime, *, sends_retry_after: bool
) -> dict[str, str]:
    if refusal.reason is Reason.HELD:
        return {"Retry-After": str(HELD_RETRY_S)}
    is_rate = refusal.dimension is Dimension.REQUESTS
    suffix = "" if is_rate else f"-{refusal.dimension}"
    room = _Room(refusal.limit, refusal.limit, refusal.resets_at)
    headers = _limit_headers(room, suffix, now)
    if not is_rate:
        headers["x-should-retry"] = "false"
    if refusal.resets_at is not None and (is_rate or sends_retry_after):
        headers["Retry-After"] = str(_seconds_until(refusal.resets_at, now))
    return headers


def _seconds_until(moment: datetime, now: datetime) -> int:
    return max(0, math.ceil((moment - now).total_seconds()))
