"""A report's question, checked: what `metering.reporting.sql` writes SQL for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from metering.reporting.catalogue import Dimension, Metric

LONGEST = {
    "minute": timedelta(days=3),
    "hour": timedelta(days=100),
    "day": timedelta(days=1100),
}
"""Grain -> longest range, so that there are never more than 4400 buckets."""
AUTO_GRAINS = (
    (timedelta(hours=6), "minute"),
    (timedelta(days=7), "hour"),
    (timedelta.max, "day"),
)
"""Longest range -> what `auto` means for it."""
UTC_NAMES = frozenset({"UTC", "Etc/UTC"})


@dataclass(frozen=True, slots=True)
class Filter:
    """One predicate; `values` are the column's own."""

    dimension: Dimension
    values: Sequence[Any]
    is_negated: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one workspace.

    Attributes:
        starts_at, ends_at: half-open, aware UTC.
        is_series: rows by bucket of `grain` in `time_zone`; else one for each group.
        asked: the request as it was understood, for the answer to repeat.
    """

    workspace_id: UUID
    metric: Metric
    starts_at: datetime
    ends_at: datetime
    grain: str
    time_zone: str
    group_by: Sequence[Dimension]
    filters: Sequence[Filter]
    limit: int
    is_series: bool
    is_descending: bool
    wants_totals: bool
    asked: Mapping[str, Any]

    @property
    def is_daily(self) -> bool:
        """Whether usage_daily, kept by UTC day, can answer for whole days."""
        has_days = self.grain == "day" and self.time_zone in UTC_NAMES
        dimensions = [*self.group_by, *(each.dimension for each in self.filters)]
        return (
            self.metric.is_summable
            and (has_days or not self.is_series)
            and all(each.is_daily for each in dimensions)
        )


def choose_grain(length: timedelta) -> str:
    """Return the grain that `auto` means for a range of this length."""
    return next(grain for longest, grain in AUTO_GRAINS if length <= longest)
