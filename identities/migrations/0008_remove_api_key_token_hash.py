from django.db import migrations


class Migration(migrations.Migration):
    """The old place of the token hash goes, and its constraint with it."""

    dependencies = [
        ("identities", "0007_move_token_hashes"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="apikey", name="api_key_token_hash_uniq"
        ),
        migrations.RemoveField(model_name="apikey", name="token_hash"),
        migrations.AlterModelTableComment(
            name="apikey", table_comment="Who may call for a workspace, and what."
        ),
    ]
