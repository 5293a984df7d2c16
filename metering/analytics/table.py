"""The list of identities with their metrics, sorted over the whole workspace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metering.analytics.series import Usage, usage_of
from metering.analytics.spans import OF_ALL, SUMS, Span, read_rows, usage_params
from orqstudio.lib import ids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from identities.models import Workspace

SORTS = {
    "name": "lower(coalesce(nullif(display_name, ''), external_id))",
    "cost": "cost_usd",
    "requests": "requests",
    "tokens": "input_tokens + output_tokens",
    "errors": "error_ratio",
    "created": "created_at",
}
"""What a list may be sorted by -> its SQL."""
SORT_DEFAULT = "-cost"
SORT_CHOICES = frozenset(SORTS) | {f"-{key}" for key in SORTS}

STATES = ("ok", "near", "blocked", "none")

_HAS_BUDGET = """EXISTS (
    SELECT 1 FROM budget b
    WHERE b.workspace_id = i.workspace_id AND b.scope_kind = 'identity'
      AND b.scope_target = i.external_id AND b.is_active
      AND (b.expires_at IS NULL OR b.expires_at > %(now)s))"""

_CONDITIONS = {
    "text": """(strpos(lower(i.external_id), lower(%(text)s)) > 0
        OR strpos(lower(i.display_name), lower(%(text)s)) > 0
        OR strpos(lower(i.email), lower(%(text)s)) > 0 OR i.id = %(own_id)s)""",
    "tags": "i.tags @> %(tags)s::varchar[]",
    "with_errors": "t.errors > 0",
    "blocked": "i.external_id = ANY(%(blocked)s)",
    "near": "i.external_id = ANY(%(near)s)",
    "ok": f"""{_HAS_BUDGET} AND i.external_id <> ALL(%(blocked)s)
        AND i.external_id <> ALL(%(near)s)""",
    "none": f"NOT {_HAS_BUDGET}",
}

_TABLE = """
WITH total AS (
    SELECT external_id, {sums} FROM ({usage}) u GROUP BY external_id
), found AS MATERIALIZED (
    SELECT i.id, i.external_id, i.display_name, i.email, i.tags, i.source,
        i.created_at, coalesce(t.requests, 0) AS requests,
        coalesce(t.errors, 0) AS errors, coalesce(t.unpriced, 0) AS unpriced,
        coalesce(t.input_tokens, 0) AS input_tokens,
        coalesce(t.output_tokens, 0) AS output_tokens,
        coalesce(t.cost_usd, 0) AS cost_usd,
        coalesce(t.errors::numeric / nullif(t.requests, 0), 0) AS error_ratio
    FROM identity i LEFT JOIN total t ON t.external_id = i.external_id
    WHERE i.workspace_id = %(workspace)s {conditions}
), summed AS (
    SELECT count(*) AS found, {sums} FROM found
), page AS (
    SELECT *, row_number() OVER (ORDER BY {order}) AS place FROM found
    ORDER BY {order} LIMIT %(size)s OFFSET (
        SELECT least(%(offset)s, greatest(0, (found - 1) / %(size)s * %(size)s))
        FROM summed)
)
SELECT s.found, s.requests AS all_requests,
    s.errors AS all_errors, s.unpriced AS all_unpriced,
    s.input_tokens AS all_input_tokens, s.output_tokens AS all_output_tokens,
    s.cost_usd AS all_cost_usd, p.*,
    (SELECT max(e.occurred_at) FROM usage_event e
     WHERE e.workspace_id = %(workspace)s AND e.external_id = p.external_id)
        AS last_seen_at
FROM summed s LEFT JOIN page p ON true ORDER BY p.place
"""

_STRAY = f"""
WITH total AS (
    SELECT external_id, {SUMS} FROM ({OF_ALL}) u GROUP BY external_id
)
SELECT t.*, count(*) OVER () AS found FROM total t
WHERE NOT EXISTS (SELECT 1 FROM identity i WHERE i.workspace_id = %(workspace)s
                  AND i.external_id = t.external_id)
