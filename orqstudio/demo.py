"""Sample data of `serve --demo`: identities, budgets and sixty days of usage.

The one writer of usage beside the ledger: a hundred thousand calls of the past are
one statement here. It takes the lock that keeps the ledger's batches out.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from identities.models import Identity, Workspace
from identities.services import create_identity
from metering.ledger_sql import lock_budgets_exclusively
from metering.models import UsageEvent
from metering.periods import BudgetPeriod, calendar_window
from metering.services import create_budget
from orqstudio.bootstrap import DEFAULT_WORKSPACE

DAYS = 60
LEAST_BUDGET_USD = Decimal(5)

# external_id, name, tags, calls on a working day, model
SAMPLES = (
    ("client-northwind", "Northwind Traders", "client enterprise", 95, "gpt-4o"),
    ("client-contoso", "Contoso Ltd", "client enterprise", 70, "gpt-4o-mini"),
    ("client-fabrikam", "Fabrikam", "client", 40, "gpt-4o"),
    ("client-globex", "Globex Corporation", "client enterprise", 55, "gpt-4.1"),
    ("client-initech", "Initech", "client trial", 12, "gpt-4o-mini"),
    ("client-umbrella", "Umbrella Health", "client", 30, "gpt-4.1-mini"),
    ("client-hooli", "Hooli", "client enterprise", 80, "gpt-4.1-mini"),
    ("client-stark", "Stark Industries", "client", 25, "gpt-4.1"),
    ("client-wayne", "Wayne Foundation", "client trial", 6, "gpt-4o-mini"),
    ("client-acme", "Acme Tools", "client", 18, "gpt-4o-mini"),
    ("team-support", "Customer Support", "team internal", 120, "gpt-4o-mini"),
    ("team-sales", "Sales Enablement", "team internal", 45, "gpt-4o"),
    ("team-research", "Research", "team internal", 35, "gpt-4.1"),
    ("team-legal", "Legal", "team internal", 9, "gpt-4o"),
    ("team-marketing", "Marketing", "team internal", 28, "gpt-4.1-mini"),
    ("project-chatbot", "Website Chatbot", "project production", 150, "gpt-4o-mini"),
    ("project-search", "Semantic Search", "project production", 110, "gpt-4.1-mini"),
    ("project-summaries", "Call Summaries", "project production", 60, "gpt-4o"),
    ("project-translate", "Translation Pilot", "project trial", 15, "gpt-4o-mini"),
    ("user-amara", "Amara Okafor", "user", 14, "gpt-4o"),
    ("user-jonas", "Jonas Weber", "user", 11, "gpt-4o-mini"),
    ("user-mei", "Mei Tanaka", "user", 8, "gpt-4.1"),
    ("user-lucia", "Lucía Fernández", "user trial", 4, "gpt-4o-mini"),
    ("user-erik", "Erik Lindqvist", "user", 7, "gpt-4.1-mini"),
)

# external_id, period, what its spend so far is of the amount
BUDGETS = (
    ("client-northwind", "monthly", Decimal("0.62")),
    ("client-contoso", "monthly", Decimal("0.35")),
    ("client-globex", "monthly", Decimal("0.93")),
    ("client-initech", "weekly", Decimal("1.02")),
    ("client-hooli", "yearly", Decimal("0.48")),
    ("team-support", "monthly", Decimal("0.81")),
    ("team-research", "weekly", Decimal("0.55")),
    ("project-chatbot", "daily", Decimal("0.40")),
    ("project-summaries", "monthly", Decimal("1.01")),
    ("user-amara", "monthly", Decimal("0.22")),
)

# US dollars per million tokens of input and of output, as the samples pay them
PRICES = {
    "gpt-4o": (Decimal("2.5"), Decimal(10)),
    "gpt-4o-mini": (Decimal("0.15"), Decimal("0.6")),
    "gpt-4.1": (Decimal(2), Decimal(8)),
    "gpt-4.1-mini": (Decimal("0.4"), Decimal("1.6")),
}

# Weekends are quiet, use grows by two thirds over the span, calls keep to the day.
_FILL = """
WITH draw AS MATERIALIZED (
    SELECT s.external_id, s.model, s.input_usd, s.output_usd,
        date_trunc('day', %(now)s::timestamptz, 'UTC')
            - make_interval(days => %(days)s - 1 - day)
            + make_interval(secs => 86399 * (random() + random() + random()) / 3)
            AS occurred_at,
        random() AS a, random() AS b, random() AS c, random() AS luck
    FROM unnest(%(external_ids)s::text[], %(calls)s::int[], %(models)s::text[],
                %(input_usd)s::numeric[], %(output_usd)s::numeric[])
         AS s(external_id, calls, model, input_usd, output_usd)
    CROSS JOIN generate_series(0, %(days)s - 1) AS day
    CROSS JOIN LATERAL generate_series(1, greatest(1, round(
        s.calls * (0.6 + 0.4 * day / %(days)s)
        * CASE WHEN extract(isodow FROM %(now)s::timestamptz
                    - make_interval(days => %(days)s - 1 - day)) > 5
               THEN 0.3 ELSE 1 END
        * (0.75 + 0.5 * abs(hashtext(s.external_id || day)) / 2147483648.0)
    )::int)) AS call
), call AS (
    SELECT *, luck < 0.015 AS is_failed,
        (300 + 2600 * a * a)::bigint AS input_tokens,
        CASE WHEN luck < 0.015 THEN 0 ELSE (40 + 900 * b)::bigint END AS output_tokens
    FROM draw WHERE occurred_at < %(now)s
), event AS (
    INSERT INTO usage_event (workspace_id, occurred_at, id, settled_at, external_id,
        deployment_key, operation, provider_key, model, input_tokens, cached_tokens,
        output_tokens, reasoning_tokens, is_estimated, cost_usd, price_source, status,
        http_status, error_code, latency_ms, source, metadata)
    SELECT %(workspace)s, occurred_at,
        (lpad(to_hex((extract(epoch FROM occurred_at) * 1000)::bigint), 12, '0')
            || substr(md5(random()::text), 1, 20))::uuid,
        occurred_at, external_id, '', 'chat', 'openai', model,
        CASE WHEN is_failed THEN 0 ELSE input_tokens END, 0, output_tokens, 0, false,
        CASE WHEN is_failed THEN 0 ELSE round((input_tokens * input_usd
            + output_tokens * output_usd) / 1000000, 10) END,
        'sample', CASE WHEN is_failed THEN 'failed' ELSE 'ok' END,
        CASE WHEN is_failed THEN 502 ELSE 200 END,
        CASE WHEN is_failed THEN 'upstream_error' ELSE '' END,
        (250 + output_tokens * 7 + 900 * c)::int, 'demo', '{}'
    FROM call
    RETURNING *
)
INSERT INTO usage_daily AS u (workspace_id, external_id, day, provider_key, model,
    requests, errors, unpriced, input_tokens, cached_tokens, output_tokens,
    reasoning_tokens, cost_usd, latency_ms)
