"""The one statement of a report. What a caller wrote is only ever a parameter.

Where usage_daily can answer, whole UTC days come from it and the parts of a day at
either end from usage_event, as everywhere (`metering.analytics.spans`); both are
written in one transaction, so they agree.
"""

from __future__ import annotations

from typing import Any

from metering.analytics.spans import Span
from metering.reporting.buckets import bucket_starts
from metering.reporting.question import Question

Statement = tuple[str, dict[str, Any]]

_DAY_SUMS = """requests, errors, unpriced, input_tokens, cached_tokens, output_tokens,
        reasoning_tokens, cost_usd"""
_EVENT_SUMS = """1 AS requests, (status <> 'ok')::int AS errors,
        (cost_usd IS NULL)::int AS unpriced, input_tokens, cached_tokens,
        output_tokens, reasoning_tokens, coalesce(cost_usd, 0) AS cost_usd"""
_EVENT_TIMES = "latency_ms, ttft_ms"
_BUCKET = "width_bucket({moment}, %(starts)s::timestamptz[]) AS bucket"
_OF_EVENT = _BUCKET.format(moment="occurred_at")
_OF_DAY = _BUCKET.format(moment="day::timestamp AT TIME ZONE 'UTC'")


def write_statement(question: Question) -> Statement:
    """Return the SQL and its parameters.

    Its rows: is_total, unpriced, the fields of the metric, then the number of the
    bucket from 1 (of a series) and the group's values. The total, where it is asked
    for, comes first; then at most one row more than the limit.
    """
    keys = _keys(question)
    fields = list(question.metric.fields.values())
    has_total_row = question.wants_totals and bool(keys)
    columns = [
        f"GROUPING({keys[0]}) = 1" if has_total_row else "false",
        "coalesce(sum(unpriced), 0)",
        *fields,
        *keys,
    ]
    sql = f"""
SELECT {", ".join(columns)}
FROM ({_rows(question)}) used
{_grouping(keys, has_total_row=has_total_row)}
ORDER BY 1 DESC{_order(question, keys)}
LIMIT %(rows)s"""  # noqa: S608 - all of it from constants of ours
    return sql, _params(question) | {"rows": question.limit + 1 + has_total_row}


def _keys(question: Question) -> list[str]:
    groups = [f"g{number}" for number, _ in enumerate(question.group_by)]
    return ["bucket", *groups] if question.is_series else groups


def _grouping(keys: list[str], *, has_total_row: bool) -> str:
    if not keys:
        return ""
    listed = ", ".join(keys)
    return (
        f"GROUP BY GROUPING SETS (({listed}), ())"
        if has_total_row
        else f"GROUP BY {listed}"
    )


def _order(question: Question, keys: list[str]) -> str:
    """By time, or by value; then by label, so that the order never depends on luck."""
    ranking = []
    if not question.is_series:
        ranked_by = question.metric.fields[question.metric.ranked_by]
        ranking = [f"{ranked_by} {'DESC' if question.is_descending else 'ASC'}"]
    return "".join(f", {each}" for each in [*ranking, *keys])


def _rows(question: Question) -> str:
    """Return the rows that are summed, one SELECT for each stretch of time."""
    if not question.is_daily:
        return _events(question, "starts_at", "ends_at", times=True)
    return "\nUNION ALL\n".join(
        [
            _days(question),
            _events(question, "head_from", "head_to"),
            _events(question, "tail_from", "tail_to"),
        ]
    )


def _days(question: Question) -> str:
    return f"""
    SELECT {_selected(question, _OF_DAY)} {_DAY_SUMS}
    FROM usage_daily
    WHERE workspace_id = %(workspace)s AND day >= %(first_day)s AND day < %(day_after)s
    {_conditions(question)}"""  # noqa: S608


def _events(question: Question, begin: str, end: str, *, times: bool = False) -> str:
    columns = f"{_EVENT_SUMS}, {_EVENT_TIMES}" if times else _EVENT_SUMS
    return f"""
    SELECT {_selected(question, _OF_EVENT)} {columns}
    FROM usage_event
    WHERE workspace_id = %(workspace)s
      AND occurred_at >= %({begin})s AND occurred_at < %({end})s
      AND {question.metric.condition} {_conditions(question)}"""  # noqa: S608


def _selected(question: Question, bucket: str) -> str:
    groups = [
        f"{each.column}{_COLLATION.get(each.array, '')} AS g{number}"
        for number, each in enumerate(question.group_by)
    ]
    columns = [bucket, *groups] if question.is_series else groups
    return "".join(f"{each}, " for each in columns)


_COLLATION = {"text[]": ' COLLATE "C"'}
"""Labels are equal and ordered byte by byte, whatever language the server speaks."""


def _conditions(question: Question) -> str:
    return " ".join(
        f"AND ({each.dimension.column} = ANY(%(f{number})s::{each.dimension.array}))"
        f"{' IS NOT TRUE' if each.is_negated else ''}"
        for number, each in enumerate(question.filters)
    )


def _params(question: Question) -> dict[str, Any]:
    span = Span(question.starts_at, question.ends_at, is_open=False)
    return {
        "workspace": question.workspace_id,
        "starts_at": question.starts_at,
        "ends_at": question.ends_at,
        "starts": starts_of(question) if question.is_series else [],
        **span.params(),
        **{f"f{number}": each.values for number, each in enumerate(question.filters)},
    }


def starts_of(question: Question) -> list[Any]:
    """Return where the buckets begin, the first of them number 1."""
    return bucket_starts(
        question.starts_at,
        question.ends_at,
        grain=question.grain,
        time_zone=question.time_zone,
    )
