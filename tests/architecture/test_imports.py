"""The import direction of pyproject.toml, and that every module has its place in it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.serving import ROOT

PACKAGES = ("orqstudio", "identities", "metering")
# what Django finds by its name alone
UNPLACED = ("apps", "migrations")


def test_imports_go_one_way():
    program = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_in_a_layer(package):
    placed = {
        name.strip(" ()")
        for layer in _layers()
        for name in layer.replace("|", ":").split(":")
    }

    found = {
        f"{package}.{path.stem}"
        for path in (ROOT / package).iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists())
        and path.stem not in {"__init__", *UNPLACED}
    }

    assert found <= placed


def _layers() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return settings["tool"]["importlinter"]["contracts"][0]["layers"]
