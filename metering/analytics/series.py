"""Usage over time, by model and call by call, for one identity or a page of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from metering.analytics.spans import OF_SOME, SUMS, Span, read_rows, usage_params
from metering.models import UsageEvent
from orqstudio.lib import ids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from identities.models import Workspace

_BY_DAY = f"""
SELECT external_id, day AS step, {SUMS} FROM ({OF_SOME}) u GROUP BY 1, 2
"""  # noqa: S608

_BY_HOUR = f"""
SELECT external_id, date_trunc('hour', least(occurred_at, %(to)s), 'UTC') AS step,
    {SUMS}
FROM (
    SELECT external_id, occurred_at, 1 AS requests, (status <> 'ok')::int AS errors,
        (cost_usd IS NULL)::int AS unpriced, input_tokens, output_tokens, cost_usd
    FROM usage_event
    WHERE workspace_id = %(workspace)s AND external_id = ANY(%(external_ids)s)
      AND occurred_at >= %(from)s AND occurred_at < %(until)s
) u GROUP BY 1, 2
"""  # noqa: S608

_BY_MODEL = f"""
SELECT provider_key, model, {SUMS} FROM ({OF_SOME}) u
GROUP BY 1, 2 ORDER BY cost_usd DESC, requests DESC, 1, 2 LIMIT %(most)s
"""  # noqa: S608

_TOTALS = f"SELECT {SUMS} FROM ({OF_SOME}) u"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums of usage; errors are failed and lost calls."""

    requests: int = 0
    errors: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    @property
    def tokens(self) -> int:
        """Input and output together, as the API's total_tokens."""
        return self.input_tokens + self.output_tokens

    @property
    def error_ratio(self) -> Decimal:
        """Failed of all requests, 0 to 1; 0 without requests."""
        return Decimal(self.errors) / self.requests if self.requests else Decimal(0)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One step of a chart; `is_part` when it holds less than its whole step."""

    starts_at: datetime
    usage: Usage
    is_part: bool


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What one model of one provider was used for."""

    provider_key: str
    model: str
    usage: Usage


_MICROS_DIGITS = 16
"""Of microseconds since 1970, until the year 2286."""

_SUM_NAMES = [field.name for field in fields(Usage)]


def usage_of(row: dict[str, object]) -> Usage:
    """Return the sums of a row that selected `SUMS`."""
    return Usage(**{name: row[name] for name in _SUM_NAMES})  # type: ignore[arg-type]


def total_usage(workspace: Workspace, external_id: str, span: Span) -> Usage:
    """Return the sums of one external_id over a span. One query."""
    rows = read_rows(_TOTALS, usage_params(workspace, span, [external_id]))
    return usage_of(rows[0])


def usage_by_model(
    workspace: Workspace, external_id: str, span: Span, *, most: int = 20
) -> list[ModelUsage]:
    """Return the models used in a span, dearest first. One query."""
    params = {**usage_params(workspace, span, [external_id]), "most": most}
    return [
        ModelUsage(row["provider_key"], row["model"], usage_of(row))
        for row in read_rows(_BY_MODEL, params)
    ]


def series_of(
    workspace: Workspace,
    external_ids: Sequence[str],
    span: Span,
    *,
    is_hourly: bool = False,
) -> dict[str, list[Bucket]]:
    """Return the buckets of every external_id, oldest first. One query.

    Steps are UTC hours or days. The first and the last hold only what lies in the
    span, so that the buckets add up to the totals.
    """
    params = usage_params(workspace, span, external_ids)
    sql = _BY_HOUR if is_hourly else _BY_DAY
    hours = {
        "from": span.starts_at,
        "to": span.ends_at,
        # a call that came while the page was made belongs to its last bucket
        "until": "infinity" if span.is_open else span.ends_at,
    }
    rows = read_rows(sql, {**params, **hours})
    found = {(row["external_id"], row["step"]): usage_of(row) for row in rows}
    steps = _hours(span) if is_hourly else _days(span)
    return {
        external_id: [
            Bucket(at, found.get((external_id, key), Usage()), is_part)
            for key, at, is_part in steps
        ]
        for external_id in external_ids
    }


def _days(span: Span) -> list[tuple[object, datetime, bool]]:
    first, last = span.starts_at.date(), span.ends_at.date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [
        (
            day,
            max(span.starts_at, datetime.combine(day, time(), UTC)),
            day < span.first_whole_day or day == last,
        )
        for day in days
    ]


def _hours(span: Span) -> list[tuple[object, datetime, bool]]:
    first = span.starts_at.replace(minute=0, second=0, microsecond=0)
    last = span.ends_at.replace(minute=0, second=0, microsecond=0)
    count = int((last - first) / timedelta(hours=1)) + 1
    hours = [first + timedelta(hours=n) for n in range(count)]
    return [
        (at, max(at, span.starts_at), at < span.starts_at or at == last) for at in hours
    ]


@dataclass(frozen=True, slots=True)
class Calls:
    """A page of calls, newest first; `older` is the cursor of the next page."""

    events: list[UsageEvent]
    older: str


def recent_calls(
    workspace: Workspace, external_id: str, *, before: str = "", most: int = 20
) -> Calls:
    """Return the calls of an external_id older than a cursor. One query.

    A cursor that is not one of ours is as none.
    """
    rows = UsageEvent.objects.filter(workspace=workspace, external_id=external_id)
    if cursor := _read_cursor(before):
        rows = rows.extra(where=["(occurred_at, id) < (%s, %s)"], params=list(cursor))
    events = list(rows.order_by("-occurred_at", "-id")[: most + 1])
    older = _cursor_of(events[most - 1]) if len(events) > most else ""
    return Calls(events[:most], older)


def _cursor_of(event: UsageEvent) -> str:
    moment = event.occurred_at - datetime.fromtimestamp(0, UTC)
    return f"{moment // timedelta(microseconds=1)}-{ids.show(event.pk)}"


def _read_cursor(text: str) -> tuple[datetime, UUID] | None:
    micros, _, shown = text.partition("-")
    event_id = ids.parse(shown)
    if event_id is None or not (micros.isascii() and micros.isdigit()):
        return None
    if len(micros) > _MICROS_DIGITS:
        return None
    moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(micros))
    return moment, event_id
