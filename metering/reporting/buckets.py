"""Where the buckets of a time series begin, by the clocks of a time zone. Pure.

The database gets instants, so its own time zone tables never have a say.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
ONE_DAY = timedelta(days=1)


def bucket_starts(
    starts_at: datetime, ends_at: datetime, *, grain: str, time_zone: str
) -> list[datetime]:
    """Return ascending UTC instants; the first is at or before `starts_at`.

    A day is 23 to 25 hours long where clocks change. An hour or a minute begins
    where the clock of the zone shows it full.

    Args:
        starts_at: aware UTC, inclusive.
        ends_at: aware UTC, exclusive, later than `starts_at`.
        grain: minute, hour or day.
        time_zone: IANA name.
    """
    zone = ZoneInfo(time_zone)
    if grain == "day":
        return _days(starts_at, ends_at, zone)
    return _steps(starts_at, ends_at, zone, STEPS[grain])


def _days(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> list[datetime]:
    day = starts_at.astimezone(zone).date()
    begins_at = _midnight(day, zone)
    found = []
    while begins_at < ends_at:
        found.append(begins_at)
        day += ONE_DAY
        begins_at = _midnight(day, zone)
    return found


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a day.

    Where midnight is skipped that is the one after; where a whole day is, as in Samoa
    on 30 December 2011, the day is empty and begins with the next.
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _steps(
    starts_at: datetime, ends_at: datetime, zone: ZoneInfo, step: timedelta
) -> list[datetime]:
    begins_at = starts_at - _past_full(starts_at, zone, step)
    found = []
    while begins_at < ends_at:
        found.append(begins_at)
        begins_at += step
        # Lord Howe Island changes its clocks by half an hour
        begins_at += -_past_full(begins_at, zone, step) % step
    return found


def _past_full(moment: datetime, zone: ZoneInfo, step: timedelta) -> timedelta:
    """Return how far the zone's clock is past the full minute or hour."""
    clock = moment.astimezone(zone)
    past_hour = timedelta(
        minutes=clock.minute, seconds=clock.second, microseconds=clock.microsecond
    )
    return past_hour % step
