"""Templates keep to the strict policy: nothing inline, nothing unescaped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.serving import ROOT

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
FORBIDDEN = {
    "a style attribute": r"\sstyle\s*=",
    "an inline handler": r"\son[a-z]+\s*=",
    "an inline script": r"<script(?![^>]*\ssrc=)",
    "a style element": r"<style\b",
    "a javascript: address": r"javascript:",
    "unescaped output": r"\|\s*safe\b|autoescape off",
    "a foreign source": r"(?:src|action)\s*=\s*[\"']https?:",
}


def test_there_are_templates():
    assert TEMPLATES


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_template_has_nothing_inline(path: Path):
    text = path.read_text()

    found = [what for what in FORBIDDEN if re.search(FORBIDDEN[what], text, re.I)]

    assert found == []
