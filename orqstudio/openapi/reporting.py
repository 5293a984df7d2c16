"""Reports on usage. Contract 10.1."""

from __future__ import annotations

from metering.report_input import (
    FILTERS_MOST,
    LIMIT_DEFAULT,
    LIMIT_MOST,
    OPERATORS,
    VALUE_MOST,
    VALUES_MOST,
)
from metering.reporting.answers import COST_UNKNOWN
from metering.reporting.catalogue import DIMENSIONS, METRICS
from metering.reporting.question import LONGEST
from orqstudio.openapi.errors import RESOURCE_HEADERS
from orqstudio.openapi.operation import Answer, Family, Parts
from orqstudio.openapi.schema import (
    Schema,
    flag,
    list_of,
    map_of,
    moment,
    number,
    one_of,
    or_null,
    own_id,
    record,
    ref,
    text,
    whole,
)

REPORTING = Family(
    "Reporting",
    "Requests, tokens, cost, errors and latency by whatever calls have.",
    headers=RESOURCE_HEADERS,
)
RANGES = ", ".join(f"`{grain}` {each.days} days" for grain, each in LONGEST.items())


def paths() -> dict[str, Parts]:
    """Return the address."""
    return {"/v2/reporting": {"post": _query()}}


def schemas() -> dict[str, Schema]:
    """Return the bodies."""
    metrics = map_of(number(), "Name of the metric -> figure; unmeasured ones absent.")
    point = record(
        {
            "dimensions": map_of(text(), "Name -> label; empty ones absent."),
            "metrics": metrics,
        },
        {"timestamp": moment("Where the bucket begins; not with `mode` scalar.")},
    )
    return {
        "ReportRequest": record(*_asked(), f"Longest range: {RANGES}."),
        "ReportFilter": _filter(),
        "Report": record(
            {
                "object": one_of(["report"]),
                "request": record(
                    description="The request as it was understood.",
                    additionalProperties=True,
                ),
                "data": list_of(ref("ReportPoint")),
                "has_more": flag("Whether `limit` cut rows off."),
                "meta": _meta(),
            },
            {"totals": record({"metrics": metrics})},
        ),
        "ReportPoint": point,
    }


def _query() -> Parts:
    return REPORTING.operation(
        "query_report",
        "Ask about usage",
        body=ref("ReportRequest"),
        answers={200: Answer("The figures.", ref("Report"))},
    )


def _asked() -> tuple[dict[str, Schema], dict[str, Schema]]:
    required = {
        "metric": one_of([*METRICS]),
        "from": moment("Inclusive."),
        "to": moment("Exclusive."),
    }
    optional = {
        "grain": or_null(one_of(["auto", "minute", "hour", "day"])),
        "group_by": or_null(list_of(one_of([*DIMENSIONS]), maxItems=len(DIMENSIONS))),
        "filters": or_null(
            list_of(ref("ReportFilter"), "All must hold.", maxItems=FILTERS_MOST)
        ),
        "limit": or_null(
            whole(1, description=f"{LIMIT_DEFAULT} by default, {LIMIT_MOST} at most.")
        ),
        "time_zone": or_null(
            text("IANA; days are its calendar's. UTC by default.", format="time-zone")
        ),
        "include_totals": or_null(flag()),
        "mode": or_null(one_of(["timeseries", "scalar"])),
        "sort": or_null(one_of(["desc", "asc"])),
    }
    return required, optional


def _filter() -> Schema:
    value = text(maxLength=VALUE_MOST)
    return record(
        {
            "field": one_of([*DIMENSIONS]),
            "op": one_of([*OPERATORS], "`eq` and `neq` take one value."),
            "values": list_of(value, minItems=1, maxItems=VALUES_MOST),
        }
    )


def _meta() -> Schema:
    return record(
        {
            "effective_grain": one_of([*LONGEST]),
            "row_count": whole(0),
            "request_id": own_id(),
            "currency": one_of(["USD"]),
            "warnings": list_of(one_of([COST_UNKNOWN])),
        }
    )
