"""One JSON call to an OpenAI-compatible provider over pooled connections.

What the provider's faults become: docs/api.md, section errors. Its secret and its
address never reach the caller.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, ConnectTimeoutError, PyreqwestError
from pyreqwest.exceptions import RequestTimeoutError as UpstreamTimeoutError

from metering.gateway.errors import GatewayError

if TYPE_CHECKING:
    from pyreqwest.response import Response

    from metering.gateway.catalog import Provider

OK_FROM, OK_BELOW = 200, 300
MESSAGE_MAX = 500
_OUR_FAULT = frozenset({401, 402, 403, 407})
_CALLERS_FAULT = frozenset({400, 404, 409, 413, 415, 422})
_TOO_MANY = 429
_RETRY_AFTER = re.compile(r"[\w ,:.+-]{1,40}", re.ASCII)
DEFAULT_SECRET = "OPENAI_API_KEY"  # noqa: S105 - a variable's name


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """Knobs of the client; times in seconds."""

    timeout_s: float
    connect_timeout_s: float
    default_base_url: str
    default_api_key: str


@dataclass(frozen=True, slots=True)
class Completion:
    """A provider's answer: as it came, and parsed."""

    raw: bytes
    body: dict[str, Any]


class UpstreamFailure(GatewayError):
    """The provider gave no usable answer.

    `is_cost_known` False: it may have worked, and billed, before it failed.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        is_cost_known: bool = True,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Keep the parts."""
        super().__init__(status, code, message, headers=headers)
        self.is_cost_known = is_cost_known


class Upstream:
    """The HTTP client of one process."""

    def __init__(self, settings: UpstreamSettings) -> None:
        """Build the client; it connects when first used."""
        self._settings = settings
        self._client: Client = (
            ClientBuilder()
            .timeout(timedelta(seconds=settings.timeout_s))
            .connect_timeout(timedelta(seconds=settings.connect_timeout_s))
            .follow_redirects(enable=False)
            .tcp_nodelay(enabled=True)
            .user_agent("orqstudio")
            .build()
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def complete(self, provider: Provider, payload: dict[str, Any]) -> Completion:
        """Return the provider's answer to a chat completions request.

        Raises:
            UpstreamFailure: see the module.
        """
        try:
            response = await self._post(provider, payload)
            raw = bytes(await response.bytes())
        except ValueError as error:
            message = f"Provider {provider.key} has an address that cannot be used."
            raise UpstreamFailure(502, "upstream_misconfigured", message) from error
        except PyreqwestError as error:
            raise _describe(provider, error) from error
        if not OK_FROM <= response.status < OK_BELOW:
            raise _refused(provider, response, raw)
        return Completion(raw, _parse(provider, raw))

    async def _post(self, provider: Provider, payload: dict[str, Any]) -> Response:
        base_url = provider.base_url or self._settings.default_base_url
        request = (
            self._client.post(f"{base_url.rstrip('/')}/chat/completions")
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body_bytes(json.dumps(payload, separators=(",", ":")).encode())
        )
        secret = self._secret(provider)
        if secret:
            request = request.bearer_auth(secret)
        return await request.build().send()

    def _secret(self, provider: Provider) -> str:
        if provider.secret_env in {"", DEFAULT_SECRET}:
            # The default key goes to the default address alone.
            return "" if provider.base_url else self._settings.default_api_key
        return os.environ.get(provider.secret_env, "")


def _parse(provider: Provider, raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
        message = (
            f"Provider {provider.key} answered with something that is no completion."
        )
        raise UpstreamFailure(
            502, "upstream_invalid_answer", message, is_cost_known=False
        )
    return body


def _describe(provider: Provider, error: PyreqwestError) -> UpstreamFailure:
    if _was_never_connected(error):
        message = f"Provider {provider.key} cannot be reached."
        return UpstreamFailure(502, "upstream_unreachable", message)
    if isinstance(error, UpstreamTimeoutError):
        message = f"Provider {provider.key} did not answer in time."
        return UpstreamFailure(504, "upstream_timeout", message, is_cost_known=False)
    message = f"The connection to provider {provider.key} broke."
    return UpstreamFailure(502, "upstream_broken", message, is_cost_known=False)


def _was_never_connected(error: PyreqwestError) -> bool:
    """Tell whether nothing can have been sent.

    The client names a provider that never answered a connection timeout as well;
    only its causes tell the two apart.
    """
    if not isinstance(error, ConnectTimeoutError):
        return isinstance(error, ConnectError)
    causes = error.details["causes"] or []
    return any("(Connect)" in cause["message"] for cause in causes)


def _refused(provider: Provider, response: Response, raw: bytes) -> UpstreamFailure:
    """Return what a provider's error status becomes for the caller."""
    status = response.status
    if status in _OUR_FAULT:
        message = f"Provider {provider.key} refused the service's own credentials."
        return UpstreamFailure(502, "upstream_auth_failed", message)
    if status in _CALLERS_FAULT:
        words = _message(raw) or f"answered {status}"
        message = f"Provider {provider.key}: {words}"
        return UpstreamFailure(status, "upstream_bad_request", message)
    if status == _TOO_MANY:
        wait = response.get_header("retry-after") or ""
        headers = {"Retry-After": wait} if _RETRY_AFTER.fullmatch(wait) else {}
        message = f"Provider {provider.key} limits the rate of calls. Try again later."
        return UpstreamFailure(429, "upstream_rate_limited", message, headers=headers)
    message = f"Provider {provider.key} failed with status {status}."
    return UpstreamFailure(502, "upstream_failed", message)


def _message(raw: bytes) -> str:
    """Return the provider's own words about a request it did not like."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    error = body.get("error") if isinstance(body, dict) else None
    words = error.get("message") if isinstance(error, dict) else error
    return words[:MESSAGE_MAX] if isinstance(words, str) else ""
