import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import orqstudio.lib.ids


class Migration(migrations.Migration):
    """A table of secrets: a key has two of them while it is being rotated."""

    dependencies = [
        ("identities", "0005_api_key_disabled_and_deleted"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiKeySecret",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=orqstudio.lib.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("token_hash", models.BinaryField(max_length=32)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                    ),
                ),
                (
                    "api_key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="secrets",
                        to="identities.apikey",
                    ),
                ),
            ],
            options={
                "db_table": "api_key_secret",
                "db_table_comment": "A bearer token of a key; only the SHA-256 of it "
                "is kept.",
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["token_hash"], name="api_key_secret_token_hash_uniq"
                    )
                ],
            },
        ),
    ]
