"""What a call's name stands for: deployment or model, provider, price."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from metering.gateway.errors import GatewayError, bad_request
from metering.gateway.store import Kept, Row, Store
from metering.models.routing import check_messages, check_parameters
from metering.pricing import (
    ECHO_PRICE,
    FlatPrice,
    Price,
    find_catalogue_price,
    find_context_window,
)

DEFAULT_PROVIDER = "openai"
ECHO = "echo"
MEDIA_TOKENS_BOUND = 131_072
"""Input tokens of a prompt with media, where the model's window is not known."""
ECHO_MODELS = frozenset({"echo"})

_FIND_DEPLOYMENT = """
SELECT p.key, p.kind, p.base_url, p.secret_env, p.is_active, d.model, d.messages,
    d.parameters
FROM deployment d JOIN provider p ON p.id = d.provider_id
WHERE d.workspace_id = %s AND d.key = %s
"""
_FIND_PROVIDER = """
SELECT key, kind, base_url, secret_env, is_active FROM provider
WHERE workspace_id = %s AND key = %s
"""
_FIND_OWN_PRICE = """
SELECT input_usd_per_mtok, cached_input_usd_per_mtok, output_usd_per_mtok
FROM model_price
WHERE workspace_id = %s AND provider_key = %s AND model = %s
  AND valid_from <= %s AND (valid_until IS NULL OR valid_until > %s)
ORDER BY valid_from DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a call goes; `base_url` empty: the one of the environment."""

    key: str
    kind: str
    base_url: str
    secret_env: str


@dataclass(frozen=True, slots=True)
class Route:
    """Provider and model of a call, and what its deployment adds."""

    provider: Provider
    model: str
    deployment_key: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The model as people write it: `provider/model`."""
        return f"{self.provider.key}/{self.model}"


class Catalog:
    """Looks names up; answers are kept for less than a second."""

    def __init__(self, store: Store) -> None:
        """Begin with nothing known."""
        self._store = store
        self._deployments: Kept[Row | None] = Kept()
        self._providers: Kept[Row | None] = Kept()
        self._prices: Kept[Row | None] = Kept()

    async def find_deployment(self, workspace_id: UUID, key: str) -> Route:
        """Return the route behind a deployment key.

        Raises:
            GatewayError: 404 unknown key, 400 provider switched off or a deployment
                that cannot be used as it is stored, 503.
        """
        place = (workspace_id, key)
        row = await self._deployments.get(
            place, lambda: self._store.fetch_one(_FIND_DEPLOYMENT, place)
        )
        if row is None:
            message = f"There is no deployment with the key {key[:120]!r}."
            raise GatewayError(404, "deployment_not_found", message)
        provider = _provider(row)
        model = _own_name(provider, row[5])
        _check_stored(key, row[6], row[7])
        return Route(provider, model, key, row[6], row[7])

    async def find_model(self, workspace_id: UUID, name: str) -> Route:
        """Return the route of `provider/model`; without a provider it is openai.

        Raises:
            GatewayError: 404 unknown provider or echo model, 400 switched off, 503.
        """
        provider_key, slash, model = name.partition("/")
        if not slash:
            provider_key, model = DEFAULT_PROVIDER, name
        place = (workspace_id, provider_key)
        row = await self._providers.get(
            place, lambda: self._store.fetch_one(_FIND_PROVIDER, place)
        )
        is_echo = row is not None and row[1] == ECHO
        if row is None or not model or (is_echo and model not in ECHO_MODELS):
            message = f"There is no model {name[:120]!r}; write provider/model."
            raise GatewayError(404, "model_not_found", message)
        return Route(_provider(row), model)

    async def find_price(
        self, workspace_id: UUID, route: Route, at: datetime
    ) -> Price | None:
        """Return the workspace's own price, else the known one, else None.

        Raises:
            GatewayError: 503.
        """
        place = (workspace_id, route.provider.key, route.model)
        row = await self._prices.get(
            place, lambda: self._store.fetch_one(_FIND_OWN_PRICE, (*place, at, at))
        )
        if row is not None:
            read, cached, written = row
            return FlatPrice(
                "custom", read, read if cached is None else cached, written
            )
        if route.provider.kind == ECHO:
            return ECHO_PRICE
        return find_catalogue_price(route.provider.key, route.model, at)


def bound_media_tokens(route: Route) -> int:
    """Return the most that a prompt with pictures, sound or files is taken to be.

    A link says nothing of what lies behind it; the model's window bounds it.
    """
    return find_context_window(route.provider.key, route.model) or MEDIA_TOKENS_BOUND


def bound_output_tokens(route: Route, configured: int) -> int:
    """Return the most a call without max_tokens is taken to write."""
    window = find_context_window(route.provider.key, route.model)
    return min(configured, window) if window else configured


def _provider(row: Row) -> Provider:
    if not row[4]:
        raise bad_request("provider_inactive", f"Provider {row[0]} is switched off.")
    return Provider(*row[:4])


def _check_stored(key: str, messages: object, parameters: object) -> None:
    """Refuse a deployment that was written past the checks of the admin."""
    try:
        check_messages(messages)
        check_parameters(parameters)
    except ValidationError as error:
        message = f"Deployment {key} cannot be used: {' '.join(error.messages)}"
        raise bad_request("deployment_invalid", message) from error


def _own_name(provider: Provider, model: str) -> str:
    """Return the model without its provider's name in front."""
    return model.removeprefix(f"{provider.key}/")
