"""Windows of budgets: properties over every zone, and the days that clocks jump."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metering.periods import (
    DAILY,
    FOREVER,
    MONTHLY,
    ONE_TIME,
    WEEKLY,
    YEARLY,
    BudgetPeriod,
    Window,
    calendar_window,
    effective_window,
)
from tests.make import utc

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
CALENDAR = (DAILY, WEEKLY, MONTHLY, YEARLY)
BEGINNING = utc("2020-01-01T00:00")

zones = st.sampled_from(ZONES)
instants = st.integers(0, 120 * 365 * 86_400).map(
    lambda seconds: utc("1970-01-01T00:00") + timedelta(seconds=seconds)
)
specs = st.builds(
    BudgetPeriod,
    period=st.sampled_from(CALENDAR),
    anchor=st.just(BEGINNING),
    time_zone=zones,
    week_starts_on=st.integers(1, 7),
)


def make_spec(period, zone="UTC", **facts):
    return BudgetPeriod(period, **{"anchor": BEGINNING, "time_zone": zone, **facts})


def local(moment, zone):
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


# St. John's went back from 00:01 to 23:01; Samoa had no 30 December 2011 at all.
@given(specs, instants)
@example(make_spec(DAILY, "America/St_Johns"), utc("2006-10-29T02:45"))
@example(make_spec(DAILY, "Pacific/Apia"), utc("2011-12-30T09:59"))
@example(make_spec(DAILY, "Pacific/Apia"), utc("2011-12-30T10:00"))
@example(make_spec(DAILY, "Africa/Cairo"), utc("2026-04-23T22:00"))
def test_the_window_of_an_instant_contains_it(spec, at):
    window = calendar_window(spec, at)

    assert window.starts_at <= at < window.ends_at


@given(specs, instants)
@example(make_spec(DAILY, "Pacific/Apia"), utc("2011-12-30T09:59"))
@example(make_spec(DAILY, "Pacific/Kwajalein"), utc("1993-08-21T11:00"))
@example(make_spec(DAILY, "America/St_Johns"), utc("2006-10-29T02:15"))
def test_windows_tile_time_without_gap_or_overlap(spec, at):
    """E3, E10: an instant at a boundary belongs to exactly one window."""
    window = calendar_window(spec, at)
    step = timedelta(microseconds=1)

    assert calendar_window(spec, window.starts_at) == window
    assert calendar_window(spec, window.ends_at - step) == window
    assert calendar_window(spec, window.ends_at).starts_at == window.ends_at
    assert calendar_window(spec, window.starts_at - step).ends_at == window.starts_at


@given(specs, instants, st.floats(0, 1, exclude_max=True))
def test_every_instant_of_a_window_has_that_window(spec, at, share):
    window = calendar_window(spec, at)
    other = window.starts_at + (window.ends_at - window.starts_at) * share

    assert calendar_window(spec, min(other, window.ends_at - timedelta.resolution)) == (
        window
    )


@given(specs, instants)
def test_windows_begin_when_the_local_day_begins(spec, at):
    """E4, E5: local midnight, whatever the offset; only skipped ones begin later."""
    window = calendar_window(spec, at)
    zone = ZoneInfo(spec.time_zone)
    begins = window.starts_at.astimezone(zone)
    before = (window.starts_at - timedelta(seconds=1)).astimezone(zone)

    assert before.date() < begins.date()
    if spec.period == WEEKLY and begins.date() - before.date() == timedelta(days=1):
        assert begins.isoweekday() == spec.week_starts_on
    if spec.period in {MONTHLY, YEARLY}:
        assert before.month != begins.month
    if spec.period == YEARLY:
        assert before.year == begins.year - 1


@given(zones, instants)
def test_longer_periods_are_made_of_whole_days(zone, at):
    day = calendar_window(make_spec(DAILY, zone), at)

    for period in (WEEKLY, MONTHLY, YEARLY):
        window = calendar_window(make_spec(period, zone), at)
        assert window.starts_at <= day.starts_at
        assert day.ends_at <= window.ends_at


def test_every_zone_resets_at_its_own_midnight():
    """E4: all zones, among them +14, -11, half and quarter hours."""
    for zone in ZONES:
        window = calendar_window(make_spec(MONTHLY, zone), utc("2026-03-15T12:00"))

        assert local(window.starts_at, zone) == "2026-03-01 00:00", zone
        assert local(window.ends_at, zone) == "2026-04-01 00:00", zone


@pytest.mark.parametrize(
    ("zone", "starts_at"),
    [
        ("Asia/Tokyo", "2026-03-14T15:00"),
        ("Pacific/Kiritimati", "2026-03-15T10:00"),
        ("Pacific/Pago_Pago", "2026-03-15T11:00"),
        ("Asia/Kolkata", "2026-03-14T18:30"),
        ("Asia/Kathmandu", "2026-03-14T18:15"),
        ("Pacific/Chatham", "2026-03-15T10:15"),
    ],
)
def test_days_begin_at_the_zones_offset(zone, starts_at):
    """E4: not an offset late, from +14 to -11."""
    window = calendar_window(make_spec(DAILY, zone), utc("2026-03-15T12:00"))

    assert window.starts_at == utc(starts_at)
    assert window.ends_at - window.starts_at == timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "at", "hours"),
    [
        ("Europe/Amsterdam", "2026-03-29T12:00", 23),
        ("Europe/Amsterdam", "2026-10-25T12:00", 25),
        ("Africa/Cairo", "2026-04-24T12:00", 23),  # 00:00 does not exist
        ("America/Santiago", "2026-04-04T16:00", 25),  # 24:00 becomes 23:00
        ("Australia/Lord_Howe", "2026-04-04T20:00", 24.5),  # half an hour of DST
    ],
)
def test_days_on_which_clocks_jump_have_more_or_fewer_hours(zone, at, hours):
    """E10: gap and fold, at midnight too."""
    window = calendar_window(make_spec(DAILY, zone), utc(at))

    assert (window.ends_at - window.starts_at) / timedelta(hours=1) == hours


def test_a_day_that_began_does_not_begin_again_when_clocks_go_back_over_midnight():
    spec = make_spec(DAILY, "America/St_Johns")
    first_midnight = utc("2006-10-29T02:30")
    clocks_go_back = utc("2006-10-29T02:31")

    window = calendar_window(spec, clocks_go_back + timedelta(minutes=10))

    assert local(clocks_go_back, "America/St_Johns") == "2006-10-28 23:01"
    assert window.starts_at == first_midnight


@pytest.mark.parametrize(
    ("period", "at", "starts_at", "ends_at"),
    [
        (DAILY, "2028-02-29T00:00", "2028-02-29T00:00", "2028-03-01T00:00"),
        (MONTHLY, "2028-02-29T23:59", "2028-02-01T00:00", "2028-03-01T00:00"),
        (MONTHLY, "2027-02-28T23:59", "2027-02-01T00:00", "2027-03-01T00:00"),
        (MONTHLY, "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
        (YEARLY, "2028-02-29T12:00", "2028-01-01T00:00", "2029-01-01T00:00"),
        (WEEKLY, "2026-01-01T12:00", "2025-12-29T00:00", "2026-01-05T00:00"),
    ],
)
def test_calendar_months_years_and_leap_days(period, at, starts_at, ends_at):
    """E5, E10, E11: months and years of the calendar, not thirty days."""
    window = calendar_window(make_spec(period), utc(at))

    assert window == Window(utc(starts_at), utc(ends_at))


@pytest.mark.parametrize(
    ("week_starts_on", "starts_at"),
    [(1, "2026-03-09"), (6, "2026-03-14"), (7, "2026-03-15")],
)
def test_weeks_begin_on_the_chosen_day(week_starts_on, starts_at):
    """E6: 15 March 2026 is a Sunday."""
    spec = make_spec(WEEKLY, week_starts_on=week_starts_on)

    window = calendar_window(spec, utc("2026-03-15T12:00"))

    assert window.starts_at == utc(f"{starts_at}T00:00")


def test_a_one_time_budget_runs_from_its_making_and_never_resets():
    spec = make_spec(ONE_TIME)

    assert effective_window(spec, utc("2050-01-01T00:00")) == (BEGINNING, FOREVER)
    assert calendar_window(spec, utc("2050-01-01T00:00")).resets_at is None
    assert effective_window(spec, BEGINNING - timedelta(seconds=1)) is None


@given(specs, instants, instants)
def test_a_reset_cuts_its_own_window_and_no_other(spec, at, reset_at):
    """E13: a window's start only ever moves forward."""
    cut = BudgetPeriod(
        spec.period, spec.anchor, reset_at, spec.time_zone, spec.week_starts_on
    )
    whole = calendar_window(spec, at)

    window = effective_window(cut, at)

    if at < reset_at:
        assert window is None or reset_at <= whole.starts_at
    else:
        assert window == Window(max(whole.starts_at, reset_at), whole.ends_at)


def test_a_reset_of_a_one_time_budget_begins_a_new_lifetime():
    spec = make_spec(ONE_TIME, reset_at=utc("2026-03-15T12:00"))

    assert effective_window(spec, utc("2026-03-15T11:59")) is None
    assert effective_window(spec, utc("2026-03-15T12:00")) == (
        utc("2026-03-15T12:00"),
        FOREVER,
    )


def test_naive_instants_and_unknown_periods_are_refused():
    with pytest.raises(ValueError, match="aware"):
        calendar_window(make_spec(DAILY), utc("2026-03-15T12:00").replace(tzinfo=None))
    with pytest.raises(ValueError, match="unknown period"):
        calendar_window(make_spec("hourly"), utc("2026-03-15T12:00"))
