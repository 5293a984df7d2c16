"""`create_workspace SLUG`: a further tenant; prints its id alone."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from identities.errors import SlugTaken
from identities.services import create_workspace
from metering.services import prepare_workspace
from orqstudio import bootstrap
from orqstudio.lib.errors import StartError
from orqstudio.management.script import ScriptCommand

SLUG_MAX = 60


class Command(ScriptCommand):
    """Create a workspace with providers and deployment `demo`."""

    help = "Creates a workspace and prints its id; works beside a running server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare SLUG."""
        parser.add_argument("slug")

    def run(self, **options: Any) -> str:
        """Return the id of the new workspace.

        Raises:
            StartError: the slug is taken or is none.
        """
        slug = options["slug"]
        try:
            validate_slug(slug)
        except ValidationError as error:
            raise StartError(" ".join(error.messages)) from error
        if len(slug) > SLUG_MAX:
            message = f"A slug has at most {SLUG_MAX} characters."
            raise StartError(message)
        try:
            with transaction.atomic():
                workspace = create_workspace(slug=slug, name=slug)
                prepare_workspace(workspace=workspace)
                bootstrap.add_superusers(workspace)
        except SlugTaken as error:
            raise StartError(str(error)) from error
        return workspace.public_id
