"""`create_api_key --workspace SLUG`: prints the key alone, this once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from identities.models import Workspace
from identities.services import issue_api_key
from orqstudio.lib.errors import StartError
from orqstudio.management.script import ScriptCommand


class Command(ScriptCommand):
    """Create an API key with all rights in its workspace."""

    help = "Creates an API key and prints it; works beside a running server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare --workspace and --name."""
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--name", default="Command line")

    def run(self, **options: Any) -> str:
        """Return the token of the new key.

        Raises:
            StartError: there is no such workspace.
        """
        slug, name = options["workspace"], options["name"]
        workspace = Workspace.objects.filter(slug=slug).first()
        if workspace is None:
            message = f"There is no workspace {slug!r}."
            raise StartError(message)
        return issue_api_key(workspace=workspace, name=name[:120]).token
