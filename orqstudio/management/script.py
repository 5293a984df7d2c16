"""Ground of the commands for scripts: one line on stdout, or one sentence of error."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from orqstudio import bootstrap
from orqstudio.lib.embedded_postgres import EmbeddedPostgresError
from orqstudio.lib.errors import StartError


class ScriptCommand(BaseCommand):
    """Runs `run` with a database: the server's, or one for just this long."""

    requires_system_checks = ()

    def run(self, **options: Any) -> str:
        """Do the work and return the one line to print."""
        raise NotImplementedError

    def handle(self, **options: Any) -> str:
        """Return what `run` does; its errors are one sentence and exit code 1."""
        try:
            with bootstrap.running_database():
                return self.run(**options)
        except (StartError, EmbeddedPostgresError) as error:
            self.stderr.write(str(error))
            sys.exit(1)
