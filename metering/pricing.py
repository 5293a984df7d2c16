"""Tokens times price, exact; and the worst case a call can cost. Pure.

Normal form of usage: `cached` is part of `input`, `reasoning` part of `output`.
Costs are Decimal US dollars, rounded half-even once to ten decimals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot

from orqstudio.lib.money import round_usd

if TYPE_CHECKING:
    from datetime import datetime

    from genai_prices.types import ModelInfo, ModelPrice

MILLION = Decimal(1_000_000)

ECHO_MODEL = "orq/echo"
ECHO_INPUT_USD_PER_MTOK = Decimal(1000)
ECHO_OUTPUT_USD_PER_MTOK = Decimal(2000)
"""The echo model is dear on purpose: a demo budget of cents is spent in a few calls."""

_FLAT_KEYS = ("input_mtok", "cache_read_mtok", "output_mtok")
_OTHER_KEYS = (
    "requests_kcount",
    "output_reasoning_mtok",
    "input_audio_mtok",
    "output_audio_mtok",
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a call used; every count >= 0, cached <= input, reasoning <= output.

    Audio tokens are part of input and output; they count for the price alone.
    """

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0

    @property
    def total(self) -> int:
        """Input and output together, as `total_tokens` on the wire."""
        return self.input + self.output


class Price(Protocol):
    """What turns tokens into dollars, and where it comes from."""

    @property
    def source(self) -> str:
        """Return a short name that usage events keep."""

    def cost_usd(self, tokens: Tokens) -> Decimal:
        """Return the cost, rounded."""


@dataclass(frozen=True, slots=True)
class FlatPrice:
    """One rate per kind of token, in USD per million."""

    source: str
    input_usd_per_mtok: Decimal
    cached_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal

    def cost_usd(self, tokens: Tokens) -> Decimal:
        """Return the cost, rounded."""
        cost = (
            (tokens.input - tokens.cached) * self.input_usd_per_mtok
            + tokens.cached * self.cached_usd_per_mtok
            + tokens.output * self.output_usd_per_mtok
        )
        return round_usd(cost / MILLION)


@dataclass(frozen=True, slots=True)
class CataloguePrice:
    """A price of the catalogue with tiers or other rules, left to its own library."""

    source: str
    model_price: ModelPrice

    def cost_usd(self, tokens: Tokens) -> Decimal:
        """Return the cost, rounded."""
        usage = Usage(
            input_tokens=tokens.input,
            cache_read_tokens=tokens.cached,
            output_tokens=tokens.output,
            output_reasoning_tokens=tokens.reasoning,
            input_audio_tokens=tokens.audio_input,
            output_audio_tokens=tokens.audio_output,
        )
        return round_usd(self.model_price.calc_price(usage)["total_price"])


ECHO_PRICE = FlatPrice(
    source="orqstudio",
    input_usd_per_mtok=ECHO_INPUT_USD_PER_MTOK,
    cached_usd_per_mtok=ECHO_INPUT_USD_PER_MTOK,
    output_usd_per_mtok=ECHO_OUTPUT_USD_PER_MTOK,
)


def worst_cost_usd(price: Price, tokens: Tokens) -> Decimal:
    """Return the most that so many tokens can cost, all text or all audio."""
    spoken = replace(tokens, audio_input=tokens.input, audio_output=tokens.output)
    return max(price.cost_usd(tokens), price.cost_usd(spoken))


def find_catalogue_price(provider_id: str, model: str, at: datetime) -> Price | None:
    """Return the catalogue's price of a model at an instant, None when unknown.

    The catalogue's dates are days, its daily discounts hours: an answer is kept for
    the hour it was asked in.
    """
    return _price_in_hour(
        provider_id, model, at.replace(minute=0, second=0, microsecond=0)
    )


@lru_cache(maxsize=4096)
def _price_in_hour(provider_id: str, model: str, hour: datetime) -> Price | None:
    info = _find_model(provider_id, model)
    if info is None:
        return None
    source = f"genai-prices:{provider_id}/{info.id}"[:80]
    return _flatten(source, info.get_prices(hour))


def find_context_window(provider_id: str, model: str) -> int | None:
    """Return how many tokens the model can read and write together, where known."""
    info = _find_model(provider_id, model)
    return info.context_window if info else None


@lru_cache(maxsize=4096)
def _find_model(provider_id: str, model: str) -> ModelInfo | None:
    try:
        _, info = get_snapshot().find_provider_model(model, None, provider_id, None)
    except LookupError:
        return None
    return info


def _flatten(source: str, price: ModelPrice) -> Price | None:
    """Return plain rates as `FlatPrice`, 20 times cheaper to apply than the library."""
    rates = [getattr(price, key) for key in _FLAT_KEYS]
    if all(rate is None for rate in rates):
        return None
    is_flat = all(rate is None or isinstance(rate, Decimal) for rate in rates)
    if not is_flat or any(getattr(price, key) is not None for key in _OTHER_KEYS):
        return CataloguePrice(source, price)
    read, cached, written = (Decimal(0) if rate is None else rate for rate in rates)
    return FlatPrice(source, read, read if rates[1] is None else cached, written)
