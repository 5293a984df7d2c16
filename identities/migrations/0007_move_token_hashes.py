from django.db import migrations, models

COPY = """
INSERT INTO api_key_secret (id, api_key_id, token_hash, created_at)
SELECT id, id, token_hash, created_at FROM api_key
"""
# Of a key in rotation the newest secret survives the way back.
COPY_BACK = """
UPDATE api_key k SET token_hash = s.token_hash
FROM (
    SELECT DISTINCT ON (api_key_id) api_key_id, token_hash
    FROM api_key_secret ORDER BY api_key_id, id DESC
) s
WHERE s.api_key_id = k.id
"""
# The foreign key's check is deferred; what follows alters the table.
CHECK_NOW = "SET CONSTRAINTS ALL IMMEDIATE"


class Migration(migrations.Migration):
    """Every token hash moves to the table of secrets."""

    dependencies = [
        ("identities", "0006_api_key_secret"),
    ]

    operations = [
        migrations.AlterField(
            model_name="apikey",
            name="token_hash",
            field=models.BinaryField(editable=False, max_length=32, null=True),
        ),
        migrations.RunSQL(
            [COPY, CHECK_NOW], [COPY_BACK, "DELETE FROM api_key_secret", CHECK_NOW]
        ),
    ]
