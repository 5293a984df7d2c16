"""Parts of Studio pages that need more than a filter: sort headers and charts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import template
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from orqstudio.lib import charts
from orqstudio.templatetags.studio import compact, count, usd

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.template import Context

register = template.Library()


@dataclass(frozen=True, slots=True)
class Measure:
    """What a chart shows: its layers from the bottom, and how they are written."""

    title: str
    layers: tuple[tuple[str, Callable[[Any], Decimal | int]], ...]
    write: Callable[[Any], str]
    tick: Callable[[Any], str]
    total: Callable[[Any], Decimal | int]


def _measures() -> dict[str, Measure]:
    return {
        "cost": Measure(
            _("Cost"),
            ((_("Cost"), lambda u: u.cost_usd),),
            usd,
            usd,
            lambda u: u.cost_usd,
        ),
        "requests": Measure(
            _("Requests"),
            (
                (_("Succeeded"), lambda u: u.requests - u.errors),
                (_("Failed"), lambda u: u.errors),
            ),
            count,
            _write_tick,
            lambda u: u.requests,
        ),
        "tokens": Measure(
            _("Tokens"),
            (
                (_("Input"), lambda u: u.input_tokens),
                (_("Output"), lambda u: u.output_tokens),
            ),
            count,
            _write_tick,
            lambda u: u.tokens,
        ),
    }


def _write_tick(value: Decimal) -> str:
    return compact(int(value)) if value == int(value) else ""


@register.inclusion_tag("studio/_chart.html")
def usage_chart(
    buckets: Sequence[Any], kind: str, size: str, *, is_hourly: bool
) -> dict[str, Any]:
    """Draw one measure over time, with the same numbers as a table."""
    measure = _measures()[kind]
    layers = [
        [Decimal(read(b.usage)) for b in buckets] for _name, read in measure.layers
    ]
    height = 180 if size == "large" else 110
    drawn = charts.bar_chart(layers, width=720, height=height)
    names = [_step_name(bucket, is_hourly=is_hourly) for bucket in buckets]
    totals = [measure.total(bucket.usage) for bucket in buckets]
    rows = [
        {"name": name, "cells": [measure.write(v) for v in values]}
        for name, values in zip(names, zip(*layers, strict=True), strict=True)
    ]
    peak = max(range(len(totals)), key=totals.__getitem__, default=0)
    return {
        "kind": kind,
        "size": size,
        "chart": drawn,
        "measure": measure,
        "ticks": [measure.tick(tick.value) for tick in reversed(drawn.ticks)],
        "slots": list(zip(drawn.slots, (_say(r, measure) for r in rows), strict=True)),
        "legend": [name for name, _read in measure.layers]
        if len(measure.layers) > 1
        else [],
        "rows": rows,
        "columns": [name for name, _read in measure.layers],
        "ends": [names[0], names[len(names) // 2], names[-1]] if names else [],
        "peak": {"name": names[peak], "value": measure.write(totals[peak])}
        if any(totals)
        else None,
        "open_index": len(buckets) - 1,
        "is_hourly": is_hourly,
    }


def _step_name(bucket: Any, *, is_hourly: bool) -> str:
    return date_format(bucket.starts_at, "j M H:i" if is_hourly else "j M")


def _say(row: dict[str, Any], measure: Measure) -> str:
    if len(measure.layers) == 1:
        return f"{row['name']} · {row['cells'][0]}"
    parts = zip((name for name, _read in measure.layers), row["cells"], strict=True)
    return f"{row['name']} · " + ", ".join(f"{name} {cell}" for name, cell in parts)


@register.inclusion_tag("studio/_sort_header.html", takes_context=True)
def sort_header(
    context: Context, key: str, label: str, kind: str = ""
) -> dict[str, Any]:
    """Write a column's head as a link that sorts by it; numbers begin descending."""
    current = context["query"].sort
    active = current.removeprefix("-") == key
    first, second = (key, f"-{key}") if key == "name" else (f"-{key}", key)
    target = second if current == first else first
    query = context["params"].copy()
    query.pop("page", None)
    query["sort"] = target
    return {
        "label": label,
        "kind": kind,
        "address": f"{context['request'].path}?{query.urlencode()}",
        "direction": ("descending" if current.startswith("-") else "ascending")
        if active
        else "",
    }