ORDER BY t.external_id <> '', t.cost_usd DESC, t.external_id LIMIT %(most)s
"""  # noqa: S608

_TAGS = """
SELECT tag, count(*) AS uses FROM identity i, unnest(i.tags) AS tag
WHERE i.workspace_id = %(workspace)s GROUP BY tag ORDER BY uses DESC, tag LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuery:
    """What of the list is asked for; `page` counts from 1."""

    text: str = ""
    tags: Sequence[str] = ()
    state: str = ""
    with_errors: bool = False
    sort: str = SORT_DEFAULT
    page: int = 1
    size: int = 25

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is in force."""
        return bool(self.text or self.tags or self.state or self.with_errors)


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """One identity of the list with its usage over the span."""

    id: UUID
    external_id: str
    display_name: str
    email: str
    tags: list[str]
    source: str
    created_at: datetime
    last_seen_at: datetime | None
    usage: Usage

    @property
    def public_id(self) -> str:
        """The 26 characters in its address."""
        return ids.show(self.id)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.display_name or self.external_id


@dataclass(frozen=True, slots=True)
class IdentityTable:
    """A page of rows with the sums of all that the filters found."""

    rows: list[IdentityRow]
    found: int
    usage: Usage
    page: int
    size: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.found // self.size))

    @property
    def first(self) -> int:
        """Place of the first row on the page, from 1."""
        return (self.page - 1) * self.size + 1

    @property
    def last(self) -> int:
        """Place of the last row on the page."""
        return self.first + len(self.rows) - 1


@dataclass(frozen=True, slots=True)
class StrayUsage:
    """Usage under external_ids without a record; `''` is unattributed."""

    unattributed: Usage | None = None
    unknown: list[tuple[str, Usage]] = field(default_factory=list)
    unknown_count: int = 0


def identity_table(
    workspace: Workspace,
    span: Span,
    query: TableQuery,
    *,
    near: Sequence[str] = (),
    blocked: Sequence[str] = (),
) -> IdentityTable:
    """Return one page of identities with metrics, and the sums of all found.

    One query. A page past the end becomes the last one. Order is total. `near` and
    `blocked` are the external_ids whose budget is in that state.
    """
    params = {
        **usage_params(workspace, span),
        "now": span.ends_at,
        "text": query.text,
        "own_id": ids.parse(query.text),
        "tags": list(query.tags),
        "near": list(near),
        "blocked": list(blocked),
        "size": query.size,
        "offset": (query.page - 1) * query.size,
    }
    sql = _TABLE.format(
        sums=SUMS, usage=OF_ALL, conditions=_where(query), order=_order(query.sort)
    )
    return _table_of(read_rows(sql, params), query)


def _where(query: TableQuery) -> str:
    wanted = [key for key in ("text", "tags", "with_errors") if getattr(query, key)] + (
        [query.state] if query.state in STATES else []
    )
    return " ".join(f"AND {_CONDITIONS[key]}" for key in wanted)


def _order(sort: str) -> str:
    direction = "DESC" if sort.startswith("-") else "ASC"
    return f"{SORTS[sort.removeprefix('-')]} {direction}, id DESC"


def _table_of(rows: list[dict[str, Any]], query: TableQuery) -> IdentityTable:
    sums = {
        key.removeprefix("all_"): value
        for key, value in rows[0].items()
        if key.startswith("all_")
    }
    found = rows[0]["found"]
    pages = max(1, -(-found // query.size))
    kept = [_row_of(row) for row in rows if row["id"] is not None]
    return IdentityTable(
        kept, found, usage_of(sums), min(query.page, pages), query.size
    )


def _row_of(row: dict[str, Any]) -> IdentityRow:
    plain = {
        name: row[name] for name in IdentityRow.__dataclass_fields__ if name != "usage"
    }
    return IdentityRow(**plain, usage=usage_of(row))


def stray_usage(workspace: Workspace, span: Span, *, most: int = 5) -> StrayUsage:
    """Return usage that no identity record accounts for, dearest first. One query."""
    rows = read_rows(_STRAY, {**usage_params(workspace, span), "most": most + 1})
    if not rows:
        return StrayUsage()
    first = usage_of(rows[0]) if rows[0]["external_id"] == "" else None
    unknown = [(r["external_id"], usage_of(r)) for r in rows if r["external_id"]]
    count = rows[0]["found"] - (1 if first else 0)
    return StrayUsage(first, unknown[:most], count)


def tags_in_use(workspace: Workspace, *, most: int = 12) -> list[str]:
    """Return the commonest tags of a workspace. One query."""
    params = {"workspace": workspace.pk, "most": most}
    return [row["tag"] for row in read_rows(_TAGS, params)]
