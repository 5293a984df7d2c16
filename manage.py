#!/usr/bin/env python
"""Django's command line for orqstudio; `serve` is the command that runs it."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run one management command; a wrong setting is one sentence, exit code 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orqstudio.settings")
    from django.core.management import execute_from_command_line

    from orqstudio.lib.env import BadSettingError

    try:
        execute_from_command_line(sys.argv)
    except BadSettingError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
