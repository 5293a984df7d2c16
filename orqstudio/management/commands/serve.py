"""`serve`: the whole product in one command."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from textwrap import dedent
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone

from orqstudio import bootstrap, demo, server
from orqstudio.bootstrap import Welcome
from orqstudio.lib.embedded_postgres import EmbeddedPostgresError
from orqstudio.lib.errors import StartError


class Command(BaseCommand):
    """Start everything, serve until told to stop, stop everything."""

    help = "Serves the Studio and the API; starts the embedded database if needed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare --host, --port, --workers and --demo."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--workers",
            type=int,
            default=settings.SERVE_WORKERS,
            choices=range(1, 65),
            metavar="1-64",
        )
        parser.add_argument(
            "--demo",
            action="store_true",
            help="fill the default workspace with samples",
        )

    def handle(self, **options: Any) -> None:
        """Serve; every reason not to is one sentence and exit code 1."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        try:
            self._serve(**options)
        except (StartError, EmbeddedPostgresError) as error:
            self.stderr.write(str(error))
            sys.exit(1)

    def _serve(self, *, host: str, port: int, workers: int, **options: Any) -> None:
        with (
            bootstrap.holding_data_dir(),
            server.listen(host, port) as listener,
            bootstrap.running_database(),
        ):
            welcome = bootstrap.ensure_workspace()
            name = bootstrap.EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
            address = f"http://{name}:{listener.getsockname()[1]}"
            if welcome:  # before anything can go wrong: it is never shown again
                self._say(describe(address, welcome))
            if options["demo"]:
                demo.fill_default_workspace(timezone.now())
            call_command("collectstatic", interactive=False, verbosity=0)
            bootstrap.allow_host(host)
            self._say(f"orqstudio is running on {address}/ (Ctrl-C stops it)")
            bootstrap.disconnect()
            server.serve(listener, workers=workers)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def describe(address: str, welcome: Welcome) -> str:
    """Return what the first start shows: where, who, the key, a first call."""
    key = welcome.api_key or "$ORQSTUDIO_API_KEY"
    return dedent(f"""\
        Welcome. The lines below are shown this once; keep them.

          Studio    {address}/
          Login     {welcome.admin_user}
          Password  {welcome.admin_password or "as you set it"}
          API key   {welcome.api_key or "as you set it"}

        A first call, by the built-in model of deployment "demo":

        curl '{address}/v2/deployments/invoke' \\
        -H "Authorization: Bearer {key}" \\
        -H 'X-ORQ-IDENTITY-ID: user_1' \\
        -H 'Content-Type: application/json' \\
        -H 'Accept: application/json' \\
        --data-raw '{{"key": "demo", "context": {{"environments": []}}}}' \\
        --compressed
        """)
