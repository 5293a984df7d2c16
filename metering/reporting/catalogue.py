"""What a report can be asked: metrics and dimensions, and the SQL behind each. Pure.

Everything here is a constant of ours; a request only ever chooses among the names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from orqstudio.lib import ids


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured.

    Attributes:
        fields: name in the answer -> aggregate over the rows of `metering.reporting.
            sql`; NULL, where nothing was measured, is left out of the answer.
        ranked_by: the field that orders scalar rows.
        condition: the events that count, where not all do.
        is_summable: whether usage_daily can answer it too.
        has_cost: whether calls of unknown cost make it incomplete.
    """

    fields: Mapping[str, str]
    ranked_by: str
    condition: str = "true"
    is_summable: bool = False
    has_cost: bool = False


@dataclass(frozen=True, slots=True)
class Dimension:
    """What usage can be broken down by, and narrowed to.

    Attributes:
        array: PostgreSQL's type of a list of values.
        is_daily: whether usage_daily keeps it.
        read: a value of a filter -> the column's value, None when it can be none.
        show: the column's value -> the label; empty when there is none.
    """

    name: str
    column: str
    array: str = "text[]"
    is_daily: bool = False
    read: Callable[[str], Any] = str
    show: Callable[[Any], str] = str


REQUESTS = "coalesce(sum(requests), 0)"
ERRORS = "coalesce(sum(errors), 0)"
COST = "coalesce(sum(cost_usd), 0)"
TOKENS = "coalesce(sum(input_tokens + output_tokens), 0)"
ERROR_RATE = f"coalesce(round({ERRORS}::numeric / nullif({REQUESTS}, 0), 10), 0)"
USAGE = {
    "request_count": REQUESTS,
    "error_count": ERRORS,
    "input_tokens": "coalesce(sum(input_tokens), 0)",
    "cached_input_tokens": "coalesce(sum(cached_tokens), 0)",
    "output_tokens": "coalesce(sum(output_tokens), 0)",
    "reasoning_tokens": "coalesce(sum(reasoning_tokens), 0)",
    "total_tokens": TOKENS,
    "total_cost": COST,
}
"""Of the API's bundle, what is recorded; costs are kept as one sum per call."""


def _metric(name: str, aggregate: str, **facts: Any) -> tuple[str, Metric]:
    return name, Metric({name: aggregate}, name, **facts)


def _percentile(name: str, column: str, share: str) -> tuple[str, Metric]:
    """Nearest rank: always a value that was measured, in milliseconds."""
    aggregate = f"percentile_disc({share}) WITHIN GROUP (ORDER BY {column})"
    return _metric(name, aggregate, condition=_MEASURED[column])


_MEASURED = {"latency_ms": "status <> 'lost'", "ttft_ms": "ttft_ms IS NOT NULL"}

METRICS: Mapping[str, Metric] = MappingProxyType(
    dict(
        [
            _metric("genai.requests", REQUESTS, is_summable=True),
            _metric("genai.tokens", TOKENS, is_summable=True),
            _metric("genai.cost", COST, is_summable=True, has_cost=True),
            _metric("genai.errors", ERRORS, is_summable=True),
            _metric("genai.error_rate", ERROR_RATE, is_summable=True),
            _percentile("genai.latency.p50", "latency_ms", "0.5"),
            _percentile("genai.latency.p95", "latency_ms", "0.95"),
            _percentile("genai.latency.p99", "latency_ms", "0.99"),
            _metric(
                "genai.ttft.avg",
                "round(avg(ttft_ms), 10)",
                condition=_MEASURED["ttft_ms"],
            ),
            _percentile("genai.ttft.p50", "ttft_ms", "0.5"),
            _percentile("genai.ttft.p95", "ttft_ms", "0.95"),
            (
                "genai.usage",
                Metric(USAGE, "total_cost", is_summable=True, has_cost=True),
            ),
        ]
    )
)


def _read_http_status(text: str) -> int | None:
    is_status = text.isascii() and text.isdigit() and len(text) == len("200")
    return int(text) if is_status else None


def _show_id(value: UUID | None) -> str:
    return "" if value is None else ids.show(value)


def _show_http_status(value: int) -> str:
    return str(value) if value else ""


DIMENSIONS: Mapping[str, Dimension] = MappingProxyType(
    {
        each.name: each
        for each in (
            Dimension("identity", "external_id", is_daily=True),
            Dimension("model", "model", is_daily=True),
            Dimension("provider", "provider_key", is_daily=True),
            Dimension("deployment", "deployment_key"),
            Dimension("api_key", "api_key_id", "uuid[]", read=ids.parse, show=_show_id),
            Dimension("status_code", "status"),
            Dimension(
                "http_status_code",
                "http_status",
                "int[]",
                read=_read_http_status,
                show=_show_http_status,
            ),
        )
    }
)
