"""Runs a report within bounds, and renders what it found.

A report may take one database core for `REPORT_TIMEOUT_S`, and at most `AT_ONCE` of a
process's threads compute reports: metered calls and other resources go on beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from metering.errors import ReportsBusy, ReportTooSlow
from metering.reporting.question import Question
from metering.reporting.sql import starts_of, write_statement
from orqstudio.lib.money import json_number
from orqstudio.web.api import format_timestamp

AT_ONCE = 4
PATIENCE_S = 1.0
SLOTS = BoundedSemaphore(AT_ONCE)
COST_UNKNOWN = "cost_unknown_for_some_requests"

_BOUNDS = """
SELECT set_config('statement_timeout', %s, true),
    set_config('max_parallel_workers_per_gather', '0', true)
"""

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What was found; `total` None unless it was asked for."""

    rows: Sequence[Row]
    total: Row | None
    has_more: bool


def run_report(question: Question) -> Report:
    """Return the rows of the answer. Two queries, whatever is asked.

    Raises:
        ReportTooSlow: the database would have needed more than the time allowed.
        ReportsBusy: others kept all slots for longer than `PATIENCE_S`.
    """
    rows = _read(question)
    total = None
    if question.wants_totals:
        # without groups or buckets the one row is the total
        has_total_row = question.is_series or bool(question.group_by)
        total = rows.pop(0) if has_total_row else rows[0]
    return Report(rows[: question.limit], total, len(rows) > question.limit)


def _read(question: Question) -> list[Row]:
    sql, params = write_statement(question)
    limit_ms = round(settings.REPORT_TIMEOUT_S * 1000)
    try:
        with _slot(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_BOUNDS, [str(limit_ms)])
            cursor.execute(sql, params)
            return list(cursor.fetchall())
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise ReportTooSlow(settings.REPORT_TIMEOUT_S) from None
        raise


@contextmanager
def _slot() -> Iterator[None]:
    if not SLOTS.acquire(timeout=PATIENCE_S):
        raise ReportsBusy
    try:
        yield
    finally:
        SLOTS.release()


def report_body(
    question: Question, report: Report, *, request_id: str
) -> dict[str, Any]:
    """Return the answer's JSON; nothing in it is ever null."""
    starts = starts_of(question) if question.is_series else []
    body = {
        "object": "report",
        "request": question.asked,
        "data": [_point(question, starts, row) for row in report.rows],
        "has_more": report.has_more,
        "meta": {
            "effective_grain": question.grain,
            "row_count": len(report.rows),
            "request_id": request_id,
            "currency": "USD",
            "warnings": _warnings(question, report),
        },
    }
    if report.total is not None:
        body["totals"] = {"metrics": _metrics(question, report.total)}
    return body


def _point(question: Question, starts: Sequence[Any], row: Row) -> dict[str, Any]:
    keys = row[2 + len(question.metric.fields) :]
    point: dict[str, Any] = {}
    if question.is_series:
        point["timestamp"] = format_timestamp(starts[keys[0] - 1])
        keys = keys[1:]
    labels = {
        dimension.name: dimension.show(value)
        for dimension, value in zip(question.group_by, keys, strict=True)
    }
    point["dimensions"] = {name: label for name, label in labels.items() if label}
    point["metrics"] = _metrics(question, row)
    return point


def _metrics(question: Question, row: Row) -> dict[str, int | float]:
    return {
        name: json_number(Decimal(value))
        for name, value in zip(question.metric.fields, row[2:], strict=False)
        if value is not None
    }


def _warnings(question: Question, report: Report) -> list[str]:
    rows = [*report.rows, report.total] if report.total else report.rows
    is_incomplete = question.metric.has_cost and any(row[1] for row in rows)
    return [COST_UNKNOWN] if is_incomplete else []
