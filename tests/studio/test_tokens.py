"""Contrast of every pair of colours that meets on a page, in both themes."""

from __future__ import annotations

import re

import pytest

from tests.serving import ROOT

CSS = ROOT / "static" / "css"
TOKEN = re.compile(r"--([\w-]+): light-dark\(#(\w{6})\w*, #(\w{6})\w*\);")
TOKENS = {
    name: (light, dark)
    for name, light, dark in TOKEN.findall((CSS / "tokens.css").read_text())
}
TEXT = [
    *(
        (text, ground)
        for text in ("text", "muted")
        for ground in ("bg", "surface", "sunken")
    ),
    *(
        (text, ground)
        for text in ("accent", "ok", "near", "blocked")
        for ground in ("bg", "surface")
    ),
    ("accent-strong", "accent-soft"),
    ("accent-strong", "surface"),
    ("accent", "blocked-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("surface", "blocked"),
    ("ok", "ok-soft"),
    ("near", "near-soft"),
    ("blocked", "blocked-soft"),
    ("text", "blocked-soft"),
    ("text", "near-soft"),
]
MARKS = [
    *((mark, ground) for mark in ("control", "focus") for ground in ("bg", "surface")),
    *(
        (mark, "surface")
        for mark in (
            "series-1",
            "series-2",
            "failed",
            "bar-ok",
            "bar-near",
            "bar-blocked",
            "control",
        )
    ),
    ("on-accent", "accent"),
    ("control", "sunken"),
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), TEXT)
def test_text_can_be_read(front, back, theme):
    assert _contrast(TOKENS[front][theme], TOKENS[back][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), MARKS)
def test_marks_and_controls_can_be_told_apart(front, back, theme):
    assert _contrast(TOKENS[front][theme], TOKENS[back][theme]) >= 3


def test_colours_stand_in_one_file():
    for path in CSS.glob("*.css"):
        if path.name != "tokens.css":
            assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[\s;,)])", path.read_text())


def test_every_variable_used_is_defined():
    defined = set(re.findall(r"--([\w-]+):", (CSS / "tokens.css").read_text()))

    for path in CSS.glob("*.css"):
        text = path.read_text()
        own = set(re.findall(r"--([\w-]+):", text))
        assert set(re.findall(r"var\(--([\w-]+)\)", text)) <= defined | own


def test_every_class_of_a_template_has_a_rule():
    rules = "".join(path.read_text() for path in CSS.glob("*.css"))
    templates = [
        p for p in (ROOT / "templates").rglob("*.html") if "admin" not in p.parts
    ]
    used = {
        name
        for path in templates
        for value in re.findall(r'class="([^"{]*)"', path.read_text())
        for name in value.split()
    }

    unknown = {name for name in used if not re.search(rf"\.{name}(?![\w-])", rules)}

    assert unknown <= {"mono", "spark", "empty__icon"}


def _contrast(front: str, back: str) -> float:
    lighter, darker = sorted((_luminance(front), _luminance(back)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
