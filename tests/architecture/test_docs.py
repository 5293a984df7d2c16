"""docs/configuration.md names every variable that is read, and no other."""

from __future__ import annotations

import re

from django.conf import settings

from orqstudio.lib.env import KNOBS
from tests.serving import ROOT

PAGE = (ROOT / "docs" / "configuration.md").read_text()
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.*?) \| (.+) \|$", re.MULTILINE)


def test_every_knob_is_documented_and_every_documented_knob_is_read():
    assert settings.configured

    assert {name for name, _, _ in ROW.findall(PAGE)} == set(KNOBS)


def test_the_documented_defaults_are_the_real_ones():
    documented = {name: default.strip("`") for name, default, _ in ROW.findall(PAGE)}

    for name, default in KNOBS.items():
        if name == "ORQSTUDIO_DATA_DIR":
            assert default == str(ROOT / "var")
        else:
            assert documented[name] == (default or "none"), name
