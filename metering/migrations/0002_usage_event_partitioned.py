"""usage_event, partitioned by month, and the function that makes its partitions."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

TABLE = """
CREATE TABLE usage_event (
    workspace_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    id uuid NOT NULL,
    settled_at timestamptz NOT NULL,
    external_id varchar(255) NOT NULL,
    api_key_id uuid,
    deployment_key varchar(120) NOT NULL,
    operation varchar(24) NOT NULL,
    provider_key varchar(60) NOT NULL,
    model varchar(200) NOT NULL,
    input_tokens bigint NOT NULL,
    cached_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    is_estimated boolean NOT NULL,
    cost_usd numeric(20, 10),
    price_source varchar(80) NOT NULL,
    status varchar(8) NOT NULL,
    http_status smallint NOT NULL,
    error_code varchar(60) NOT NULL,
    latency_ms integer NOT NULL,
    ttft_ms integer,
    source varchar(12) NOT NULL,
    idempotency_key varchar(120),
    metadata jsonb NOT NULL,
    CONSTRAINT usage_event_pkey PRIMARY KEY (workspace_id, occurred_at, id),
    CONSTRAINT usage_event_status_check CHECK (status IN ('ok', 'failed', 'lost')),
    CONSTRAINT usage_event_cost_not_negative_check CHECK (cost_usd >= 0),
    CONSTRAINT usage_event_tokens_check CHECK (
        input_tokens >= 0 AND output_tokens >= 0
        AND cached_tokens BETWEEN 0 AND input_tokens
        AND reasoning_tokens BETWEEN 0 AND output_tokens
    )
) PARTITION BY RANGE (occurred_at);
COMMENT ON TABLE usage_event IS 'One metered call, immutable; no prompts, no answers.';
CREATE INDEX usage_event_of_identity
    ON usage_event (workspace_id, external_id, occurred_at DESC, id DESC);
CREATE TABLE usage_event_other PARTITION OF usage_event DEFAULT;
"""

# A month whose rows already lie in the default partition stays there: nothing is
# lost, and the check_violation that PostgreSQL raises is not worth a failed start.
FUNCTION = """
CREATE FUNCTION usage_event_ensure_partitions(around timestamptz) RETURNS integer
LANGUAGE plpgsql AS $body$
DECLARE
    month timestamp;
    partition_name text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usage_event_ensure_partitions'));
    FOR step IN -3..3 LOOP
        month := date_trunc('month', around AT TIME ZONE 'UTC')
                 + make_interval(months => step);
        partition_name := 'usage_event_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass(partition_name) IS NOT NULL;
        BEGIN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF usage_event FOR VALUES FROM (%L) TO (%L)',
                partition_name,
                month AT TIME ZONE 'UTC',
                (month + interval '1 month') AT TIME ZONE 'UTC'
            );
            made := made + 1;
        EXCEPTION WHEN check_violation THEN
            RAISE NOTICE '% stays in usage_event_other', partition_name;
        END;
    END LOOP;
    RETURN made;
END
$body$;
SELECT usage_event_ensure_partitions(now());
"""

# Rows that change at every call: room for in-place (HOT) updates, eager vacuum.
STORAGE = """
ALTER TABLE budget_window SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE usage_daily SET (fillfactor = 80);
ALTER TABLE hold SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000
);
"""


class Migration(migrations.Migration):
    """The table of usage events."""

    dependencies: ClassVar = [("metering", "0001_initial")]

    operations: ClassVar = [
        migrations.RunSQL(TABLE, "DROP TABLE usage_event"),
        migrations.RunSQL(
            FUNCTION, "DROP FUNCTION usage_event_ensure_partitions(timestamptz)"
        ),
        migrations.RunSQL(STORAGE, migrations.RunSQL.noop),
    ]
