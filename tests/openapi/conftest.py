"""One real server for the story and one for the fuzzer; nobody answers as `openai`."""

from __future__ import annotations

import pytest

from tests.openapi.fuzz import NOBODY
from tests.serving import Installation


@pytest.fixture
def installation(tmp_path):
    """A machine where nothing was started yet."""
    made = Installation(tmp_path / "installation" / "var", NOBODY)
    made.data_dir.parent.mkdir()
    yield made
    made.remove()


@pytest.fixture
def server(installation):
    """`manage.py serve` on an empty data directory."""
    with installation.serve() as running:
        yield running
