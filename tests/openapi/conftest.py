"""One real server for the story and the fuzzer; nobody answers as `openai`."""

from __future__ import annotations

import pytest

from tests.serving import Installation

NOBODY = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-none"}


@pytest.fixture
def server(tmp_path):
    """`manage.py serve` on an empty data directory."""
    installation = Installation(tmp_path / "installation" / "var", NOBODY)
    installation.data_dir.parent.mkdir()
    with installation.serve() as running:
        yield running
    installation.remove()
