"""What a report must answer, in plain Python over plain events: slow and obvious."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from orqstudio.lib import ids

COLUMNS = {
    "identity": "external_id",
    "model": "model",
    "provider": "provider_key",
    "deployment": "deployment_key",
    "api_key": "api_key_id",
    "status_code": "status",
    "http_status_code": "http_status",
}


def expected_answer(events, body):
    """Return (data, totals) for `events`, all of one workspace, and a valid body."""
    starts_at, ends_at = (datetime.fromisoformat(body[name]) for name in ("from", "to"))
    counted = [
        event
        for event in events
        if starts_at <= event.occurred_at < ends_at
        and _is_measured(event, body["metric"])
        and all(_passes(event, each) for each in body.get("filters", ()))
    ]
    is_series = body.get("mode") != "scalar"
    names = body.get("group_by", [])
    groups = defaultdict(list)
    for event in counted:
        values = tuple(getattr(event, COLUMNS[name]) for name in names)
        groups[_bucket(event, body) if is_series else None, values].append(event)
    if not is_series and not names:
        groups[None, ()] = counted
    rows = [
        (bucket, values, _measure(group, body["metric"]))
        for (bucket, values), group in groups.items()
    ]
    rows.sort(key=lambda row: [_by_label(value) for value in row[1]])
    if is_series:
        rows.sort(key=lambda row: row[0])
    else:
        rows.sort(key=_rank, reverse=body.get("sort") != "asc")
    data = [_point(row, names) for row in rows]
    return data, _numbers(_measure(counted, body["metric"]))


def _is_measured(event, metric):
    if "ttft" in metric:
        return event.ttft_ms is not None
    return "latency" not in metric or event.status != "lost"


def _passes(event, rule):
    label = _label(getattr(event, COLUMNS[rule["field"]]))
    return (label in rule["values"]) == (rule["op"] in {"eq", "in"})


def _bucket(event, body):
    zone = ZoneInfo(body.get("time_zone") or "UTC")
    clock = event.occurred_at.astimezone(zone)
    if body["grain"] == "day":
        return datetime.combine(clock.date(), time(), zone).astimezone(UTC)
    past = timedelta(seconds=clock.second, microseconds=clock.microsecond)
    if body["grain"] == "hour":
        past += timedelta(minutes=clock.minute)
    return event.occurred_at - past


def _measure(events, metric):
    """Return field -> exact number, None where nothing was measured."""
    family, _, kind = metric.removeprefix("genai.").partition(".")
    if family in {"latency", "ttft"}:
        found = sorted(getattr(event, f"{family}_ms") for event in events)
        return {metric: _statistic(found, kind)}
    sums = {
        "request_count": len(events),
        "error_count": sum(event.status != "ok" for event in events),
        "input_tokens": sum(event.input_tokens for event in events),
        "cached_input_tokens": sum(event.cached_tokens for event in events),
        "output_tokens": sum(event.output_tokens for event in events),
        "reasoning_tokens": sum(event.reasoning_tokens for event in events),
        "total_tokens": sum(e.input_tokens + e.output_tokens for e in events),
        "total_cost": sum((event.cost_usd or Decimal(0) for event in events), 0),
    }
    if family == "usage":
        return sums
    failed = Decimal(sums["error_count"]) / max(len(events), 1)
    return {
        metric: {
            "requests": sums["request_count"],
            "errors": sums["error_count"],
            "tokens": sums["total_tokens"],
            "cost": sums["total_cost"],
            "error_rate": _rounded(failed),
        }[family]
    }


def _statistic(found, kind):
    if not found:
        return None
    if kind == "avg":
        return _rounded(Decimal(sum(found)) / len(found))
    share = int(kind.removeprefix("p")) / 100
    return found[math.ceil(share * len(found)) - 1]


def _rounded(number):
    return number.quantize(Decimal("1e-10"), ROUND_HALF_UP)


def _rank(row):
    numbers = row[2]
    return numbers.get("total_cost", next(iter(numbers.values()))) or 0


def _by_label(value):
    return (value is None, value or type(value)())


def _label(value):
    if value is None or value == 0:
        return ""
    return str(value) if isinstance(value, str | int) else ids.show(value)


def _point(row, names):
    bucket, values, numbers = row
    labels = {name: _label(value) for name, value in zip(names, values, strict=True)}
    point = {
        "dimensions": {name: label for name, label in labels.items() if label},
        "metrics": _numbers(numbers),
    }
    if bucket is not None:
        point["timestamp"] = f"{bucket:%Y-%m-%dT%H:%M:%S}.000Z"
    return point


def _numbers(measured):
    """Return what JSON makes of exact numbers."""
    return {name: float(value) for name, value in measured.items() if value is not None}
