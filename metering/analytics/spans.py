"""A span of time, and the rows of usage in it, exact to the instant.

Whole UTC days come from usage_daily, the parts of a day at either end from
usage_event, as in `metering.selectors.metrics_for`; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from identities.models import Workspace

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open [starts_at, ends_at), aware UTC; `is_open` when it ends now."""

    starts_at: datetime
    ends_at: datetime
    is_open: bool = True

    @classmethod
    def until(cls, now: datetime, length: timedelta) -> Span:
        """Return the span of this length that ends at `now` (aware)."""
        ends_at = now.astimezone(UTC)
        return cls(ends_at - length, ends_at)

    @property
    def previous(self) -> Span:
        """The span of the same length that ends where this one begins."""
        length = self.ends_at - self.starts_at
        return Span(self.starts_at - length, self.starts_at, is_open=False)

    @property
    def first_whole_day(self) -> date:
        """The first UTC day that lies in the span from its midnight on."""
        day = self.starts_at.date()
        return day if self.starts_at.time() == time() else day + ONE_DAY

    def params(self) -> dict[str, Any]:
        """Return the bounds that the SQL of `USAGE` names.

        The day that is under way counts as whole: nothing lies after now.
        """
        last = self.ends_at.date()
        head_ends_at = min(_midnight(self.first_whole_day), self.ends_at)
        return {
            "first_day": self.first_whole_day,
            "day_after": last + ONE_DAY if self.is_open else last,
            "head_from": self.starts_at,
            "head_to": head_ends_at,
            "tail_from": max(_midnight(last), head_ends_at),
            "tail_to": _midnight(last) if self.is_open else self.ends_at,
        }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


USAGE = """
    SELECT external_id, day, provider_key, model, requests, errors, unpriced,
        input_tokens, output_tokens, cost_usd
    FROM usage_daily
    WHERE workspace_id = %(workspace)s AND day >= %(first_day)s AND day < %(day_after)s
    {mine}
    UNION ALL
    SELECT external_id, (occurred_at AT TIME ZONE 'UTC')::date, provider_key, model,
        1, (status <> 'ok')::int, (cost_usd IS NULL)::int,
        input_tokens, output_tokens, coalesce(cost_usd, 0)
    FROM usage_event
    WHERE workspace_id = %(workspace)s
      AND occurred_at >= %(head_from)s AND occurred_at < %(head_to)s {mine}
    UNION ALL
    SELECT external_id, (occurred_at AT TIME ZONE 'UTC')::date, provider_key, model,
        1, (status <> 'ok')::int, (cost_usd IS NULL)::int,
        input_tokens, output_tokens, coalesce(cost_usd, 0)
    FROM usage_event
    WHERE workspace_id = %(workspace)s
      AND occurred_at >= %(tail_from)s AND occurred_at < %(tail_to)s {mine}
"""
"""Rows of usage of a span; `{mine}` narrows it to some external_ids."""

OF_ALL = USAGE.format(mine="")
OF_SOME = USAGE.format(mine="AND external_id = ANY(%(external_ids)s)")

SUMS = """
    coalesce(sum(requests), 0)::bigint AS requests,
    coalesce(sum(errors), 0)::bigint AS errors,
    coalesce(sum(unpriced), 0)::bigint AS unpriced,
    coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
    coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
    coalesce(sum(cost_usd), 0) AS cost_usd
"""


def read_rows(sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run one statement and return its rows by column name."""
    with connection.cursor() as cursor:
        cursor.execute(sql, dict(params))
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def usage_params(
    workspace: Workspace, span: Span, external_ids: Iterable[str] = ()
) -> dict[str, Any]:
    """Return everything that `USAGE` names."""
    return {
        "workspace": workspace.pk,
        "external_ids": list(external_ids),
        **span.params(),
    }
