"""Reading a choice from the environment."""

from __future__ import annotations

import pytest

from orqstudio.lib.env import KNOBS, BadSettingError, env_choice


@pytest.mark.parametrize(("text", "choice"), [(None, "a"), ("b", "b"), (" B ", "b")])
def test_a_choice_is_one_of_those_given_and_else_the_first(monkeypatch, text, choice):
    monkeypatch.setitem(KNOBS, "ORQSTUDIO_X", "")
    if text:
        monkeypatch.setenv("ORQSTUDIO_X", text)

    assert env_choice("ORQSTUDIO_X", "a", "b") == choice


def test_another_choice_is_refused_by_name(monkeypatch):
    monkeypatch.setitem(KNOBS, "ORQSTUDIO_X", "")
    monkeypatch.setenv("ORQSTUDIO_X", "c")

    with pytest.raises(BadSettingError, match="ORQSTUDIO_X must be one of a, b"):
        env_choice("ORQSTUDIO_X", "a", "b")