SELECT workspace_id, external_id, (occurred_at AT TIME ZONE 'UTC')::date, provider_key,
    model, count(*), count(*) FILTER (WHERE status <> 'ok'), 0, sum(input_tokens), 0,
    sum(output_tokens), 0, sum(cost_usd), sum(latency_ms)
FROM event GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (workspace_id, external_id, day, provider_key, model) DO UPDATE SET
    requests = u.requests + excluded.requests,
    errors = u.errors + excluded.errors,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    cost_usd = u.cost_usd + excluded.cost_usd,
    latency_ms = u.latency_ms + excluded.latency_ms
"""


def fill_default_workspace(now: datetime) -> None:
    """Fill workspace `default` up to `now`, unless the samples are there already."""
    workspace = Workspace.objects.get(slug=DEFAULT_WORKSPACE)
    with transaction.atomic():
        with connection.cursor() as cursor:
            lock_budgets_exclusively(cursor, workspace.pk)
        names = [sample[0] for sample in SAMPLES]
        known = Identity.objects.in_workspace(workspace)
        if known.filter(external_id__in=names).exists():
            return
        _create_identities(workspace)
        _create_usage(workspace, now)
        _create_budgets(workspace, now)


def _create_identities(workspace: Workspace) -> None:
    for external_id, name, tags, _calls, _model in SAMPLES:
        create_identity(
            workspace=workspace,
            external_id=external_id,
            display_name=name,
            email=f"{external_id.partition('-')[2]}@example.com",
            tags=tags.split(),
            metadata={"sample": True},
            source=Identity.Source.API,
        )


def _create_usage(workspace: Workspace, now: datetime) -> None:
    external_ids, _names, _tags, calls, models = zip(*SAMPLES, strict=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT usage_event_ensure_partitions(%s)", [now])
        cursor.execute(
            _FILL,
            {
                "workspace": workspace.pk,
                "now": now,
                "days": DAYS,
                "external_ids": list(external_ids),
                "calls": list(calls),
                "models": list(models),
                "input_usd": [PRICES[model][0] for model in models],
                "output_usd": [PRICES[model][1] for model in models],
            },
        )


def _create_budgets(workspace: Workspace, now: datetime) -> None:
    """Give each an amount its spend so far is a known part of, at least $5."""
    for external_id, period, part in BUDGETS:
        window = calendar_window(BudgetPeriod(period, anchor=now), now)
        spent = UsageEvent.objects.filter(
            workspace=workspace,
            external_id=external_id,
            occurred_at__gte=window.starts_at,
        ).values_list("cost_usd", flat=True)
        amount = (sum(spent, Decimal(0)) / part).quantize(Decimal(1))
        create_budget(
            workspace=workspace,
            scope_kind="identity",
            scope_target=external_id,
            period=period,
            amount_usd=max(amount, LEAST_BUDGET_USD),
            token_limit=None,
            now=now,
        )
