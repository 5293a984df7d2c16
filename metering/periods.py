"""Budget windows as a function of time; pure, so there is no reset job to miss.

Periods follow the calendar of the budget's own time zone (default UTC): days begin
at local midnight, weeks on the chosen weekday, months on the 1st, years on 1 January.
Source: contract 6.6 (calendar months in UTC are observed, weeks and years are our
choice) and docs/adr/0002.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""End of a one-time window: it never resets."""

DAILY, WEEKLY, MONTHLY, YEARLY = "daily", "weekly", "monthly", "yearly"
ONE_TIME = "one_time"


class Window(NamedTuple):
    """Half-open span [starts_at, ends_at), both aware UTC instants."""

    starts_at: datetime
    ends_at: datetime

    @property
    def resets_at(self) -> datetime | None:
        """When spend starts again at zero; None for one-time budgets."""
        return None if self.ends_at == FOREVER else self.ends_at


@dataclass(frozen=True, slots=True)
class BudgetPeriod:
    """What of a budget decides its windows.

    Attributes:
        period: daily, weekly, monthly, yearly or one_time.
        anchor: when a one-time window begins (the budget's creation), aware.
        reset_at: the last manual reset, aware; spend before it does not count.
        time_zone: IANA name.
        week_starts_on: ISO weekday, Monday is 1.
    """

    period: str
    anchor: datetime
    reset_at: datetime | None = None
    time_zone: str = "UTC"
    week_starts_on: int = 1


def calendar_window(spec: BudgetPeriod, at: datetime) -> Window:
    """Return the window that contains `at`, manual resets left aside.

    Raises:
        ValueError: `at` is naive, or the period is unknown.
    """
    if at.tzinfo is None:
        message = "at must be aware"
        raise ValueError(message)
    if spec.period == ONE_TIME:
        return Window(spec.anchor.astimezone(UTC), FOREVER)
    day = at.astimezone(ZoneInfo(spec.time_zone)).date()
    window = _window_of_day(spec.period, spec.time_zone, spec.week_starts_on, day)
    if at >= window.ends_at:
        # Clocks were set back over midnight: the local date is yesterday's again,
        # but the new day has begun and stays begun.
        day += timedelta(days=1)
        window = _window_of_day(spec.period, spec.time_zone, spec.week_starts_on, day)
    return window


def effective_window(spec: BudgetPeriod, at: datetime) -> Window | None:
    """Return the part of the calendar window that counts at `at`, or None.

    None: `at` lies before the last manual reset or before a one-time budget was
    made, so a call of that moment counts in no window of the budget any more.
    """
    window = calendar_window(spec, at)
    starts_at = max(window.starts_at, spec.reset_at or window.starts_at)
    return None if at < starts_at else Window(starts_at, window.ends_at)


@lru_cache(maxsize=4096)
def _window_of_day(
    period: str, time_zone: str, week_starts_on: int, day: date
) -> Window:
    first, after = _local_days(period, week_starts_on, day)
    zone = ZoneInfo(time_zone)
    return Window(_midnight(first, zone), _midnight(after, zone))


def _local_days(period: str, week_starts_on: int, day: date) -> tuple[date, date]:
    """Return the first local day of the period and the first one after it."""
    if period == DAILY:
        return day, day + timedelta(days=1)
    if period == WEEKLY:
        first = day - timedelta(days=(day.isoweekday() - week_starts_on) % 7)
        return first, first + timedelta(days=7)
    if period == MONTHLY:
        first = day.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1)
    if period == YEARLY:
        return date(day.year, 1, 1), date(day.year + 1, 1, 1)
    message = f"unknown period {period!r}"
    raise ValueError(message)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant a local day begins.

    A midnight that the clocks skip is read with the offset before the gap, which is
    the instant of the gap; one that happens twice begins the day the first time.
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)
