"""US dollars: exact `Decimal` inside, JSON numbers only at the edge.

Amounts are NUMERIC(20, 10) in the database. A cost is rounded once, half-even,
when a call is priced; sums are exact from there on.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

USD_DIGITS = 20
USD_PLACES = 10
USD_STEP = Decimal(1).scaleb(-USD_PLACES)
USD_MAX = Decimal(10) ** (USD_DIGITS - USD_PLACES) - USD_STEP
ZERO_USD = Decimal(0)


def round_usd(amount_usd: Decimal) -> Decimal:
    """Round half-even to the tenth decimal; the only rounding of money there is."""
    return amount_usd.quantize(USD_STEP, rounding=ROUND_HALF_EVEN)


def json_number(amount: Decimal) -> int | float:
    """Return a JSON number: whole amounts as int, the rest as the nearest double."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def plain(amount: Decimal) -> str:
    """Return the exact decimal text without exponent or trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
