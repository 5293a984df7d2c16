"""Reads the HTML a page answered: text, links, elements by attribute."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "br", "hr", "img", "input", "link", "meta", "path", "rect", "line"}


@dataclass
class Element:
    """An element with its attributes and the text inside it."""

    tag: str
    attributes: dict[str, str]
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)


class Page(HTMLParser):
    """All elements of an answer, in their order."""

    def __init__(self, response) -> None:
        super().__init__()
        self.response = response
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(response.content.decode())

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag):
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data):
        for element in self._open:
            element.pieces.append(data)

    def all(self, tag: str, **wanted: str) -> list[Element]:
        """Return elements with these attributes; `class_` holds one class."""
        name = wanted.pop("class_", None)
        found = [
            each
            for each in self.elements
            if each.tag == tag
            and all(
                each.get(key.replace("_", "-")) == value
                for key, value in wanted.items()
            )
        ]
        if name is None:
            return found
        return [each for each in found if name in (each.get("class") or "").split()]

    def one(self, tag: str, **wanted: str) -> Element:
        """Return the only element with these attributes."""
        found = self.all(tag, **wanted)
        assert len(found) == 1, (tag, wanted, len(found))
        return found[0]

    @property
    def text(self) -> str:
        outer = [each for each in self.elements if each.tag in {"html", "body"}]
        element = outer[0] if outer else self.elements[0]
        return element.text

    @property
    def names(self) -> list[str]:
        """Names of the identities or budgets listed, top to bottom."""
        return [each.text for each in self.all("a", class_="who__name")]

    @property
    def figures(self) -> dict[str, str]:
        """The strip of figures: label -> value."""
        labels = [each.text for each in self.all("dt", class_="figure__label")]
        values = [each.text for each in self.all("dd", class_="figure__value")]
        return dict(zip(labels, values, strict=True))
