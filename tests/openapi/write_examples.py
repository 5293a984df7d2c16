"""`python -m tests.openapi.write_examples`: write the document's examples anew."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests.openapi.fuzz import NOBODY
from tests.openapi.scenario import write
from tests.serving import Installation

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orqstudio.settings")
    with tempfile.TemporaryDirectory() as directory:
        installation = Installation(Path(directory) / "var", NOBODY)
        with installation.serve() as server:
            write(server)
        installation.remove()
