"""The one base of our errors: what kind of refusal, which code, one sentence.

Raised low, without knowledge of HTTP; each surface renders them in one place
(`orqstudio.web.api` for the resources, the gateway for metered calls, the Studio).
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """What went wrong, in the words every surface can translate."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"


class DomainError(Exception):
    """Base of errors people may read; subclasses set the class attributes.

    `sentence` is formatted with the instance's own attributes (its typed fields).
    """

    kind: ClassVar[Kind] = Kind.INVALID
    code: ClassVar[str] = "invalid"
    sentence: ClassVar[object] = "The request cannot be fulfilled."

    def __str__(self) -> str:
        return str(self.sentence) % vars(self)


class StartError(Exception):
    """The server or a command cannot start; the text is one sentence for people."""
