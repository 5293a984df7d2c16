"""Builds a curl line that can be pasted into a shell as it stands.

The key is always the shell variable `$ORQ_API_KEY`, never a real one.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

AUTHORIZATION = "Authorization: Bearer $ORQ_API_KEY"


def build_curl(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> str:
    """Return the command over several lines; every value is quoted for the shell.

    Only the Authorization header stands in double quotes, so that the shell puts
    the key in.
    """
    parts = [f"curl {shlex.quote(url)}"]
    if method != "GET" and not (method == "POST" and body is not None):
        parts.append(f"-X {shlex.quote(method)}")
    parts.append(f'-H "{AUTHORIZATION}"')
    parts += [f"-H {_quote(f'{k}: {v}')}" for k, v in (headers or {}).items()]
    if body is not None:
        parts.append("-H 'Content-Type: application/json'")
        parts.append(f"-d {_quote(json.dumps(body, ensure_ascii=False))}")
    return " \\\n  ".join(parts)


def _quote(text: str) -> str:
    """Quote for the shell; a header cannot hold a line break."""
    return shlex.quote(text.replace("\r", " ").replace("\n", " "))
