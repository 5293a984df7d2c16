"""Numbers, money and times as the Studio writes them, and its drawn parts."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

from django import template
from django.utils import formats
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orqstudio.lib import charts
from orqstudio.lib.money import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.safestring import SafeString

register = template.Library()

UNKNOWN = "–"
_UNITS = ((1, ""), (10**3, "k"), (10**6, "M"), (10**9, "B"))
_FIGURES = 3
_PERCENT = 100
_TENFOLD_PERCENT = 1000
_MS_PER_S = 1000
_WEEK_DAYS = 7
_CENTS, _FINE = 2, 4
_LEAST_SHOWN_USD = Decimal("0.0001")
_AGES = (
    (timedelta(days=365), "%(n)s y"),
    (timedelta(days=30), "%(n)s mo"),
    (timedelta(days=1), "%(n)s d"),
    (timedelta(hours=1), "%(n)s h"),
    (timedelta(minutes=1), "%(n)s min"),
)


def _write(value: Decimal, places: int) -> str:
    """Round half-even, as money is, and group; Django's own formats cut instead."""
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return formats.number_format(rounded, places, force_grouping=True)


@register.filter
def usd(amount: Decimal | None) -> str:
    """Write dollars: cents from $1 on, four decimals below, the dash if unknown."""
    if amount is None:
        return UNKNOWN
    if amount == 0:
        return "$0"
    if abs(amount) < _LEAST_SHOWN_USD:
        return "<$0.0001"
    places = _CENTS if abs(amount) >= 1 else _FINE
    number = _write(amount, places)
    if places == _FINE and number.endswith("00"):
        number = number[:-2]
    return f"${number}"


@register.filter
def usd_exact(amount: Decimal | None) -> str:
    """Write dollars to the last decimal there is."""
    return UNKNOWN if amount is None else f"${plain(amount)}"


@register.filter
def count(number: int | None) -> str:
    """Write a count, grouped: 1,204."""
    if number is None:
        return UNKNOWN
    return formats.number_format(number, 0, force_grouping=True)


@register.filter
def compact(number: int | None) -> str:
    """Write a count in at most four figures: 1.2M."""
    if number is None:
        return UNKNOWN
    for size, unit in _UNITS:
        value = _write(Decimal(number) / size, 1 if unit else 0)
        if len(value.split(".")[0]) <= _FIGURES:
            break
    return f"{value.removesuffix('.0')}{unit}"


@register.filter
def percent(ratio: Decimal | float | None, places: int = 0) -> str:
    """Write a ratio of 0 to 1 as a percentage; what is not 0 never reads 0."""
    if ratio is None:
        return UNKNOWN
    value = Decimal(str(ratio)) * 100
    if value and value < 1:
        places = 1
        value = max(value, Decimal("0.1"))
    # Cut, not rounded, below the full: 99.6 % of a budget is not yet all of it.
    if _PERCENT - 1 < value < _PERCENT:
        value = Decimal(_PERCENT - 1)
    return f"{_write(value, places)}%"


@register.filter
def minus(value: Decimal, other: Decimal) -> Decimal:
    """Return the difference."""
    return value - other


@register.filter
def initials(name: str) -> str:
    """Return up to two letters that stand for a name."""
    words = [
        w for w in name.replace("_", " ").replace("-", " ").split() if w[0].isalnum()
    ]
    letters = [word[0] for word in words[:2]]
    return "".join(letters).upper() or "·"


@register.filter
def tint(name: str) -> int:
    """Return which of four tints a name's avatar has; always the same one."""
    return sum(name.encode()) % 4


@register.simple_tag
def ago(moment: datetime | None, now: datetime) -> str | SafeString:
    """Write how long ago, with the exact instant as title; script keeps it fresh."""
    if moment is None:
        return UNKNOWN
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        moment.isoformat(),
        exact_time(moment),
        _ago_text(now - moment),
    )


@register.filter
def exact_time(moment: datetime | None) -> str:
    """Write an instant to the second, in UTC, and say so."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else UNKNOWN


@register.filter
def minute_time(moment: datetime | None) -> str:
    """Write an instant to the minute, in UTC, and say so."""
    return f"{formats.date_format(moment, 'j M Y H:i')} UTC" if moment else UNKNOWN


@register.simple_tag
def until(moment: datetime, now: datetime) -> str:
    """Write how long there is left: 3 days 4 h."""
    left = max(moment - now, timedelta())
    hours, rest = divmod(int(left.total_seconds()), 3600)
    days, hours = divmod(hours, 24)
    if days:
        text = ngettext("%(days)s day", "%(days)s days", days) % {"days": days}
        return f"{text} {hours} h" if hours and days < _WEEK_DAYS else text
    return f"{hours} h {rest // 60} min" if hours else f"{max(1, rest // 60)} min"


def _ago_text(age: timedelta) -> str:
    for unit, words in _AGES:
        if age >= unit:
            return _("%(age)s ago") % {"age": words % {"n": age // unit}}
    return _("just now")


@register.inclusion_tag("studio/_bar.html")
def budget_bar(
    ratio: Decimal, state: str, held: Decimal, size: str = ""
) -> dict[str, Any]:
    """Draw how full a budget is, with what is held as a lighter end."""
    return {
        "fill": f"{charts.fill_width(ratio):g}",
        "held": f"{charts.fill_width(held):g}",
        "state": state,
        "size": size,
        "label": percent(ratio),
    }


@register.inclusion_tag("studio/_sparkline.html")
def sparkline(buckets: Sequence[Any]) -> dict[str, Any]:
    """Draw cost by bucket as a small line."""
    values = [bucket.usage.cost_usd for bucket in buckets]
    drawn = charts.sparkline(values)
    peak = buckets[drawn.peak] if drawn.peak is not None and any(values) else None
    return {"spark": drawn, "peak": peak}


@register.filter
def change(now: Decimal | int, before: Decimal | int) -> str:
    """Write how a figure moved against the range before it: +12%."""
    if not before:
        return _("none before") if now else ""
    moved = (Decimal(now) - Decimal(before)) / Decimal(before) * 100
    if abs(moved) >= _TENFOLD_PERCENT:
        return _("more than tenfold") if moved > 0 else ""
    text = f"{moved:+.0f}%"
    return _("no change") if text in {"+0%", "-0%"} else text


@register.filter
def share(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return part of whole, 0 to 1; unknown when there is no whole."""
    return part / whole if whole else None


@register.filter
def tokens_of(input_tokens: int, output_tokens: int) -> int:
    """Return both together."""
    return input_tokens + output_tokens


@register.filter
def latency(milliseconds: int) -> str:
    """Write a duration: 840 ms, 2.1 s."""
    if milliseconds < _MS_PER_S:
        return f"{milliseconds} ms"
    return f"{_write(Decimal(milliseconds) / _MS_PER_S, 1)} s"
